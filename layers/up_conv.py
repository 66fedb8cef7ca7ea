"""UpConv: unpooling by two, then a convolution; Section 3.1 and Figure 3 of arXiv 1411.5928.

    unpooling: each value goes to the top left of 2x2, with zeros beside it;      u[2i] = x[i]
    convolution, 5x5, of the same size:                                           y[j] = sum_k w[k] u[j + 2 - k]

so that x[i] reaches y[2i + k - 2]. `up_conv_reference` is this, literally.

Three quarters of the values that the convolution multiplies are zeros. The layer skips them, either with one transposed
convolution, where that is fast, or with a convolution that computes 2x2 outputs at each position.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import check_integer, check_odd
from image_generators.layers.serialization import serializable

FEW = 16  # filters: with fewer, a transposed convolution does not fill the vector units of a CPU


def unpool(maps):
    """Each value to the top left of a 2x2 cell, zeros elsewhere: `[B, H, W, channels]` -> `[B, 2H, 2W, channels]`."""
    _, height, width, channels = maps.shape
    cells = ops.pad(maps[:, :, None, :, None], [[0, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]])  # [B, H, 2, W, 2, c]
    return ops.reshape(cells, (-1, 2 * height, 2 * width, channels))


def up_conv_reference(maps, kernel):
    """Figure 3 of arXiv 1411.5928, literally: unpooling, then a convolution of the same size.

    `maps` `[B, H, W, channels]`, `kernel` `[k, k, channels, filters]` -> `[B, 2H, 2W, filters]`.
    """
    kernel = ops.convert_to_tensor(kernel)[::-1, ::-1]  # ops.conv computes a cross-correlation
    return ops.conv(unpool(maps), kernel, padding="same", data_format="channels_last")


@serializable("layers")
class UpConv(keras.layers.Layer):
    """Unpooling and convolution in one layer.

    Args:
        filters: number of output maps, at least 1.
        kernel_size: odd, at least 3.
        activation: None or anything that `keras.activations.get` accepts.
        kernel_initializer: None for a truncated normal distribution of variance 8 / fan_in, as in the authors' release,
            where fan_in = kernel_size**2 * channels. Only a quarter of these inputs are not zero, so this is He's
            2 / (number of inputs).

    Input shape: `[batch, height, width, channels]`. Output shape: `[batch, 2 * height, 2 * width, filters]`.

    Weights: kernel `[kernel_size, kernel_size, channels, filters]`, and a bias `[filters]`.

    Raises:
        ValueError: if `filters` or `kernel_size` is not such an integer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 5,
        activation=None,
        kernel_initializer=None,
        **kwargs,
    ):
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
        use_transposed = keras.backend.backend() == "tensorflow" and self.filters >= FEW
        up_conv = _transposed_convolution if use_transposed else _sub_pixel_convolution
        return self.activation(up_conv(maps, self.kernel) + self.bias)

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
    """`up_conv_reference` with TensorFlow's transposed convolution.

    TensorFlow's "SAME" mirrors our padding: there, x[i] reaches y[2i + k - 1]. So maps and kernel are reversed, and the
    result is reversed again. With explicit padding instead, TensorFlow does not use oneDNN on a CPU and takes twice as
    long for the output and for the kernel's gradient.
    """
    import tensorflow as tf

    filters, (_, height, width, _) = kernel.shape[3], maps.shape
    kernel = tf.reverse(ops.transpose(kernel, (0, 1, 3, 2)), [0, 1])  # TensorFlow's order: outputs before inputs
    shape = (ops.shape(maps)[0], 2 * height, 2 * width, filters)
    return tf.reverse(tf.nn.conv2d_transpose(tf.reverse(maps, [1, 2]), kernel, shape, 2, "SAME"), [1, 2])


def _sub_pixel_convolution(maps, kernel):
    """`up_conv_reference` with a convolution that has an output for each pixel of a 2x2 cell.

    y[2i + a] = sum_d x[i + d] w[a + k // 2 - 2d] along both axes, where w is 0 outside of the kernel. XLA is slow at
    transposed convolutions.
    """
    size, _, channels, filters = kernel.shape
    reach = (size // 2 + 1) // 2
    taps = 2 * reach + 1
    index = np.arange(2)[:, None] + size // 2 - 2 * np.arange(-reach, reach + 1)  # [a, d] -> kernel's row or column
    index = np.where((index >= 0) & (index < size), index, size)  # row and column `size` are padded with zeros
    kernel = ops.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
    kernel = ops.take(ops.take(kernel, index, axis=0), index, axis=2)  # [2, taps, 2, taps, channels, filters]
    kernel = ops.reshape(ops.transpose(kernel, (1, 3, 4, 0, 2, 5)), (taps, taps, channels, 4 * filters))
    _, height, width, _ = maps.shape
    cells = ops.conv(maps, kernel, padding="same", data_format="channels_last")
    cells = ops.reshape(cells, (-1, height, width, 2, 2, filters))
    return ops.reshape(ops.transpose(cells, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, filters))
