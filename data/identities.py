"""Whose image is it? Splits by identity, and batches that hold several images of each of some identities.

An identity is a label: a character of Omniglot, a person, a class. Two splits by identity have no identity in common,
so that what is measured on one says something of identities that training never saw.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from image_generators.data.batches import AUGMENTATION, check_integers, generator
from image_generators.data.image_data import ImageData, Split

IDENTITIES = 2  # keeps the random numbers of these batches from those of data/batches.py
EPISODES_SEED = 1606


def hold_out(split: Split, identities: int) -> tuple[Split, Split]:
    """Takes the last `identities` labels out of a split: (what stays, what is taken), each in its old order.

    Raises:
        ValueError: that is not at least one, or leaves none.
    """
    labels = np.unique(split.labels)
    if isinstance(identities, bool) or not isinstance(identities, int) or not 0 < identities < len(labels):
        raise ValueError(f"identities is {identities!r}; accepted: integers from 1 to {len(labels) - 1}")
    held = split.labels >= labels[-identities]
    return Split(split.images[~held], split.labels[~held]), Split(split.images[held], split.labels[held])


def turned(split: Split) -> Split:
    """The images as they are and turned by 90, 180 and 270 degrees, every turn of an identity an identity of its own.

    As is usual for Omniglot: a character turned is another character, and there are four times as many to learn from.
    """
    more = int(split.labels.max()) + 1
    images = np.concatenate([np.rot90(split.images, turn, axes=(1, 2)) for turn in range(4)])
    return Split(images, np.concatenate([split.labels + turn * more for turn in range(4)]))


def batches(
    split: Split,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ways: int = 20,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches of `ways` random identities by `batch_size / ways` random images of each.

    As data/batches.py, a batch follows from (seed, step) alone. Images of a batch stand in rounds, one image of each
    identity a round and in the same order, so that every two rounds are an episode (`episodes`). Of an identity that
    has too few images some come again; identities with a single image are left out.

    Args:
        split: images with labels.
        batch_size: a multiple of 2 * ways.
        seed, start_step, augment: as for data/batches.py.
        ways: identities in a batch, at least 2.

    Returns:
        An iterator of images `[batch_size, height, width, channels]` and labels int32 `[batch_size]`.

    Raises:
        ValueError: an argument is no integer or out of range, or `split` has fewer identities.
    """
    check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0), ("ways", ways, 2))
    if batch_size % (2 * ways):
        raise ValueError(f"batch_size is {batch_size}; accepted: multiples of 2 * ways, {2 * ways}")
    groups = _groups(split, ways)
    return _generate(split, groups, batch_size // ways, ways, int(seed), int(start_step), augment)


def _generate(split, groups, rounds, ways, seed, step, augment):
    while True:
        random = generator(seed, IDENTITIES, step)
        chosen = [groups[i] for i in random.choice(len(groups), ways, replace=False)]
        at = np.stack([random.permutation(group)[np.arange(rounds) % len(group)] for group in chosen], axis=1).ravel()
        images = split.images[at]
        if augment is not None:
            images = augment(images, generator(seed, AUGMENTATION, step))
        yield images, split.labels[at]
        step += 1


def episodes(data: ImageData, ways: int = 20) -> ImageData:
    """`data` with every split in an order in which each 2 * `ways` images are an episode, always the same ones.

    An episode is the task of N-way one-shot identification (N is `ways`): one image of each of N identities, then
    another one of each, in the same order. Every image comes in one episode at most: a last round of fewer than N
    identities is left out, and so is an image without a partner.

    Raises:
        ValueError: `ways` is not at least 2, or a split has fewer identities with two images.
    """
    check_integers(("ways", ways, 2))
    arranged = {}
    for number, name in enumerate(("train", "validation", "test")):
        split = getattr(data, name)
        at = _episode_order(_groups(split, ways), ways, generator(EPISODES_SEED, number))
        arranged[name] = Split(split.images[at], split.labels[at])
    return dataclasses.replace(data, **arranged)


def _episode_order(groups, ways, random):
    pairs = [random.permutation(group)[: len(group) // 2 * 2].reshape(-1, 2) for group in groups]
    order = []
    for number in range(max(map(len, pairs))):
        left = [of_one[number] for of_one in pairs if number < len(of_one)]  # the next pair of every identity
        left = random.permutation(np.stack(left))
        for start in range(0, len(left) - ways + 1, ways):
            order.append(left[start : start + ways].T.ravel())
    return np.concatenate(order)


def trials(labels: np.ndarray, each: int, rounds: int, seed: int = EPISODES_SEED) -> np.ndarray:
    """Positions of `each` different images of every identity that has so many, and of others in the next round.

    Args:
        labels: int `[n]`.
        each: images of an identity in a round, at least 1.
        rounds: how many, at most: no image comes twice.

    Returns:
        int `[rounds, each, identities]`, identities in the order of their labels.

    Raises:
        ValueError: an argument is no such integer, or no identity has so many images.
    """
    check_integers(("each", each, 1), ("rounds", rounds, 1))
    random, order = generator(seed, IDENTITIES), np.argsort(labels, kind="stable")
    found, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    groups = [order[start : start + n] for start, n in zip(starts, counts, strict=True) if n >= each]
    if not groups:
        raise ValueError(f"labels has {max(counts, default=0)} images of an identity at most; accepted: {each} or more")
    rounds = min(rounds, *(len(group) // each for group in groups))
    chosen = [random.permutation(group)[: rounds * each].reshape(rounds, each) for group in groups]
    return np.stack(chosen, axis=-1)


def partners(labels: np.ndarray, seed: int = EPISODES_SEED) -> tuple[np.ndarray, np.ndarray]:
    """For every image another one of its identity, and one of another identity: positions, int `[n]` each.

    An image without another of its identity is its own partner. Every image is a partner of each kind once.

    Raises:
        ValueError: more than half of the images are of one identity.
    """
    n, random = len(labels), generator(seed, IDENTITIES)
    order = np.lexsort((random.random(n), labels))  # identity after identity, each shuffled
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    if max(counts) > n // 2:
        raise ValueError(f"labels has {max(counts)} of {n} images of one identity; accepted: at most half")
    start, count, place = np.repeat(starts, counts), np.repeat(counts, counts), np.arange(n)
    same, other = np.empty(n, int), np.empty(n, int)
    same[order] = order[start + (place - start + 1) % count]
    other[order] = order[(place + n // 2) % n]
    return same, other


def most_ways(data: ImageData, at_most: int = 20) -> int:
    """How many identities an episode can have: `at_most`, or those of the split that has the fewest."""
    return min(at_most, *(len(_several(getattr(data, name))) for name in ("train", "validation", "test")))


def _groups(split, ways):
    """The positions of each identity's images, for identities that have several."""
    several = _several(split)
    if len(several) < ways:
        raise ValueError(f"split has {len(several)} identities with two images or more; accepted: at least {ways}")
    order = np.argsort(split.labels, kind="stable")
    starts, ends = (np.searchsorted(split.labels[order], several, side) for side in ("left", "right"))
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]


def _several(split):
    if split.labels is None:
        raise ValueError("split has no labels; accepted: images with the identities that they are of")
    labels, counts = np.unique(split.labels, return_counts=True)
    return labels[counts > 1]
