"""Shuffled minibatches that depend only on (seed, step), so a resumed run sees the same batches as an unbroken one."""

import numbers
from collections.abc import Callable, Iterator

import numpy as np

from image_generators.data.image_data import Split

AUGMENTATION = 1  # key of the random numbers of augmentation, apart from those of the order


def batches(
    split: Split,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Endless shuffled minibatches.

    Every epoch is a new permutation that shows each example once. A batch may begin in one epoch and end in the next.
    Starting at `start_step` gives the batches that an uninterrupted iterator gives from there on, without replaying the
    earlier ones.

    Args:
        split: `n` images, with or without labels.
        batch_size: examples per batch, at least 1; may be larger than `n`.
        seed: integer of at least 0.
        start_step: number of batches to skip, at least 0.
        augment: `ImageData.augment`, for training data only; called with the images of each batch and a random
            generator for that batch.

    Returns:
        An iterator of (images, labels): images `[batch_size, height, width, channels]`, augmented if `augment` is
        given, and labels `[batch_size]`, or None without labels.

    Raises:
        ValueError: an argument is not an integer or is out of range, or `split` is empty.
    """
    check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0))
    if not len(split.images):
        raise ValueError("split must have at least one image. Received: an empty split")
    return _generate(split, int(batch_size), int(seed), int(start_step), augment)


def check_integers(*arguments: tuple[str, int, int]) -> None:
    """Raises ValueError unless, for each (name, value, minimum), `value` is an integer of at least `minimum`."""
    for name, value, minimum in arguments:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
            raise ValueError(f"{name} must be an integer of at least {minimum}. Received: {name}={value!r}")


def _generate(split, batch_size, seed, step, augment):
    for indices in order(len(split.images), batch_size, seed, step):
        images = split.images[indices]
        if augment is not None:
            images = augment(images, generator(seed, AUGMENTATION, step))
        yield images, None if split.labels is None else split.labels[indices]
        step += 1


def order(n: int, batch_size: int, seed: int, start_step: int) -> Iterator[np.ndarray]:
    """Endless iterator of the indices of each batch from `start_step` on: int64 `[batch_size]`, below `n`."""
    current, permutation = None, None
    step = start_step
    while True:
        parts = []
        position, end = step * batch_size, (step + 1) * batch_size  # in the concatenation of all epochs
        while position < end:
            epoch, offset = divmod(position, n)
            if epoch != current:
                current, permutation = epoch, _permutation(n, seed, epoch)
            parts.append(permutation[offset : offset + end - position])
            position += len(parts[-1])
        yield np.concatenate(parts)
        step += 1


def _permutation(n, seed, epoch):
    """The order of an epoch, counted from 0."""
    return generator(seed, epoch).permutation(n)


def generator(seed: int, *key: int) -> np.random.Generator:
    """A random generator that depends only on `seed` and `key`."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
