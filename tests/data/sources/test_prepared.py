"""Data sets of TFDS: the images are those of the data set's own files, and damaged folders are refused."""

import dataclasses
import json
import re
import shutil
import sys

import numpy as np
import pytest

from image_generators.data import images
from image_generators.data.sources import catalogue, prepared
from image_generators.data.sources.catalogue import DataError


def load_as_fallback_would(data_dir):
    """With everything allowed that could hide damage."""
    return images.load("cifar10", data_dir=data_dir, download=False, allow_fallback=True)


@pytest.fixture
def copy(small, prepared_cifar10, tmp_path):
    """A prepared small CIFAR-10 to damage: its folder; it lies in the data directory `tmp_path`."""
    return shutil.copytree(prepared_cifar10 / "cifar10", tmp_path / "cifar10") / small("cifar10").version


def test_images_and_labels_belong_together(small, prepared_cifar10, cifar10_files):
    small("cifar10")
    data = images.load("cifar10", data_dir=prepared_cifar10)
    binaries = sorted((cifar10_files / "cifar-10-batches-bin").glob("data_batch_*.bin"))
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in binaries])
    originals = {record[1:].reshape(3, 32, 32).transpose(1, 2, 0).tobytes(): record[0] for record in records}
    read = [*zip(data.train.images, data.train.labels, strict=True)]
    read += [*zip(data.validation.images, data.validation.labels, strict=True)]
    assert {image.tobytes(): label for image, label in read} == originals


def test_order_is_that_of_tfds(small, prepared_cifar10):
    import tensorflow_datasets as tfds

    small("cifar10")
    data = images.load("cifar10", data_dir=prepared_cifar10)
    theirs = tfds.load("cifar10", split="test", data_dir=prepared_cifar10, batch_size=-1)
    np.testing.assert_array_equal(data.test.images, theirs["image"].numpy())


@pytest.fixture
def few_people(tmp_path, monkeypatch):
    """A data directory in which TFDS has prepared LFW of five people, and the photographs: {file name: array}."""
    import tensorflow_datasets as tfds
    from PIL import Image

    photographs, random = {}, np.random.default_rng(0)
    for name in ("Zoe_A", "Ann_B", "Bob_C", "Mia_D", "Leo_E"):
        folder = tmp_path / "archive" / "lfw" / name
        folder.mkdir(parents=True)
        for i in range(2):
            pixels = np.full((250, 250, 3), random.integers(0, 256, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}_000{i + 1}.jpg", quality=95)
            photographs[f"{name}_000{i + 1}"] = pixels
    entry = dataclasses.replace(
        catalogue.CATALOGUE["lfw"], examples={"train": 10}, held_out_labels={"test": 2, "validation": 1}
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "lfw", entry)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", lambda *_: tmp_path / "archive")
    prepared.download(entry, tmp_path)
    return tmp_path, photographs


def test_people_are_numbered_by_name_and_split_by_person(few_people):
    folder, photographs = few_people
    data = images.load("lfw", data_dir=folder)
    assert [set(s.labels.tolist()) for s in (data.train, data.validation, data.test)] == [{0, 1}, {2}, {3, 4}]
    names = sorted({name.rpartition("_")[0] for name in photographs})
    assert data.image_shape == (32, 32, 3) and data.name == "lfw" and not data.is_fallback
    for split in (data.train, data.validation, data.test):
        for image, label in zip(split.images, split.labels, strict=True):
            person = [pixels[0, 0] for name, pixels in photographs.items() if name.startswith(names[label])]
            nearest = min(np.abs(image.astype(int) - colour).max() for colour in person)
            assert nearest <= 3  # JPEG


def test_images_of_another_stored_size_are_refused(few_people, monkeypatch):
    folder, _ = few_people
    entry = dataclasses.replace(catalogue.CATALOGUE["lfw"], stored_shape=(200, 200, 3))
    monkeypatch.setitem(catalogue.CATALOGUE, "lfw", entry)
    with pytest.raises(DataError, match=r"shape \(250, 250, 3\), expected \(200, 200, 3\); delete"):
        images.load("lfw", data_dir=folder)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "damage", [truncate, flip_a_byte, lambda path: path.unlink(), lambda path: path.write_bytes(b"")]
)
def test_damaged_records_are_refused(copy, tmp_path, damage, split):
    damage(copy / f"cifar10-{split}.tfrecord-00000-of-00001")
    remedy = f"delete the folder {copy} and run again, or pass another --data_dir"
    with pytest.raises(DataError, match=f"{re.escape(str(copy))}: .*{split} split.*{re.escape(remedy)}"):
        load_as_fallback_would(tmp_path)


