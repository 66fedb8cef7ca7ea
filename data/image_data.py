"""A data set in memory: three splits of uint8 images, with a fingerprint.

Training images may be changed at random before a model sees them (`augment`). Validation and test images never are.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images with labels, or with other conditions of a model (data/degradations.py)."""

    images: np.ndarray  # uint8 [n, height, width, channels]
    labels: np.ndarray | None  # int32 [n]; conditions: uint8 [n, height, width, channels] or float32 [n, features]


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """A data set. Train, validation and test have no example in common.

    Raises:
        ValueError: only one of `augmentation` and `augment` is given.
    """

    name: str
    title: str  # for table headings
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]  # () when there are no labels
    levels: int  # values of a sub-pixel: 0 .. levels - 1
    is_fallback: bool  # True if it stands in for the requested data set
    source: str  # where it comes from, in one line
    augmentation: str = ""  # describes `augment` in tables; part of the fingerprint
    # Takes train images [n, height, width, channels] and a generator; returns uint8 images [n, *image_shape].
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None
    # Name of what computed the labels, if they are computed. It replaces them in the fingerprint, since their last bits
    # may differ between machines.
    labels_of: str = ""

    def __post_init__(self):
        if bool(self.augmentation) != (self.augment is not None):
            raise ValueError(
                "augmentation and augment must be given together. "
                f"Received: augmentation={self.augmentation!r}, augment={self.augment!r}"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images that a model sees. Train images may differ before `augment`."""
        return self.validation.images.shape[1:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the dtypes, shapes and bytes of all arrays, in their order in this class.

        `augmentation` and `labels_of` come first. Computed labels are left out.
        """
        digest = hashlib.sha256((self.augmentation + self.labels_of).encode())
        for split in (self.train, self.validation, self.test):
            for array in (split.images,) if self.labels_of else (split.images, split.labels):
                digest.update(b"none" if array is None else f"{array.dtype.str}{array.shape}".encode())
                if array is not None:
                    digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()
