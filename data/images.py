"""Data sets in memory, by name: `load('cifar10').train.images`.

Looked for in this order: .npz files (`data/sources/arrays.py`), what TensorFlow Datasets has prepared or can download
(`data/sources/prepared.py`), and small images of scikit-learn under another name (`data/sources/fallback.py`). Some
data sets are made from stored ones (`data/derived.py`).
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
    """Loads a data set into memory, always in the same order.

    Validation is never taken from test: it is the last 5,000 training images of CIFAR-10, the last 10,000 of MNIST, the
    last 100 of the 964 training characters of Omniglot, and the own split of the others. No two splits of Omniglot have
    a character in common, nor those of LFW, which has no test of its own, a person.

    Args:
        name: 'cifar10', 'mnist' or 'binarized_mnist'; made from these, 'cluttered_mnist', 'two_digit_mnist' or
            'dynamic_binarized_mnist'; or 'svhn', made from 'svhn_full': training images of these four are ready for a
            model only after `augment`. Or 'omniglot' or 'lfw', whose labels are identities.
        data_dir: folder of .npz files or of TFDS; without it `TFDS_DATA_DIR`, else `~/tensorflow_datasets`.
        download: whether TFDS may download a data set that is not there.
        allow_fallback: whether small images of scikit-learn may stand in for a data set that is not there and cannot
            be downloaded, or, for the fixed binarised MNIST, a binarisation of our own of MNIST. They have another
            name, `is_fallback` is True, and a warning is logged.

    Raises:
        ValueError: an unknown `name`, or a `data_dir` that does not exist.
        DataError: what is there is damaged, incomplete or not this data set (never replaced silently), a download
            failed, one of two needed data sets is there, or nothing is there and `allow_fallback` is False.
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
    """Where data sets are looked for; ValueError for a `data_dir` that does not exist."""
    if data_dir is None:
        return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = pathlib.Path(data_dir).expanduser()
    if not folder.is_dir():
        raise ValueError(
            f"data_dir is {str(data_dir)!r}, which is no folder; accepted: a folder of TensorFlow Datasets or of .npz "
            "files, or None for TFDS_DATA_DIR or ~/tensorflow_datasets"
        )
    return folder


def _stored(names, folder, download):
    """Those of the data sets that are there or can be downloaded, and why the others are not."""
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
        contents = prepared.read(entry, folder)
        parts.append(_image_data(entry, contents, f"TensorFlow Datasets {entry.name} {entry.version}"))
    return parts, absences


def absence(entry: Entry, folder: pathlib.Path, obstacle: str) -> str:
    """Why a data set is not there; DataError where a download of it was broken off."""
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


def _image_data(entry, contents, source):
    splits = {split: Split(images, _int32(labels)) for split, (images, labels) in contents.items()}
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
