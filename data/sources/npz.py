"""Arrays from .npz files, whole or not at all."""

import os
import zipfile

import numpy as np


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a file, by name.

    Not np.load, which has another exception for every way in which a file is damaged, and reads some damaged files
    without coming to their checksum.

    Raises:
        ValueError: the file cannot be read whole, or holds pickles.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
    except Exception as error:  # zipfile, zlib and NumPy have a dozen kinds for files cut short or overwritten
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _array(archive, name):
    with archive.open(name) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):  # at the end, and not before, the checksum is compared
            raise ValueError(f"there is something behind the array {name}")
        return array
