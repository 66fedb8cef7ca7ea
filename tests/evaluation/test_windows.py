"""Windows over images: the square stands where the filters are, pixel by pixel; its line says how sharp they are."""

import numpy as np
import pytest

from image_generators.evaluation import windows
from image_generators.layers.gaussian_attention import GaussianAttention
from image_generators.models.draw.glimpse_classifier import DrawClassifier

COLOUR = (255, 0, 9)


def image(height=9, width=12, channels=1):
    return np.random.default_rng(0).integers(100, 200, [height, width, channels], dtype=np.uint8)


def window(g_x, g_y, stride=1.0, sigma=1.0):
    return np.array([g_x, g_y, stride, sigma, 1.0])


def painted(picture):
    """Rows and columns that the line covers: (first row, last row, first column, last column), counted from 1."""
    rows, columns = np.nonzero((picture == COLOUR).all(-1))
    return rows.min() + 1, rows.max() + 1, columns.min() + 1, columns.max() + 1


def test_the_square_encloses_the_pixels_of_a_patch_with_a_stride_of_one():
    """Five filters round pixel 4 (across) and 6 (down): columns 2 to 6, rows 4 to 8; nothing else changes."""
    before = image()
    picture = windows.outline(before, window(4, 6), size=5, colour=COLOUR)
    assert picture.dtype == np.uint8 and picture.shape == (9, 12, 3)
    expected = np.broadcast_to(before, (9, 12, 3)).copy()
    expected[3:8, 1:6] = COLOUR
    expected[4:7, 2:5] = before[4:7, 2:5]
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("size, g", [(5, 5), (4, 5.5), (1, 7)])
def test_the_square_lies_round_the_filters_of_the_layer(scale, size, g):
    """The pixels that filters of stride 1 look at, found by their weights, and not by the formula for their means."""
    at = window(g, g - 1, sigma=0.01)
    filters_y, filters_x = (np.array(f[0]) for f in GaussianAttention(size, (9, 12, 1)).filterbank(at[None]))
    rows, columns = (np.flatnonzero(f.sum(0) > 0.5) + 1 for f in (filters_y, filters_x))
    picture = windows.outline(windows.enlarge(image(), scale), at, size, scale, COLOUR)
    first, last = 1 - scale, 0  # of the pixels that one pixel became
    found = painted(picture)
    assert found == (
        scale * rows[0] + first,
        scale * rows[-1] + last,
        scale * columns[0] + first,
        scale * columns[-1] + last,
    )


@pytest.mark.parametrize("stride, first, last", [(2.0, 7, 14), (3.0, 6, 15), (5.0, 3, 18)])
def test_a_wider_stride_is_a_larger_square(stride, first, last):
    """Four filters round 10.5: the outer ones 1.5 strides away."""
    picture = windows.outline(image(20, 20), window(10.5, 10.5, stride), 4, colour=COLOUR)
    assert painted(picture) == (first, last, first, last)


@pytest.mark.parametrize("size", [2, 5])
def test_the_window_that_covers_the_image_goes_along_its_border(size):
    """Eq. 22 to 24 with zeros: the centre, and the stride that puts the outer filters on the outer pixels."""
    layer = GaussianAttention(size, (12, 12, 1))
    layer.build((None, 3))
    picture = windows.outline(image(12), np.array(layer(np.zeros([1, 3], "float32")))[0], size, colour=COLOUR)
    border = np.ones([12, 12], bool)
    border[1:-1, 1:-1] = False
    np.testing.assert_array_equal((picture == COLOUR).all(-1), border)


@pytest.mark.parametrize("sigma, line", [(100.0, 1), (2.0, 2), (1.0, 4), (0.7, 6), (0.5, 8), (0.001, 8)])
def test_the_line_is_as_wide_as_the_precision(sigma, line):
    """1 / sigma pixels, of which each is four here; between 1 and 2 * 4, and inside the square."""
    picture = windows.outline(windows.enlarge(image(40, 40), 4), window(20.5, 20.5, sigma=sigma), 20, 4, COLOUR)
    middle = (picture[80] == COLOUR).all(-1)
    left, right = np.flatnonzero(middle[:80]), np.flatnonzero(middle[80:])
    assert len(left) == len(right) == line
    assert left[0] == 40 and right[-1] == 39  # the outer edge stays where it is


@pytest.mark.parametrize("g_x, g_y", [(-50, 4), (4, 80), (1e6, -1e6)])
def test_a_window_outside_the_image_draws_nothing(g_x, g_y):
    before = image(channels=3)
    np.testing.assert_array_equal(windows.outline(before, window(g_x, g_y, sigma=0.1), 5, colour=COLOUR), before)


def test_a_window_across_the_border_is_clipped():
    picture = windows.outline(image(), window(1, 5), 5, colour=COLOUR)
    assert painted(picture) == (3, 7, 1, 3)
    assert not (picture[3:6, 0] == COLOUR).all(-1).any()  # the left side is outside: no line stands in for it


def test_a_window_larger_than_the_image_draws_nothing():
    before = image()
    np.testing.assert_array_equal(
        windows.outline(before, window(6, 5, 50.0, 0.1), 5, colour=COLOUR), np.broadcast_to(before, (9, 12, 3))
    )


def test_a_window_of_size_zero_is_still_visible():
    assert painted(windows.outline(image(), window(6.5, 5.5, 1e-4, 5.0), 5, colour=COLOUR)) == (5, 6, 6, 7)


def test_windows_are_drawn_on_each_image_independently():
    some = np.random.default_rng(1).integers(256, size=[2, 1, 9, 12, 3], dtype=np.uint8)
    at = np.stack([[window(i + j, 4, 1 + j, 1.0) for j in range(3)] for i in range(2)])
    together = windows.outline(some, at, 3, colour=COLOUR)
    assert together.shape == (2, 3, 9, 12, 3)
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(together[i, j], windows.outline(some[i, 0], at[i, j], 3, colour=COLOUR))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"images": image() / 255}, r"Received: float64 \[9, 12, 1\]"),
        ({"images": image(channels=2)}, r"Received: uint8 \[9, 12, 2\]"),
        ({"images": image()[0]}, r"Received: uint8 \[12, 1\]"),
        ({"windows": window(1, 2)[:4]}, r"Received: \[1\. 2"),
        ({"windows": window(np.nan, 2)}, "windows"),
        ({"windows": window(1, 2, sigma=0.0)}, "strides and sigmas above 0"),
        ({"windows": window(1, 2, stride=-1.0)}, "strides and sigmas above 0"),
        ({"size": 0}, "size.*Received: 0"),
        ({"scale": 1.5}, r"scale.*Received: 1\.5"),
    ],
)
def test_errors_name_the_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        windows.outline(**({"images": image(), "windows": window(1, 2), "size": 3} | arguments))


def test_glimpses_fill_one_row_per_image_in_time_order():
    network = DrawClassifier((10, 10, 1), glimpses=3, units=4, glimpse_size=2, levels=256)
    network.build()
    digits = np.random.default_rng(0).integers(256, size=[2, 10, 10, 1], dtype=np.uint8)
    picture = windows.glimpses(network, digits, scale=2)
    assert picture.shape == (2 * 21 + 1, 3 * 21 + 1, 3)
    at = network.classify(digits).windows
    for i in range(2):
        for t in range(3):
            cell = picture[1 + 21 * i : 21 + 21 * i, 1 + 21 * t : 21 + 21 * t]
            alone = windows.outline(windows.enlarge(digits[i], 2), at[i, t], 2, 2, windows.GREEN)
            np.testing.assert_array_equal(cell, alone)
