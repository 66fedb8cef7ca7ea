"""Measures the memory that --remat saves in a training step of Gated PixelCNN, and the time that it costs.

  python benchmarks/rematerialisation.py                             three minutes; KERAS_BACKEND=jax for JAX

The network is that of training_step.py (8 gated blocks, 66 maps, 32x32 colour images, batch 16). With --remat, only the
inputs of a block are stored, and the backward pass computes the block again. The steps are equal up to rounding
(tests/reproduce/test_devices.py).

Memory per image is the difference between the peaks of a separate process after steps of 4 and of 16 images, divided by
12. The process runs on one core, so that the order of operations is always the same. The softmax, outside the blocks,
is part of it. Limits: remat saves at least a third of the memory and takes at most 50% more time, since it adds a
forward pass to a forward and a backward one.
"""

import dataclasses
import resource

import keras
import numpy as np

from image_generators.benchmarks import peak_memory, timing
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import devices, memory, presets, threads
from image_generators.training import loop as training

NETWORK = {"filters": 66, "depth": 8, "kernel_size": 3, "first_kernel_size": 7, "head_filters": 66}
FEW, BATCH = 4, 16
PLAIN = presets.Preset(NETWORK, 100, BATCH)
CASES = {"plain": PLAIN, "remat": dataclasses.replace(PLAIN, remat=True)}
if not devices.on_jax():
    CASES |= {f"{name}, XLA": dataclasses.replace(preset, xla=True) for name, preset in CASES.items()}


def main():
    held = {name: peak_memory.elsewhere(__file__, name) / 2**20 for name in CASES}
    memory.keep_freed_memory()
    seconds = timing.race({name: step_of(preset) for name, preset in CASES.items()}, rounds=5, warm_up=1)
    measured = {f"MiB an image, {name}": value for name, value in held.items()}
    measured |= {f"seconds a step, {name}": value for name, value in seconds.items()}
    bars = {
        "memory an image, remat / plain": (held["remat"] / held["plain"], 2 / 3),
        "step, remat / plain": (seconds["remat"] / seconds["plain"], 1.5),
    }
    timing.report(f"rematerialisation_{keras.backend.backend()}", measured, bars)


def step_of(preset):
    """A function that runs a training step on `n` images."""
    network = GatedPixelCNN((32, 32, 3), **preset.model)
    network.build()
    training.compile_for_training(network, preset)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, 32, 32, 3)).astype("uint8")
    return lambda n=BATCH: network.train_on_batch(images[:n])


def bytes_per_image(name):
    if not devices.on_jax():
        threads.use(1)
    step, held = step_of(CASES[name]), []
    for n in (FEW, BATCH):
        for _ in range(3):
            step(n)
        held.append(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # Linux counts in KiB
    return (held[1] - held[0]) / (BATCH - FEW)


if __name__ == "__main__":
    case = timing.arguments(__doc__, **peak_memory.FLAG).memory
    if case:
        print(bytes_per_image(case))
    else:
        main()
