"""Small real images that ship with scikit-learn, for machines without data sets and network.

They stand in for other data sets, so that every script runs everywhere. They have their own names, because results on
them are not comparable with results on CIFAR-10 or MNIST.
"""

import dataclasses
import pathlib

import numpy as np

from image_generators.data import derived
from image_generators.data.image_data import ImageData, Split

CROP = 32
TRAIN_STRIDE = 8
# Widths in pixels of vertical bands of a photograph, repeated up to its right edge. No crop crosses a border, so the
# splits share no pixel. Each split gets a band near the middle of a photograph and one near its edge.
BANDS = (("train", 192), ("validation", 64), ("test", 64))
HELD_OUT_DIGITS = 300
BINARISATION_SEED = 2008
IDENTITIES = {"train": (0, 1, 2, 3, 4), "validation": (5, 6), "test": (7, 8, 9)}


def load(name: str) -> ImageData:
    """The fallback for the data set `name`, a name that `images.load` accepts."""
    return {
        "cifar10": photographs,
        "mnist": digits,
        "binarized_mnist": binarised_digits,
        "dynamic_binarized_mnist": digits_binarised_afresh,
        "cluttered_mnist": cluttered_digits,
        "two_digit_mnist": two_digits,
        "svhn_full": large_photographs,
        "svhn": cropped_photographs,
        "omniglot": unseen_digits,
        "lfw": lambda: unseen_digits("Labeled Faces in the Wild"),
    }[name]()


def photographs(size: int = CROP, instead_of: str = "CIFAR-10") -> ImageData:
    """Square crops of scikit-learn's two photographs at full resolution; labels are the photographs.

    Train crops overlap, with a stride of 8; validation and test crops do not. Downsampling the photographs by two would
    leave a quarter of the crops with, judging by the size of their PNGs, little more detail.
    """
    import sklearn
    from sklearn.datasets import load_sample_images

    sample = load_sample_images()
    crops = {split: [[] for _ in sample.images] for split, _ in BANDS}
    for photograph, image in enumerate(sample.images):
        left = 0
        while left < image.shape[1]:
            for split, width in BANDS:
                stride = TRAIN_STRIDE if split == "train" else size
                crops[split][photograph] += _crops(image[:, left : left + width], size, stride)
                left += width
    splits = {
        split: Split(np.concatenate(parts), np.repeat(np.arange(len(parts), dtype=np.int32), [len(p) for p in parts]))
        for split, parts in crops.items()
    }
    return ImageData(
        name=f"sklearn-photographs-{size}x{size}",
        title=f"photographs of scikit-learn ({size}x{size} crops), not {instead_of}",
        **splits,
        class_names=tuple(pathlib.Path(path).stem for path in sample.filenames),
        levels=256,
        is_fallback=True,
        source=f"scikit-learn {sklearn.__version__} load_sample_images",
    )


def large_photographs() -> ImageData:
    """`photographs` at 64x64."""
    return photographs(64, "SVHN")


def cropped_photographs() -> ImageData:
    """Crops of `large_photographs` at 54x54, random for training."""
    return derived.svhn(
        large_photographs(),
        name="sklearn-photographs-54x54",
        title="photographs of scikit-learn (54x54 crops), not SVHN",
    )


def digits() -> ImageData:
    """Scikit-learn's 1,797 grey 8x8 digits; the last 300 are the test set, the 300 before them validation."""
    grey, labels, version = _digits()
    return ImageData(
        name="sklearn-digits-8x8",
        title="digits of scikit-learn (8x8), not MNIST",
        **_divide(np.rint(grey * 255).astype(np.uint8), labels),
        class_names=tuple("0123456789"),
        levels=256,
        is_fallback=True,
        source=f"scikit-learn {version} load_digits",
    )


