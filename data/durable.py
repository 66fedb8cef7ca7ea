"""Files and folders that are written whole or not at all.

The content is written beside the target under a name of its own, `.partial-<process>-<random>`, which no pattern such
as `*.json` or `*.weights.h5` matches, and is renamed when it has reached the disk. As long as it is being written, its
process holds a lock on it. A kill releases the lock; `sweep` then removes what was left.
"""

import contextlib
import fcntl
import os
import pathlib
import secrets
import shutil

PREFIX = ".partial-"


def write(path, content):
    """Writes text or bytes to `path`, making its folder: a reader sees the old file or the new one, never half.

    Raises:
        OSError: it cannot be written, for example because the disk is full; the message names `path`.
    """
    with writing(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def writing(path):
    """A binary file that becomes `path` when the block ends without an error. Raises as `write`."""
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, descriptor = _locked(path, pathlib.Path.touch, os.O_WRONLY)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)  # the content reaches the disk before the name does
                os.replace(partial, path)
            to_disk(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # not the name that nobody asked for


@contextlib.contextmanager
def new_folder(path):
    """A folder that becomes `path` when the block ends without an error. OSError: there is a folder `path` already."""
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


def sweep(folder):
    """Removes what killed processes left half-written in `folder` and in its subfolders."""
    folder = pathlib.Path(folder)
    for partial in (*folder.glob(f"{PREFIX}*"), *folder.glob(f"*/{PREFIX}*")):
        with contextlib.suppress(OSError):  # another process is writing it, or has finished
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
            finally:
                os.close(descriptor)


def to_disk(path):
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path, make, mode):
    """(path, descriptor) of a new file or folder beside `path`, locked for this process."""
    while True:
        partial = path.with_name(f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
        make(partial)
        with contextlib.suppress(FileNotFoundError):  # another process swept it before it was locked
            descriptor = os.open(partial, mode)
            with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if partial.exists():
                return partial, descriptor
            os.close(descriptor)
