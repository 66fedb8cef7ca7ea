"""Training, the same for every model here: compile, fit, and what surrounds fit.

A run is a folder: `checkpoint.weights.h5` (weights, optimiser and clock, written whole at the end of every epoch),
`tensorboard/`, `samples/`, `settings.json`. The same command again goes on from the checkpoint, and ends as an
uninterrupted run would: the order of the data and the seeds of dropout follow from the step alone.
"""

import dataclasses
import importlib.util
import json
import pathlib
import time

import keras
import numpy as np
from absl import logging

from data.batches import batches
from reproduce import checkpoints, pictures, records


@dataclasses.dataclass(frozen=True)
class Training:
    """What a finished run tells beside its weights."""

    steps: int
    wall_seconds: float
    cpu_seconds: float
    images_per_second: float


class TrainingFailed(RuntimeError):
    """The loss became NaN or infinite. The model holds the last good weights, if there were any."""


def train(model, preset, data, run_dir, seed=0, restart=False):
    """Trains `model` on `data.train` by `preset`, or goes on where an earlier run in `run_dir` stopped.

    Args:
        model: a built keras.Model whose loss is its own (models/autoregressive.py).
        preset: reproduce.presets.Preset.
        data: data.images.ImageData.
        run_dir: folder of this run.
        seed: of the order of the data and of dropout (the initial weights are the caller's).
        restart: throws an earlier run in `run_dir` away.

    Returns: Training.

    Raises:
        TrainingFailed: see there.
        ValueError: `run_dir` holds a run with other settings.
        OSError: `run_dir` cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    settings = {
        "model": model.get_config(),
        "preset": dataclasses.asdict(preset),
        "data": data.fingerprint,
        "seed": seed,
    }
    checkpoint_path = checkpoints.open_run(run_dir, json.loads(json.dumps(settings, default=str)), restart)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, preset.steps, warmup_target=preset.learning_rate, warmup_steps=min(preset.warmup_steps, preset.steps // 2)
    )
    optimizer = keras.optimizers.Adam(
        schedule,
        global_clipnorm=preset.clip_norm,
        use_ema=preset.ema_momentum > 0,
        ema_momentum=preset.ema_momentum or None,
    )
    model.compile(optimizer=optimizer, jit_compile=preset.xla)
    checkpoint = checkpoints.Checkpoint(checkpoint_path, preset.steps_per_epoch)
    start_step = checkpoint.restore(model)
    epochs = -(-preset.steps // preset.steps_per_epoch)
    callbacks = [
        Throughput(preset.batch_size),
        EpochSeeds(seed),
        keras.callbacks.TerminateOnNaN(),
        checkpoint,
        SampleGrid(run_dir / "samples"),
    ]
    if importlib.util.find_spec("tensorboard") and importlib.util.find_spec("tensorflow"):
        callbacks.append(keras.callbacks.TensorBoard(run_dir / "tensorboard", write_graph=False))
    model.fit(
        ((images,) for images, _ in batches(data.train, preset.batch_size, seed, start_step)),
        epochs=epochs,
        initial_epoch=start_step // preset.steps_per_epoch,
        steps_per_epoch=preset.steps_per_epoch,
        validation_data=(data.validation.images[: preset.validation_images],),
        validation_batch_size=preset.batch_size,
        callbacks=callbacks,
    )
    if checkpoint.failed:
        raise TrainingFailed(checkpoint.failed)
    steps = epochs * preset.steps_per_epoch
    clock = checkpoint.clock
    return Training(steps, clock["wall"], clock["cpu"], steps * preset.batch_size / max(clock["wall"], 1e-9))


def evaluate(model, split, examples=None, batch_size=16):
    """(mean of the model's metric over the first `examples` images of `split`, how many that are)."""
    images = split.images[:examples]
    if not model.compiled:
        model.compile()
    result = model.evaluate(images, batch_size=batch_size, return_dict=True, verbose=1)
    return float(result[model.unit]), len(images)


class Throughput(keras.callbacks.Callback):
    """Adds images/s, from the start of the epoch, to what the progress bar shows."""

    def __init__(self, batch_size):
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch, logs=None):
        self.start, self.seen = time.perf_counter(), 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += self.batch_size
        logs["images/s"] = self.seen / (time.perf_counter() - self.start)


class EpochSeeds(keras.callbacks.Callback):
    """Seeds dropout anew at every epoch, by the epoch's number: a resumed run drops what it would have dropped."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        layers = [layer for layer in self.model._flatten_layers() if hasattr(layer, "seed_generator")]
        for number, layer in enumerate(layers):
            state = np.random.SeedSequence((self.seed, epoch, number)).generate_state(2)
            layer.seed_generator.state.assign(state)


class SampleGrid(keras.callbacks.Callback):
    """Sixteen samples, always of the same noise, as a PNG at the end of every epoch."""

    def __init__(self, folder, n=16):
        super().__init__()
        self.folder, self.n = pathlib.Path(folder), n

    def on_epoch_end(self, epoch, logs=None):
        if not self.model.stop_training:
            images = self.model.sample(self.n, seed=0)
            pictures.save_png(
                self.folder / f"epoch_{epoch + 1:04d}.png", pictures.grid(images, scale=2, levels=self.model.levels)
            )


def save_weights(model, path):
    """Writes the model's weights, without the optimiser's, whole or not at all; returns the file's SHA-256."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    bare = type(model).from_config(model.get_config())
    bare.build()
    bare.set_weights(model.get_weights())
    checkpoints.save_whole(bare, path)
    return records.sha256_of_file(path)


def load_weights(model, path, sha256=None):
    """Reads weights written by `save_weights`; refuses a file that is not the one its record names."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights must name a .weights.h5 file. Received: weights={str(path)!r}, which is none")
    if sha256 and records.sha256_of_file(path) != sha256:
        raise ValueError(f"weights {path.name} are not the ones of their record: the SHA-256 differs. Fetch them again")
    logging.info("Loading weights %s", path.name)
    model.load_weights(path)
