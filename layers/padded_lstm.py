"""PaddedLSTMCell: keras.layers.LSTMCell, whose kernels get a few columns of zeros for the length of a loop.

The same weights under the same names, and the same numbers. The zeros are put there once, before the loop:

    with cell.padded():
        outputs = keras.layers.RNN(cell)(inputs)

Why: rows of 4 * 256 floats lie exactly one page of memory apart, and what is read down a column then competes for the
same few places of a processor's cache. On one core of an AMD EPYC, TensorFlow multiplies [100, 264] x [264, 1024] in
1.6 ms and [100, 264] x [264, 1040] in 0.9 ms; backward, in 2.2 and 1.0 ms.
"""

import contextlib

import keras
from keras import ops

from image_generators.layers.checks import check_integer
from image_generators.layers.serialization import serializable

_PADDING = 16  # columns: one line of the cache


def _in_single_precision(initializer):
    """The same numbers, also in half precision, in which Keras' orthogonal initialiser finds no QR decomposition."""

    def initialise(shape, dtype=None):
        half = keras.backend.standardize_dtype(dtype) in ("float16", "bfloat16")
        return ops.cast(initializer(shape, "float32" if half else dtype), dtype)

    return initialise


@serializable("layers")
class PaddedLSTMCell(keras.layers.LSTMCell):
    """An LSTM with forget gates (biases 1 at first), tanh and sigmoid, and nothing else.

    Call arguments: x `[batch, inputs]`; states `[h, c]`, each `[batch, units]`. Returns: h, `[h, c]`.

    Args:
        units: at least 1.
        name, dtype, trainable: of keras.layers.Layer; of LSTMCell there is no other option.

    Raises:
        ValueError: for units that are no such integer.
    """

    def __init__(self, units, name=None, dtype=None, trainable=True):
        super().__init__(check_integer("units", units, 1), name=name, dtype=dtype, trainable=trainable)
        self.recurrent_initializer = _in_single_precision(self.recurrent_initializer)
        self._padded = None

    @contextlib.contextmanager
    def padded(self):
        """Inside, the weights as they are now serve all steps."""
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
        hidden, memory = states
        kernel, recurrent_kernel, bias = self._padded or self._pad()
        # Two products, for h is often there before x, and another core is free.
        gates = ops.add(ops.matmul(inputs, kernel), bias) + ops.matmul(hidden, recurrent_kernel)
        ends = [self.units * i for i in (1, 2, 3, 4)]
        enter, keep, content, leave, _ = ops.split(gates, ends, axis=-1)
        memory = ops.sigmoid(keep) * memory + ops.sigmoid(enter) * ops.tanh(content)
        hidden = ops.sigmoid(leave) * ops.tanh(memory)
        return hidden, [hidden, memory]

    def get_config(self):
        return {**keras.layers.Layer.get_config(self), "units": self.units}
