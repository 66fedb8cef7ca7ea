"""Files of weights, `.weights.h5`: read only if they are what they should be, whole. Nothing is unpickled.

HDF5 is read from memory and written to memory. So the bytes whose digest was checked are those that are read, and a
disk that becomes full is an error of Python's: HDF5 itself may end the process.
"""

import collections
import contextlib
import hashlib
import io
import pathlib
import warnings

import h5py
import numpy as np

HALF_ABOVE = 1_000_000  # weights: files of larger networks are in half precision, or a repository would not hold them
_SEAL = b"SHA-256:"  # at the end of a checkpoint, before the digest of all that precedes it; HDF5 passes over it
_SEALED = "sealed"  # attribute of a file that has one


class Refused(ValueError):
    """What was asked for cannot be done as things are; the message says what stands in the way."""


class _Memory(io.BytesIO):
    """A file in memory. Keras asks how its name ends."""

    def __str__(self):
        return "memory.weights.h5"


class WeightsFile:
    """A `.weights.h5` file, read and checked as far as that is possible without a network.

    Args:
        path: of the file.
        sha256: if given, the file must have it.

    Attributes:
        shapes: {name of an array: its shape}, without those of an optimizer.
        attributes: what `content_of` stored beside the arrays.
        is_sealed: whether the file carried its own digest, which it then matched.

    Raises:
        Refused: there is no such file, it is not the one of its record, it is damaged, or it claims larger arrays than
            it holds.
    """

    def __init__(self, path, sha256=None):
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

    def check(self, kind, shapes):
        """Raises Refused unless the file holds arrays of these shapes, in any order; `kind`: the network's class."""
        with self._refusing(f"hold the weights of this {kind}"):
            if len(self.shapes) != len(shapes):  # what a file has beyond, as of a deeper network, Keras passes over
                raise ValueError(f"it holds {len(self.shapes)} arrays, the network {len(shapes)}")
            held, expected = collections.Counter(self.shapes.values()), collections.Counter(map(tuple, shapes))
            if held != expected:
                shape, other = next(iter(held - expected)), next(iter(expected - held))
                raise ValueError(f"it holds an array of shape {list(shape)}, the network one of {list(other)}")

    def load_into(self, model, checkpoint=False):
        """model.load_weights, refusing files of which Keras would leave parts out, with a mere warning or without.

        Raises Refused for a file of another model, or one with an optimizer in it unless `checkpoint`.
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
        """Whatever HDF5, h5py and Keras raise for what is damaged or foreign becomes one sentence."""
        try:
            yield
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise Refused(f"{self.path} must {what}. Received: {reason}") from error


def load(model, path, sha256=None):
    """Gives a built network the weights of a file that a finished training left. Raises Refused: see WeightsFile."""
    WeightsFile(path, sha256).load_into(model)


def content_of(model, half=False, sealed=False, **attributes):
    """The bytes of a `.weights.h5` file of the model, and of its optimizer where it has one.

    Args:
        model: a built model.
        half: float32 arrays are stored in float16.
        sealed: a digest follows, which readers compare.
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


def round_if_large(model):
    """Rounds the weights of a network above HALF_ABOVE to what its file will hold; returns whether it is one."""
    large = model.count_params() > HALF_ABOVE
    if large:
        model.set_weights([_half(array).astype(array.dtype) for array in model.get_weights()])
    return large


def _halved(memory):
    """The file again, with float32 arrays in float16."""
    halved = _Memory()
    with h5py.File(memory) as source, h5py.File(halved, "w") as target:

        def write(name, item):
            if isinstance(item, h5py.Dataset):
                made = target.create_dataset(name, data=_half(item[()]))
            else:
                made = target.require_group(name)
            made.attrs.update(item.attrs)

        target.attrs.update(source.attrs)
        source.visititems(write)
    return halved


def _half(array):
    return array.astype("float16") if np.asarray(array).dtype == "float32" else array


def sha256_of_file(path):
    """SHA-256 of the file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
