"""What a data set is once it is in memory: three splits of uint8 images, and a fingerprint that tells them apart.

Training images may be changed at random before a model sees them (`augment`); validation and test images never are.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images and, where there are any, their labels; or what else a model is given of each (data/degradations.py)."""

    images: np.ndarray  # uint8 [n, height, width, channels]
    labels: np.ndarray | None  # int32 [n]; of conditions uint8 [n, height, width, channels] or float32 [n, features]


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """A data set: train, validation and test have no example in common."""

    name: str
    title: str  # for table headings
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]  # () when there are no labels
    levels: int  # values of a sub-pixel: 0 .. levels - 1
    is_fallback: bool  # not the data set that was asked for
    source: str  # one line: where it came from
    augmentation: str = ""  # what `augment` does, in a few words for tables; part of the fingerprint
    # From train images [n, height, width, channels] and a generator, uint8 images [n, *image_shape].
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None
    # What computed the labels, where they are computed: in the fingerprint it stands for their last bits, which may
    # differ from machine to machine.
    labels_of: str = ""

    def __post_init__(self):
        if bool(self.augmentation) != (self.augment is not None):
            raise ValueError(
                f"augmentation is {self.augmentation!r} and augment is {self.augment!r}; accepted: both, or neither"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels of what a model sees; `augment` may cut it from train images, or put them into it."""
        return self.validation.images.shape[1:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the types, shapes and bytes of all arrays in the order in which they stand here.

        Where there is one, `augmentation` goes before them. `labels_of` goes there too, and computed labels do not.
        """
        digest = hashlib.sha256((self.augmentation + self.labels_of).encode())
        for split in (self.train, self.validation, self.test):
            for array in (split.images,) if self.labels_of else (split.images, split.labels):
                digest.update(b"none" if array is None else f"{array.dtype.str}{array.shape}".encode())
                if array is not None:
                    digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()
