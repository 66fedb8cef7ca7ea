"""What the tasks take from images, against loops and by hand; what remains is the same every time."""

import numpy as np
import pytest

from image_generators.data import degradations
from image_generators.data.degradations import TASKS
from image_generators.data.sources import fallback

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (8, 8, 12, 3)).astype("uint8")
SHAPES = {"colourise": (8, 8, 12, 1), "super_resolve": (8, 2, 3, 3), "inpaint": (8, 8, 12, 4)}


def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("task", TASKS)
def test_degraded_images_are_uint8_and_follow_from_the_generator(task):
    before = IMAGES.copy()
    found = TASKS[task].take(IMAGES, rng())
    assert found.dtype == np.uint8 and found.shape == SHAPES.get(task, IMAGES.shape)
    np.testing.assert_array_equal(found, TASKS[task].take(IMAGES, rng()))
    np.testing.assert_array_equal(IMAGES, before)
    guess = TASKS[task].guess(found)
    assert guess.dtype == np.uint8 and guess.shape == IMAGES.shape


@pytest.mark.parametrize("task", TASKS)
def test_no_images_give_no_results(task):
    assert TASKS[task].guess(TASKS[task].take(IMAGES[:0], rng())).shape == (0, 8, 12, 3)


def test_grey_is_luma():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], "uint8")[None]
    np.testing.assert_array_equal(degradations.grey(image)[0, 0, :, 0], [76, 150, 29, 255])


def test_shrinking_takes_means_of_squares():
    found = degradations.shrink(IMAGES)
    for n, row, column, colour in ((0, 0, 0, 0), (3, 1, 2, 2)):
        square = IMAGES[n, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4, colour]
        assert abs(int(found[n, row, column, colour]) - square.mean()) <= 0.5
    with pytest.raises(ValueError, match="images"):
        degradations.shrink(IMAGES[:, :6])


def test_hiding_keeps_the_known_and_tells_it_from_black():
    known = RANDOM.random((8, 8, 12)) < 0.5
    found = degradations.hide(IMAGES, known)
    np.testing.assert_array_equal(found[known][:, :3], IMAGES[known])
    assert (found[known][:, 3] == 255).all() and not found[~known].any()
    for wrong in (known.astype(int), known[:4], known[..., None]):
        with pytest.raises(ValueError, match="known.*Received"):
            degradations.hide(IMAGES, wrong)


def test_holes_are_of_every_kind():
    known = degradations.holes(400, 16, 16, rng())
    assert not known.all(axis=(1, 2)).any() and known.any(axis=(1, 2)).all()  # something hidden, something known
    lower, rectangles, single, strokes = (~known[kind::4] for kind in range(4))
    assert lower[:, 8:].all() and not lower[:, :8].any()
    for hole in rectangles:
        rows, columns = np.nonzero(hole.any(1))[0], np.nonzero(hole.any(0))[0]
        assert hole.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # it fills its own bounds
    assert 0.5 < single.mean() < 0.9
    assert len({stroke.tobytes() for stroke in strokes}) == 100
    assert not (known[1] == known[5]).all()


def test_noise_has_its_width_and_is_clipped():
    middle = np.full((4, 64, 64, 3), 128, "uint8")
    noise = degradations.add_noise(middle, rng()).astype(float) - 128
    assert abs(noise.mean()) < 0.5 and abs(noise.std() - 25) < 0.5
    assert degradations.add_noise(np.zeros_like(middle), rng()).max() < 160


def test_blur_is_a_gaussian_of_its_width_in_each_colour_alone():
    image = np.zeros((1, 21, 21, 3), "float64")
    image[0, 10, 10, 1] = 255 * 8
    found = degradations.blur(np.clip(image, 0, 255))  # a bright point of 255
    assert not found[..., [0, 2]].any()
    distance = np.hypot(*(np.indices((21, 21)) - 10))
    expected = np.exp(-0.5 * (distance / 1.5) ** 2)
    np.testing.assert_allclose(found[0, ..., 1], 255 * expected / expected.sum(), atol=1)
    flat = np.full((1, 9, 9, 3), 77, "uint8")
    np.testing.assert_array_equal(degradations.blur(flat), flat)  # edges too


def test_guesses_of_flat_images_are_exact():
    flat = np.full((4, 8, 12, 3), 90, "uint8")
    for task in ("super_resolve", "inpaint", "deblur", "colourise"):
        found = TASKS[task].guess(TASKS[task].take(flat, rng()))
        assert np.abs(found.astype(int) - 90).max() <= 1, task


def test_filling_holes_keeps_the_known():
    remains = TASKS["inpaint"].take(IMAGES, rng())
    found, known = degradations.fill_holes(remains), remains[..., 3] == 255
    np.testing.assert_array_equal(found[known], IMAGES[known])


def test_task_data_is_the_data_with_what_remains():
    data = fallback.photographs()
    found = degradations.task_data(data, "inpaint")
    assert found.name == f"{data.name}-inpaint" and found.class_names == () and found.is_fallback
    for split in ("train", "validation", "test"):
        images, remains = getattr(found, split).images, getattr(found, split).labels
        np.testing.assert_array_equal(images, getattr(data, split).images)
        known = remains[..., 3] == 255
        np.testing.assert_array_equal(remains[known][:, :3], images[known])
    assert found.fingerprint == degradations.task_data(data, "inpaint").fingerprint
    assert found.fingerprint not in (data.fingerprint, degradations.task_data(data, "denoise").fingerprint)
