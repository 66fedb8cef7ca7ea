"""The data sets of the papers: what each must contain, and checks of what was read."""

import dataclasses
from collections.abc import Callable

import numpy as np

from image_generators.data import reduce


class DataError(ValueError):
    """Data is missing, incomplete or of another data set. The message says where, what was found, and what to do."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A data set as TensorFlow Datasets stores it, with TFDS's own builder or with one of ours."""

    name: str
    title: str
    version: str  # the order of the examples, and with it the validation split, depends on the version
    url: str  # one of the source files; `network.obstacle` checks it before a download
    image_shape: tuple[int, int, int]  # height, width, channels, after `reduce`
    levels: int  # values of a sub-pixel: 0 .. levels - 1
    class_names: tuple[str, ...]  # () when there are no labels
    examples: dict[str, int]  # by split, as stored
    builder: str = ""  # our module that registers it with TFDS, if TFDS does not have it
    held_out: int = 0  # number of validation examples at the end of train; 0 if there is a validation split
    # Or the number of labels, with all their images, that are held out from the end of train for each split, in order.
    held_out_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    stored_shape: tuple[int, int, int] | None = None  # shape in TFDS, if `reduce` changes it
    reduce: Callable[[np.ndarray], np.ndarray] | None = None  # uint8 [n, *stored_shape] -> uint8 [n, *image_shape]
    text_labels: bool = False  # labels are names in TFDS; they are numbered alphabetically

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the arrays of every split."""
        return ("images", "labels") if self.class_names else ("images",)


CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            name="cifar10",
            title="CIFAR-10",
            version="3.0.2",
            url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            image_shape=(32, 32, 3),
            levels=256,
            class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
            examples={"train": 50_000, "test": 10_000},
            held_out=5_000,
        ),
        Entry(
            name="mnist",
            title="MNIST",
            version="3.0.1",
            url="https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
            image_shape=(28, 28, 1),
            levels=256,
            class_names=tuple("0123456789"),
            examples={"train": 60_000, "test": 10_000},
            held_out=10_000,
        ),
        Entry(
            name="binarized_mnist",
            title="binarised MNIST",
            version="1.0.0",
            url="http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_train.amat",
            image_shape=(28, 28, 1),
            levels=2,
            class_names=(),
            examples={"train": 50_000, "validation": 10_000, "test": 10_000},
        ),
        Entry(
            name="svhn_full",
            title="SVHN (64x64)",
            version="1.0.0",
            url="http://ufldl.stanford.edu/housenumbers/train.tar.gz",
            image_shape=(64, 64, 3),
            levels=256,
            class_names=(),
            examples={"train": 231_054, "validation": 4_701, "test": 13_068},
            builder="image_generators.data.sources.svhn_full",
        ),
        Entry(
            name="omniglot",
            title="Omniglot (28x28, black and white)",
            version="3.0.0",
            url="https://github.com/brendenlake/omniglot/raw/master/python/images_background.zip",
            image_shape=(reduce.CHARACTER, reduce.CHARACTER, 1),
            levels=2,
            class_names=tuple(f"character {i}" for i in range(1623)),  # as TFDS numbers them, alphabet by alphabet
            examples={"train": 19_280, "test": 13_180},
            held_out_labels={"validation": 100},
            stored_shape=(105, 105, 3),
            reduce=reduce.characters,
        ),
        Entry(
            name="lfw",
            title="Labeled Faces in the Wild (32x32)",
            version="0.1.1",
            url="https://ndownloader.figshare.com/files/5976018",
            image_shape=(reduce.FACE, reduce.FACE, 3),
            levels=256,
            class_names=tuple(f"person {i}" for i in range(5749)),  # in the order of their names
            examples={"train": 13_233},
            held_out_labels={"test": 1150, "validation": 575},
            stored_shape=(250, 250, 3),
            reduce=reduce.faces,
            text_labels=True,
        ),
    )
}


def check_arrays(entry: Entry, where: str, remedy: str, images: np.ndarray, labels: np.ndarray | None) -> None:
    """Checks dtypes, shapes and values of arrays, but not the number of examples.

    Args:
        entry: the data set.
        where: path that the message names.
        remedy: end of the message: what to do.
        images: must be uint8 `[n, height, width, channels]`, below `entry.levels`.
        labels: must be integers `[n]` below the number of classes; ignored if there are no classes.

    Raises:
        DataError: the arrays do not fit `entry`.
    """

    def refuse(found, expected):
        raise DataError(f"{where}: found {found}, expected {expected}; {remedy}")

    if images.dtype != np.uint8:
        refuse(f"images of type {images.dtype}", "uint8")
    if images.shape[1:] != entry.image_shape:
        refuse(f"images of shape {images.shape}", f"(n, {', '.join(map(str, entry.image_shape))})")
    if entry.levels < 256 and images.size and images.max() >= entry.levels:
        refuse(f"pixels up to {images.max()}", f"0 to {entry.levels - 1}")
    if not entry.class_names:
        return
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != images.shape[:1]:
        refuse(f"labels of type {labels.dtype} and shape {labels.shape}", f"integers of shape {images.shape[:1]}")
    if labels.size and not 0 <= labels.min() <= labels.max() < len(entry.class_names):
        refuse(f"labels from {labels.min()} to {labels.max()}", f"0 to {len(entry.class_names) - 1}")


def check_count(entry: Entry, split: str, where: str, remedy: str, count: int) -> None:
    """Raises DataError if the split has another number of examples: half a data set would give wrong results."""
    if count != entry.examples[split]:
        raise DataError(
            f"{where}: found {count:,} examples in the {split} split of {entry.name}, "
            f"expected {entry.examples[split]:,}; {remedy}"
        )
