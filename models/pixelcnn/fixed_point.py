"""Arithmetic of incremental sampling: plain float32, or fixed point, whose results are the same on every machine.

A decoder must compute exactly the encoder's probabilities: if one bit differs, everything after it is decoded wrongly.
Floating-point sums depend on the order of summation, which depends on batch size, threads, library and processor. In
fixed point, all weights and activations are multiples of 2^-12, and their products multiples of 2^-24. Sums of these
below 2^29 are exact in float64, in any order. All other functions (tanh, sigmoid, exp) are looked up in tables. Only
`activation` rounds.

NumPy's exp and tanh differ in the last bit between processors, so the tables are rounded too. All exact values are so
far from the midpoint between two steps that errors of up to five ulps do not change the tables.
"""

import hashlib

import numpy as np
from keras import ops

from image_generators.layers.gated_block import gate

_STEP = 2.0**-12  # of weights and activations
_WEIGHT_LIMIT, _ACTIVATION_LIMIT = 2.0**6, 2.0**8  # a sum of up to 2^13 products is below 2^27
_TABLE_STEP = 2.0**-10  # of the arguments of tanh, sigmoid and exp
_TABLE_LIMIT = 16.0
_EXPONENTIAL_STEP = 2.0**-41  # of the values of exp, 1 to e^-16


class Float32:
    """Arithmetic of sampling, under every dtype policy."""

    dtype = "float32"

    @staticmethod
    def weight(tensor):
        """Converts a kernel, a bias or a condition."""
        return ops.cast(tensor, "float32")

    @staticmethod
    def activation(tensor):
        """Converts the output of a layer."""
        return tensor

    gate = staticmethod(gate)  # Eq. 2 of arXiv 1606.05328


class FixedPoint:
    """Exact arithmetic in float64."""

    dtype = "float64"

    def __init__(self):
        arguments = np.arange(-_TABLE_LIMIT, _TABLE_LIMIT + _TABLE_STEP, _TABLE_STEP)
        tables = _nearest_step(np.tanh(arguments)), _nearest_step(1.0 / (1.0 + np.exp(-arguments)))
        self.exponentials = _nearest_step(np.exp(-arguments[arguments >= 0]), step=_EXPONENTIAL_STEP)  # of 0 to -16
        self.fingerprint = hashlib.sha256(b"".join(table.tobytes() for table in (*tables, self.exponentials))).digest()
        self._tanh, self._sigmoid = map(ops.convert_to_tensor, tables)

    @staticmethod
    def weight(tensor):
        """The nearest multiple of 2^-12. Raises ValueError for weights beyond +-2^6 and NaN."""
        tensor = ops.cast(tensor, "float64")
        if not bool(ops.all(ops.abs(tensor) <= _WEIGHT_LIMIT)):
            raise ValueError(f"weights must lie within -{_WEIGHT_LIMIT:g} and {_WEIGHT_LIMIT:g} for fixed point")
        return _nearest_step(tensor, ops)

    @staticmethod
    def activation(tensor):
        """The nearest multiple of 2^-12, within +-2^8."""
        return _nearest_step(ops.clip(tensor, -_ACTIVATION_LIMIT, _ACTIVATION_LIMIT), ops)

    def gate(self, features):
        """Eq. 2 of arXiv 1606.05328: tanh of the first half of the maps times sigmoid of the second."""
        f, g = ops.split(_table_index(features), 2, axis=-1)
        return self.activation(ops.take(self._tanh, f) * ops.take(self._sigmoid, g))  # Eq. 2

    def probabilities(self, logits):
        """The softmax of logits, float64 `[..., levels]`, not normalised: the most likely level has 1. NumPy arrays."""
        below = np.clip(logits.max(axis=-1, keepdims=True) - logits, 0, _TABLE_LIMIT)
        return self.exponentials[np.round(below / _TABLE_STEP).astype(np.int32)]


def _table_index(argument):
    """Index of the nearest argument in a table from -16 to 16."""
    inside = ops.clip(argument, -_TABLE_LIMIT, _TABLE_LIMIT)
    return ops.cast(ops.round((inside + _TABLE_LIMIT) / _TABLE_STEP), "int32")


def _nearest_step(values, library=np, step=_STEP):
    return library.round(values / step) * step
