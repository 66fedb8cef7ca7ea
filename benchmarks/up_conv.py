"""Times UpConv and its naive form: unpooling, then a 5x5 convolution, most of whose inputs are zeros.

  python benchmarks/up_conv.py            one minute

Times the forward and backward pass of each up-convolution of the 128x128 generator (batch 32), and their sum.

Limit: UpConv is at least 3 times faster in total.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from image_generators.benchmarks import timing
from image_generators.layers.up_conv import UpConv
from image_generators.training import memory

BATCH = 32
LAYERS = ((8, 256, 256), (16, 256, 92), (32, 92, 92), (64, 92, 3))  # pixels, channels, filters


def main():
    memory.keep_freed_memory()
    seconds = {}
    for size, channels, filters in LAYERS:
        layer = UpConv(filters)
        layer.build((None, size, size, channels))
        forms = {"UpConv": layer, "naive": naive(layer)}
        for name, value in timing.race({n: both_ways(f, layer, size) for n, f in forms.items()}, rounds=5).items():
            seconds[f"{name}, {size}x{size}x{channels} to {filters}"] = value
    whole = {name: sum(value for what, value in seconds.items() if what.startswith(name)) for name in forms}
    measured = {f"seconds, {what}": value for what, value in (seconds | whole).items()}
    timing.report("up_conv", measured, {"3 x UpConv / naive": (3 * whole["UpConv"] / whole["naive"], 1.0)})


def naive(layer):
    def function(maps):
        _, height, width, channels = maps.shape
        unpooled = ops.pad(maps[:, :, None, :, None], [[0, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]])
        unpooled = ops.reshape(unpooled, (-1, 2 * height, 2 * width, channels))
        return ops.conv(unpooled, ops.flip(layer.kernel, (0, 1)), padding="same") + layer.bias

    return function


def both_ways(function, layer, size):
    """The layer and its gradients with respect to maps and weights, as a graph."""
    random = np.random.default_rng(0)
    maps = tf.constant(random.normal(size=(BATCH, size, size, layer.kernel.shape[2])).astype("float32"))
    weights = tf.constant(random.normal(size=(BATCH, 2 * size, 2 * size, layer.filters)).astype("float32"))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(maps)
            outputs = function(maps)
        return tape.gradient(outputs, [maps, layer.kernel.value, layer.bias.value], output_gradients=weights)

    return lambda: [gradient.numpy() for gradient in step()][0]


if __name__ == "__main__":
    timing.arguments(__doc__)
    if keras.backend.backend() != "tensorflow":
        raise SystemExit("up_conv: KERAS_BACKEND must be tensorflow")
    main()
