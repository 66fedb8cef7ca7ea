"""The order of minibatches: whole passes, keyed by (seed, step) alone."""

import itertools
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from image_generators.data.batches import batches
from image_generators.data.image_data import Split

sizes = strategies.integers(1, 30)
seeds = strategies.integers(0, 2**70)


def numbered(n, labels=True):
    """A split whose image i has i in its pixel and as its label."""
    number = np.arange(n)
    return Split(number.astype(np.uint8).reshape(n, 1, 1, 1), number.astype(np.int32) if labels else None)


def labels_of(iterator, count):
    return [labels.tolist() for _, labels in itertools.islice(iterator, count)]


@hypothesis.given(n=sizes, batch_size=sizes, seed=seeds)
def test_every_pass_is_a_permutation(n, batch_size, seed):
    passes = 4
    row = sum(labels_of(batches(numbered(n), batch_size, seed), -(-passes * n // batch_size)), [])
    for start in range(0, passes * n, n):
        assert sorted(row[start : start + n]) == list(range(n))


@hypothesis.given(n=sizes, batch_size=sizes, seed=seeds, start=strategies.integers(0, 40))
def test_starting_at_a_step_equals_skipping_to_it(n, batch_size, seed, start):
    uninterrupted = labels_of(batches(numbered(n), batch_size, seed), start + 5)
    assert labels_of(batches(numbered(n), batch_size, seed, start_step=start), 5) == uninterrupted[start:]


@hypothesis.given(n=sizes, batch_size=sizes, seed=seeds)
def test_images_and_labels_stay_together(n, batch_size, seed):
    for images, labels in itertools.islice(batches(numbered(n), batch_size, seed), 3):
        assert images.shape == (batch_size, 1, 1, 1) and images.dtype == np.uint8
        np.testing.assert_array_equal(images.ravel(), labels)


def test_passes_and_seeds_differ():
    first, second = labels_of(batches(numbered(100), 100, seed=1), 2)
    (other,) = labels_of(batches(numbered(100), 100, seed=2), 1)
    assert first != second and first != other and second != other and first != sorted(first)


def test_the_order_is_fixed():
    """A run resumed with a later version must go on where it was."""
    first, second = labels_of(batches(numbered(8), 8, seed=0), 2)
    assert first == [3, 7, 5, 0, 4, 6, 2, 1]
    assert second == [6, 5, 0, 4, 7, 2, 1, 3]


def test_a_large_step_starts_at_once():
    start = time.monotonic()
    next(batches(numbered(200), 7, seed=0, start_step=10**12))
    assert time.monotonic() - start < 1


def test_without_labels_there_are_none():
    images, labels = next(batches(numbered(5, labels=False), 2, seed=0))
    assert images.shape == (2, 1, 1, 1) and labels is None


def noisy(images, rng):
    """Numbers of its own for every image, in a picture of another size."""
    return images.repeat(3, axis=1) + rng.integers(100, size=(len(images), 3, 1, 1), dtype=np.uint8)


def augmented(seed, start_step, count):
    row = batches(numbered(10), 4, seed, start_step, augment=noisy)
    return [images.tolist() for images, _ in itertools.islice(row, count)]


@hypothesis.given(seed=seeds, start=strategies.integers(0, 10))
def test_augmented_batches_are_those_of_an_uninterrupted_run(seed, start):
    assert augmented(seed, start, 3) == augmented(seed, 0, start + 3)[start:]


def test_augmentation_differs_between_steps_and_seeds_and_leaves_the_order():
    """All images are zero, so that what is left are the random numbers."""
    blank = Split(np.zeros((4, 1, 1, 1), np.uint8), np.arange(4))
    first, second = itertools.islice(batches(blank, 4, seed=1, augment=noisy), 2)
    other = next(batches(blank, 4, seed=2, augment=noisy))
    drawn = [images.tolist() for images, _ in (first, second, other)]
    assert drawn[0] != drawn[1] and drawn[0] != drawn[2] and first[0].shape == (4, 3, 1, 1)
    plain = labels_of(batches(numbered(10), 4, seed=5), 9)
    assert labels_of(batches(numbered(10), 4, seed=5, augment=noisy), 9) == plain


def test_the_augmentation_is_fixed():
    """A run resumed with a later version must see what it would have seen."""
    images, _ = next(batches(Split(np.zeros((2, 1, 1, 1), np.uint8), None), 2, seed=0, start_step=7, augment=noisy))
    assert images.ravel().tolist() == [39, 12, 67, 85, 44, 65]


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8", True, None])
def test_bad_batch_sizes_are_refused_at_the_call(batch_size):
    with pytest.raises(ValueError, match=f"batch_size.*{batch_size!r}"):
        batches(numbered(5), batch_size, seed=0)


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="seed.*-1"):
        batches(numbered(5), 2, seed=-1)
    with pytest.raises(ValueError, match="start_step.*-3"):
        batches(numbered(5), 2, seed=0, start_step=-3)
    with pytest.raises(ValueError, match="split must have"):
        batches(numbered(0), 2, seed=0)
