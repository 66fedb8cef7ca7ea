"""Files of weights, `.weights.h5`: read only if they are what they should be, whole. Nothing is unpickled."""

import hashlib
import pathlib
import warnings

import h5py


class Refused(ValueError):
    """What was asked for cannot be done as things are; the message says what stands in the way."""


def load(model, path, sha256=None):
    """Gives a network the weights of a file that a finished training left.

    Args:
        model: a built model of the same architecture.
        path: `.weights.h5` file.
        sha256: if given, the file must have it.

    Raises:
        Refused: there is no such file, it is not the one of its record, a checkpoint of a training, or not of this
            model.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise Refused(f"weights must be a .weights.h5 file. Received: {str(path)!r}, which is no file")
    if sha256 and sha256_of_file(path) != sha256:
        raise Refused(f"weights {path} are not those of their record: the SHA-256 differs")
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            if "optimizer" in file:
                raise Refused(
                    f"weights {path} are a checkpoint, not averaged yet: run the command of its training to the end"
                )
    load_whole(model, path)


def load_whole(model, path):
    """model.load_weights, refusing files of which Keras would leave parts out with a mere warning.

    Raises Refused for what is no HDF5 file, damaged, or of another model.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        reason = " ".join(str(error).split())[:300]
        raise Refused(f"{path} does not hold the weights of this {type(model).__name__}: {reason}") from error


def sha256_of_file(path):
    """SHA-256 of the file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
