"""What a data set is once it is in memory: three splits of uint8 images, and a fingerprint that tells them apart."""

import dataclasses
import functools
import hashlib

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images and, where there are any, their labels."""

    images: np.ndarray  # uint8 [n, height, width, channels]
    labels: np.ndarray | None  # int32 [n]


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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.train.images.shape[1:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the types, shapes and bytes of all arrays in the order in which they stand here."""
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for array in (split.images, split.labels):
                digest.update(b"none" if array is None else f"{array.dtype.str}{array.shape}".encode())
                if array is not None:
                    digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()
