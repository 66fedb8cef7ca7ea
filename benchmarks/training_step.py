"""Times a training step of Gated PixelCNN (8 gated blocks, 66 maps, batch 16) and of the same network in PyTorch.

  pip install -r requirements-benchmarks.txt && python benchmarks/training_step.py

Limit: the step takes at most as long as PyTorch's. There are 66 maps because 64 are not divisible by three colours.
Both use the same images, Adam and float32, on the same cores, in this process and with the same memory setting
(training/memory.py). PyTorch runs in its default layout and in channels_last, and the faster counts.
"""

import keras
import numpy as np
import torch

from image_generators.benchmarks import timing, torch_gated_pixel_cnn
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import memory

NETWORK = {"filters": 66, "depth": 8, "kernel_size": 3, "first_kernel_size": 7, "head_filters": 66}


def main():
    memory.keep_freed_memory()
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3)).astype("uint8")
    contenders = {
        "PyTorch": torch_step(images, torch.contiguous_format),
        "PyTorch, channels_last": torch_step(images, torch.channels_last),
        "Keras": keras_step(images),
    }
    seconds = timing.race(contenders)
    twin = min(seconds["PyTorch"], seconds["PyTorch, channels_last"])
    bars = {"Keras step / PyTorch twin's step": (seconds["Keras"] / twin, 1.0)}
    timing.report("training_step", {f"seconds a step, {name}": value for name, value in seconds.items()}, bars)


def keras_step(images):
    network = GatedPixelCNN((32, 32, 3), **NETWORK)
    network.build()
    network.compile(keras.optimizers.Adam(1e-3))
    return lambda: network.train_on_batch(images)


def torch_step(images, memory_format):
    network = torch_gated_pixel_cnn.GatedPixelCNN(**NETWORK).to(memory_format=memory_format)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)

    def step():
        optimizer.zero_grad()
        network(pixels).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
