"""Optical flow: known motions are tracked, flows concatenated, points interpolated, each against a plain loop."""

import numpy as np
import pytest
from scipy import ndimage

from image_generators.evaluation.chairs import optical_flow

POINTS = np.array([[20.0, 30.0], [40.5, 22.25], [31.0, 44.75]])


def texture(size=64, seed=0):
    """Smooth noise, uint8 [size, size], as a function: `texture()(dx, dy)` is it moved right and down."""
    noise = np.random.default_rng(seed).normal(size=(size + 40, size + 40))
    smooth = ndimage.gaussian_filter(noise, 2.5)
    smooth = 128 + 50 * smooth / smooth.std()

    def moved(right, down):
        shifted = ndimage.shift(smooth, (down, right), order=5)[20:-20, 20:-20]
        return np.rint(shifted.clip(0, 255)).astype("uint8")

    return moved


FLOWS = (optical_flow.deep_flow, optical_flow.dis_flow)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("right, down", [(1.0, 0.0), (-0.4, 0.7), (2.3, -1.6)])
def test_a_shift_is_found_within_a_tenth_of_a_pixel(flow, right, down):
    image = texture()
    found = optical_flow.at(flow(image(0, 0), image(right, down)), POINTS)
    np.testing.assert_allclose(found, np.broadcast_to([right, down], found.shape), atol=0.1)


@pytest.mark.parametrize("flow", FLOWS)
def test_points_are_tracked_through_frames_within_a_tenth_of_a_pixel(flow):
    """Round a bend: ten pixels to the right, four down."""
    image = texture()
    moves = np.array([[t, 4 * (t / 10) ** 2] for t in np.linspace(0, 10, 9)])
    tracks = optical_flow.track([image(*move) for move in moves], POINTS, flow)
    assert tracks.shape == (9, 3, 2)
    np.testing.assert_array_equal(tracks[0], POINTS.astype("float32"))
    np.testing.assert_allclose(tracks, POINTS + moves[:, None], atol=0.1)


def bilinear(flow, x, y):
    """By the definition; outside the image the border goes on."""
    height, width = flow.shape[:2]
    x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    across, down = x - left, y - top
    upper = (1 - across) * flow[top, left] + across * flow[top, right]
    lower = (1 - across) * flow[bottom, left] + across * flow[bottom, right]
    return (1 - down) * upper + down * lower


def test_flow_is_interpolated_bilinearly_and_extrapolated_outside():
    flow = np.random.default_rng(0).normal(size=(5, 7, 2)).astype("float32")
    points = np.array([[0, 0], [6, 4], [2.3, 1.8], [5.9, 0.1], [0.51, 3.77], [-3, 2.5], [9, -1], [6.4, 7.2]])
    expected = [bilinear(flow, x, y) for x, y in points]
    np.testing.assert_allclose(optical_flow.at(flow, points), expected, atol=1e-5)


def test_a_track_follows_the_flow_from_its_current_place():
    flows = 1.5 * np.random.default_rng(2).normal(size=(3, 6, 9, 2)).astype("float32")
    points = np.array([[2.0, 3.5], [7.25, 1.0]])
    expected = [points]
    for flow in flows:
        expected.append(np.array([here + bilinear(flow, *here) for here in expected[-1]]))
    np.testing.assert_allclose(
        optical_flow.track([0, 1, 2, 3], points, lambda first, second: flows[first]), expected, atol=1e-4
    )


def test_concatenated_flows_are_followed_from_pixel_to_pixel():
    flows = 1.5 * np.random.default_rng(1).normal(size=(4, 6, 9, 2)).astype("float32")
    expected = np.empty((6, 9, 2))
    for y in range(6):
        for x in range(9):
            here = np.array([x, y], float)
            for flow in flows:
                here = here + bilinear(flow, *here)
            expected[y, x] = here - (x, y)
    np.testing.assert_allclose(optical_flow.concatenate(flows), expected, atol=1e-4)


def test_a_descriptor_finds_its_own_pixel_and_a_moved_one():
    image = texture(seed=3)
    anywhere = np.ones((64, 64), bool)
    points = np.array([[20, 30], [40, 22], [31, 45]])
    np.testing.assert_array_equal(optical_flow.sift_matches(image(0, 0), image(0, 0), points, anywhere), points)
    np.testing.assert_array_equal(
        optical_flow.sift_matches(image(0, 0), image(5, -3), points, anywhere), points + np.array([5, -3])
    )


def test_matches_lie_in_the_mask():
    image, mask = texture(seed=3), np.zeros((64, 64), bool)
    mask[10:14, 50:52] = True
    (found,) = optical_flow.sift_matches(image(0, 0), image(0, 0), [[20, 30]], mask)
    assert 50 <= found[0] < 52 and 10 <= found[1] < 14


def test_there_is_a_descriptor_for_every_pixel():
    rows, columns = np.indices((64, 64))
    points = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    assert optical_flow.descriptors(texture()(0, 0), points).shape == (64 * 64, 128)


def test_errors_are_euclidean():
    found = [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]
    true = [[1.0, 2.0], [0.0, 0.0], [-1.0, 1.0]]
    np.testing.assert_allclose(optical_flow.errors(found, true), [0.0, 5.0, np.sqrt(2)])


def test_contrast_separates_black_and_white_chairs_from_the_background():
    rgba = np.array([[0, 0, 0, 0], [0, 0, 0, 255], [255, 255, 255, 255], [0, 200, 0, 255], [10, 10, 10, 20]], "uint8")
    np.testing.assert_array_equal(optical_flow.contrast(rgba[None]), [[0, 128, 255, 186, 15]])
