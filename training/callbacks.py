"""Callbacks of a training: clock, progress bar, seeds of noise, grids of samples."""

import contextlib
import pathlib
import time

import keras
import numpy as np

from image_generators.evaluation import pictures
from image_generators.models.checks import NotFinite


class Clock(keras.callbacks.Callback):
    """Measures a training, and adds images/s to the logs. First in the list, so that the others see it.

    Attributes:
        spent: numbers, summed over epochs and over resumed runs, up to the end of the last whole epoch:
            wall, cpu      seconds of all that training takes: steps, compiling, validation, samples
            timed_steps, timed_seconds
                           training steps alone, without the first of each epoch: in a new process that one compiles
    """

    def __init__(self, batch_size):
        super().__init__()
        self.batch_size = batch_size
        self.spent = dict.fromkeys(("wall", "cpu", "timed_steps", "timed_seconds"), 0.0)

    @property
    def images_per_second(self):
        """Of training steps, over the whole run; 0 where no step could be timed."""
        return self._rate(self.spent["timed_steps"], self.spent["timed_seconds"])

    def _rate(self, steps, seconds):
        return steps * self.batch_size / seconds if seconds else 0.0

    def on_train_begin(self, logs=None):
        self._start = time.perf_counter() - self.spent["wall"], time.process_time() - self.spent["cpu"]

    def on_epoch_begin(self, epoch, logs=None):
        self._first = None

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._first is None:
            self._first, self._steps = now, 0
        else:
            self._steps += 1
        self._seconds = now - self._first
        logs["images/s"] = self._rate(self._steps, self._seconds)

    def on_epoch_end(self, epoch, logs=None):
        logs["images/s"] = self._rate(self._steps, self._seconds)
        self.spent = {
            "wall": time.perf_counter() - self._start[0],
            "cpu": time.process_time() - self._start[1],
            "timed_steps": self.spent["timed_steps"] + self._steps,
            "timed_seconds": self.spent["timed_seconds"] + self._seconds,
        }


class OneBehind(keras.callbacks.CallbackList):
    """Tells callbacks of a training step while the accelerator computes the next.

    JAX returns from a step before it is computed. Keras' own list waits for its loss at once, to tell the callbacks,
    and then the accelerator waits for Python. Here they hear of every step, in order, one step later.
    """

    _ended = None  # the step that is being computed

    def on_train_batch_end(self, batch, logs=None):
        self._tell()
        self._ended = batch, logs

    def on_test_begin(self, logs=None):
        self._tell()
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._tell()
        super().on_epoch_end(epoch, logs)

    def _tell(self):
        ended, self._ended = self._ended, None
        if ended is not None:
            super().on_train_batch_end(*ended)


def one_behind(model, callback_list, epochs, steps, verbose):
    """What `fit` takes as callbacks: on JAX, which does not wait for a step, a list that does not wait either."""
    if keras.backend.backend() != "jax":
        return callback_list
    display = {"add_progbar": verbose != 0, "verbose": verbose}
    return OneBehind(callback_list, add_history=True, model=model, epochs=epochs, steps=steps, **display)


class Progress(keras.callbacks.ProgbarLogger):
    """Keras' progress bar, without the loss: it is the cost that stands beside it under its own name."""

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, _without_loss(logs))

    def on_test_batch_end(self, batch, logs=None):
        super().on_test_batch_end(batch, _without_loss(logs))

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, _without_loss(logs))

    def on_test_end(self, logs=None):
        super().on_test_end(_without_loss(logs))


def _without_loss(logs):
    return {name: value for name, value in (logs or {}).items() if name not in ("loss", "val_loss")}


def reseed(model: keras.Model, *key: int) -> None:
    """Seeds all random generators of a model, each its own way: after the same integers they draw the same numbers."""
    states = [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
    for number, state in enumerate(states):
        state.assign(np.random.SeedSequence((*key, number)).generate_state(2))


class EpochSeeds(keras.callbacks.Callback):
    """Seeds dropout, and DRAW's noise, anew at every epoch, by its number: a resumed run draws what it would have."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        reseed(self.model, self.seed, epoch)


class Pictures(keras.callbacks.Callback):
    """What the model can do so far, as a PNG at the end of every epoch: `picture(model)`, always of the same noise."""

    def __init__(self, folder, picture):
        super().__init__()
        self.folder, self.picture = pathlib.Path(folder), picture

    def on_epoch_end(self, epoch, logs=None):
        if not self.model.stop_training:  # nothing to see of a model that became NaN
            with contextlib.suppress(NotFinite):  # the next epoch's loss will report it
                pictures.save_png(self.folder / f"epoch_{epoch + 1:04d}.png", self.picture(self.model))
