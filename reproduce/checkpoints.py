"""Checkpoints: one file that holds weights, optimiser, step and clock, so that no kill can leave half of a pair.

Keras' BackupAndRestore writes weights and progress as two files, one after the other, and not atomically: a kill
between the two resumes with the weights of one epoch and the number of another.
"""

import json
import os
import pathlib
import shutil
import time

import h5py
import keras
import numpy as np

from reproduce import records


def open_run(run_dir, settings, restart=False):
    """Makes `run_dir` or opens it again, and returns the path of its checkpoint.

    Raises ValueError if it holds a run with other settings, OSError if it cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    if restart and run_dir.is_dir():
        shutil.rmtree(run_dir)
    path = run_dir / "settings.json"
    if path.is_file():
        earlier = json.loads(path.read_text())
        changed = sorted(key for key in settings if earlier.get(key) != settings[key])
        if changed:
            raise ValueError(
                f"run_dir {run_dir} holds a run with another {', '.join(changed)}. Pass --restart to throw it away, or "
                "another --runs_dir"
            )
    else:
        records.atomic_write(path, json.dumps(settings, indent=2) + "\n")
    return run_dir / "checkpoint.weights.h5"


def save_whole(model, path, **attributes):
    """model.save_weights, whole or not at all; `attributes` (numbers) are stored with it."""
    path = pathlib.Path(path)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        model.save_weights(partial, overwrite=True)
        with h5py.File(partial, "r+") as file:
            file.attrs.update(attributes)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class Checkpoint(keras.callbacks.Callback):
    """Saves at the end of every epoch; stops at a loss that is not finite, with the last good weights back in place.

    Attributes:
        clock: {"wall", "cpu"}: seconds of training so far, summed over resumed runs.
        failed: None, or why training was stopped.
    """

    def __init__(self, path, steps_per_epoch):
        super().__init__()
        self.path, self.steps_per_epoch = pathlib.Path(path), steps_per_epoch
        self.clock = {"wall": 0.0, "cpu": 0.0}
        self.failed = None

    def restore(self, model):
        """Loads the checkpoint into a compiled model, if there is one; returns the steps that it has behind it."""
        if not self.path.is_file():
            return 0
        model.optimizer.build(model.trainable_variables)
        model.load_weights(self.path)
        with h5py.File(self.path) as file:
            self.clock = {name: float(file.attrs[name]) for name in self.clock}
        return int(keras.ops.convert_to_numpy(model.optimizer.iterations))

    def on_train_begin(self, logs=None):
        self._start = time.perf_counter() - self.clock["wall"], time.process_time() - self.clock["cpu"]

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", np.nan)
        if np.isfinite(loss):
            self.clock = {"wall": time.perf_counter() - self._start[0], "cpu": time.process_time() - self._start[1]}
            save_whole(self.model, self.path, **self.clock)
            return
        self.model.stop_training = True
        self.failed = f"The loss became {loss} in epoch {epoch + 1}. Try a lower learning rate or float32."
        if self.path.is_file():
            self.model.load_weights(self.path)
            self.failed += f" The weights of the last good epoch are back in the model and in {self.path.name}."
        else:
            self.failed += " No epoch was finished before: there are no good weights."
