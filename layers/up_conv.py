"""UpConv: unpooling by two, then a convolution; Section 3.1 and Figure 3 of arXiv 1411.5928.

    unpooling: each value goes to the top left of 2x2, with zeros beside it;      u[2i] = x[i]
    convolution, 5x5, of the same size:                                           y[j] = sum_k w[k] u[j + 2 - k]

so that x[i] reaches y[2i + k - 2]. Three quarters of what the convolution would multiply are zeros. Here they are left
out: by one transposed convolution where that is fast, elsewhere by a convolution that gives 2x2 outputs at each place.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import check_integer, check_odd
from image_generators.layers.serialization import serializable

FEW = 16  # filters, a vector's worth: with fewer a transposed convolution leaves the processor half idle


@serializable("layers")
class UpConv(keras.layers.Layer):
    """Unpooling and convolution in one.

    Args:
        filters: maps of the output, at least 1.
        kernel_size: odd, at least 3.
        activation: None or what `keras.activations.get` takes.
        kernel_initializer: None: a normal distribution of variance 8 / fan_in, as the authors' release has it: of an
            output's fan_in = kernel_size**2 * channels inputs a quarter is no zero, so that this is He's 2 / inputs.

    Input shape: `[batch, height, width, channels]`. Output shape: `[batch, 2 * height, 2 * width, filters]`.

    Weights: kernel `[kernel_size, kernel_size, channels, filters]`, and a bias `[filters]`.

    Raises:
        ValueError: for a size that is no such integer.
    """

    def __init__(self, filters, kernel_size=5, activation=None, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = check_integer("filters", filters, 1)
        self.kernel_size = check_odd("kernel_size", kernel_size, 3)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(
            kernel_initializer or keras.initializers.VarianceScaling(8.0, "fan_in", "truncated_normal")
        )

    def build(self, input_shape):
        n = self.kernel_size
        shape = (n, n, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, maps):
        """[B, H, W, channels] -> [B, 2H, 2W, filters]"""
        transposed = keras.backend.backend() == "tensorflow" and self.filters >= FEW
        up = _transposed_convolution if transposed else _sub_pixel_convolution
        return self.activation(up(maps, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, 2 * height, 2 * width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _transposed_convolution(maps, kernel):
    """[B, H, W, channels], [k, k, channels, filters] -> [B, 2H, 2W, filters], by TensorFlow.

    Its "SAME" is the mirror image of ours: there x[i] reaches y[2i + k - 1]. It has explicit padding too, but leaves
    oneDNN for it on a CPU, and takes twice as long over the output and the kernel's gradient.
    """
    import tensorflow as tf

    filters, (_, height, width, _) = kernel.shape[3], maps.shape
    kernel = tf.reverse(ops.transpose(kernel, (0, 1, 3, 2)), [0, 1])  # as TensorFlow has it: outputs before inputs
    shape = (ops.shape(maps)[0], 2 * height, 2 * width, filters)
    return tf.reverse(tf.nn.conv2d_transpose(tf.reverse(maps, [1, 2]), kernel, shape, 2, "SAME"), [1, 2])


def _sub_pixel_convolution(maps, kernel):
    """The same by a convolution with an output for each place of 2x2: XLA is slow at transposed ones.

    y[2i + a] = sum_d x[i + d] w[a + k // 2 - 2d], for both axes; where there is no such w, it is 0.
    """
    size, _, channels, filters = kernel.shape
    reach = (size // 2 + 1) // 2
    taps = 2 * reach + 1
    at = np.arange(2)[:, None] + size // 2 - 2 * np.arange(-reach, reach + 1)  # [a, d] -> row, or column, of the kernel
    at = np.where((at >= 0) & (at < size), at, size)  # the one of zeros
    kernel = ops.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
    kernel = ops.take(ops.take(kernel, at, axis=0), at, axis=2)  # [2, taps, 2, taps, channels, filters]
    kernel = ops.reshape(ops.transpose(kernel, (1, 3, 4, 0, 2, 5)), (taps, taps, channels, 4 * filters))
    _, height, width, _ = maps.shape
    found = ops.conv(maps, kernel, padding="same", data_format="channels_last")
    found = ops.reshape(found, (-1, height, width, 2, 2, filters))
    return ops.reshape(ops.transpose(found, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, filters))
