"""Data sets too large for memory: ImageNet at 32x32 and 64x64, read from TFDS's files while a network trains.

`load('downsampled_imagenet', 64)`. An index of where each record lies is made when a data set is opened
(`data/sources/tfrecords.py`). So training sees what `data/batches.py` would show of the same images in memory: every
pass is a permutation of all of them, not of a shuffle buffer, and a resumed run goes on in the middle of a pass without
reading what came before it. Pictures are decoded by tf.data, several batches side by side and ahead of the network.
"""

import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
from absl import logging

from image_generators.data import batches as in_memory
from image_generators.data import images
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import catalogue, fallback, prepared
from image_generators.data.sources.catalogue import DataError, Entry
from image_generators.data.sources.pipelines import untuned
from image_generators.data.sources.tfrecords import Records

NAMES = ("downsampled_imagenet", "imagenet_resized")
SIZES = (32, 64)  # pixels
HELD_OUT = 10_000  # validation images, from the end of TFDS's train; its validation split is test
EXAMPLES_AT_ONCE = 1000


def _entries():
    for size in SIZES:
        scale = f"{size}x{size}"
        archive = "Imagenet32_val_npz.zip" if size == 32 else "Imagenet64_val_npz.zip"
        yield Entry(
            name=f"downsampled_imagenet/{scale}",
            title=f"downsampled ImageNet ({scale})",
            version="2.0.0",
            url=f"http://image-net.org/small/valid_{scale}.tar",
            image_shape=(size, size, 3),
            levels=256,
            class_names=(),
            examples={"train": 1_281_149, "validation": 49_999},
            held_out=HELD_OUT,
        )
        yield Entry(
            name=f"imagenet_resized/{scale}",
            title=f"ImageNet resized by a box filter ({scale}), not downsampled ImageNet",
            version="0.1.0",
            url=f"http://www.image-net.org/data/downsample/{archive}",
            image_shape=(size, size, 3),
            levels=256,
            class_names=tuple(f"class {i}" for i in range(1000)),
            examples={"train": 1_281_167, "validation": 50_000},
            held_out=HELD_OUT,
        )


STREAMED = {entry.name: entry for entry in _entries()}


@dataclasses.dataclass(frozen=True, eq=False)
class Streamed:
    """Images, or labels, that lie in files: what NumPy's arrays are asked for here, and no more.

    A slice, or an array of integers, reads and decodes what it asks for.
    """

    part: str  # "image" or "label"
    reader: "Reader"
    first: int  # number of its first record
    count: int

    def __len__(self):
        return self.count

    @property
    def shape(self):
        return (self.count, *self.reader.entry.image_shape) if self.part == "image" else (self.count,)

    def __getitem__(self, at):
        numbers = self.first + np.arange(self.count)[at]
        starts = range(0, len(numbers), EXAMPLES_AT_ONCE)
        parts = [self.reader.examples(numbers[i : i + EXAMPLES_AT_ONCE])[self.part] for i in starts]
        return np.concatenate(parts) if parts else np.zeros((0, *self.shape[1:]), np.uint8)


class Reader:
    """Examples of one split as TFDS stores it.

    Args:
        entry: the data set.
        paths: its TFRecord files.
    """

    def __init__(self, entry, paths):
        self.entry = entry
        self.records = Records(paths)

    def examples(self, numbers):
        """{"image": uint8 [n, height, width, 3], "label": int32 [n] where there are any}, NumPy arrays.

        Raises:
            DataError: what is stored cannot be decoded.
        """
        tf = _tensorflow()
        with self.told():
            found = self._parse(tf.constant(self.records.read(numbers), tf.string))
        return {name: value.numpy() for name, value in found.items()}

    def dataset(self, numbers):
        """A tf.data.Dataset of such examples, batch by batch; `numbers`: function that gives an iterator of arrays."""
        tf = _tensorflow()
        chosen = tf.data.Dataset.from_generator(numbers, output_signature=tf.TensorSpec([None], tf.int64))

        def read(at):
            stored = tf.numpy_function(self.records.read, [at], tf.string, stateful=False)
            return self._parse(tf.ensure_shape(stored, [None]))

        return untuned(chosen.map(read, num_parallel_calls=os.cpu_count(), deterministic=True))

    @functools.cached_property
    def _parse(self):
        tf = _tensorflow()
        features = {"image": tf.io.FixedLenFeature([], tf.string)}
        if self.entry.class_names:
            features["label"] = tf.io.FixedLenFeature([], tf.int64)

        def decode(picture):  # PNG or, whatever the operation is called, JPEG
            return tf.ensure_shape(tf.io.decode_png(picture, channels=3), self.entry.image_shape)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def parse(stored):
            found = tf.io.parse_example(stored, features)
            found["image"] = tf.map_fn(decode, found["image"], fn_output_signature=tf.uint8)
            if "label" in found:
                found["label"] = tf.cast(found["label"], tf.int32)
            return found

        return parse

    def told(self):
        """Context in which TensorFlow's errors become a DataError that names the folder."""
        return _Told(pathlib.Path(self.records.paths[0]).parent)


