"""Times a training step of DRAW's MNIST model (64 glimpses, 256 units, z of 100, batch 100) and of the same in PyTorch.

  pip install -r requirements-benchmarks.txt && python benchmarks/draw_training_step.py            two minutes

Limits: the step takes at most 0.7 times as long as PyTorch's. Memory grows linearly with the number of glimpses: memory
per glimpse from 32 to 64 glimpses is at most 1.2 times that from 16 to 32. With quadratic growth it would be twice.

Both use the same images, Adam and float32, in this process and with the same memory setting (training/memory.py).
Keras runs a graph without XLA, with one thread per operation and as many parallel operations as there are cores, as
experiments/running.py trains DRAW. PyTorch has no such setting and runs with its default, all cores for each
operation.

Memory is the peak of a separate process, from before the network is built to after the third step, on one core, so that
the order of operations is always the same.
"""

import time

import keras
import numpy as np
import torch

from image_generators.benchmarks import peak_memory, timing, torch_draw
from image_generators.models.draw.draw import Draw
from image_generators.training import memory, threads

BATCH = 100
GLIMPSES = (16, 32, 64)


def main():
    held = {steps: peak_memory.elsewhere(__file__, steps) for steps in GLIMPSES}
    memory.keep_freed_memory()
    threads.one_for_each_operation()
    images = digits()
    keras_step, torch_step = step_of_keras(images), step_of_torch(images)
    start = time.perf_counter()
    keras_step()
    first = time.perf_counter() - start
    seconds = timing.race({"PyTorch": torch_step, "Keras": keras_step})
    few, more, many = GLIMPSES
    below, above = ((held[b] - held[a]) / (b - a) for a, b in ((few, more), (more, many)))
    measured = {
        **{f"seconds a step, {name}": value for name, value in seconds.items()},
        "seconds, first step of Keras (with compilation)": first,
        **{f"MiB more at the most, {steps} glimpses": held[steps] / 2**20 for steps in GLIMPSES},
        f"MiB a glimpse, {few} to {more}": below / 2**20,
        f"MiB a glimpse, {more} to {many}": above / 2**20,
    }
    bars = {
        "Keras step / PyTorch twin's step": (seconds["Keras"] / seconds["PyTorch"], 0.7),
        f"memory of a glimpse, {more} to {many} / {few} to {more}": (above / below, 1.2),
    }
    timing.report("draw_training_step", measured, bars)


def digits():
    """Binary images with about as many white pixels as MNIST's."""
    return (np.random.default_rng(0).random((BATCH, 28, 28, 1)) < 0.13).astype("uint8")


def step_of_keras(images, steps=64):
    network = Draw(steps=steps)
    network.build()
    network.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    return lambda: network.train_on_batch(images)


def step_of_torch(images):
    network = torch_draw.Draw()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    pixels = torch.from_numpy(images[..., 0])

    def step():
        optimizer.zero_grad()
        network(pixels).backward()
        optimizer.step()

    return step


def bytes_held(steps):
    threads.use(1)
    return peak_memory.held(lambda: step_of_keras(digits(), steps))


if __name__ == "__main__":
    glimpses = timing.arguments(__doc__, **peak_memory.FLAG).memory
    if glimpses:
        print(bytes_held(int(glimpses)))
    else:
        main()
