"""GaussianAttention: DRAW's selective attention, Sections 3.2 and 3.3 of arXiv 1502.04623 (Eq. 19-29).

An N x N grid of Gaussian filters is placed on an image of B rows and A columns. Five numbers, a linear function of the
decoder's state, define it: its centre (g_X, g_Y), the stride delta between filters, their width sigma and an intensity
gamma. Reading extracts an N x N patch with the filters; writing adds such a patch with their transpose.

Pixels and filters are counted from 1, as in the paper: the centre of a row's first pixel is at 1.
"""

import math
import numbers

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import check_integer, check_sizes
from image_generators.layers.serialization import serializable

# Bounds of the logarithms that the network computes. They are far beyond any use (a stride of e^10 images) and keep all
# numbers and gradients finite.
LOG_LIMIT = 10.0


def tiling_gamma(size: int, image_shape: tuple[int, int, int]) -> float:
    """The gamma with which writing a patch of ones through the widest window gives a canvas of about ones: stride^-2.

    1 for an image of one pixel, which has no stride.
    """
    return ((max(*image_shape[:2], 2) - 1) / max(size - 1, 1)) ** -2.0


@serializable("layers")
class GaussianAttention(keras.layers.Layer):
    """Places a window, reads through it and writes through it.

    `attention(hidden)` gives windows `[batch, 5]`: g_X, g_Y, delta, sigma (all in pixels) and gamma. `read` and `write`
    take such windows.

    Args:
        size: N; the patch is N x N.
        image_shape: (B, A, channels): height, width and channels. All channels share the filters.
        initial_gamma: gamma before training; see `tiling_gamma`.

    Before training, a window covers the image and its filters overlap: sigma is half a stride.
    The paper does not give the initial window. With sigma 1 and gamma 1, a write with few filters is faint
    and leaves gaps, and learning starts late.

    Call arguments:
        hidden: `[..., units]`.

    Returns: windows `[..., 5]`, float32.

    Raises:
        ValueError: if `size` is not an integer from 1 to the image's smaller side, `image_shape` is not three positive
            integers, or `initial_gamma` is not finite and positive.
    """

    def __init__(self, size: int, image_shape: tuple[int, int, int], initial_gamma: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = check_sizes("image_shape", image_shape, ("height", "width", "channels"))
        height, width, _ = self.image_shape
        size = self.size = check_integer("size", size, 1, min(height, width))
        if not isinstance(initial_gamma, numbers.Real) or not 0 < initial_gamma < math.inf:
            raise ValueError(
                f"initial_gamma must be a finite number above 0. Received: initial_gamma={initial_gamma!r}"
            )
        self.initial_gamma = float(initial_gamma)
        longest = max(height, width)
        self._largest_stride = (longest - 1) / max(size - 1, 1)
        start = [0.0, 0.0, 2.0 * math.log(max(self._largest_stride, 1.0) / 2.0), 0.0, math.log(initial_gamma)]
        self.linear = keras.layers.Dense(
            5, bias_initializer=keras.initializers.Constant(np.array(start)), dtype=self.dtype_policy, name="linear"
        )
        # g_Y and g_X go from -1 to 1 along [height, width]; Eq. 22, 23.
        self._to_pixels = np.array([[(width + 1) / 2, (height + 1) / 2]], "float32")
        # One grid for both directions, as long as the longer one; pixels outside of the image get no weight.
        self._pixels = np.arange(1, longest + 1, dtype="float32")
        outside = self._pixels > np.array([[height], [width]])
        self._outside = np.where(outside, np.float32(-1e30), np.float32(0))[:, None]  # [2, 1, longest]
        self._offsets = (np.arange(1, size + 1) - size / 2 - 0.5).astype("float32")  # i - N/2 - 0.5

    def build(self, hidden_shape):
        self.linear.build(hidden_shape)
        self.built = True

    def call(self, hidden):
        # Windows and filters are computed in float32 under every policy: squared distances overflow in float16.
        raw = ops.cast(self.linear(hidden), "float32")  # Eq. 21: g~_X, g~_Y, log sigma^2, log delta~, log gamma
        centre, logarithms = ops.split(raw, (2,), axis=-1)
        centre = self._to_pixels * (centre + 1.0)  # Eq. 22, 23
        positive = ops.exp(ops.clip(logarithms * self._halves, -LOG_LIMIT, LOG_LIMIT))
        sigma, delta, gamma = ops.split(positive, 3, axis=-1)
        return ops.concatenate([centre, self._largest_stride * delta, sigma, gamma], axis=-1)  # Eq. 24

    _halves = np.array([0.5, 1.0, 1.0], "float32")  # sigma = exp(log sigma^2 / 2)

    def filterbank(self, window):
        """The filters of windows `[batch, 5]`: (F_Y `[batch, N, B]`, F_X `[batch, N, A]`), whose rows sum to 1."""
        height, width, _ = self.image_shape
        centre_x, centre_y, delta, sigma, _ = ops.split(window[..., None], 5, axis=1)  # [batch, 1, 1]
        centre = ops.concatenate([centre_y, centre_x], axis=1)
        means = centre + delta * self._offsets  # Eq. 19, 20: [batch, 2, N]
        distances = (self._pixels - means[..., None]) / sigma[..., None]  # [batch, 2, N, longest]
        # Eq. 25, 26: F[i, a] = exp(-(a - mu_i)^2 / (2 sigma^2)) / Z is the softmax over a, for any sigma and mu.
        filters = ops.softmax(self._outside - 0.5 * ops.square(distances), axis=-1)
        filters_y, filters_x = ops.unstack(ops.cast(filters, self.compute_dtype), axis=1)
        if height < width:
            return filters_y[..., :height], filters_x
        return filters_y, filters_x if height == width else filters_x[..., :width]

    def read(self, images, window):
        """Eq. 27: gamma F_Y x F_X^T; images `[batch, B, A, channels]` -> `[batch, N, N, channels]`.

        k images, such as x and x_hat, can be read at once, with their rows side by side:
        `[batch, B, k, A, channels]` -> `[batch, N, k, N, channels]`.
        """
        height, width, _ = self.image_shape
        *count, _, channels = images.shape[2:]  # count: [k] or []
        filters_y, filters_x = self.filterbank(window)
        rows = ops.matmul(filters_y, ops.reshape(images, (-1, height, math.prod(images.shape[2:]))))
        rows = ops.reshape(rows, (-1, self.size * math.prod(count), width, channels))
        patches = self._gamma(window) * ops.matmul(filters_x[:, None], rows)  # Eq. 27
        return ops.reshape(patches, (-1, self.size, *count, self.size, channels))

    def write(self, patches, window):
        """Eq. 29: 1/gamma F_Y^T w F_X; `[batch, N, N, channels]` -> `[batch, B, A, channels]`."""
        height, width, _ = self.image_shape
        channels = patches.shape[-1]
        filters_y, filters_x = self.filterbank(window)
        patches = patches / self._gamma(window)
        rows = ops.matmul(ops.transpose(filters_x, (0, 2, 1))[:, None], patches)  # [batch, N, A, channels]
        rows = ops.reshape(rows, (-1, self.size, width * channels))
        images = ops.matmul(ops.transpose(filters_y, (0, 2, 1)), rows)  # Eq. 29
        return ops.reshape(images, (-1, height, width, channels))

    def _gamma(self, window):
        return ops.cast(window[:, 4, None, None, None], self.compute_dtype)

    def compute_output_shape(self, hidden_shape):
        return (*hidden_shape[:-1], 5)

    def get_config(self):
        config = {"size": self.size, "image_shape": list(self.image_shape), "initial_gamma": self.initial_gamma}
        return {**super().get_config(), **config}
