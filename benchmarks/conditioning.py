"""Measures the cost of conditions: training and sampling a Gated PixelCNN without one, with a vector, and with a map.

  python benchmarks/conditioning.py            two minutes

The network is that of training_step.py and sampling.py (8 gated blocks, 66 maps, 32x32 colour images, batch 16). The
vector has 100 numbers, the map 32 channels. "m(h)" computes the map from 8x8 images (models/pixelcnn/map_pixel_cnn.py),
as in super-resolution.

Limits: a vector makes a training step and sampling at most 10% slower, a map at most 50%. m(h) is computed once per
sample, not once per pixel, so sampling with it is at most 10% slower than with the map itself.
"""

import keras
import numpy as np

from image_generators.benchmarks import timing
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.training import memory

NETWORK = {"filters": 66, "depth": 8, "kernel_size": 3, "first_kernel_size": 7, "head_filters": 66}
BATCH = 16
SHAPE = (32, 32, 3)


def main():
    memory.keep_freed_memory()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH, *SHAPE)).astype("uint8")
    small = random.integers(0, 256, (BATCH, 8, 8, 3)).astype("uint8")
    cases = {
        "no condition": (GatedPixelCNN(SHAPE, **NETWORK), None),
        "vector": (GatedPixelCNN(SHAPE, condition_shape=(100,), **NETWORK), features(random, 100)),
        "map": (GatedPixelCNN(SHAPE, condition_shape=(32, 32, 32), **NETWORK), features(random, 32, 32, 32)),
        "m(h)": (MapPixelCNN(SHAPE, (8, 8, 3), 256, map_filters=32, **NETWORK), small),
    }
    steps = {name: step(network, images, condition) for name, (network, condition) in cases.items()}
    steps = timing.race(steps, rounds=5)
    samples = {name: sampler(network, condition) for name, (network, condition) in cases.items()}
    samples = timing.race(samples, rounds=5)
    measured = {f"seconds a training step, {name}": value for name, value in steps.items()}
    measured |= {f"seconds, 16 samples, {name}": value for name, value in samples.items()}
    bars = {
        "training step, vector / no condition": (steps["vector"] / steps["no condition"], 1.1),
        "training step, map / no condition": (steps["map"] / steps["no condition"], 1.5),
        "samples, vector / no condition": (samples["vector"] / samples["no condition"], 1.1),
        "samples, map / no condition": (samples["map"] / samples["no condition"], 1.5),
        "samples, m(h) / map": (samples["m(h)"] / samples["map"], 1.1),
    }
    timing.report("conditioning", measured, bars)


def features(random, *shape):
    return random.normal(size=(BATCH, *shape)).astype("float32")


def step(network, images, condition):
    network.build()
    network.compile(keras.optimizers.Adam(1e-3))
    inputs = join_inputs(images, condition)
    return lambda: network.train_on_batch(inputs)


def sampler(network, condition):
    return lambda: network.sample(BATCH, condition, jit_compile=True)


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
