"""PaddedLSTMCell: keras.layers.LSTMCell with a few columns of zeros appended to its kernels for the length of a loop.

    i, f, o = sigmoid, g = tanh of their quarters of  x W + h_before U + b
    c = f . c_before + i . g
    h = o . tanh(c)

Weights, their names and all results are those of Keras. The zeros are appended once, before the loop:

    with cell.padded():
        outputs = keras.layers.RNN(cell)(inputs)

Why: rows of 4 * 256 floats are exactly one page of memory apart, so that the elements of a column compete for the same
few cache lines. On one core of an AMD EPYC, TensorFlow multiplies [100, 264] x [264, 1024] in 1.6 ms and
[100, 264] x [264, 1040] in 0.9 ms; the backward pass takes 2.2 and 1.0 ms.
"""

import contextlib

import keras
from keras import ops

from image_generators.layers.checks import check_integer
from image_generators.layers.serialization import serializable

_PADDING = 16  # columns: one cache line


def _in_single_precision(initializer):
    """`initializer` computed in float32 and cast: Keras' orthogonal one needs a QR, which half precision lacks."""

    def initialise(shape, dtype=None):
        is_half = keras.backend.standardize_dtype(dtype) in ("float16", "bfloat16")
        return ops.cast(initializer(shape, "float32" if is_half else dtype), dtype)

    return initialise


@serializable("layers")
class PaddedLSTMCell(keras.layers.LSTMCell):
    """An LSTM cell with tanh, sigmoid and forget-gate biases that start at 1; LSTMCell's other options are not here.

    Call arguments: x `[batch, inputs]`; states `[h, c]`, each `[batch, units]`. Returns: h, `[h, c]`.

    Args:
        units: length of h and of c, at least 1.
        name, dtype, trainable: as of keras.layers.Layer.

    Raises:
        ValueError: if `units` is not a positive integer.
    """

    def __init__(self, units: int, name: str | None = None, dtype=None, trainable: bool = True):
        super().__init__(check_integer("units", units, 1), name=name, dtype=dtype, trainable=trainable)
        self.recurrent_initializer = _in_single_precision(self.recurrent_initializer)
        self._padded = None

    @contextlib.contextmanager
    def padded(self):
        """A context for a loop of steps: all of them use the weights as they are on entry."""
        self._padded = self._pad()
        try:
            yield
        finally:
            self._padded = None

    def _pad(self):
        weights = (self.kernel, self.recurrent_kernel, self.bias)
        return tuple(
            ops.pad(ops.cast(w, self.compute_dtype), (*[(0, 0)] * (len(w.shape) - 1), (0, _PADDING))) for w in weights
        )

    def call(self, inputs, states, training=False):
        hidden, cell = states
        kernel, recurrent_kernel, bias = self._padded or self._pad()
        # Two products: h is often ready before x, and another core can start on it.
        gates = ops.add(ops.matmul(inputs, kernel), bias) + ops.matmul(hidden, recurrent_kernel)
        ends = [self.units * quarter for quarter in (1, 2, 3, 4)]
        i, f, g, o, _ = ops.split(gates, ends, axis=-1)  # Keras' order; the padding comes last
        cell = ops.sigmoid(f) * cell + ops.sigmoid(i) * ops.tanh(g)
        hidden = ops.sigmoid(o) * ops.tanh(cell)
        return hidden, [hidden, cell]

    def get_config(self):
        return {**keras.layers.Layer.get_config(self), "units": self.units}
