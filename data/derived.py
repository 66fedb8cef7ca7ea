"""Data sets derived from stored ones: cluttered MNIST, two digits, binarisations of MNIST, crops of SVHN.

Randomly composed data sets store digits in train, and `augment` composes new images for every batch. Validation and
test images are composed once, with fixed seeds, from digits that are not in train.
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
AT_ONCE = 100  # images composed at once; the images of a seed depend on it


def cluttered_mnist(mnist: ImageData, name="cluttered_mnist", title="cluttered MNIST (100x100)") -> ImageData:
    """A digit among pieces of others, 100x100 (`compose.cluttered`), with the digit's label.

    In all three splits the pieces are cut from training digits.
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
    """Two digits of the same split at random positions in 60x60 pixels (`compose.two_digits`), without labels."""

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
    """MNIST with every pixel binarised once, with its grey value as probability; values 0 and 1, without labels.

    It always counts as a fallback, because numbers measured on two binarisations differ by up to a nat.
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
    """Binarises training digits anew for every batch; validation and test are those of the fixed binarised MNIST.

    Train has all digits of MNIST's train and validation splits that are not in the validation split of `fixed`. Its
    images are grey, 0 to 255; `augment` turns them into 0 and 1.

    Args:
        mnist: grey MNIST.
        fixed: the fixed binarised MNIST.

    Raises:
        DataError: a validation digit of `fixed` is not in `mnist`.
    """
    grey = np.concatenate([mnist.train.images, mnist.validation.images])
    held_out = matching.match(fixed.validation.images, grey)
    unmatched = np.count_nonzero(held_out < 0)
    if unmatched:
        raise DataError(
            f"{fixed.source}: {unmatched:,} of {len(held_out):,} validation images cannot have been binarised from "
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
    """`fixed` with `grey`, uint8 `[n, height, width, 1]`, as train split, binarised anew for every batch."""
    return dataclasses.replace(
        fixed, train=Split(grey, None), augmentation="binarised afresh", augment=compose.binarise, **description
    )


def svhn(full: ImageData, name="svhn", title="SVHN (54x54)") -> ImageData:
    """Crops of 54x54 pixels, without labels: random for training, central for validation and test."""

    def crop(images, rng):
        return compose.random_crops(images, CROP, rng)

    central = {split: Split(compose.centre_crops(getattr(full, split).images, CROP), None) for split in SEEDS}
    return dataclasses.replace(
        full,
        name=name,
        title=title,
        train=Split(full.train.images, None),
        **central,
        class_names=(),
        augmentation="random 54x54 crops",
        augment=crop,
    )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a data set is made from stored ones."""

    name: str
    title: str
    needs: tuple[str, ...]  # names of stored data sets, in the catalogue
    make: Callable[..., ImageData]  # takes those data sets, in this order


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
    """The recipe called `name`. ValueError: there is none."""
    if name not in RECIPES:
        raise ValueError(f"name must be one of {', '.join(map(repr, RECIPES))}. Received: name={name!r}")
    return RECIPES[name]


def _composed(digits, composer, labels):
    """`digits` with composed validation and test splits; `composer(split)` is a function of images and a generator."""
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
