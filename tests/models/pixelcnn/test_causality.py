"""Which sub-pixels a prediction depends on, by gradient: all earlier ones and no other.

The order is raster order, R before G before B inside a pixel: the order of the flattened image.
"""

import numpy as np
import pytest

from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN

# Kernel size: blocks that carry a pixel across the widest image here (6 columns) and one more.
DEPTH = {3: 6, 5: 3, 7: 2}


def network(colours, kernel_size):
    depth = DEPTH[kernel_size]
    sizes = {"kernel_size": kernel_size, "first_kernel_size": kernel_size, "depth": depth}
    return {"image_shape": (4, 6, colours), "filters": 4 * colours, **sizes}


@pytest.mark.parametrize("kernel_size", DEPTH)
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])
def test_no_prediction_depends_on_its_own_or_a_later_subpixel(total_influence, model_class, colours, kernel_size):
    found = total_influence(model_class, **network(colours, kernel_size))
    assert not np.triu(found).any()  # exactly zero


@pytest.mark.parametrize("kernel_size", DEPTH)
@pytest.mark.parametrize("colours", [1, 3])
def test_a_gated_prediction_depends_on_every_earlier_subpixel(total_influence, colours, kernel_size):
    """No blind spot."""
    found = total_influence(GatedPixelCNN, **network(colours, kernel_size))
    assert found[np.tril_indices_from(found, k=-1)].all()


@pytest.mark.parametrize("kernel_size", DEPTH)
@pytest.mark.parametrize("colours", [1, 3])
def test_a_plain_pixelcnn_is_blind_above_to_the_right(total_influence, colours, kernel_size):
    """A row further up is a kernel's half width further to the right, and no more: Figure 1 of arXiv 1606.05328."""
    found = total_influence(PixelCNN, **network(colours, kernel_size))
    height, width = 4, 6
    found = found.reshape(height, width, colours, height, width, colours)
    expected = np.zeros(found.shape, bool)
    for row, column, seen_row, seen_column in np.ndindex(height, width, height, width):
        up, right = row - seen_row, seen_column - column
        if up == right == 0:
            expected[row, column, :, row, column] = np.tril(np.ones((colours, colours)), -1)
        else:
            past = up > 0 or (up == 0 and right < 0)
            expected[row, column, :, seen_row, seen_column] = past and right <= up * (kernel_size // 2)
    np.testing.assert_array_equal(found > 0, expected)


def test_of_an_8x8_image_the_gated_network_sees_all_2016_past_pairs(total_influence):
    sizes = {"image_shape": (8, 8, 1), "filters": 4, "depth": 7}
    gated = total_influence(GatedPixelCNN, **sizes)
    plain = total_influence(PixelCNN, **sizes)
    assert np.count_nonzero(gated) == 2016
    assert np.count_nonzero(plain) < 2016


def test_a_large_first_kernel_before_small_ones_is_causal_too(total_influence):
    sizes = {"image_shape": (5, 6, 3), "filters": 12, "first_kernel_size": 7, "kernel_size": 3, "depth": 4}
    gated = total_influence(GatedPixelCNN, **sizes)
    assert not np.triu(gated).any()
    assert gated[np.tril_indices_from(gated, k=-1)].all()
    assert not np.triu(total_influence(PixelCNN, **sizes)).any()


def test_a_kernel_of_one_sees_the_row_above_and_its_own_earlier_colours(total_influence):
    """The gated block's smallest kernel: no neighbour in the row, and one row above for the first block."""
    sizes = {"image_shape": (3, 2, 3), "filters": 12, "first_kernel_size": 1, "kernel_size": 1}
    found = total_influence(GatedPixelCNN, **sizes)
    found = found.reshape(3, 2, 3, 3, 2, 3) > 0
    for row, column in np.ndindex(3, 2):
        expected = np.zeros((3, 3, 2, 3), bool)
        expected[:, row, column] = np.tril(np.ones((3, 3)), -1)
        if row:
            expected[:, row - 1, column] = True
        np.testing.assert_array_equal(found[row, column], expected)
