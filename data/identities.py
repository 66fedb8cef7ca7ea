"""Splits by identity, and batches with several images of each identity.

An identity is a label: a character of Omniglot, a person, a class. Splits by identity have no identity in common, so
validation and test measure how well a model handles identities that it was not trained on.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from image_generators.data.batches import AUGMENTATION, check_integers, generator
from image_generators.data.image_data import ImageData, Split

IDENTITIES = 2  # key of the random numbers of this module, apart from those of data/batches.py
EPISODES_SEED = 1606


def hold_out(split: Split, identities: int) -> tuple[Split, Split]:
    """Holds out the images of the last `identities` labels of a split.

    Returns:
        (the other images, the held-out images), in their original order.

    Raises:
        ValueError: `identities` is not an integer from 1 to the number of labels minus 1.
    """
    labels = np.unique(split.labels)
    if isinstance(identities, bool) or not isinstance(identities, int) or not 0 < identities < len(labels):
        rule = f"identities must be an integer from 1 to {len(labels) - 1}"
        raise ValueError(f"{rule}. Received: identities={identities!r}")
    held = split.labels >= labels[-identities]
    return Split(split.images[~held], split.labels[~held]), Split(split.images[held], split.labels[held])


def rotated(split: Split) -> Split:
    """Adds the images rotated by 90, 180 and 270 degrees. Each rotation of an identity is a new identity.

    This is usual for Omniglot: it gives four times as many characters to train on.
    """
    count = int(split.labels.max()) + 1
    images = np.concatenate([np.rot90(split.images, turns, axes=(1, 2)) for turns in range(4)])
    return Split(images, np.concatenate([split.labels + turns * count for turns in range(4)]))


def batches(
    split: Split,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ways: int = 20,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches with `batch_size / ways` random images of each of `ways` random identities.

    As in data/batches.py, a batch depends only on (seed, step). A batch is a sequence of rounds: each has one image of
    every identity, in the same order, so any two rounds are an episode (`episodes`). If an identity has too few images,
    some appear several times. Identities with a single image are left out.

    Args:
        split: images with labels.
        batch_size: a multiple of 2 * ways.
        seed, start_step, augment: as for `data.batches.batches`.
        ways: identities per batch, at least 2.

    Returns:
        An iterator of (images, labels): `[batch_size, height, width, channels]` and int32 `[batch_size]`.

    Raises:
        ValueError: an argument is not an integer or is out of range, or `split` has too few identities.
    """
    check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0), ("ways", ways, 2))
    if batch_size % (2 * ways):
        rule = f"batch_size must be a multiple of 2 * ways, {2 * ways}"
        raise ValueError(f"{rule}. Received: batch_size={batch_size}")
    groups = _groups(split, ways)
    return _generate(split, groups, batch_size // ways, ways, int(seed), int(start_step), augment)


def _generate(split, groups, rounds, ways, seed, step, augment):
    while True:
        rng = generator(seed, IDENTITIES, step)
        chosen = [groups[i] for i in rng.choice(len(groups), ways, replace=False)]
        columns = [rng.permutation(group)[np.arange(rounds) % len(group)] for group in chosen]
        indices = np.stack(columns, axis=1).ravel()  # round after round
        images = split.images[indices]
        if augment is not None:
            images = augment(images, generator(seed, AUGMENTATION, step))
        yield images, split.labels[indices]
        step += 1


def episodes(data: ImageData, ways: int = 20) -> ImageData:
    """Arranges every split so that each 2 * `ways` images are an episode. The episodes are the same in every call.

    An episode is a task of N-way one-shot identification with N = `ways`: one image of each of N identities, then
    another image of each, in the same order. An image is in at most one episode. Images without a partner, and episodes
    with fewer than N identities, are left out.

    Raises:
        ValueError: `ways` is not at least 2, or a split has fewer identities with two images.
    """
    check_integers(("ways", ways, 2))
    splits = {}
    for number, name in enumerate(("train", "validation", "test")):
        split = getattr(data, name)
        indices = _episode_order(_groups(split, ways), ways, generator(EPISODES_SEED, number))
        splits[name] = Split(split.images[indices], split.labels[indices])
    return dataclasses.replace(data, **splits)


def _episode_order(groups, ways, rng):
    pairs = [rng.permutation(group)[: len(group) // 2 * 2].reshape(-1, 2) for group in groups]
    order = []
    for number in range(max(map(len, pairs))):
        next_pairs = [of_identity[number] for of_identity in pairs if number < len(of_identity)]
        next_pairs = rng.permutation(np.stack(next_pairs))
        for start in range(0, len(next_pairs) - ways + 1, ways):
            order.append(next_pairs[start : start + ways].T.ravel())
    return np.concatenate(order)


def trials(labels: np.ndarray, each: int, rounds: int, seed: int = EPISODES_SEED) -> np.ndarray:
    """Draws, in each round, `each` images of every identity with at least that many images. No image is drawn twice.

    Args:
        labels: int `[n]`.
        each: images per identity and round, at least 1.
        rounds: the most rounds; there are fewer if an identity runs out of images.
        seed: integer of at least 0.

    Returns:
        Indices of images, int `[rounds, each, identities]`, identities in the order of their labels.

    Raises:
        ValueError: an argument is not an integer or is out of range, or no identity has `each` images.
    """
    check_integers(("each", each, 1), ("rounds", rounds, 1))
    rng, order = generator(seed, IDENTITIES), np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    groups = [order[start : start + n] for start, n in zip(starts, counts, strict=True) if n >= each]
    if not groups:
        most = max(counts, default=0)
        raise ValueError(f"labels must have {each} images or more of an identity. Received: {most} at most")
    rounds = min(rounds, *(len(group) // each for group in groups))
    chosen = [rng.permutation(group)[: rounds * each].reshape(rounds, each) for group in groups]
    return np.stack(chosen, axis=-1)


def partners(labels: np.ndarray, seed: int = EPISODES_SEED) -> tuple[np.ndarray, np.ndarray]:
    """Pairs every image with another image of its identity, and with one of another identity.

    Args:
        labels: int `[n]`.
        seed: integer of at least 0.

    Returns:
        Indices of partners of the same and of another identity, int `[n]` each. Each is a permutation. The only image
        of an identity is its own partner.

    Raises:
        ValueError: more than half of the images are of one identity.
    """
    n, rng = len(labels), generator(seed, IDENTITIES)
    order = np.lexsort((rng.random(n), labels))  # sorted by identity, each identity shuffled
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    if max(counts) > n // 2:
        rule = "labels must have at most half of the images of one identity"
        raise ValueError(f"{rule}. Received: {max(counts)} of {n}")
    start, count, place = np.repeat(starts, counts), np.repeat(counts, counts), np.arange(n)
    same, other = np.empty(n, int), np.empty(n, int)
    same[order] = order[start + (place - start + 1) % count]
    other[order] = order[(place + n // 2) % n]
    return same, other


def most_ways(data: ImageData, at_most: int = 20) -> int:
    """The most identities that an episode of every split can have, up to `at_most`."""
    return min(at_most, *(len(_several(getattr(data, name))) for name in ("train", "validation", "test")))


def _groups(split, ways):
    """Indices of the images of each identity with at least two images."""
    several = _several(split)
    if len(several) < ways:
        raise ValueError(f"split must have {ways} identities with two images or more. Received: {len(several)}")
    order = np.argsort(split.labels, kind="stable")
    starts, ends = (np.searchsorted(split.labels[order], several, side) for side in ("left", "right"))
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]


def _several(split):
    """Labels with at least two images."""
    if split.labels is None:
        raise ValueError("split must have labels, the identities of its images. Received: None")
    labels, counts = np.unique(split.labels, return_counts=True)
    return labels[counts > 1]
