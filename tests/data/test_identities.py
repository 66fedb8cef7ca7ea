"""Splits by identity, batches that hold several images of each of some, episodes, trials, partners."""

import itertools

import numpy as np
import pytest

from image_generators.data import identities
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import fallback


def split_of(counts, seed=0):
    """`counts[i]` images of identity 10 * i, shuffled; an image's pixel is its position."""
    labels = np.random.default_rng(seed).permutation(np.repeat(10 * np.arange(len(counts)), counts)).astype(np.int32)
    return Split(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), labels)


def data_of(*splits):
    named = dict(zip(("train", "validation", "test"), splits, strict=True))
    return ImageData("a", "A", **named, class_names=(), levels=256, is_fallback=True, source="made up")


def owners(split, images):
    return split.labels[images.ravel()]


def test_held_out_identities_are_the_last_with_all_their_images():
    whole = split_of([3, 4, 2, 5])
    kept, held = identities.hold_out(whole, 2)
    assert set(kept.labels) == {0, 10} and set(held.labels) == {20, 30}
    for part in (kept, held):
        np.testing.assert_array_equal(owners(whole, part.images), part.labels)
        assert (np.diff(part.images.ravel().astype(int)) > 0).all()
    assert len(kept.labels) + len(held.labels) == 14
    for number in (0, 4, 1.0, True):
        with pytest.raises(ValueError, match="identities"):
            identities.hold_out(whole, number)


def test_a_batch_holds_several_images_of_each_of_some_identities():
    split = split_of([8, 6, 9, 7, 5])
    for images, labels in itertools.islice(identities.batches(split, 12, seed=0, ways=3), 10):
        rounds = labels.reshape(4, 3)
        assert (rounds == rounds[0]).all() and len(set(rounds[0])) == 3
        np.testing.assert_array_equal(owners(split, images), labels)
        assert len(set(images.ravel().tolist())) == 12


def test_batches_follow_from_seed_and_step():
    split = split_of([8, 6, 9, 7, 5])
    images = [image for image, _ in itertools.islice(identities.batches(split, 12, seed=1, ways=3), 5)]
    again, _ = next(identities.batches(split, 12, seed=1, start_step=4, ways=3))
    np.testing.assert_array_equal(again, images[4])
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], next(identities.batches(split, 12, seed=2, ways=3))[0])


def test_images_of_a_small_identity_come_again_and_single_ones_never():
    split = split_of([2, 1, 2])
    images, labels = next(identities.batches(split, 12, seed=0, ways=2))
    assert set(labels) == {0, 20}
    assert sorted(np.bincount(images.ravel())[np.unique(images)]) == [3, 3, 3, 3]


def test_batches_are_augmented():
    split = split_of([4, 4])
    (plain, _), (changed, _) = (
        next(identities.batches(split, 4, seed=0, augment=augment, ways=2))
        for augment in (None, lambda images, rng: images + rng.integers(100, 200, images.shape, dtype=np.uint8))
    )
    assert (changed >= plain + 100).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 10}, "batch_size.*10"),
        ({"batch_size": 0}, "batch_size.*0"),
        ({"ways": 1}, "ways.*1"),
        ({"ways": 6, "batch_size": 24}, "split.*5"),
        ({"seed": -1}, "seed.*Received: seed=-1"),
    ],
)
def test_bad_batches_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        next(identities.batches(split_of([3] * 5), **{"batch_size": 12, "seed": 0, "ways": 3, **options}))


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match="split"):
        identities.batches(Split(np.zeros((4, 1, 1, 1), np.uint8), None), 4, 0, ways=2)