class _Told:
    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None and issubclass(kind, _tensorflow().errors.OpError):
            reason = error.message.splitlines()[0]
            raise DataError(f"{self.folder}: cannot be read ({reason}); {prepared.remedy(self.folder)}") from error


def _tensorflow():
    import tensorflow as tf

    if "jax" in sys.modules:  # JAX computes: TensorFlow is here to read, and would take the accelerator's memory
        tf.config.set_visible_devices([], "GPU")
    return tf


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedData(ImageData):
    """As ImageData; the arrays of its splits are `Streamed`. `batches` is what data/batches.py gives of arrays."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the lengths and checksums of all records."""
        parts = [split.images.reader.records.fingerprint for split in (self.train, self.test)]
        return hashlib.sha256("".join([self.name, *parts]).encode()).hexdigest()

    def batches(self, batch_size, seed, start_step=0) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Endless shuffled minibatches of train: see `data.batches.batches`, whose arguments and results these are.

        Raises:
            DataError: while it goes on, where what is stored cannot be decoded.
        """
        in_memory.check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0))
        return self._generate(int(batch_size), int(seed), int(start_step))

    def _generate(self, batch_size, seed, start_step):
        split = self.train.images

        def numbers():
            for at in in_memory.order(len(split), batch_size, seed, start_step):
                yield split.first + at

        with split.reader.told():
            for found in split.reader.dataset(numbers).as_numpy_iterator():
                yield found["image"], found.get("label")


def load(
    name: str,
    size: int,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    allow_fallback: bool = True,
) -> ImageData:
    """Opens ImageNet at a small size; without it and without a network, photographs of scikit-learn of that size.

    Validation is the last 10,000 images of TFDS's train split; test is its validation split, which the paper reports.

    Args:
        name: 'downsampled_imagenet', the images of arXiv 1601.06759, without labels; or 'imagenet_resized', those of
            arXiv 1707.08819, made smaller by a box filter, with their 1,000 classes. Likelihoods of the two cannot be
            compared, so the second counts as a fallback: no published number stands beside what it gives.
        size: 32 or 64.
        data_dir, download, allow_fallback: as for `data.images.load`.

    Raises:
        ValueError: an unknown `name` or `size`, or a `data_dir` that does not exist.
        DataError: as for `data.images.load`.
    """
    if name not in NAMES or size not in SIZES:
        raise ValueError(f"name is {name!r} and size {size!r}; accepted: {', '.join(NAMES)}, and {SIZES}")
    entry, folder = STREAMED[f"{name}/{size}x{size}"], images.folder_of(data_dir)
    if not prepared.folder_of(entry, folder).exists():
        obstacle = prepared.obstacle(entry) if download else "downloading is turned off"
        if obstacle:
            return _fallback(entry, images.absence(entry, folder, obstacle), allow_fallback)
        prepared.download(entry, folder)
    return _open(entry, folder)


def _fallback(entry, reason, allowed):
    if not allowed:
        raise DataError(f"{entry.title} is not available: {reason}; {images.REMEDY}")
    title = entry.title.partition(", not ")[0]
    substitute = fallback.photographs(entry.image_shape[0], title)
    logging.warning("NOT %s but %s: %s. To use %s, %s.", title, substitute.title, reason, title, images.REMEDY)
    return substitute


def _open(entry, data_dir):
    folder = prepared.folder_of(entry, data_dir)
    found = prepared.files(entry, data_dir, "prepare it where they are")
    readers = {}
    for split, paths in found.items():
        try:
            readers[split] = Reader(entry, paths)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder}: its {split} split cannot be read ({error}); {prepared.remedy(folder)}"
            ) from error
        catalogue.check_count(entry, split, str(folder), prepared.remedy(folder), len(readers[split].records))

    def part(reader, first, count):
        labels = Streamed("label", reader, first, count) if entry.class_names else None
        return Split(Streamed("image", reader, first, count), labels)

    train, test = entry.examples["train"], entry.examples["validation"]
    return StreamedData(
        name=entry.name.replace("/", "-"),
        title=entry.title,
        train=part(readers["train"], 0, train - entry.held_out),
        validation=part(readers["train"], train - entry.held_out, entry.held_out),
        test=part(readers["validation"], 0, test),
        class_names=entry.class_names,
        levels=entry.levels,
        is_fallback=entry.name.startswith("imagenet_resized"),
        source=f"TensorFlow Datasets {entry.name} {entry.version}",
    )
