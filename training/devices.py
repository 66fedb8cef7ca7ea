"""More than one device: each computes its part of every batch, and all take the same step (`--devices`).

On TensorFlow tf.distribute's MirroredStrategy; on JAX keras.distribution's DataParallel, in one process or in several.
The numbers are those of one device, to rounding: it is the same batch, and the gradient is clipped as a whole. On
TensorFlow but for dropout, where all devices draw the same numbers, each for its part; steps are not compiled by XLA
there.

Several processes, also on several machines, on JAX alone: keras.distribution is for JAX, and Keras 3.15's `fit` fails
under TensorFlow's MultiWorkerMirroredStrategy (issue 20585 of keras-team/keras). Each process runs the same command,
with one row in --rows, as many --devices as all have together and a --runs_dir that all share, and finds the others by
Keras' own environment variables:

  KERAS_DISTRIBUTION_JOB_ADDRESSES   host:port of process 0
  KERAS_DISTRIBUTION_NUM_PROCESSES   how many
  KERAS_DISTRIBUTION_PROCESS_ID      which this is, from 0

Process 0 writes checkpoints and the record. Where one ends, the others end too, with a message (JAX's own where it is
process 0 that ended), and the same commands go on from the last checkpoint. A process that hangs is waited for.
"""

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import keras
import numpy as np

from image_generators.models.networks import NETWORKS
from image_generators.models.pixelcnn.pixel_network import PixelNetwork
from image_generators.training import mirrored
from image_generators.training.presets import Preset

T = TypeVar("T")


class Lost(RuntimeError):
    """Another process has ended: this one cannot continue without it."""


def on_jax() -> bool:
    """Whether JAX computes."""
    return keras.backend.backend() == "jax"


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES", 1)) if on_jax() else 1


def is_chief() -> bool:
    """Whether this is the process that writes."""
    return processes() == 1 or int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"]) == 0


def start(devices: int) -> None:
    """Makes devices ready, before anything is computed: joins the other processes; a CPU alone is divided.

    Raises:
        ValueError: fewer devices are found, or they do not divide among the processes.
    """
    if devices == processes() == 1:
        return
    if devices % processes():
        raise ValueError(
            f"--devices must be a multiple of KERAS_DISTRIBUTION_NUM_PROCESSES. Received: {devices}, {processes()}"
        )
    with contextlib.suppress(RuntimeError):  # something was computed already: what there is then counts
        _divide_the_cpu(devices // processes())
    if processes() > 1:
        keras.distribution.initialize()
    available = len(_all())
    if devices > available or (processes() > 1 and devices != available):
        accepted = f"{available}, all of the {processes()} processes" if processes() > 1 else f"from 1 to {available}"
        raise ValueError(f"--devices must be {accepted}, as many as were found. Received: {devices}")


def _divide_the_cpu(parts):
    """Makes of the CPU so many devices; where there is an accelerator these are not used."""
    if on_jax():
        import jax

        if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
            jax.config.update("jax_num_cpu_devices", parts)
    else:
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        if tf.config.get_logical_device_configuration(cpu) is None:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)


def _all():
    """Names of all devices of the best kind that is there."""
    if on_jax():
        return keras.distribution.list_devices()
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]


def check(model: str, preset: Preset, rows: Sequence[str] = ()) -> None:
    """Raises ValueError where a network of models/networks.py cannot be trained so; `rows`: all that are to run."""
    devices, accumulate = preset.devices, preset.accumulate
    if processes() > 1 and len(rows) != 1:
        raise ValueError(f"several processes run one row: name it in --rows. Received: {', '.join(rows)}")
    if preset.batch_size % (devices * accumulate):
        raise ValueError(
            "the preset's batch_size must be a multiple of --devices times --accumulate. "
            f"Received: batch_size={preset.batch_size}, devices={devices}, accumulate={accumulate}"
        )
    if accumulate > 1 and devices > 1 and not on_jax():
        raise ValueError(
            "--accumulate goes with --devices on JAX alone: tf.distribute has no step that waits for others. "
            f"Received: accumulate={accumulate}, devices={devices}"
        )
    if preset.precision == "mixed_float16" and devices > 1 and not on_jax():
        raise ValueError("--precision=mixed_float16 goes with --devices on JAX alone; accepted: mixed_bfloat16")
    if preset.remat and (not issubclass(NETWORKS[model], PixelNetwork) or preset.model.get("dropout")):
        raise ValueError(
            "--remat is for PixelCNN, GatedPixelCNN and PixelRNN, without dropout: again it would drop others. "
            f"Received: {model}, dropout={preset.model.get('dropout', 0.0)}"
        )
    if accumulate * devices > 1 and NETWORKS[model].needs_identities:
        raise ValueError(f"--devices and --accumulate must be 1 for {model}: its loss is of a whole batch")
    episode = 2 * NETWORKS[model](**preset.model).ways if NETWORKS[model].needs_identities else 1
    if preset.batch_size % episode:
        raise ValueError(f"--batch_size must be a multiple of {episode} for {model}. Received: {preset.batch_size}")


@contextlib.contextmanager
def scope(devices: int) -> Iterator[None]:
    """Context in which a network is made and trained that is to use so many."""
    if devices == 1:
        yield
    elif on_jax():
        chosen = keras.distribution.list_devices()[:devices]
        with keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False).scope():
            yield
    else:
        with mirrored.strategy(_all()[:devices]).scope():
            yield


def part_of(arrays: Any) -> Any:
    """This process's part of a batch: of each array, or dict of arrays, in a tuple."""
    if processes() == 1:
        return arrays
    process_id = int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"])
    return keras.tree.map_structure(lambda array: np.split(array, processes())[process_id], arrays)


@contextlib.contextmanager
def without_distribution() -> Iterator[None]:
    """Context in which one process does what the others do not: what it makes is its own, and no one's share."""
    if processes() == 1:
        yield
        return
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


@contextlib.contextmanager
def detecting_lost_processes(run_dir: str | pathlib.Path) -> Iterator[None]:
    """Context in which the end of another process becomes `Lost`, with what to do."""
    if processes() == 1:
        yield
        return
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error):  # that is this process's own
            raise
        reason = str(error).splitlines()[0]
        raise Lost(
            f"another process is gone ({reason}). The same commands, in all processes, go on from the last checkpoint "
            f"in {run_dir}"
        ) from error


def exit_at_once(message: str) -> NoReturn:
    """Prints a message and ends this process, without the two minutes in which JAX would wait for the other one."""
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(1)


def chief_first(function: Callable[[], T]) -> T:
    """`function()` in the chief, and when that is done in the other processes; each gets its own result."""
    if processes() == 1:
        return function()
    from jax.experimental import multihost_utils

    result = function() if is_chief() else None
    multihost_utils.sync_global_devices("first the chief")
    return result if is_chief() else function()


def disconnect() -> None:
    """Parts from the other processes, when all have come so far: what follows is the chief's alone."""
    if processes() > 1:
        import jax

        jax.distributed.shutdown()