def test_episodes_show_every_image_once_and_identities_twice():
    """Seven, six, six, five images: three, three, three, two pairs; the last round of three has one identity less."""
    split = split_of([7, 6, 6, 5])
    data = identities.episodes(data_of(split, split_of([2, 2]), split_of([4, 4, 1])), ways=2)
    for original, arranged in ((split, data.train), (split_of([4, 4, 1]), data.test)):
        np.testing.assert_array_equal(owners(original, arranged.images), arranged.labels)
        assert len(set(arranged.images.ravel().tolist())) == len(arranged.images)
        pairs = arranged.labels.reshape(-1, 2, 2)
        assert (pairs[:, 0] == pairs[:, 1]).all() and (pairs[:, 0, 0] != pairs[:, 0, 1]).all()
    assert len(data.train.labels) == 20  # of eleven pairs, ten
    assert len(data.test.labels) == 8
    again = identities.episodes(data_of(split, split_of([2, 2]), split_of([4, 4, 1])), ways=2)
    assert again.fingerprint == data.fingerprint
    with pytest.raises(ValueError, match="split.*2"):
        identities.episodes(data_of(split, split_of([2, 2]), split), ways=3)


def test_ways_are_those_of_the_smallest_split():
    data = data_of(split_of([2] * 30), split_of([2] * 25), split_of([2] * 21 + [1]))
    assert identities.most_ways(data) == 20 and identities.most_ways(data, at_most=50) == 21
    assert identities.most_ways(fallback.unseen_digits()) == 2


def test_trials_take_new_images_every_round():
    labels = split_of([7, 9, 6, 2]).labels
    found = identities.trials(labels, 3, rounds=10)
    assert found.shape == (2, 3, 3)  # the one with two images is left out, that with six has two rounds
    np.testing.assert_array_equal(labels[found], np.broadcast_to([0, 10, 20], found.shape))
    assert len(set(found.ravel().tolist())) == found.size
    np.testing.assert_array_equal(found, identities.trials(labels, 3, rounds=10))
    assert identities.trials(labels, 3, rounds=1).shape == (1, 3, 3)
    with pytest.raises(ValueError, match="labels.*9"):
        identities.trials(labels, 10, 1)


def test_partners_share_the_identity_and_differ_from_the_image():
    labels = split_of([7, 9, 6, 2]).labels
    same, other = identities.partners(labels)
    np.testing.assert_array_equal(labels[same], labels)
    assert (same != np.arange(24)).all() and (labels[other] != labels).all()
    assert sorted(same) == sorted(other) == list(range(24))
    assert identities.partners(np.array([0, 1, 2, 2]))[0].tolist() == [0, 1, 3, 2]
    with pytest.raises(ValueError, match="labels.*5 of 8"):
        identities.partners(np.array([0] * 5 + [1] * 3))


def test_omniglots_splits_have_no_character_in_common(real):
    data = real("omniglot")
    seen = [set(split.labels.tolist()) for split in (data.train, data.validation, data.test)]
    assert [len(characters) for characters in seen] == [864, 100, 659]
    assert len(set.union(*seen)) == 1623
    for split in (data.train, data.validation, data.test):
        assert set(np.bincount(split.labels)) <= {0, 20}  # drawers
    assert data.image_shape == (28, 28, 1) and data.levels == 2
    assert data.train.images.max() == 1 and 0.07 < data.test.images.mean() < 0.12


def test_digits_stand_in_for_characters_by_identity():
    data = fallback.unseen_digits()
    seen = [set(split.labels.tolist()) for split in (data.train, data.validation, data.test)]
    assert seen == [{0, 1, 2, 3, 4}, {5, 6}, {7, 8, 9}]
    assert data.levels == 2 and data.train.images.max() == 1 and data.is_fallback
    assert sum(len(split.images) for split in (data.train, data.validation, data.test)) == 1797
    grey = np.concatenate([split.images for split in (fallback.digits().train,)])
    zero = data.train.images[data.train.labels == 0][0]
    first = grey[fallback.digits().train.labels == 0][0]
    np.testing.assert_array_equal(zero, first >= 128)


def test_a_turn_of_an_identity_is_another_identity():
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3, 1)[:, :, :2]
    found = identities.rotated(Split(images, np.array([3, 0], np.int32)))
    assert found.labels.tolist() == [3, 0, 7, 4, 11, 8, 15, 12]
    np.testing.assert_array_equal(found.images[:2], images)
    np.testing.assert_array_equal(found.images[2, ..., 0], [[1, 4], [0, 3]])
    np.testing.assert_array_equal(found.images[4:6], images[:, ::-1, ::-1])
