"""Pixels as networks see them."""

from keras import ops


def scaled(values, levels):
    """Values 0 .. levels - 1, of any shape and dtype -> float32, -1 to 1.

    To cast to lower precision afterwards leaves 256 values apart; to compute there rounds some to their neighbours.
    """
    return ops.cast(values, "float32") * (2.0 / (levels - 1)) - 1.0
