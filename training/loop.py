"""Training, the same for every model here: compile, fit, and what surrounds fit.

A run is a folder: `checkpoint.weights.h5` (weights, optimiser and clock, written whole at the end of every epoch),
`tensorboard/` (where TensorFlow and TensorBoard are), `samples/`, `settings.json`. The same command again goes on from
the checkpoint, and ends as an uninterrupted run would: the order of the data and the seeds of dropout and noise follow
from the step alone.

The curves and samples during training are those of the weights as they are; at the end of `fit` their average takes
their place.
"""

import dataclasses
import hashlib
import importlib.util
import pathlib
import sys
from collections.abc import Callable

import keras
import numpy as np

from image_generators.data import durable, feeding, identities
from image_generators.data.batches import batches
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import streamed
from image_generators.models import weights_file
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.training import callbacks, checkpoints, devices, mirrored
from image_generators.training.optimizers import OPTIMIZERS
from image_generators.training.presets import Preset

# Fields of a preset that are no part of the training itself.
_MEASURING = ("validation_images", "epoch_samples", "evaluation_images", "test_images", "evaluation_batch", "measuring")
_ANYWHERE = ("devices", "remat")  # the numbers are the same: a run may go on elsewhere
EVALUATION_SEED = 1502  # of noise in measurements


@dataclasses.dataclass(frozen=True)
class Training:
    """What a finished run tells beside its weights."""

    steps: int
    wall_seconds: float  # of all that training takes, with compiling, validation and samples; summed over resumed runs
    cpu_seconds: float
    images_per_second: float  # of training steps alone
    earlier_steps: int  # of those, how many an earlier process had made


class TrainingFailed(RuntimeError):
    """A number became NaN or infinite. The model holds the last good weights, if there were any."""


