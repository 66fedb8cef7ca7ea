"""Weight files, `.weights.h5`: checked completely before they are loaded. Nothing is unpickled.

HDF5 is read from memory and written to memory. So the bytes that are read are those whose digest was checked, and a
full disk raises an error in Python; HDF5 itself may end the process.
"""

import collections
import contextlib
import hashlib
import io
import os
import pathlib
import warnings

import h5py
import numpy as np

HALF_ABOVE = 1_000_000  # weights: larger networks are stored in half precision, to keep the repository small
_SEAL = b"SHA-256:"  # at the end of a checkpoint, followed by the digest of everything before it; HDF5 ignores both
_SEALED = "sealed"  # attribute of a file with a seal


class Refused(ValueError):
    """A request that cannot be carried out; the message says why."""


class _Memory(io.BytesIO):
    """A file in memory. Its name has the ending that Keras requires."""

    def __str__(self):
        return "memory.weights.h5"


class WeightsFile:
    """A `.weights.h5` file, read and checked as far as possible without a network.

    Args:
        path: path of the file.
        sha256: expected digest, 64 hex digits; None: any.

    Attributes:
        shapes: {name of an array: its shape}, without an optimizer's arrays.
        attributes: the attributes that `content_of` stored with the arrays.
        is_sealed: whether the file ends with its own digest (which has been checked).

    Raises:
        Refused: if the file does not exist, has another digest, is damaged, or declares larger arrays than it holds.
    """

    def __init__(self, path: str | os.PathLike, sha256: str | None = None):
        self.path = pathlib.Path(path)
        if not self.path.is_file():
            raise Refused(f"weights must be a .weights.h5 file. Received: {str(path)!r}, which is no file")
        try:
            self._content = self.path.read_bytes()
        except OSError as error:
            raise Refused(f"weights must be a file that can be read. Received: {str(path)!r} ({error})") from error
        if sha256 is not None and hashlib.sha256(self._content).hexdigest() != sha256:
            raise Refused(f"weights {path} are not those of their record: the SHA-256 differs")
        end = len(self._content) - len(_SEAL) - 32
        self.is_sealed = self._content[max(end, 0) : -32] == _SEAL
        if self.is_sealed and hashlib.sha256(memoryview(self._content)[:end]).digest() != self._content[-32:]:
            raise Refused(f"{path} is damaged: it does not match the SHA-256 at its end")
        with self._refusing("be a file of weights"), h5py.File(io.BytesIO(self._content)) as file:
            arrays = {}
            file.visititems(lambda name, item: arrays.update({name: item} if isinstance(item, h5py.Dataset) else {}))
            claimed = sum(array.nbytes for array in arrays.values())
            if claimed > len(self._content):
                raise ValueError(f"it claims arrays of {claimed:,} bytes and has {len(self._content):,} bytes")
            self.attributes = dict(file.attrs)
            if _SEALED in self.attributes and not self.is_sealed:
                raise ValueError("a file that has lost the SHA-256 at its end")
            self._has_optimizer = "optimizer" in file
            self.shapes = {name: array.shape for name, array in arrays.items() if not name.startswith("optimizer/")}

    def check(self, kind: str, shapes: list[tuple[int, ...]]):
        """Raises Refused unless the file holds arrays of these shapes, in any order. `kind`: the network's class."""
        with self._refusing(f"hold the weights of this {kind}"):
            if len(self.shapes) != len(shapes):  # Keras ignores further arrays, such as those of a deeper network
                raise ValueError(f"it holds {len(self.shapes)} arrays, the network {len(shapes)}")
            held, expected = collections.Counter(self.shapes.values()), collections.Counter(map(tuple, shapes))
            if held != expected:
                extra, missing = next(iter(held - expected)), next(iter(expected - held))
                raise ValueError(f"it holds an array of shape {list(extra)}, the network one of {list(missing)}")

    def load_into(self, model, checkpoint: bool = False):
        """As model.load_weights, but a file that Keras would load only in part is an error.

        Raises Refused for a file of another model, and for one that holds an optimizer unless `checkpoint`.
        """
        kind = type(model).__name__
        self.check(kind, [weight.shape for weight in model.weights])
        with self._refusing(f"hold the weights of this {kind}"), warnings.catch_warnings():
            if self._has_optimizer and not checkpoint:
                raise ValueError("it is a checkpoint, not averaged yet: run the command of its training to the end")
            warnings.simplefilter("error", UserWarning)
            model.load_weights(_Memory(self._content))

    @contextlib.contextmanager
    def _refusing(self, what):
        """Turns all errors of HDF5, h5py and Keras about a damaged or foreign file into Refused, in one sentence."""
        try:
            yield
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise Refused(f"{self.path} must {what}. Received: {reason}") from error


def load(model, path: str | os.PathLike, sha256: str | None = None):
    """Loads the weights of a finished training into a built network. Raises Refused: see WeightsFile."""
    WeightsFile(path, sha256).load_into(model)


def content_of(model, half: bool = False, sealed: bool = False, **attributes) -> bytes:
    """The content of a `.weights.h5` file of the model, and of its optimizer if it has one.

    Args:
        model: a built model.
        half: whether float32 arrays are stored in float16.
        sealed: whether a digest is appended, which readers check.
        **attributes: numbers and strings that are stored with the arrays.
    """
    memory = _Memory()
    model.save_weights(memory)
    if half:
        memory = _halved(memory)
    with h5py.File(memory, "r+") as file:
        file.attrs.update(attributes | ({_SEALED: True} if sealed else {}))
    if sealed:
        memory.seek(0, io.SEEK_END)
        memory.write(_SEAL + hashlib.sha256(memory.getbuffer()).digest())
    return memory.getvalue()


def round_if_large(model) -> bool:
    """Rounds the weights of a network with more than HALF_ABOVE to half precision, as its file will hold them.

    Returns: whether the network is so large.
    """
    large = model.count_params() > HALF_ABOVE
    if large:
        model.set_weights([_half(array).astype(array.dtype) for array in model.get_weights()])
    return large


def _halved(memory):
    """A copy of the file, with float32 arrays in float16."""
    halved = _Memory()
    with h5py.File(memory) as source, h5py.File(halved, "w") as target:

        def write(name, item):
            if isinstance(item, h5py.Dataset):
                copy = target.create_dataset(name, data=_half(item[()]))
            else:
                copy = target.require_group(name)
            copy.attrs.update(item.attrs)

        target.attrs.update(source.attrs)
        source.visititems(write)
    return halved


def _half(array):
    return array.astype("float16") if np.asarray(array).dtype == "float32" else array


def sha256_of_file(path: str | os.PathLike) -> str:
    """SHA-256 of the file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
