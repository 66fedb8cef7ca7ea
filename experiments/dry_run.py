"""What rows would take on this machine, said before anything starts (`--dry_run`): nothing is trained or written.

Parameters, steps and passes over the data follow from the preset. Time and memory are measured on a slice: training
steps of the network itself, of one image first, then of four times as many, as long as a step takes less than two
seconds and memory suffices. Both are taken to grow with the images. An accelerator is not busy with a few of them:
where the slice is much smaller than a batch, these are too many hours rather than too few.
"""

import dataclasses
import os
import resource
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from image_generators.data.image_data import ImageData
from image_generators.evaluation.tables import duration
from image_generators.training import devices
from image_generators.training import loop as training
from image_generators.training.presets import Preset

if TYPE_CHECKING:
    import keras

LONGEST_SECONDS = 2.0  # a step after which the slice does not grow any more
TIMED_STEPS = 3
GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a training takes."""

    parameters: int
    passes: float  # over the training images
    fixed_bytes: int  # weights, their gradients, what the optimiser keeps of each
    bytes_an_image: float  # what a step holds besides
    device_bytes: float  # all of this, for a device's part of a batch
    available_bytes: int | None  # memory of a device here, where that is known
    slice_size: int  # images that were timed
    slice_seconds: float  # a step of them
    step_seconds: float  # of a whole batch, on all devices
    seconds: float  # of all steps, without measuring, samples and compiling


def print_estimate(title: str, network: "keras.Model", preset: Preset, data: ImageData) -> None:
    """Prints what it would take to train `network`, which is trained a little to see, by `preset` on `data`."""
    print(f"{title}: a few steps are timed, which may take minutes", flush=True)
    for line in lines(estimate(network, preset, data), preset, data):
        print(f"  {line}", flush=True)


def lines(estimated: Estimate, preset: Preset, data: ImageData) -> list[str]:
    """An Estimate as text, line by line."""
    several = f" on {preset.devices} devices, as if that many times as fast as one" if preset.devices > 1 else ""
    limit = "" if estimated.available_bytes is None else f" of the {estimated.available_bytes / GIB:.1f} GiB here"
    if estimated.available_bytes is not None and estimated.device_bytes > estimated.available_bytes:
        limit += ": TOO MUCH; --accumulate, --remat, more --devices or a smaller preset take less"
    return [
        f"parameters  {estimated.parameters:,}",
        f"steps       {preset.steps:,} of {preset.batch_size} images, {_passes(estimated, preset, data)}",
        f"memory      {estimated.fixed_bytes / GIB:.2f} GiB for weights, gradients and averages, and "
        f"{estimated.bytes_an_image / GIB:.3f} GiB an image: {estimated.device_bytes / GIB:.1f} GiB a device{limit}",
        f"time        about {duration(estimated.seconds)}{several}: {estimated.step_seconds:.3g} s a step, from "
        f"{estimated.slice_seconds:.3g} s for one of {estimated.slice_size} image(s)",
    ]


def _passes(estimated, preset, data):
    """How often the training images are seen; of a stand-in's nobody asks."""
    if data.is_fallback:
        return f"{preset.steps * preset.batch_size:,} in all; timed on those of {data.title}, for want of others"
    return f"{estimated.passes:.3g} times the {len(data.train.images):,} training images"


def estimate(network: "keras.Model", preset: Preset, data: ImageData) -> Estimate:
    """Measures a slice: an Estimate of a built network, trained by `preset` on `data`."""
    training.compile_for_training(network, dataclasses.replace(preset, devices=1, accumulate=1))
    trained = network.trainable_variables
    fixed = sum(_bytes(variable) for variable in (*network.variables, *network.optimizer.variables, *trained))
    available = _memory()
    measured = [_slice(network, data, 1)]
    while _may_grow(measured, preset, None if available is None else available / 2 - fixed):
        measured.append(_slice(network, data, min(4 * measured[-1].images, preset.batch_size)))
    size, seconds = measured[-1].images, measured[-1].seconds
    part = preset.batch_size / preset.devices
    step = seconds / size * part
    return Estimate(
        parameters=network.count_params(),
        passes=preset.steps * preset.batch_size / len(data.train.images),
        fixed_bytes=fixed,
        bytes_an_image=_slope(measured),
        device_bytes=fixed + _slope(measured) * part / preset.accumulate,
        available_bytes=available,
        slice_size=size,
        slice_seconds=seconds,
        step_seconds=step,
        seconds=step * preset.steps,
    )


@dataclasses.dataclass(frozen=True)
class _Slice:
    images: int
    seconds: float  # median of a step's
    before: int  # the most bytes held ever, before these steps
    after: int


def _slice(network, data, size):
    """Training steps of so many images, after one that compiles."""
    split, before = training.examples(data, "train", size), _peak()
    at = np.arange(size) % len(split.images)  # there may be fewer
    batch = training.fit_data(network, split.images[at], None if split.labels is None else split.labels[at])
    network.train_on_batch(*batch)
    seconds = []
    for _ in range(TIMED_STEPS):
        start = time.perf_counter()
        network.train_on_batch(*batch)
        seconds.append(time.perf_counter() - start)
    return _Slice(size, statistics.median(seconds), before, _peak())


def _may_grow(measured, preset, free_bytes):
    """Whether a slice four times as large is worth its time; a second one is where the first is not very slow."""
    last = measured[-1]
    fits = free_bytes is None or 4 * last.images * _slope(measured) < free_bytes
    longest = LONGEST_SECONDS * (3 if len(measured) == 1 else 1)
    return last.images < preset.batch_size and last.seconds < longest and fits


def _slope(measured):
    """Bytes that an image adds to the peak: between the last two slices, or what the only one added, with all else."""
    last = measured[-1]
    earlier = measured[-2].images if len(measured) > 1 else 0
    return (last.after - last.before) / (last.images - earlier)


def _bytes(variable):
    return int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize


def _accelerator():
    """The first accelerator: a device of JAX, or TensorFlow's name of one; None where there is none."""
    if devices.on_jax():
        import jax

        first = jax.local_devices()[0]
        return None if first.platform == "cpu" else first
    import tensorflow as tf

    return "GPU:0" if tf.config.list_logical_devices("GPU") else None


def _peak():
    """The most bytes ever held: of the accelerator's memory, or else of this process."""
    accelerator = _accelerator()
    if accelerator is None:
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # Linux counts in KiB
    if devices.on_jax():
        return accelerator.memory_stats()["peak_bytes_in_use"]
    import tensorflow as tf

    return tf.config.experimental.get_memory_info(accelerator)["peak"]


def _memory():
    """Bytes of the first accelerator's memory, or else of this machine's; None: TensorFlow does not tell."""
    accelerator = _accelerator()
    if accelerator is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return accelerator.memory_stats()["bytes_limit"] if devices.on_jax() else None