def train(
    model: keras.Model,
    preset: Preset,
    data: ImageData,
    run_dir: str | pathlib.Path,
    seed: int = 0,
    restart: bool = False,
    picture: Callable[[keras.Model], np.ndarray] | None = None,
) -> Training:
    """Trains `model` on `data.train` by `preset`, or goes on where an earlier run in `run_dir` stopped.

    Args:
        model: a built keras.Model whose loss is its own (models/image_model.py).
        preset: training.presets.Preset.
        data: data.images.ImageData.
        run_dir: folder of this run.
        seed: of the order of the data, of dropout and of noise (the initial weights are the caller's).
        restart: throws an earlier run in `run_dir` away.
        picture: function of the model, called at the end of every epoch, that gives a picture for `samples/`.

    Returns: Training.

    Raises:
        TrainingFailed: see there.
        checkpoints.Refused: `run_dir` holds a run with other settings, or a damaged checkpoint.
        devices.Lost: of several processes another ended.
        OSError: `run_dir` cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    settings = settings_of(model, preset, data, seed)
    restart = restart and devices.is_chief()
    checkpoint_path = devices.chief_first(lambda: checkpoints.open_run(run_dir, settings, restart))
    compile_for_training(model, preset)
    clock = callbacks.Clock(preset.batch_size // preset.accumulate)
    checkpoint = checkpoints.Checkpoint(checkpoint_path, preset.steps_per_epoch, clock, devices.is_chief(), settings)
    epoch, epochs = checkpoint.restore(model), preset.steps // preset.steps_per_epoch
    start_step = epoch * preset.steps_per_epoch
    if epoch:
        print(f"{start_step} of {preset.steps} steps were made before", flush=True)
    callback_list = [
        clock,
        callbacks.EpochSeeds(seed),
        keras.callbacks.TerminateOnNaN(),
        checkpoint,
    ]
    if devices.is_chief():
        callback_list += _progress_callbacks(run_dir, picture)
    validation_size = min(preset.validation_images, len(data.validation.images))
    # A multiple, or a device may have no image of the last batch.
    validation = _first(data.validation, validation_size // preset.devices * preset.devices)
    local_batch_size = preset.batch_size // preset.accumulate // devices.processes()
    verbose = _verbose() if devices.is_chief() else 0
    with devices.detecting_lost_processes(run_dir):
        model.fit(
            _training_data(model, preset, data, seed, start_step),
            shuffle=False,  # `_training_data` does
            epochs=epochs,
            initial_epoch=epoch,
            steps_per_epoch=preset.steps_per_epoch * preset.accumulate,
            validation_data=feeding.once(devices.part_of(fit_data(model, *validation)), local_batch_size),
            validation_batch_size=local_batch_size,
            callbacks=callbacks.one_behind(
                model, callback_list, epochs, preset.steps_per_epoch * preset.accumulate, verbose
            ),
            verbose=verbose,
        )
    if checkpoint.failed:
        raise TrainingFailed(checkpoint.failed)
    return Training(preset.steps, clock.spent["wall"], clock.spent["cpu"], clock.images_per_second, start_step)


def compile_for_training(model: keras.Model, preset: Preset) -> None:
    """Compiles `model` as a preset says, in the scope of its devices; its optimiser has its variables."""
    on_jax = keras.backend.backend() == "jax"  # where a step that is not compiled runs operation by operation
    if preset.remat:
        model.rematerialise()
    if preset.devices > 1 and not on_jax:
        model.compile(optimizer=_optimizer(preset, mirrored.OPTIMIZERS), jit_compile=False)  # XLA cannot join devices
    else:
        model.compile(optimizer=_optimizer(preset), jit_compile=preset.xla or on_jax)
    model.optimizer.build(model.trainable_variables)  # a first step that makes variables is traced twice


def _progress_callbacks(run_dir, picture):
    """Callbacks that show progress: progress bar, pictures, TensorBoard."""
    progress = [callbacks.Progress()]
    if picture is not None:
        progress.append(callbacks.Pictures(run_dir / "samples", picture))
    if importlib.util.find_spec("tensorboard") and importlib.util.find_spec("tensorflow"):  # Keras needs both for it
        progress.append(keras.callbacks.TensorBoard(run_dir / "tensorboard", write_graph=False))
    return progress


def _training_data(model, preset, data, seed, start_step):
    """What `fit` takes batches, or parts of batches, from."""
    size, start = preset.batch_size // preset.accumulate, start_step * preset.accumulate

    def parts():
        if isinstance(data, streamed.StreamedData):
            source = data.batches(size, seed, start)
        elif model.needs_identities:
            source = identities.batches(data.train, size, seed, start, data.augment, ways=model.ways)
        else:
            source = batches(data.train, size, seed, start, data.augment)
        return (devices.part_of(fit_data(model, *batch)) for batch in source)

    return feeding.endless(parts)


def fit_data(model: keras.Model, images: np.ndarray, labels: np.ndarray | None) -> tuple:
    """What Keras takes for one batch."""
    if model.takes_condition:
        return (join_inputs(images, labels),)
    return (images, labels) if model.needs_labels else (images,)


def _first(split, examples):
    """The first images and labels of a split; None: all of them."""
    return split.images[:examples], None if split.labels is None else split.labels[:examples]


def settings_of(model: keras.Model, preset: Preset, data: ImageData, seed: int) -> dict:
    """What must be the same for a run to go on."""
    config, fields = model.get_config(), dataclasses.asdict(preset)
    of_keras = ("name", "dtype")  # names are numbered, and the preset has the precision
    return {
        "model": {name: value for name, value in config.items() if name not in of_keras},
        "preset": {name: value for name, value in fields.items() if name not in (*_MEASURING, *_ANYWHERE)},
        "data": data.fingerprint,
        "seed": seed,
    }


def _optimizer(preset, optimizers=OPTIMIZERS):
    warmup_steps = min(preset.warmup_steps, preset.steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, preset.steps - warmup_steps, warmup_target=preset.learning_rate, warmup_steps=warmup_steps
    )  # Keras counts decay_steps from the end of the warm-up
    return optimizers[preset.optimizer](
        rate,
        weight_decay=preset.weight_decay or None,
        global_clipnorm=preset.clip_norm,
        use_ema=preset.ema_momentum > 0,
        ema_momentum=preset.ema_momentum or None,
        gradient_accumulation_steps=preset.accumulate if preset.accumulate > 1 else None,
    )


def _verbose():
    """Keras' bar on a terminal; one line an epoch where each of its states would become a line of a file."""
    return 1 if sys.stdout.isatty() else 2


def examples(data: ImageData, split: str, at_most: int | None = None) -> Split:
    """The first examples of a split, as a model is to see them; None: all."""
    images, labels = _first(getattr(data, split), at_most)
    if split == "train" and data.augment is not None:
        images = data.augment(images, np.random.default_rng(0))
    return Split(images, labels)


def evaluate(model: keras.Model, split: Split, examples: int | None = None, batch_size: int = 16) -> tuple[float, int]:
    """(mean of the model's metric over the first `examples` images of `split`, how many that are).

    A model that is not compiled gets compiled without an optimiser. Where it draws noise (DRAW), the noise is the same
    every time, for the same `batch_size`: a second measurement gives the same value.
    """
    if not model.compiled:
        model.compile(optimizer=None)
    callbacks.reseed(model, EVALUATION_SEED)
    images, labels = _first(split, examples)
    result = model.evaluate(
        *feeding.once(fit_data(model, images, labels), batch_size),
        batch_size=batch_size,
        return_dict=True,
        callbacks=[callbacks.Progress()],
        verbose=_verbose(),
    )
    return float(result[model.unit]), len(images)


def save_weights(model: keras.Model, path: str | pathlib.Path) -> str:
    """Writes the model's weights, whole or not at all, large ones in half precision; returns the file's SHA-256.

    Raises ValueError for a model with an optimiser, whose weights would go into the file too.
    """
    if getattr(model, "optimizer", None) is not None:
        raise ValueError("model must have no optimizer: copy its weights to one that was not compiled")
    content = weights_file.content_of(model, half=model.count_params() > weights_file.HALF_ABOVE)
    durable.write(path, content)
    return hashlib.sha256(content).hexdigest()
