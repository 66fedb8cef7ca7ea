"""Reads data sets from .npz files, for machines without TensorFlow.

A split is one file, `<name>_<split>.npz`, or numbered pieces, `<name>_<split>_0of3.npz` to `..._2of3.npz`. Each file
holds arrays `images`, uint8 `[n, height, width, channels]`, and, if the data set has labels, `labels`, integers `[n]`.
"""

import pathlib
import re

import numpy as np

from image_generators.data.sources import catalogue, npz
from image_generators.data.sources.catalogue import DataError, Entry


def present(entry: Entry, folder: pathlib.Path) -> bool:
    """Whether `folder` has any file of the data set, complete or not."""
    return any(_file_names(entry, split, folder) for split in entry.examples)


def read(entry: Entry, folder: pathlib.Path) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Reads the stored splits: {split: (images, labels)}.

    Raises:
        DataError: a file or piece is missing, unreadable, or does not hold what `entry` says.
    """
    paths = {split: _paths(entry, split, folder) for split in entry.examples}
    return {split: _read_split(entry, split, paths[split]) for split in paths}


def _file_names(entry, split, folder):
    pattern = re.compile(rf"{entry.name}_{split}(_\d+of\d+)?\.npz")
    return sorted(path.name for path in folder.glob(f"{entry.name}_{split}*.npz") if pattern.fullmatch(path.name))


def _paths(entry, split, folder):
    """The files of one split, in order. DataError: a piece is missing, or pieces of different numbers are mixed."""
    stem = f"{entry.name}_{split}"
    names = _file_names(entry, split, folder)
    pieces = re.search(r"of(\d+)\.npz$", names[-1]) if names else None
    expected = [f"{stem}_{i}of{pieces[1]}.npz" for i in range(int(pieces[1]))] if pieces else [f"{stem}.npz"]
    if set(names) != set(expected):
        raise DataError(
            f"{folder}: found {', '.join(names) or f'no {stem}.npz'}, expected {', '.join(expected)}; "
            "copy missing files, delete surplus ones, or pass another --data_dir"
        )
    return [folder / name for name in expected]


def _read_split(entry, split, paths):
    pieces = [_read_piece(entry, path) for path in paths]
    images, labels = (None if part[0] is None else np.concatenate(part) for part in zip(*pieces, strict=True))
    catalogue.check_count(entry, split, str(paths[0]), "write the file again, or pass another --data_dir", len(images))
    return images, labels


def _read_piece(entry, path):
    remedy = "write or copy the file again, or pass another --data_dir"
    try:
        arrays = npz.read(path)
    except ValueError as error:
        raise DataError(f"{path}: cannot be read ({error}); {remedy}") from error
    if set(arrays) != set(entry.arrays):
        raise DataError(
            f"{path}: found arrays {', '.join(arrays) or 'none'}, expected {' and '.join(entry.arrays)}; {remedy}"
        )
    images, labels = arrays["images"], arrays.get("labels")
    catalogue.check_arrays(entry, str(path), remedy, images, labels)
    return images, labels
