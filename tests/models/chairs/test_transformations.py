"""Transformations against SciPy and colorsys; none at zero; image and mask together; random ones in their ranges."""

import colorsys

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from keras import ops

from image_generators.models.chairs import transformations
from image_generators.models.chairs.transformations import NAMES, RANGES, SPATIAL

RANDOM = np.random.default_rng(0)
SIZE = 16


def pictures(n=3):
    """Random colours times a random mask, and the mask: float32 [n, 16, 16, 4], 0 to 1."""
    mask = RANDOM.choice([0.0, 0.4, 1.0], (n, SIZE, SIZE, 1))
    return np.concatenate([RANDOM.random((n, SIZE, SIZE, 3)) * mask, mask], axis=-1).astype("float32")


def vectors(n=3, beyond=2.0):
    """Random transformations, also beyond the ranges of training."""
    return (RANDOM.uniform(-beyond, beyond, (n, 8)) * RANGES).astype("float32")


def only(**parts):
    """One transformation [1, 8] of these parts."""
    return np.array([[parts.get(name, 0.0) for name in NAMES]], "float32")


def applied(rgba, theta):
    return ops.convert_to_numpy(transformations.apply(rgba, theta))


def affine(picture, theta):
    """p' = zoom R diag(stretch, 1 / stretch) p + shift, by SciPy: [H, W, C] of one transformation [8]."""
    zoom, stretch, angle = np.exp(theta[0]), np.exp(theta[1]), theta[4]
    # Rows grow downwards: counter-clockwise on the screen takes (right, down) = (1, 0) to (cos, -sin).
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = zoom * rotation @ np.diag([stretch, 1 / stretch])  # of (right, down)
    backward = np.linalg.inv(forward)[::-1, ::-1]  # of (row, column)
    centre = np.full(2, (SIZE - 1) / 2)
    shift = np.array([theta[3], theta[2]]) * SIZE
    offset = centre - backward @ (centre + shift)
    options = {"offset": offset, "order": 1, "mode": "grid-constant", "cval": 0.0, "output": "float64"}
    return np.stack(
        [scipy.ndimage.affine_transform(channel, backward, **options) for channel in picture.T.swapaxes(1, 2)], -1
    )


def test_zero_parameters_change_nothing():
    rgba = pictures()
    np.testing.assert_allclose(applied(rgba, np.zeros((3, 8), "float32")), rgba, atol=2e-6)


def test_the_spatial_part_is_one_affine_resampling():
    rgba, theta = pictures(8), vectors(8)
    found = ops.convert_to_numpy(transformations.resample(rgba, theta))
    for i in range(8):
        np.testing.assert_allclose(found[i], affine(rgba[i], theta[i]), atol=2e-4)
    assert np.abs(found - rgba).max() > 0.3


def test_each_parameter_moves_in_the_documented_direction():
    """A dot 4 pixels right of the centre, between pixels 7 and 8."""
    rgba = np.zeros((1, SIZE, SIZE, 4), "float32")
    rgba[0, 7:9, 11:13] = 1.0
    centre = lambda moved: np.array(scipy.ndimage.center_of_mass(moved[0, ..., 3])) - 7.5  # noqa: E731  (down, right)
    np.testing.assert_allclose(centre(applied(rgba, only())), (0, 4), atol=1e-4)
    np.testing.assert_allclose(centre(applied(rgba, only(shift_x=-0.25, shift_y=0.125))), (2, 0), atol=1e-4)
    np.testing.assert_allclose(centre(applied(rgba, only(rotation=np.pi / 2))), (-4, 0), atol=1e-3)  # up
    np.testing.assert_allclose(centre(applied(rgba, only(log_zoom=np.log(1.5)))), (0, 6), atol=0.1)
    np.testing.assert_allclose(centre(applied(rgba, only(log_stretch=np.log(1.5)))), (0, 6), atol=0.1)
    tall = applied(rgba, only(log_stretch=-np.log(2)))[0, ..., 3]
    assert (tall.max(axis=1) > 0).sum() == 6 and (tall.max(axis=0) > 0).sum() == 2  # of 2x2, and bilinear edges


def test_image_and_mask_move_together_and_colours_leave_the_mask():
    rgba = pictures()
    rgba[..., :3] = rgba[..., 3:]  # white
    theta = vectors()
    theta[:, SPATIAL:] = 0.0
    found = applied(rgba, theta)
    np.testing.assert_allclose(found[..., :3], np.repeat(found[..., 3:], 3, axis=-1), atol=2e-6)
    coloured = theta.copy()
    coloured[:, SPATIAL:] = vectors()[:, SPATIAL:]
    np.testing.assert_array_equal(applied(pictures_like(rgba), coloured)[..., 3], found[..., 3])


