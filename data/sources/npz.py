"""Reads .npz files, with all checksums verified."""

import os
import zipfile

import numpy as np


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads all arrays of a file: {name: array}.

    Unlike np.load, it raises one kind of exception for all kinds of damage, and always compares the checksums.

    Raises:
        ValueError: the file cannot be read completely, or holds pickled objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds for damaged files
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _array(archive, name):
    with archive.open(name) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):  # reading to the end compares the checksum
            raise ValueError(f"there is data after the array {name}")
        return array
