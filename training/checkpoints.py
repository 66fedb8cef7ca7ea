"""Checkpoints: one file that holds weights, optimiser, step and clock, so that no kill can leave half of a pair.

Keras' BackupAndRestore writes weights and progress as two files, one after the other, and not atomically: a kill
between the two resumes with the weights of one epoch and the number of another.
"""

import json
import os
import pathlib
import shutil

import h5py
import keras
import numpy as np

from image_generators.evaluation import records
from image_generators.models import weights_file
from image_generators.models.weights_file import Refused, load_whole
from image_generators.training import devices


def open_run(run_dir, settings, restart=False):
    """Makes `run_dir` or opens it again, and returns the path of its checkpoint.

    Args:
        run_dir: folder of the run.
        settings: what must be the same for a run to go on; JSON values in dicts of any depth.
        restart: throws away what is there.

    Raises:
        Refused: the folder holds a run with other settings.
        OSError: it cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    if restart and run_dir.is_dir():
        shutil.rmtree(run_dir)
    path = run_dir / "settings.json"
    if path.is_file():
        if changed := changes(run_dir, settings):
            raise Refused(
                f"{run_dir} holds a run with other settings: {'; '.join(changed)}. Pass --restart to throw it away, or "
                "another --runs_dir"
            )
    else:
        records.atomic_write(path, json.dumps(settings, indent=2) + "\n")
    for leftover in run_dir.glob(".partial-*"):  # of a kill in the middle of writing
        leftover.unlink()
    return run_dir / "checkpoint.weights.h5"


def changes(run_dir, settings):
    """How `settings` differ from those of the run in `run_dir`: ["preset.steps was 6, is 8"]; see `read_json`."""
    earlier = read_json(pathlib.Path(run_dir) / "settings.json")
    return _differences(earlier, json.loads(json.dumps(settings)))


def read_json(path):
    """What a file of a run holds. Raises Refused for one that is damaged, as by half a copy."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refused(f"{path} is damaged: {error}") from error


def _differences(earlier, now, name=""):
    """["preset.steps was 6, is 8"]. What only one of the two knows does not count: a later version may know more."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        prefix = f"{name}." if name else ""
        return [line for key in earlier if key in now for line in _differences(earlier[key], now[key], prefix + key)]
    return [] if earlier == now else [f"{name} was {earlier}, is {now}"]


def save_whole(model, path, half=False, **attributes):
    """model.save_weights, whole or not at all; `attributes` (numbers) are stored with it; `half`: in float16."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        model.save_weights(partial, overwrite=True)
        if half:
            weights_file.halve(partial)
        with h5py.File(partial, "r+") as file:
            file.attrs.update(attributes)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())  # the content reaches the disk before the name does
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class Checkpoint(keras.callbacks.Callback):
    """Saves at the end of every epoch; stops where a number is not finite, with the last good weights back in place.

    Args:
        path: of the one file, `.weights.h5`.
        steps_per_epoch: training steps between two checkpoints.
        clock: callbacks.Clock, whose numbers are saved and restored with the weights.
        writes: whether this process writes the file; of several one does.

    Attributes:
        failed: None, or why training was stopped.
    """

    def __init__(self, path, steps_per_epoch, clock, writes=True):
        super().__init__()
        self.path, self.steps_per_epoch, self.clock = pathlib.Path(path), steps_per_epoch, clock
        self.writes = writes
        self.failed = None

    def restore(self, model):
        """Loads the checkpoint into a compiled model, if there is one; returns the epochs that it has behind it.

        Raises Refused if the file is damaged: see `load`.
        """
        if not self.path.is_file():
            return 0
        model.optimizer.build(model.trainable_variables)
        load_whole(model, self.path)
        with h5py.File(self.path) as file:
            stored = {name: float(value) for name, value in file.attrs.items()}
        self.clock.spent = {name: stored.get(name, 0.0) for name in self.clock.spent}
        # The optimiser counts steps too, but in float16 not those that it skips.
        steps = stored.get("steps", float(keras.ops.convert_to_numpy(model.optimizer.iterations)))
        return int(steps) // self.steps_per_epoch

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", np.nan)
        if not np.isfinite(loss):
            self._stop(epoch, f"the loss became {loss}")
        elif not all_finite(self.model.variables + self.model.optimizer.variables):
            self._stop(epoch, "a weight, or the optimiser's memory of one, is not finite")
        elif self.writes:
            with devices.alone():
                save_whole(self.model, self.path, steps=(epoch + 1) * self.steps_per_epoch, **self.clock.spent)

    def _stop(self, epoch, reason):
        self.model.stop_training = True
        self.failed = f"training stopped in epoch {epoch + 1}: {reason}. "
        if self.path.is_file():
            self.model.load_weights(self.path)
            self.failed += f"The weights of the last good epoch are kept in {self.path}. "
        else:
            self.failed += "It was the first epoch: there are no good weights. "
        self.failed += "Try a lower learning rate, or --precision=float32"


def all_finite(variables):
    """Whether no variable holds a NaN or an infinity."""
    return all(np.isfinite(keras.ops.convert_to_numpy(variable)).all() for variable in variables)
