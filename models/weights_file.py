"""Files of weights, `.weights.h5`: read only if they are what they should be, whole. Nothing is unpickled."""

import hashlib
import io
import pathlib
import warnings

import h5py
import numpy as np

HALF_ABOVE = 1_000_000  # weights: files of larger networks are in half precision, or a repository would not hold them


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
    load_whole(model, path, checkpoint=False)


def load_whole(model, path, checkpoint=True):
    """model.load_weights, refusing files of which Keras would leave parts out, with a mere warning or without.

    Raises Refused for what is no HDF5 file, damaged, of another model, or, unless `checkpoint`, has an optimiser in it.
    """
    try:
        with h5py.File(path) as file:
            if "optimizer" in file and not checkpoint:
                raise ValueError("it is a checkpoint, not averaged yet: run the command of its training to the end")
            names = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
        found = sum(not name.startswith("optimizer/") for name in names)
        if found != len(model.weights):  # what a file has beyond, as the blocks of a deeper network, Keras passes over
            raise ValueError(f"it holds {found} arrays, the network {len(model.weights)}")
    except (OSError, ValueError, KeyError, UserWarning) as error:
        reason = " ".join(str(error).split())[:300]
        raise Refused(f"{path} does not hold the weights of this {type(model).__name__}: {reason}") from error


def round_if_large(model):
    """Rounds the weights of a network above HALF_ABOVE to what its file will hold; returns whether it is one."""
    large = model.count_params() > HALF_ABOVE
    if large:
        model.set_weights([_half(array).astype(array.dtype) for array in model.get_weights()])
    return large


def halve(path):
    """Writes the float32 arrays of a `.weights.h5` file anew, in float16.

    Not whole or not at all: for a file that does not have its name yet.
    """
    halved = io.BytesIO()
    with h5py.File(path) as source, h5py.File(halved, "w") as target:

        def write(name, item):
            if isinstance(item, h5py.Dataset):
                made = target.create_dataset(name, data=_half(item[()]))
            else:
                made = target.require_group(name)
            made.attrs.update(item.attrs)

        target.attrs.update(source.attrs)
        source.visititems(write)
    pathlib.Path(path).write_bytes(halved.getvalue())


def _half(array):
    return array.astype("float16") if np.asarray(array).dtype == "float32" else array


def sha256_of_file(path):
    """SHA-256 of the file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
