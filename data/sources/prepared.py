"""Reads data sets of TensorFlow Datasets. TFDS downloads and prepares them; tf.data reads them in file order.

A thousand examples are parsed at a time. `tfds.load` parses them one by one and takes twice as long.
"""

import importlib
import importlib.util
import os
import pathlib
import re

import numpy as np

from image_generators.data.sources import catalogue, network
from image_generators.data.sources.catalogue import DataError, Entry
from image_generators.data.sources.pipelines import without_autotuning

EXAMPLES_AT_ONCE = 1000


def folder_of(entry: Entry, data_dir: pathlib.Path) -> pathlib.Path:
    """The folder of the data set in `data_dir`."""
    return data_dir / entry.name / entry.version


def obstacle(entry: Entry) -> str | None:
    """The reason why the data set cannot be downloaded, or None if it probably can be. Takes a few seconds at most."""
    if importlib.util.find_spec("tensorflow_datasets") is None:
        return "tensorflow_datasets is not installed"
    return network.obstacle(entry.url)


def unfinished(entry: Entry, data_dir: pathlib.Path) -> pathlib.Path | None:
    """The folder that a killed download left, `incomplete.<letters>_<version>`, or None."""
    return next(iter(sorted((data_dir / entry.name).glob("incomplete.*"))), None)


def download(entry: Entry, data_dir: pathlib.Path) -> None:
    """Downloads and prepares the data set in `data_dir`.

    Raises:
        DataError: the download failed, a checksum is wrong, or the folder cannot be written.
    """
    import tensorflow_datasets as tfds

    if entry.builder:
        importlib.import_module(entry.builder)
    try:
        builder = tfds.builder(f"{entry.name}:{entry.version}", data_dir=str(data_dir))
        builder.download_and_prepare(file_format="tfrecord")
    except Exception as error:  # from any of the libraries that TFDS uses
        raise DataError(
            f"{data_dir}: the download of {entry.name} failed ({type(error).__name__}: {error}); run again, pass a "
            "--data_dir where it is prepared, or turn downloading off to run on the fallback"
        ) from error


def read(entry: Entry, data_dir: pathlib.Path) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Reads the stored splits: {split: (images, labels)}.

    Raises:
        DataError: TFDS is not installed, or the prepared data cannot be read or does not fit `entry`.
    """
    folder = folder_of(entry, data_dir)
    paths_of = files(entry, data_dir, f"pass a --data_dir with {entry.name}_<split>.npz files")
    return {split: _read_split(entry, split, paths, folder, remedy(folder)) for split, paths in paths_of.items()}


def remedy(folder: pathlib.Path) -> str:
    """What to do if the prepared `folder` is damaged, as the end of a message."""
    return f"delete the folder {folder} and run again, or pass another --data_dir"


def files(entry: Entry, data_dir: pathlib.Path, alternative: str) -> dict[str, list[str]]:
    """The files of each split, from the description that TFDS stores with the prepared data.

    Args:
        entry: the data set.
        data_dir: folder of data sets.
        alternative: what to do if TFDS is not installed, as the end of a message.

    Raises:
        DataError: TFDS is not installed, or the description cannot be read or does not fit `entry`.
    """
    folder = folder_of(entry, data_dir)
    try:
        import tensorflow  # noqa: F401
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(
            f"{folder}: reading it needs tensorflow and tensorflow-datasets ({error}); install them, or {alternative}"
        ) from error
    try:
        info = tfds.builder_from_directory(str(folder)).info
        splits, shape = info.splits, info.features["image"].shape
    except Exception as error:  # from any of the parsers that TFDS uses
        raise DataError(
            f"{folder}: its dataset_info.json or features.json cannot be read ({error}); {remedy(folder)}"
        ) from error
    expected = entry.stored_shape or entry.image_shape
    if len(shape) != 3 or any(size not in (None, wanted) for size, wanted in zip(shape, expected, strict=True)):
        raise DataError(f"{folder}: found images of shape {shape}, expected {expected}; {remedy(folder)}")
    missing = [split for split in entry.examples if split not in splits]
    if missing:
        raise DataError(
            f"{folder}: found the splits {', '.join(splits)}, expected {', '.join(missing)} too; {remedy(folder)}"
        )
    return {split: [str(path) for path in splits[split].filepaths] for split in entry.examples}


def _read_split(entry, split, paths, folder, remedy):
    import tensorflow as tf

    try:
        images, labels, count = _read_records(entry, paths, entry.examples[split])
    except tf.errors.OpError as error:
        reason = re.sub(r"{{.*?}} *| *\[Op:.*", "", error.message).splitlines()[0]  # without the names of graph nodes
        raise DataError(f"{folder}: its {split} split cannot be read ({reason}); {remedy}") from error
    catalogue.check_count(entry, split, str(folder), remedy, count)
    catalogue.check_arrays(entry, str(folder), remedy, images, labels)
    return images, labels


def _read_records(entry, files, expected):
    """Images, labels and the number of examples in the files; the arrays have room for `expected` examples."""
    import tensorflow as tf

    features = {"image": tf.io.FixedLenFeature([], tf.string)}
    if entry.class_names:
        features["label"] = tf.io.FixedLenFeature([], tf.string if entry.text_labels else tf.int64)

    def decode(encoded):  # PNG; for LFW JPEG, which decode_png reads too
        return tf.ensure_shape(tf.io.decode_png(encoded), entry.stored_shape or entry.image_shape)

    def parse(records):
        examples = tf.io.parse_example(records, features)
        return examples | {"image": tf.map_fn(decode, examples["image"], fn_output_signature=tf.uint8)}

    images = np.empty((expected, *entry.image_shape), np.uint8)
    labels = np.empty(expected, object if entry.text_labels else np.int64) if entry.class_names else None
    count = 0
    records = tf.data.TFRecordDataset(files).batch(EXAMPLES_AT_ONCE).map(parse, num_parallel_calls=os.cpu_count())
    for batch in without_autotuning(records).as_numpy_iterator():
        start, count = count, count + len(batch["image"])
        if count <= expected:
            images[start:count] = entry.reduce(batch["image"]) if entry.reduce else batch["image"]
            if labels is not None:
                labels[start:count] = batch["label"]
    if entry.text_labels:
        labels = np.unique(labels[:count], return_inverse=True)[1]
    return images, labels, count
