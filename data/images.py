"""Loads data sets by name: `load('cifar10').train.images`.

The sources, in this order, are .npz files (data/sources/arrays.py), TensorFlow Datasets, prepared or downloaded
(data/sources/prepared.py), and small images of scikit-learn under other names (data/sources/fallback.py). Some data
sets are derived from stored ones (data/derived.py).
"""

import os
import pathlib

import numpy as np
from absl import logging

from image_generators.data import derived, identities
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import arrays, fallback, prepared
from image_generators.data.sources.catalogue import CATALOGUE, DataError, Entry

__all__ = ["DataError", "ImageData", "Split", "load"]

REMEDY = "pass --data_dir or set TFDS_DATA_DIR to a folder that has it, or allow the download"


def load(
    name: str, data_dir: str | os.PathLike | None = None, download: bool = True, allow_fallback: bool = True
) -> ImageData:
    """Loads a data set into memory. The order of the images is always the same.

    Validation images never come from the test set. They are the last 5,000 training images of CIFAR-10, the last 10,000
    of MNIST, the images of the last 100 of Omniglot's 964 training characters, and the validation split of data sets
    that have one. The splits of Omniglot have no character in common, and those of LFW no person; LFW has no test split
    of its own.

    Args:
        name: 'cifar10', 'mnist', 'binarized_mnist' or 'svhn_full'; 'omniglot' or 'lfw', whose labels are identities; or
            a derived set: 'cluttered_mnist', 'two_digit_mnist', 'dynamic_binarized_mnist' or 'svhn'. Training images
            of derived sets must pass through `augment` before a model sees them.
        data_dir: folder of .npz files or of TensorFlow Datasets. Default: `TFDS_DATA_DIR`, or else
            `~/tensorflow_datasets`.
        download: whether TensorFlow Datasets may download a missing data set.
        allow_fallback: whether another data set may stand in for a missing one that cannot be downloaded: small images
            of scikit-learn, or for the fixed binarised MNIST a new binarisation of MNIST. Fallbacks have other names
            and `is_fallback=True`, and a warning is logged.

    Returns:
        An `ImageData`: `train`, `validation` and `test` have `images`, uint8 `[n, height, width, channels]`, and
        `labels`, int32 `[n]` or None.

    Raises:
        ValueError: `name` is unknown, or `data_dir` does not exist.
        DataError: the stored data is damaged, incomplete or of another data set; a download failed; only one of two
            required data sets is available; or none is and `allow_fallback` is False.

    Example:

    ```python
    data = load("mnist")
    data.train.images.shape  # (50000, 28, 28, 1)
    ```
    """
    recipe = derived.find(name)
    folder = folder_of(data_dir)
    parts, absences = _stored(recipe.needs, folder, download)
    if not absences:
        return recipe.make(*parts)
    reason = ", and ".join(absences)
    if parts:
        raise DataError(f"{recipe.title} needs {' and '.join(recipe.needs)}: {reason}; {REMEDY}")
    if not allow_fallback:
        raise DataError(f"{recipe.title} is not available: {reason}; {REMEDY}")
    substitute = _substitute(name, folder, download)
    logging.warning("NOT %s but %s: %s. To use %s, %s.", recipe.title, substitute.title, reason, recipe.title, REMEDY)
    return substitute


def folder_of(data_dir: str | os.PathLike | None) -> pathlib.Path:
    """The folder of data sets: `data_dir`, or the default if it is None. ValueError: `data_dir` does not exist."""
    if data_dir is None:
        return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = pathlib.Path(data_dir).expanduser()
    if not folder.is_dir():
        raise ValueError(
            "data_dir must be a folder of TensorFlow Datasets or of .npz files, or None for TFDS_DATA_DIR or "
            f"~/tensorflow_datasets. Received: data_dir={str(data_dir)!r}, which is not a folder"
        )
    return folder


def _stored(names, folder, download):
    """The stored data sets in `names` that are available, and the reasons why the others are not."""
    parts, absences = [], []
    for entry in map(CATALOGUE.get, names):
        if arrays.present(entry, folder):
            parts.append(_image_data(entry, arrays.read(entry, folder), "npz files"))
            continue
        if not prepared.folder_of(entry, folder).exists():
            obstacle = prepared.obstacle(entry) if download else "downloading is turned off"
            if obstacle:
                absences.append(absence(entry, folder, obstacle))
                continue
            prepared.download(entry, folder)
        splits = prepared.read(entry, folder)
        parts.append(_image_data(entry, splits, f"TensorFlow Datasets {entry.name} {entry.version}"))
    return parts, absences


def absence(entry: Entry, folder: pathlib.Path, obstacle: str) -> str:
    """The reason why a data set is not available. DataError: its download was interrupted."""
    reason = f"{folder} holds no {entry.name} {entry.version}, and {obstacle}"
    leftover = prepared.unfinished(entry, folder)
    if leftover:
        raise DataError(f"{reason}; found an unfinished download; delete the folder {leftover}, and {REMEDY}")
    return reason


def _substitute(name, folder, download):
    if name == "binarized_mnist":
        mnist, _ = _stored(["mnist"], folder, download)
        if mnist:
            return derived.binarised_here(*mnist)
    return fallback.load(name)


def _image_data(entry, stored, source):
    splits = {split: Split(images, _int32(labels)) for split, (images, labels) in stored.items()}
    if entry.held_out:
        whole = splits["train"]
        splits["train"] = Split(whole.images[: -entry.held_out], whole.labels[: -entry.held_out])
        splits["validation"] = Split(whole.images[-entry.held_out :], whole.labels[-entry.held_out :])
    for split, labels in entry.held_out_labels.items():
        splits["train"], splits[split] = identities.hold_out(splits["train"], labels)
    return ImageData(
        name=entry.name,
        title=entry.title,
        **splits,
        class_names=entry.class_names,
        levels=entry.levels,
        is_fallback=False,
        source=source,
    )


def _int32(labels):
    return None if labels is None else labels.astype(np.int32)