def pictures_like(rgba):
    """Other colours under the same mask."""
    colours = RANDOM.random(rgba[..., :3].shape).astype("float32") * rgba[..., 3:]
    return np.concatenate([colours, rgba[..., 3:]], axis=-1)


def test_colours_change_as_in_hsv():
    """Brightness times V, saturation times S, hue on the circle; colorsys, pixel by pixel."""
    rgba, theta = pictures(2), vectors(2)
    rgba[..., 3] = 1.0
    rgba[0, 0] = [0.5, 0.5, 0.5, 1.0]  # grey, which has no hue
    found = ops.convert_to_numpy(transformations.recolour(rgba, theta))
    for i, row, column in np.ndindex(rgba.shape[:3]):
        hue, saturation, value = colorsys.rgb_to_hsv(*rgba[i, row, column, :3].astype("float64"))
        brightness, gain, turn = np.exp(theta[i, 5]), np.exp(theta[i, 6]), theta[i, 7] / (2 * np.pi)
        expected = colorsys.hsv_to_rgb((hue + turn) % 1.0, min(saturation * gain, 1.0), min(value * brightness, 1.0))
        np.testing.assert_allclose(found[i, row, column, :3], expected, atol=1e-5)


def test_a_colour_is_no_brighter_than_its_mask():
    """At an edge that is covered by half, white is 0.5."""
    rgba = np.full((1, 2, 2, 4), 0.5, "float32")
    rgba[..., 1] = 0.2
    found = applied(rgba, only(log_brightness=3.0))
    np.testing.assert_allclose(found[0, 0, 0], [0.5, 0.2, 0.5, 0.5], atol=1e-6)


def test_xla_gives_the_same_result():
    rgba, theta = pictures(), vectors()
    jitted = tf.function(transformations.apply, jit_compile=True)
    np.testing.assert_allclose(jitted(tf.constant(rgba), tf.constant(theta)), applied(rgba, theta), atol=1e-4)


@pytest.fixture(scope="module")
def drawn():
    return ops.convert_to_numpy(transformations.draw(4000, keras.random.SeedGenerator(1)))


def test_random_transformations_fill_their_ranges(drawn):
    assert drawn.shape == (4000, 8) and (np.abs(drawn) <= RANGES).all()
    assert (np.abs(drawn).max(axis=0) > 0.97 * RANGES).all()
    colours = drawn[:, SPATIAL:] / RANGES[SPATIAL:]
    np.testing.assert_allclose(colours.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(colours.std(axis=0), 3**-0.5, atol=0.02)  # uniform
    np.testing.assert_allclose(np.corrcoef(drawn.T) - np.eye(8), 0.0, atol=0.1)
    again = ops.convert_to_numpy(transformations.draw(4000, keras.random.SeedGenerator(2)))
    assert (again != drawn).all(axis=1).any()


def corners_before(theta):
    """Where the corners of transformed pictures were, from the centre, in sizes: [n, 4, (right, down)]."""
    corners = np.array([(x, y) for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
    places = []
    for zoom, stretch, x, y, angle, *_ in theta.astype("float64"):
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        forward = np.exp(zoom) * turned @ np.diag([np.exp(stretch), np.exp(-stretch)])
        places.append((corners - [x, y]) @ np.linalg.inv(forward).T)
    return np.array(places)


def test_no_corner_falls_outside_of_the_source(drawn):
    furthest = np.abs(corners_before(drawn[:1000])).max(axis=(1, 2))
    assert furthest.max() <= transformations.SOURCE / 2 + 1e-5
    free = RANDOM.uniform(-1, 1, (1000, 8)) * RANGES
    assert (np.abs(corners_before(free)).max(axis=(1, 2)) > transformations.SOURCE / 2).mean() > 0.1


def test_the_first_candidate_that_fits_is_taken():
    fits, far = only(log_zoom=0.1, hue=1.0)[0], only(log_zoom=-3.0, hue=0.5)[0]
    other = only(log_zoom=0.2)[0]
    chosen = ops.convert_to_numpy(transformations.choose(np.array([[fits, far, other], [far, other, fits], [far] * 3])))
    np.testing.assert_allclose(chosen, [fits, other, only(hue=0.5)[0]], atol=1e-6)


def test_spread_narrows_the_ranges():
    narrow = ops.convert_to_numpy(transformations.draw(500, keras.random.SeedGenerator(1), 0.1))
    assert (np.abs(narrow) <= 0.1001 * RANGES).all() and (np.abs(narrow).max(axis=0) > 0.09 * RANGES).all()
    np.testing.assert_array_equal(ops.convert_to_numpy(transformations.draw(5, 0, 0.0)), np.zeros((5, 8)))
