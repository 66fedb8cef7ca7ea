"""Area averaging against a loop, and what is kept of Omniglot's and LFW's images."""

import numpy as np
import pytest

from image_generators.data import reduce


def overlap(i, j, old, new):
    """How much of old pixel i lies in new pixel j, in old pixels."""
    ratio = old / new
    return max(0.0, min(i + 1, (j + 1) * ratio) - max(i, j * ratio))


@pytest.mark.parametrize("shape, size", [((7, 5), 3), ((8, 8), 4), ((5, 9), 5), ((15, 15), 4)])
def test_every_pixel_is_the_mean_of_its_area(shape, size):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    found = reduce.area_average(images, size)
    height, width = shape
    for row, column in np.ndindex(size, size):
        total, area = np.zeros((2, 3)), 0.0
        for i, j in np.ndindex(height, width):
            share = overlap(i, row, height, size) * overlap(j, column, width, size)
            total, area = total + share * images[:, i, j], area + share
        np.testing.assert_allclose(found[:, row, column], total / area, atol=0.5 + 1e-9)
    assert found.dtype == np.uint8


def test_the_same_size_changes_nothing_and_half_rounds_up():
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 1), dtype=np.uint8)
    np.testing.assert_array_equal(reduce.area_average(images, 6), images)
    assert reduce.area_average(np.uint8([[[[0], [1]], [[0], [1]]]]), 1).item() == 1


@pytest.mark.parametrize("size", [0, 7, 2.0, True])
def test_bad_sizes_are_refused(size):
    with pytest.raises(ValueError, match="size"):
        reduce.area_average(np.zeros((1, 5, 6, 1), np.uint8), size)


def test_a_character_is_ink_where_forty_percent_are_covered():
    """105 / 28 is 3.75: the first new pixel takes three whole columns and three quarters of the fourth."""
    images = np.full((3, 105, 105, 3), 255, np.uint8)
    images[0, :, :2] = 0
    images[1, :3, :2] = 0  # 6 of 14.1 pixels
    images[2, 0, :3] = images[2, 1, :2] = 0  # 5
    found = reduce.characters(images)
    assert found.shape == (3, 28, 28, 1) and found.dtype == np.uint8
    assert found[0, :, 0].all() and found[0].sum() == 28
    assert found[1, 0, 0] == 1 and found[1].sum() == 1
    assert not found[2].any()


def test_a_face_is_the_middle():
    photograph = np.zeros((1, 250, 250, 3), np.uint8)
    photograph[:, 61:189, 61:189] = 200
    photograph[:, 61:65, 61:65] = 40
    found = reduce.faces(photograph)
    assert found.shape == (1, 32, 32, 3)
    assert (found[0, 0, 0] == 40).all() and (found.reshape(-1, 3)[1:] == 200).all()
