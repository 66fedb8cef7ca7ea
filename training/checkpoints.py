"""Checkpoints: one file with weights, optimiser, step, clock and settings, so that no kill can leave half of a pair.

Keras' BackupAndRestore writes weights and progress as two files, one after the other, and not atomically: a kill
between the two resumes with the weights of one epoch and the number of another.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from absl import logging

from image_generators.data import durable
from image_generators.models import weights_file
from image_generators.models.weights_file import Refused
from image_generators.training import devices

_NAME, _SETTINGS, _LOCK = "checkpoint.weights.h5", "settings.json", ".lock"


@contextlib.contextmanager
def locked(run_dir: str | pathlib.Path) -> Iterator[None]:
    """Context in which no other process has the folder of a run. A kill releases the lock.

    Raises Refused, naming the process that has it.
    """
    run_dir = pathlib.Path(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    with open(run_dir / _LOCK, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Refused(
                f"{run_dir} must not be in use by another run. Received: in use by {file.read() or 'another process'}. "
                "Wait for it, stop it, or pass another --runs_dir"
            ) from error
        except OSError as error:
            logging.warning("%s cannot be locked (%s): start no second run in it", run_dir, error)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield


def open_run(run_dir: str | pathlib.Path, settings: dict, restart: bool = False) -> pathlib.Path:
    """Makes `run_dir` or opens it again, and returns the path of its checkpoint.

    Args:
        run_dir: folder of the run.
        settings: what must be the same for a run to go on; JSON values in dicts of any depth.
        restart: throws away what is there.

    Raises:
        Refused: the folder holds a run with other settings, or one whose settings are lost.
        OSError: it cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    checkpoint = run_dir / _NAME
    if restart and run_dir.is_dir():
        checkpoint.unlink(missing_ok=True)  # first: a kill must not leave it without what belongs to it
        for path in run_dir.iterdir():
            if path.name != _LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    earlier = settings_of_run(run_dir, lambda: settings_in(checkpoint))
    if earlier:
        refuse_changes(run_dir, earlier, settings)
    elif checkpoint.is_file():
        raise Refused(lost_settings(run_dir))
    if not (run_dir / _SETTINGS).is_file() or not read_json(run_dir / _SETTINGS):
        durable.write(run_dir / _SETTINGS, json.dumps(settings, indent=2) + "\n")
    durable.sweep(run_dir)
    return checkpoint


def settings_of_run(run_dir: str | pathlib.Path, carried: Callable[[], dict | None]) -> dict | None:
    """The settings of the run in `run_dir`: those of settings.json, and where that is lost or empty `carried()`.

    Raises Refused for a settings.json that is damaged.
    """
    path = pathlib.Path(run_dir) / _SETTINGS
    return (read_json(path) if path.is_file() else None) or carried()


def changes(earlier: dict, settings: dict) -> list[str]:
    """How `settings` differ from `earlier` ones: ["preset.steps was 6, is 8"]."""
    now = json.loads(json.dumps(settings))
    lost = [f"{name} was not written down" for name in now if isinstance(earlier, dict) and name not in earlier]
    return lost + _differences(earlier, now)


def refuse_changes(run_dir: str | pathlib.Path, earlier: dict, settings: dict) -> None:
    """Raises Refused where `changes` finds any."""
    if changed := changes(earlier, settings):
        raise Refused(
            f"{run_dir} holds a run with other settings: {'; '.join(changed)}. Pass --restart to throw it away, or "
            "another --runs_dir"
        )


def lost_settings(run_dir: str | pathlib.Path) -> str:
    """What to do where no file says what the settings of a run were."""
    return (
        f"{run_dir} must hold the settings of its run. Received: a {_SETTINGS} that is missing or empty. Put it back, "
        "pass --restart to throw the run away, or pass another --runs_dir"
    )


