"""Figure 1: the receptive fields that the gradient shows are those that follow from the masks."""

import numpy as np
import pytest

from image_generators.reproduce import fig1_blind_spot


def reached(size, steps):
    """Pixels that the middle one reaches: each step is a set of (row, column) offsets that a layer looks at."""
    middle = (size // 2, size // 2)
    found = {middle}
    for offsets in steps:
        found = {(r + down, c + right) for r, c in found for down, right in offsets}
    field = np.zeros((size, size), bool)
    for r, c in found:
        if 0 <= r < size and 0 <= c < size:
            field[r, c] = True
    return field


def masked(kernel_size, centre):
    """Offsets of a masked kernel: rows above, the row up to its centre, the centre itself with mask B."""
    reach = kernel_size // 2
    above = [(down, right) for down in range(-reach, 0) for right in range(-reach, reach + 1)]
    return [*above, *((0, right) for right in range(-reach, centre))]


@pytest.fixture(scope="module", params=[(3, 4), (5, 2)], ids=str)
def measured(request):
    kernel_size, depth = request.param
    return kernel_size, depth, fig1_blind_spot.receptive_fields(kernel_size, depth)


def test_pixelcnn_sees_what_its_masks_let_through(measured):
    kernel_size, depth, fields = measured
    expected = reached(len(fields["PixelCNN"]), [masked(kernel_size, 0)] + [masked(kernel_size, 1)] * (depth - 1))
    np.testing.assert_array_equal(fields["PixelCNN"], expected)


def test_gated_pixelcnn_sees_the_whole_rectangle_above_and_the_row(measured):
    kernel_size, depth, fields = measured
    seen, reach = fields["Gated PixelCNN"], kernel_size // 2 * depth
    middle = len(seen) // 2
    expected = np.zeros_like(seen)
    expected[middle - reach - 1 : middle, middle - reach : middle + reach + 1] = True
    expected[middle, middle - reach : middle] = True
    np.testing.assert_array_equal(seen, expected)


def test_the_picture_marks_the_blind_spot(measured):
    _, _, fields = measured
    dark = np.array(fig1_blind_spot._COLOURS["blind spot"], "uint8")
    panels = {name: fig1_blind_spot._panel(name, seen) for name, seen in fields.items()}
    marked = {name: (panel == dark).all(axis=-1).any() for name, panel in panels.items()}
    assert marked == {"PixelCNN": True, "Gated PixelCNN": False}


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("kernel_size", {"kernel_size": 4}),
        ("kernel_size", {"kernel_size": 1}),
        ("kernel_size", {"kernel_size": 99999}),
        ("depth", {"depth": 1}),
        ("depth", {"depth": 10**9, "size": 5}),
        ("size", {"size": 8}),
        ("size", {"size": 99999}),
        ("size", {"kernel_size": 31, "depth": 60}),
    ],
)
def test_errors_name_the_bad_argument(name, arguments):
    """And at once: such a network is never made."""
    with pytest.raises(ValueError, match=f"^{name} must be .*Received: "):
        fig1_blind_spot.receptive_fields(**arguments)
