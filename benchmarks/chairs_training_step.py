"""Times a training step of the two-stream ChairsGenerator (128x128, 843 styles, batch 32) and of the same in PyTorch.

  pip install -r requirements-benchmarks.txt && python benchmarks/chairs_training_step.py            two minutes

Limits: the step takes at most as long as PyTorch's; the transformations, which are part of both steps, take at most a
tenth of it.

Both use the same images, Adam and float32, in this process and with the same memory setting (training/memory.py).
PyTorch runs with its fused Adam, in its default layout and in channels_last, and the faster counts. Peak memory is
measured in a separate process for each: weights, optimizer state, gradients and feature maps, without the data.
"""

import numpy as np
import torch
from keras import ops

from image_generators.benchmarks import peak_memory, timing, torch_chairs
from image_generators.models.chairs import transformations
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.compiled import compiled
from image_generators.training import memory
from image_generators.training.optimizers import FusedAdam

BATCH, SIZE, STYLES = 32, 128, 843

CONTENDERS = {
    "PyTorch": lambda *batch: step_of_torch(*batch, torch.contiguous_format),
    "PyTorch, channels_last": lambda *batch: step_of_torch(*batch, torch.channels_last),
    "Keras": lambda *batch: step_of_keras(new_network(), *batch),
}


def main():
    held = {name: peak_memory.elsewhere(__file__, name) for name in CONTENDERS}
    memory.keep_freed_memory()
    batch = views()
    seconds = timing.race({name: make(*batch) for name, make in CONTENDERS.items()}, rounds=5, warm_up=1)
    of_transformations = timing.race({"transformations": transformed(new_network(), batch[0])}, rounds=5, warm_up=1)
    measured = {f"seconds a step, {name}": value for name, value in seconds.items()}
    measured |= {f"seconds a batch, {name}": value for name, value in of_transformations.items()}
    measured |= {f"MiB at the most, {name}": value / 2**20 for name, value in held.items()}
    twin = min(seconds["PyTorch"], seconds["PyTorch, channels_last"])
    bars = {
        "Keras step / PyTorch twin's step": (seconds["Keras"] / twin, 1.0),
        "transformations / Keras step": (of_transformations["transformations"] / seconds["Keras"], 0.1),
    }
    timing.report("chairs_training_step", measured, bars)


def bytes_held(name):
    memory.keep_freed_memory()
    batch = views()
    return peak_memory.held(lambda: CONTENDERS[name](*batch))


def new_network():
    network = ChairsGenerator((SIZE, SIZE, 4), STYLES)
    network.build()
    return network


def views():
    """uint8 [32, 128, 128, 4] and labels [32, 3]."""
    random = np.random.default_rng(0)
    labels = np.stack([random.integers(0, STYLES, BATCH), random.uniform(0, 360, BATCH), [20, 30] * (BATCH // 2)], 1)
    return random.integers(0, 256, (BATCH, SIZE, SIZE, 4)).astype("uint8"), labels.astype("float32")


def step_of_keras(network, images, labels):
    network.compile(FusedAdam(5e-4), jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    return lambda: network.train_on_batch({"images": images, "condition": labels})


def transformed(network, images):
    """Draws and applies transformations, as `fit` does."""

    def transform(images):
        theta = transformations.draw(BATCH, 0)
        return transformations.apply(ops.cast(images, "float32") / 255.0, theta)

    function = compiled(network, transform)
    return lambda: ops.convert_to_numpy(function(images))


def step_of_torch(images, labels, memory_format):
    network = torch_chairs.ChairsGenerator(SIZE, STYLES).to(memory_format=memory_format)
    optimizer = torch.optim.Adam(network.parameters(), 5e-4, fused=True)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
    labels = torch.from_numpy(labels)

    def step():
        optimizer.zero_grad()
        network(pixels, labels).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    contender = timing.arguments(__doc__, **peak_memory.FLAG).memory
    if contender:
        print(bytes_held(contender))
    else:
        main()
