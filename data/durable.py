"""Writes files and folders atomically: a reader sees the old version or the new one, never a part.

Data goes to a temporary file beside the target, `.partial-<process>-<random>`, which no pattern such as `*.json` or
`*.weights.h5` matches. The file is renamed when its data is on the disk. The writing process holds a lock on it. If the
process is killed, the lock is released, and `sweep` removes the file.
"""

import contextlib
import fcntl
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator
from typing import BinaryIO

PREFIX = ".partial-"


def write(path: str | os.PathLike, data: str | bytes) -> None:
    """Writes text, as UTF-8, or bytes to `path`. Creates its folder if needed.

    Raises:
        OSError: `path` cannot be written, for example because the disk is full; the message names `path`.
    """
    with writing(path) as file:
        file.write(data.encode("utf-8") if isinstance(data, str) else data)


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Context with a binary file, which becomes `path` if the block ends without an error. Raises as `write`."""
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, descriptor = _locked(path, pathlib.Path.touch, os.O_WRONLY)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)  # the data must be on the disk before the new name is
                os.replace(partial, path)
            to_disk(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # not the name of the temporary file


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Context with a new folder, which becomes `path` if the block ends without an error.

    Raises:
        OSError: `path` exists and is not an empty folder, or cannot be written.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, descriptor = _locked(path, pathlib.Path.mkdir, os.O_RDONLY)
    try:
        yield partial
        for each in (*partial.rglob("*"), partial):
            to_disk(each)
        partial.rename(path)
        to_disk(path.parent)
    finally:
        os.close(descriptor)
        shutil.rmtree(partial, ignore_errors=True)


def sweep(folder: str | os.PathLike) -> None:
    """Removes temporary files that killed processes left in `folder` and in its subfolders."""
    folder = pathlib.Path(folder)
    for partial in (*folder.glob(f"{PREFIX}*"), *folder.glob(f"*/{PREFIX}*")):
        with contextlib.suppress(OSError):  # another process is writing it, or has just renamed it
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
            finally:
                os.close(descriptor)


def to_disk(path: str | os.PathLike) -> None:
    """Waits until the data of a file, or the list of names of a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path, make, mode):
    """Path and descriptor of a new temporary file or folder beside `path`, locked by this process."""
    while True:
        partial = path.with_name(f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
        make(partial)
        with contextlib.suppress(FileNotFoundError):  # another process removed it before it was locked
            descriptor = os.open(partial, mode)
            with contextlib.suppress(OSError):  # a file system without locks, where `sweep` removes nothing
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if partial.exists():
                return partial, descriptor
            os.close(descriptor)
