"""TFRecord files as what they hold: a numbered row of records, any of which can be read at once.

A file is read sequentially as a rule. Here it is gone through once, from header to header, and then known by where its
records lie: a row of a million needs half a minute and 16 MB, and can from then on be read in any order.
"""

import functools
import hashlib
import mmap
import os
import struct

import numpy as np

_HEADER, _FOOTER = 12, 4  # bytes: the length and its checksum; the checksum of what is stored


class Records:
    """The records of some files, in the files' order.

    Args:
        paths: TFRecord files, without compression.

    Raises:
        ValueError: a file ends in the middle of a record, or holds none; the message names it.
        OSError: a file cannot be read.
    """

    def __init__(self, paths):
        self.paths = tuple(map(str, paths))
        found = [_scan(path) for path in self.paths]
        self.file = np.repeat(np.arange(len(found), dtype=np.int16), [len(part) for part in found])
        whole = np.concatenate(found) if found else np.zeros((0, 3), np.int64)
        self.offset, self.length, self.checksum = whole[:, 0], whole[:, 1], whole[:, 2]

    def __len__(self):
        return len(self.file)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the lengths and checksums of all records in their order."""
        return hashlib.sha256(self.length.tobytes() + self.checksum.tobytes()).hexdigest()

    @functools.cached_property
    def _open(self):
        return [os.open(path, os.O_RDONLY) for path in self.paths]

    def __del__(self):
        for descriptor in self.__dict__.get("_open", ()):
            os.close(descriptor)

    def read(self, at) -> np.ndarray:
        """The records number `at`, integers [n]: an array of n byte strings."""
        files = self._open
        stored = [os.pread(files[self.file[i]], int(self.length[i]), int(self.offset[i])) for i in at]
        return np.array(stored, dtype=object)


def _scan(path):
    """int64 [records, 3]: where what is stored begins, how many bytes it has, and its checksum."""
    size = os.path.getsize(path)
    if not size:
        raise ValueError(f"{path} is empty")
    found, position = [], 0
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while position < size:
            begin = position + _HEADER
            length = struct.unpack_from("<Q", content, position)[0] if begin <= size else size
            position = begin + length + _FOOTER
            if position > size:
                raise ValueError(f"{path} ends in the middle of its record {len(found) + 1:,}")
            found.append((begin, length, struct.unpack_from("<I", content, begin + length)[0]))
    return np.array(found, np.int64)
