"""Minibatches in an order that (seed, step) alone decides, so that a resumed run sees what it would have seen."""

import numbers
from collections.abc import Callable, Iterator

import numpy as np

from image_generators.data.image_data import Split

AUGMENTATION = 1  # keeps the random numbers of augmentation from those of the order


def batches(
    split: Split,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Endless shuffled minibatches.

    Every pass over the data is a permutation of its own and shows each example once; a batch may begin in one pass and
    end in the next. Starting at `start_step` gives what an uninterrupted iterator gives from there on, without replay.

    Args:
        split: `n` images and, perhaps, labels.
        batch_size: examples a batch, at least 1; it may be larger than `n`.
        seed: at least 0.
        start_step: batches already seen, at least 0.
        augment: `ImageData.augment`, for train alone: called with the images of each batch and a generator of its own.

    Returns:
        An iterator of images `[batch_size, height, width, channels]`, those of `augment` where there is one, and labels
        `[batch_size]` (None without labels).

    Raises:
        ValueError: an argument is no integer or out of range, or `split` is empty.
    """
    check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0))
    if not len(split.images):
        raise ValueError("split is empty; accepted: at least one image")
    return _generate(split, int(batch_size), int(seed), int(start_step), augment)


def check_integers(*arguments: tuple[str, int, int]) -> None:
    """Raises ValueError unless each (name, value, least) is an integer of at least that."""
    for name, value, least in arguments:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"{name} is {value!r}; accepted: integers from {least}")


def _generate(split, batch_size, seed, step, augment):
    for at in order(len(split.images), batch_size, seed, step):
        images = split.images[at]
        if augment is not None:
            images = augment(images, generator(seed, AUGMENTATION, step))
        yield images, None if split.labels is None else split.labels[at]
        step += 1


def order(n: int, batch_size: int, seed: int, start_step: int) -> Iterator[np.ndarray]:
    """Which of `n` examples make up each batch from `start_step` on, int64 `[batch_size]`, without end."""
    current, permuted = None, None
    step = start_step
    while True:
        chosen = []
        position, end = step * batch_size, (step + 1) * batch_size  # in the endless row of passes
        while position < end:
            number, offset = divmod(position, n)
            if number != current:
                current, permuted = number, _permutation(n, seed, number)
            chosen.append(permuted[offset : offset + end - position])
            position += len(chosen[-1])
        yield np.concatenate(chosen)
        step += 1


def _permutation(n, seed, number):
    """The order of pass `number`, counted from 0."""
    return generator(seed, number).permutation(n)


def generator(seed: int, *key: int) -> np.random.Generator:
    """The random numbers that belong to a seed and a key."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
