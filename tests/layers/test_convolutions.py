"""The two convolutions that the layers are made of."""

import numpy as np
import pytest
from keras import ops

from image_generators.layers.convolutions import pad, pointwise, valid_conv

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(2, 3, 4, 5)).astype("float32")


@pytest.mark.parametrize("top, left, right", [(0, 0, 0), (2, 0, 0), (0, 1, 0), (0, 0, 3), (1, 2, 3)])
def test_pad_adds_zeros_on_the_given_sides(top, left, right):
    expected = np.pad(MAPS, [(0, 0), (top, 0), (left, right), (0, 0)])
    np.testing.assert_array_equal(ops.convert_to_numpy(pad(MAPS, top, left, right)), expected)


def test_valid_convolution_is_a_sum_over_taps():
    kernel = RANDOM.normal(size=(2, 3, 5, 6)).astype("float32")
    expected = sum(MAPS[:, i : i + 2, j : j + 2] @ kernel[i, j] for i in range(2) for j in range(3))
    np.testing.assert_allclose(ops.convert_to_numpy(valid_conv(MAPS, kernel)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 5), (2, 3, 4, 5)])
def test_pointwise_multiplies_the_last_axis(shape):
    maps, kernel = (RANDOM.normal(size=s).astype("float32") for s in (shape, (5, 6)))
    np.testing.assert_allclose(ops.convert_to_numpy(pointwise(maps, kernel)), maps @ kernel, rtol=1e-5, atol=1e-5)
