"""The masks and the convolution of the papers, written as loops, and gradients on the active backend."""

import keras
import numpy as np
import pytest


def _paper_mask(rows, columns, in_channels, filters, mask_type, colours):
    mask = np.zeros((rows, columns, in_channels, filters))
    for i, j, source, target in np.ndindex(mask.shape):
        down, right = i - rows // 2, j - columns // 2
        seen_colour, own_colour = source // (in_channels // colours), target // (filters // colours)
        if down < 0 or (down == 0 and right < 0):  # the rows above, and the pixels to the left
            mask[i, j, source, target] = 1
        elif down == right == 0:  # R, then G, then B
            mask[i, j, source, target] = seen_colour < own_colour or (mask_type == "B" and seen_colour == own_colour)
    return mask


def _plain_conv(maps, kernel):
    rows, columns = kernel.shape[:2]
    _, height, width, _ = maps.shape
    around = [(0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
    padded = np.pad(np.asarray(maps, "float64"), around)
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(rows) for j in range(columns)
    )  # [B, H, W, filters]


@pytest.fixture(scope="session")
def paper_mask():
    """`paper_mask(rows, columns, in_channels, filters, mask_type, colours)`: Section 2 of arXiv 1606.05328."""
    return _paper_mask


@pytest.fixture(scope="session")
def plain_conv():
    """`plain_conv(maps, kernel)`: zero-padded "same" convolution in NumPy, one tap after another."""
    return _plain_conv


@pytest.fixture(scope="session")
def gradient():
    """`gradient(f, *arrays)`: the derivatives of a scalar function, as NumPy arrays."""
    if keras.backend.backend() == "jax":
        import jax

        return lambda f, *arrays: [np.asarray(g) for g in jax.grad(f, argnums=tuple(range(len(arrays))))(*arrays)]
    import tensorflow as tf

    def gradient(f, *arrays):
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = f(*tensors)
        return [g.numpy() for g in tape.gradient(value, tensors, unconnected_gradients="zero")]

    return gradient
