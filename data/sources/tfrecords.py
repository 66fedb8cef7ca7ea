"""Random access to the records of TFRecord files.

TFRecord files are made for sequential reading. Here all headers are read once to index the positions of the records:
for a million records this takes half a minute and 16 MB. Then records can be read in any order.
"""

import functools
import hashlib
import mmap
import os
import struct
from collections.abc import Iterable

import numpy as np

_HEADER, _FOOTER = 12, 4  # bytes: length and its checksum; checksum of the data


class Records:
    """The records of several files, in the order of the files.

    Args:
        paths: TFRecord files without compression.

    Raises:
        ValueError: a file is empty or ends in the middle of a record; the message names it.
        OSError: a file cannot be read.
    """

    def __init__(self, paths: Iterable[str | os.PathLike]):
        self.paths = tuple(map(str, paths))
        parts = [_scan(path) for path in self.paths]
        self.file = np.repeat(np.arange(len(parts), dtype=np.int16), [len(part) for part in parts])
        index = np.concatenate(parts) if parts else np.zeros((0, 3), np.int64)
        self.offset, self.length, self.checksum = index[:, 0], index[:, 1], index[:, 2]

    def __len__(self):
        return len(self.file)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the lengths and checksums of all records, in order."""
        return hashlib.sha256(self.length.tobytes() + self.checksum.tobytes()).hexdigest()

    @functools.cached_property
    def _descriptors(self):
        return [os.open(path, os.O_RDONLY) for path in self.paths]

    def __del__(self):
        for descriptor in self.__dict__.get("_descriptors", ()):
            os.close(descriptor)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """The records at `indices`, integers [n]: an array of n byte strings."""
        files = self._descriptors
        stored = [os.pread(files[self.file[i]], int(self.length[i]), int(self.offset[i])) for i in indices]
        return np.array(stored, dtype=object)


def _scan(path):
    """int64 [records, 3]: offset, length in bytes and checksum of the data of each record."""
    size = os.path.getsize(path)
    if not size:
        raise ValueError(f"{path} is empty")
    index, position = [], 0
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while position < size:
            start = position + _HEADER
            length = struct.unpack_from("<Q", data, position)[0] if start <= size else size
            position = start + length + _FOOTER
            if position > size:
                raise ValueError(f"{path} ends in the middle of its record {len(index) + 1:,}")
            index.append((start, length, struct.unpack_from("<I", data, start + length)[0]))
    return np.array(index, np.int64)
