"""Data sets made from stored ones: cluttered MNIST, two digits, binarisations of MNIST, crops of SVHN.

Where pictures are composed at random, train keeps the digits and composes afresh for every batch (`augment`), while
validation and test are composed once, with seeds of their own, from digits that train does not have.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from image_generators.data import compose, matching
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources.catalogue import CATALOGUE, DataError

SEEDS = {"validation": 1501, "test": 1502}
BINARISATION_SEED = 2008
CROP = 54
AT_ONCE = 100  # pictures composed together; part of what a seed gives


def cluttered_mnist(mnist: ImageData, name="cluttered_mnist", title="cluttered MNIST (100x100)") -> ImageData:
    """One whole digit among pieces of others, 100x100 (`compose.cluttered`), with the digit's label.

    The pieces are cut from training digits in all three splits.
    """
    sources = mnist.train.images

    def compose_batch(images, rng):
        return compose.cluttered(images, sources, rng)

    return dataclasses.replace(
        _composed(mnist, lambda split: compose_batch, lambda split: split.labels),
        name=name,
        title=title,
        augmentation="fresh clutter and positions",
        augment=compose_batch,
    )


def two_digit_mnist(mnist: ImageData, name="two_digit_mnist", title="two MNIST digits (60x60)") -> ImageData:
    """Two digits of the same split anywhere in 60x60 (`compose.two_digits`), no labels."""

    def composer(split):
        return lambda images, rng: compose.two_digits(images, split.images, rng)

    return dataclasses.replace(
        _composed(mnist, composer, lambda split: None),
        name=name,
        title=title,
        class_names=(),
        augmentation="fresh second digit and positions",
        augment=composer(mnist.train),
    )


def binarised_here(
    mnist: ImageData,
    name="mnist-binarised-here",
    title=f"MNIST binarised here (seed {BINARISATION_SEED}), not the fixed binarised MNIST",
) -> ImageData:
    """Grey digits and their splits, every pixel set once with its grey value as probability; 0 or 1, no labels.

    A fallback whatever it is made of: numbers measured on two binarisations differ in the last nat.
    """
    rng = np.random.Generator(np.random.Philox(BINARISATION_SEED))
    return dataclasses.replace(
        mnist,
        name=name,
        title=title,
        **{split: Split(compose.binarise(getattr(mnist, split).images, rng), None) for split in ("train", *SEEDS)},
        class_names=(),
        levels=2,
        is_fallback=True,
        source=f"{mnist.source}, binarised with seed {BINARISATION_SEED}",
    )


def dynamic_binarized_mnist(mnist: ImageData, fixed: ImageData) -> ImageData:
    """Training digits binarised afresh for every batch; validation and test are those of the fixed binarised MNIST.

    Train is every digit of MNIST's train and validation splits that is not in the validation split of `fixed`. Its
    images are grey (0 to 255) until `augment` has made them 0 or 1.

    Raises:
        DataError: some validation digits of `fixed` are not in `mnist`.
    """
    grey = np.concatenate([mnist.train.images, mnist.validation.images])
    held_out = matching.match(fixed.validation.images, grey)
    strangers = np.count_nonzero(held_out < 0)
    if strangers:
        raise DataError(
            f"{fixed.source}: {strangers:,} of {len(held_out):,} validation images cannot have been binarised from "
            f"a training digit of {mnist.title} ({mnist.source}), expected 0; pass a --data_dir with the originals"
        )
    return binarised_afresh(
        np.delete(grey, held_out, 0),
        fixed,
        name="dynamic_binarized_mnist",
        title="binarised MNIST (training digits binarised afresh)",
        source=f"{mnist.source}; {fixed.source}",
    )


def binarised_afresh(grey: np.ndarray, fixed: ImageData, **description) -> ImageData:
    """`fixed` with `grey` (uint8 `[n, height, width, 1]`) for its train split, binarised afresh for every batch."""
    return dataclasses.replace(
        fixed, train=Split(grey, None), augmentation="binarised afresh", augment=compose.binarise, **description
    )


def svhn(full: ImageData, name="svhn", title="SVHN (54x54)") -> ImageData:
    """Crops of 54x54, no labels: at random for training, from the middle for validation and test."""

    def crop(images, rng):
        return compose.random_crops(images, CROP, rng)

    middles = {split: Split(compose.centre_crops(getattr(full, split).images, CROP), None) for split in SEEDS}
    return dataclasses.replace(
        full,
        name=name,
        title=title,
        train=Split(full.train.images, None),
        **middles,
        class_names=(),
        augmentation="random 54x54 crops",
        augment=crop,
    )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a data set is made of stored ones."""

    name: str
    title: str
    needs: tuple[str, ...]  # names in the catalogue
    make: Callable[..., ImageData]  # from those, in this order


RECIPES = {
    recipe.name: recipe
    for recipe in (
        *(Recipe(entry.name, entry.title, (entry.name,), lambda stored: stored) for entry in CATALOGUE.values()),
        Recipe("cluttered_mnist", "cluttered MNIST (100x100)", ("mnist",), cluttered_mnist),
        Recipe("two_digit_mnist", "two MNIST digits (60x60)", ("mnist",), two_digit_mnist),
        Recipe(
            "dynamic_binarized_mnist",
            "binarised MNIST (training digits binarised afresh)",
            ("mnist", "binarized_mnist"),
            dynamic_binarized_mnist,
        ),
        Recipe("svhn", "SVHN (54x54)", ("svhn_full",), svhn),
    )
}


def find(name: str) -> Recipe:
    """The recipe called `name`. Raises ValueError for any other name."""
    if name not in RECIPES:
        raise ValueError(f"name is {name!r}; accepted: {', '.join(map(repr, RECIPES))}")
    return RECIPES[name]


def _composed(digits, composer, labels):
    """`digits` with validation and test composed: `composer(split)` makes pictures from images and a generator."""
    splits = {"train": Split(digits.train.images, labels(digits.train))}
    for name, seed in SEEDS.items():
        split = getattr(digits, name)
        rng = np.random.Generator(np.random.Philox(seed))
        pieces = [
            composer(split)(split.images[start : start + AT_ONCE], rng)
            for start in range(0, len(split.images), AT_ONCE)
        ]
        splits[name] = Split(np.concatenate(pieces), labels(split))
    seeds = " and ".join(f"{name} with seed {seed}" for name, seed in SEEDS.items())
    return dataclasses.replace(digits, **splits, source=f"{digits.source}; composed: {seeds}")
