"""Scaling of pixel values for networks."""

from keras import ops


def scaled(values, levels: int):
    """Values 0 .. levels - 1, of any shape and dtype -> float32, -1 to 1.

    Cast the result to a lower precision if need be: all 256 values stay distinct. Computed in that precision, some
    would round to the same number.
    """
    return ops.cast(values, "float32") * (2.0 / (levels - 1)) - 1.0