def read_json(path: pathlib.Path) -> Any:
    """What a file of a run holds. Raises Refused for one that is damaged, as by half a copy."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path} is damaged: {error}") from error


def _differences(earlier, now, name=""):
    """["preset.steps was 6, is 8"]. What only one of the two knows does not count: a later version may know more."""
    known = isinstance(earlier, dict) and isinstance(now, dict) and earlier.keys() & now.keys()
    if known:
        prefix = f"{name}." if name else ""
        return [line for key in earlier if key in now for line in _differences(earlier[key], now[key], prefix + key)]
    return [] if earlier == now else [f"{name or 'the whole'} was {earlier}, is {now}"]


def settings_in(path: pathlib.Path) -> dict | None:
    """The settings that a checkpoint has in it; None: it is not there, or of a version that did not store them."""
    if not path.is_file():
        return None
    return _settings_of(weights_file.WeightsFile(path))


def _settings_of(file):
    stored = file.attributes.get("settings")
    return None if stored is None else json.loads(stored)


class Checkpoint(keras.callbacks.Callback):
    """Saves at the end of every epoch; stops where a number is not finite, with the last good weights back in place.

    Args:
        path: of the one file, `.weights.h5`.
        steps_per_epoch: training steps between two checkpoints.
        clock: callbacks.Clock, whose numbers are saved and restored with the weights.
        writes: whether this process writes the file; of several one does.
        settings: those of the run; they are stored, and must be those of the checkpoint that is restored.

    Attributes:
        failed: None, or why training was stopped.
    """

    def __init__(self, path, steps_per_epoch, clock, writes=True, settings=None):
        super().__init__()
        self.path, self.steps_per_epoch, self.clock = pathlib.Path(path), steps_per_epoch, clock
        self.writes, self.settings = writes, settings
        self.failed = None

    def restore(self, model: keras.Model) -> int:
        """Loads the checkpoint into a compiled model, if there is one; returns the epochs that it has behind it.

        Raises Refused, before anything is restored, if the file is damaged or of a run with other settings.
        """
        if not self.path.is_file():
            return 0
        file = weights_file.WeightsFile(self.path)
        if not file.is_sealed:
            logging.warning("%s has no SHA-256 in it, as those of earlier versions: it is not checked", self.path)
        if self.settings and (earlier := _settings_of(file)):
            refuse_changes(self.path.parent, earlier, self.settings)
        model.optimizer.build(model.trainable_variables)
        file.load_into(model, checkpoint=True)
        self.clock.spent = {name: float(file.attributes.get(name, 0.0)) for name in self.clock.spent}
        # The optimiser counts steps too, but in float16 not those that it skips.
        steps = file.attributes.get("steps", keras.ops.convert_to_numpy(model.optimizer.iterations))
        return int(steps) // self.steps_per_epoch

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", np.nan)
        if not np.isfinite(loss):
            self._stop(epoch, f"the loss became {loss}")
        elif not all_finite(self.model.variables + self.model.optimizer.variables):
            self._stop(epoch, "a weight, or the optimiser's memory of one, is not finite")
        elif self.writes:
            with devices.without_distribution():
                stored = {"steps": (epoch + 1) * self.steps_per_epoch, **self.clock.spent}
                if self.settings:
                    stored["settings"] = json.dumps(self.settings)
                durable.write(self.path, weights_file.content_of(self.model, sealed=True, **stored))

    def _stop(self, epoch, reason):
        self.model.stop_training = True
        self.failed = f"training stopped in epoch {epoch + 1}: {reason}. "
        if self.path.is_file():
            weights_file.WeightsFile(self.path).load_into(self.model, checkpoint=True)
            self.failed += f"The weights of the last good epoch are kept in {self.path}. "
        else:
            self.failed += "It was the first epoch: there are no good weights. "
        self.failed += "Try a lower learning rate, or --precision=float32"


def all_finite(variables: Iterable[keras.Variable]) -> bool:
    """Whether no variable holds a NaN or an infinity."""
    return all(np.isfinite(keras.ops.convert_to_numpy(variable)).all() for variable in variables)
