"""Points of a surface in several views: where they are, and when they are hidden."""

import numpy as np
import pytest

from image_generators.data.chairs import key_points
from image_generators.data.chairs.renderer import Renderer


@pytest.fixture(scope="module")
def drawn(chair):
    return Renderer(chair, 128)


def test_a_shared_point_has_the_colour_of_its_part_in_both_views(drawn):
    """Seat and wood are told apart by colour; points near an edge may fall on either."""
    first, second = (20, 20), (54, 30)
    found = key_points.between(drawn, first, second, 300, seed=1)
    assert found.pixels.shape == (2, 300, 2) and found.seen.all()
    seat = (found.points[:, 1] >= 43) & (found.points[:, 1] <= 47) & (found.points[:, 2] > -18)
    assert 20 < seat.sum() < 280
    for view, pixels in zip((first, second), found.pixels, strict=True):
        x, y = np.rint(pixels).astype(int).T
        image = drawn.view(*view)[y, x].astype(int)
        assert ((image[:, 0] > 4 * image[:, 1]) == seat).mean() > 0.9
        assert (image[:, 3] > 0).mean() > 0.97


def test_positions_are_exact(drawn):
    """Rays through the positions in either view meet the same point."""
    views = (20, 20), (54, 30)
    found = key_points.between(drawn, *views, 100)
    for view, pixels in zip(views, found.pixels, strict=True):
        origin, directions = drawn.rays(pixels, *view)
        hits = drawn.cast(np.tile(origin, (100, 1)), directions)
        met = (origin + hits.distances[:, None] * directions[hits.rays]) * drawn.unit + drawn.centre
        assert np.median(np.abs(met - found.points[hits.rays]).max(1)) < 1e-3  # of a centimetre; the chair is 90 high


def test_hidden_points_are_not_visible(drawn):
    """The back's front is seen from the front alone, the seat's underside never; beyond the picture nothing is."""
    points = np.array([[0, 70, -18], [0, 70, -22], [0, 47, 10], [0, 43, 0], [0, 300, 0]], float)
    seen = key_points.follow(drawn, points, [0, 180], [20, 20]).seen
    assert seen.tolist() == [[True, False, True, False, False], [False, True, False, False, False]]


def test_random_points_are_each_seen_from_somewhere_and_follow_from_the_seed(drawn):
    azimuths, elevations = [0, 90, 180], [20, 20, 30]
    one, same, other = (key_points.of_views(drawn, azimuths, elevations, 40, seed) for seed in (3, 3, 4))
    assert one.seen.any(0).all() and not one.seen.all() and one.names == ("",) * 40
    np.testing.assert_array_equal(one.points, same.points)
    assert (one.points != other.points).any()


def test_corners_are_the_feet_and_the_top_of_the_back(chair, boxes):
    found = key_points.corners(chair)
    expected = {
        "front left foot": (-20, 0, 22),
        "front right foot": (20, 0, 22),
        "back left foot": (-20, 0, -22),
        "back right foot": (20, 0, -22),
        "top left corner": (-20, 90, None),
        "top right corner": (20, 90, None),
    }
    assert list(found) == list(expected)
    for name, place in expected.items():
        assert all(want is None or want == got for want, got in zip(place, found[name], strict=True)), name
    assert key_points.corners(boxes([((-5, 0, -5), (5, 9, 5), (1, 1, 1))])).keys() == {
        "front left foot", "front right foot", "back left foot", "back right foot"
    }  # fmt: skip
    pedestal = [((-2, 0, -2), (2, 40, 2), (1, 1, 1)), ((-20, 40, -20), (20, 44, 20), (1, 1, 1))]
    assert not key_points.corners(boxes(pedestal))


def test_a_chairs_points_in_the_standard_views(drawn):
    found = key_points.of_chair(drawn, 12)
    assert found.names[:6] == tuple(key_points.corners(drawn.mesh)) and found.names[6:] == ("",) * 12
    assert found.pixels.shape == (62, 18, 2) and found.seen[:, :6].any(0).all()


def test_bad_arguments_are_refused(drawn, boxes):
    with pytest.raises(ValueError, match="count.*0"):
        key_points.between(drawn, (0, 20), (10, 20), 0)
    plate = Renderer(boxes([((-5, 0, -5), (5, 1, 5), (1, 1, 1))]), 64)
    with pytest.raises(ValueError, match="count.*5"):
        key_points.between(plate, (0, 60), (180, -60), 5)
