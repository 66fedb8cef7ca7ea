"""Data sets too large for memory: ImageNet at 32x32 and 64x64, read from TFDS's files during training.

`load('downsampled_imagenet', 64)` indexes the positions of all records (data/sources/tfrecords.py). So training sees
the batches that data/batches.py gives for images in memory: every epoch is a permutation of all images, not of a
shuffle buffer, and a resumed run continues within an epoch without reading the earlier batches. tf.data decodes several
batches in parallel and ahead of the network.
"""

import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from absl import logging

from image_generators.data import batches as in_memory
from image_generators.data import images
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import catalogue, fallback, prepared
from image_generators.data.sources.catalogue import DataError, Entry
from image_generators.data.sources.pipelines import without_autotuning
from image_generators.data.sources.tfrecords import Records

if TYPE_CHECKING:
    import tensorflow as tf

NAMES = ("downsampled_imagenet", "imagenet_resized")
SIZES = (32, 64)  # pixels
HELD_OUT = 10_000  # validation images, from the end of TFDS's train split; TFDS's validation split is our test split
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
    """Images or labels in files, with the part of NumPy's array interface that this project uses.

    Indexing with a slice or an array of integers reads and decodes those examples.
    """

    part: str  # "image" or "label"
    reader: "Reader"
    first: int  # index of the first record
    count: int

    def __len__(self):
        return self.count

    @property
    def shape(self):
        return (self.count, *self.reader.entry.image_shape) if self.part == "image" else (self.count,)

    def __getitem__(self, key):
        indices = self.first + np.arange(self.count)[key]
        starts = range(0, len(indices), EXAMPLES_AT_ONCE)
        parts = [self.reader.examples(indices[i : i + EXAMPLES_AT_ONCE])[self.part] for i in starts]
        return np.concatenate(parts) if parts else np.zeros((0, *self.shape[1:]), np.uint8)


class Reader:
    """Reads examples of one split as TFDS stores it.

    Args:
        entry: the data set.
        paths: the TFRecord files of the split.

    Raises:
        ValueError, OSError: as for `Records`.
    """

    def __init__(self, entry: Entry, paths: list[str]):
        self.entry = entry
        self.records = Records(paths)

    def examples(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Reads examples: {"image": uint8 [n, height, width, 3], "label": int32 [n], if there are labels}.

        Raises:
            DataError: a record cannot be decoded.
        """
        tf = _tensorflow()
        with self.naming_the_folder():
            tensors = self._parse(tf.constant(self.records.read(indices), tf.string))
        return {name: tensor.numpy() for name, tensor in tensors.items()}

    def dataset(self, batches: Callable[[], Iterator[np.ndarray]]) -> "tf.data.Dataset":
        """A tf.data.Dataset of batches as `examples` returns them; `batches` returns an iterator of their indices."""
        tf = _tensorflow()
        indices = tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec([None], tf.int64))

        def read(batch):
            stored = tf.numpy_function(self.records.read, [batch], tf.string, stateful=False)
            return self._parse(tf.ensure_shape(stored, [None]))

        return without_autotuning(indices.map(read, num_parallel_calls=os.cpu_count(), deterministic=True))

    @functools.cached_property
    def _parse(self):
        tf = _tensorflow()
        features = {"image": tf.io.FixedLenFeature([], tf.string)}
        if self.entry.class_names:
            features["label"] = tf.io.FixedLenFeature([], tf.int64)

        def decode(encoded):  # PNG, or JPEG, which decode_png reads too
            return tf.ensure_shape(tf.io.decode_png(encoded, channels=3), self.entry.image_shape)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def parse(stored):
            tensors = tf.io.parse_example(stored, features)
            tensors["image"] = tf.map_fn(decode, tensors["image"], fn_output_signature=tf.uint8)
            if "label" in tensors:
                tensors["label"] = tf.cast(tensors["label"], tf.int32)
            return tensors

        return parse

    @contextlib.contextmanager
    def naming_the_folder(self) -> Iterator[None]:
        """Context in which errors of TensorFlow become a DataError that names the folder."""
        try:
            yield
        except _tensorflow().errors.OpError as error:
            folder, reason = pathlib.Path(self.records.paths[0]).parent, error.message.splitlines()[0]
            raise DataError(f"{folder}: cannot be read ({reason}); {prepared.remedy(folder)}") from error


def _tensorflow():
    import tensorflow as tf

    if "jax" in sys.modules:  # TensorFlow only reads files here; it must not take the accelerator's memory
        tf.config.set_visible_devices([], "GPU")
    return tf


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedData(ImageData):
    """ImageData whose images and labels are `Streamed`. `batches` replaces data/batches.py."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the lengths and checksums of all records."""
        parts = [split.images.reader.records.fingerprint for split in (self.train, self.test)]
        return hashlib.sha256("".join([self.name, *parts]).encode()).hexdigest()

    def batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Endless shuffled minibatches of train. Arguments and results are those of `data.batches.batches`.

        Raises:
            DataError: raised by the iterator if a record cannot be decoded.
        """
        in_memory.check_integers(("batch_size", batch_size, 1), ("seed", seed, 0), ("start_step", start_step, 0))
        return self._generate(int(batch_size), int(seed), int(start_step))

    def _generate(self, batch_size, seed, start_step):
        split = self.train.images

        def indices():
            for batch in in_memory.order(len(split), batch_size, seed, start_step):
                yield split.first + batch

        with split.reader.naming_the_folder():
            for batch in split.reader.dataset(indices).as_numpy_iterator():
                yield batch["image"], batch.get("label")


def load(
    name: str,
    size: int,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    allow_fallback: bool = True,
) -> ImageData:
    """Opens ImageNet at a small size. Without it and without a network, photographs of scikit-learn stand in.

    Validation is the last 10,000 images of TFDS's train split. Test is TFDS's validation split, on which the paper
    reports its results.

    Args:
        name: 'downsampled_imagenet', the images of arXiv 1601.06759, without labels; or 'imagenet_resized', those of
            arXiv 1707.08819, downsampled with a box filter, with 1,000 classes. Likelihoods on the two are not
            comparable, so the second counts as a fallback and is never compared with published numbers.
        size: 32 or 64, in pixels.
        data_dir, download, allow_fallback: as for `data.images.load`.

    Returns:
        A `StreamedData`, or an `ImageData` if a fallback stands in.

    Raises:
        ValueError: `name` or `size` is unknown, or `data_dir` does not exist.
        DataError: as for `data.images.load`.
    """
    if name not in NAMES or size not in SIZES:
        rule = f"name must be one of {', '.join(NAMES)}, and size one of {', '.join(map(str, SIZES))}"
        raise ValueError(f"{rule}. Received: name={name!r}, size={size!r}")
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
    paths_of = prepared.files(entry, data_dir, "prepare it on a machine that has them")
    readers = {}
    for split, paths in paths_of.items():
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