@pytest.mark.parametrize("file", ["dataset_info.json", "features.json"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text('{"name": "cif')])
def test_damaged_descriptions_are_refused(copy, tmp_path, damage, file):
    damage(copy / file)
    with pytest.raises(DataError, match="cannot be read .*delete the folder"):
        load_as_fallback_would(tmp_path)


def test_a_missing_split_is_refused(copy, tmp_path):
    info = json.loads((copy / "dataset_info.json").read_text())
    info["splits"] = [split for split in info["splits"] if split["name"] != "test"]
    (copy / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(DataError, match="found the splits train, expected test too; delete the folder"):
        load_as_fallback_would(tmp_path)


@pytest.mark.parametrize("n", [19, 21])
def test_another_number_of_examples_is_refused(copy, tmp_path, monkeypatch, n):
    entry = dataclasses.replace(catalogue.CATALOGUE["cifar10"], examples={"train": n, "test": 10})
    monkeypatch.setitem(catalogue.CATALOGUE, "cifar10", entry)
    with pytest.raises(DataError, match=f"found 20 examples in the train split of cifar10, expected {n}; delete"):
        load_as_fallback_would(tmp_path)


def test_another_shape_is_refused(copy, tmp_path, monkeypatch):
    entry = dataclasses.replace(catalogue.CATALOGUE["cifar10"], image_shape=(28, 28, 3))
    monkeypatch.setitem(catalogue.CATALOGUE, "cifar10", entry)
    with pytest.raises(DataError, match=r"shape \(32, 32, 3\), expected \(28, 28, 3\); delete"):
        load_as_fallback_would(tmp_path)


def test_pictures_of_another_shape_than_described_are_refused(copy, tmp_path, monkeypatch):
    entry = dataclasses.replace(catalogue.CATALOGUE["cifar10"], image_shape=(28, 28, 3))
    monkeypatch.setitem(catalogue.CATALOGUE, "cifar10", entry)
    features = copy / "features.json"
    features.write_text(features.read_text().replace('"32"', '"28"'))
    with pytest.raises(DataError, match=r"train split cannot be read .*\[32,32,3\].*\[28,28,3\].*; delete the folder"):
        load_as_fallback_would(tmp_path)


def test_labels_out_of_range_are_refused(copy, tmp_path, monkeypatch):
    entry = dataclasses.replace(catalogue.CATALOGUE["cifar10"], class_names=("airplane", "automobile"))
    monkeypatch.setitem(catalogue.CATALOGUE, "cifar10", entry)
    with pytest.raises(DataError, match="labels from 0 to [2-9], expected 0 to 1; delete the folder"):
        load_as_fallback_would(tmp_path)


def test_an_unfinished_download_is_refused_without_a_network(small, tmp_path):
    leftover = tmp_path / "cifar10" / "incomplete.ABC123_3.0.2"
    leftover.mkdir(parents=True)
    with pytest.raises(DataError, match=f"unfinished download; delete the folder {re.escape(str(leftover))}"):
        load_as_fallback_would(tmp_path)


def test_without_tensorflow_prepared_data_is_no_reason_to_fall_back(copy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"install them, or pass a --data_dir with cifar10_<split>.npz files"):
        load_as_fallback_would(tmp_path)


def test_without_tfds_there_is_no_download(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert prepared.obstacle(catalogue.CATALOGUE["mnist"]) == "tensorflow_datasets is not installed"