def binarised_digits() -> ImageData:
    """`digits` with every pixel binarised once, with its grey value as probability; 0 and 1, without labels."""
    grey, _, version = _digits()
    uniform = np.random.Generator(np.random.Philox(BINARISATION_SEED)).random(grey.shape)
    return ImageData(
        name="sklearn-digits-8x8-binarised",
        title="digits of scikit-learn (8x8, binarised), not binarised MNIST",
        **_divide((uniform < grey).astype(np.uint8), None),
        class_names=(),
        levels=2,
        is_fallback=True,
        source=f"scikit-learn {version} load_digits, binarised with seed {BINARISATION_SEED}",
    )


def digits_binarised_afresh() -> ImageData:
    """`binarised_digits` with grey training digits, which are binarised anew for every batch."""
    fixed = binarised_digits()
    return derived.binarised_afresh(
        digits().train.images,
        fixed,
        name="sklearn-digits-8x8-binarised-afresh",
        title="digits of scikit-learn (8x8, training digits binarised afresh), not binarised MNIST",
    )


def cluttered_digits() -> ImageData:
    """Scikit-learn's digits, enlarged to MNIST's size, in clutter, 100x100."""
    return derived.cluttered_mnist(
        enlarged_digits(),
        name="sklearn-digits-cluttered",
        title="cluttered digits of scikit-learn (100x100), not cluttered MNIST",
    )


def two_digits() -> ImageData:
    """Two of scikit-learn's digits, enlarged to MNIST's size, in 60x60."""
    return derived.two_digit_mnist(
        enlarged_digits(),
        name="sklearn-two-digits",
        title="two digits of scikit-learn (60x60), not two of MNIST",
    )


def enlarged_digits() -> ImageData:
    """`digits` enlarged to 28x28: every pixel becomes 3x3, with a black border of two pixels."""
    small = digits()

    def enlarge(split):
        large = split.images.repeat(3, axis=1).repeat(3, axis=2)
        return Split(np.pad(large, ((0, 0), (2, 2), (2, 2), (0, 0))), split.labels)

    return dataclasses.replace(
        small,
        name="sklearn-digits-28x28",
        title="digits of scikit-learn (enlarged to 28x28), not MNIST",
        **{split: enlarge(getattr(small, split)) for split in ("train", "validation", "test")},
    )


def unseen_digits(instead_of: str = "Omniglot") -> ImageData:
    """Scikit-learn's digits as identities: 0 to 4 for training, 5 and 6 for validation, 7 to 9 for test.

    Pixels are 1 from half of white on, otherwise 0.
    """
    grey, labels, version = _digits()
    binary = (grey >= 0.5).astype(np.uint8)
    splits = {
        split: Split(binary[np.isin(labels, of_split)], labels[np.isin(labels, of_split)])
        for split, of_split in IDENTITIES.items()
    }
    return ImageData(
        name="sklearn-digits-8x8-by-identity",
        title=f"digits of scikit-learn (8x8, black and white, 7 to 9 unseen), not {instead_of}",
        **splits,
        class_names=tuple("0123456789"),
        levels=2,
        is_fallback=True,
        source=f"scikit-learn {version} load_digits",
    )


def _crops(band, size, stride):
    height, width, _ = band.shape
    return [
        band[top : top + size, left : left + size]
        for top in range(0, height - size + 1, stride)
        for left in range(0, width - size + 1, stride)
    ]


def _digits():
    """Grey values in [0, 1] `[n, 8, 8, 1]`, labels `[n]`, and the version of scikit-learn."""
    import sklearn
    from sklearn.datasets import load_digits

    sample = load_digits()
    return sample.images[..., np.newaxis] / 16, sample.target.astype(np.int32), sklearn.__version__


def _divide(images, labels):
    test, validation = len(images) - HELD_OUT_DIGITS, len(images) - 2 * HELD_OUT_DIGITS
    parts = {"train": slice(validation), "validation": slice(validation, test), "test": slice(test, None)}
    return {split: Split(images[part], None if labels is None else labels[part]) for split, part in parts.items()}
