"""The real data sets are what the literature says, and `load` takes the right one."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from image_generators.data import images
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import arrays, network, prepared
from image_generators.data.sources.catalogue import DataError


def test_cifar10_has_the_known_statistics(real):
    data = real("cifar10")
    assert [len(s.images) for s in (data.train, data.validation, data.test)] == [45_000, 5_000, 10_000]
    assert data.image_shape == (32, 32, 3) and data.train.images.dtype == np.uint8
    whole = [data.train.images, data.validation.images]
    n = 50_000 * 32 * 32
    mean = sum(part.sum((0, 1, 2), dtype=np.int64) for part in whole) / n
    square = sum(np.square(part, dtype=np.uint16).sum((0, 1, 2), dtype=np.int64) for part in whole) / n
    np.testing.assert_allclose(mean / 255, [0.4914, 0.4822, 0.4465], atol=1e-4)
    np.testing.assert_allclose(np.sqrt(square - mean**2) / 255, [0.2470, 0.2435, 0.2616], atol=1e-4)
    labels = np.concatenate([data.train.labels, data.validation.labels])
    assert labels.dtype == np.int32
    assert np.bincount(labels).tolist() == [5_000] * 10
    assert np.bincount(data.test.labels).tolist() == [1_000] * 10
    assert not data.is_fallback and data.name == "cifar10" and data.class_names[3] == "cat"


def test_mnist_has_the_known_counts(real):
    data = real("mnist")
    assert [len(s.images) for s in (data.train, data.validation, data.test)] == [50_000, 10_000, 10_000]
    labels = np.concatenate([data.train.labels, data.validation.labels])
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    mean = (data.train.images.mean() * 50_000 + data.validation.images.mean() * 10_000) / 60_000
    assert mean / 255 == pytest.approx(0.1307, abs=1e-4)


def test_binarised_mnist_is_binary(real):
    data = real("binarized_mnist")
    assert [len(s.images) for s in (data.train, data.validation, data.test)] == [50_000, 10_000, 10_000]
    assert data.levels == 2 and set(np.unique(data.train.images)) == {0, 1}
    assert data.train.images.mean() == pytest.approx(0.1307, abs=1e-3)  # binarised with the grey value as probability
    assert data.test.labels is None and data.class_names == ()


def test_splits_have_no_image_in_common(real):
    data = real("cifar10")
    train, validation, test = (
        {image.tobytes() for image in split.images} for split in (data.train, data.validation, data.test)
    )
    assert not train & test and not train & validation and not validation & test


def test_validation_is_the_end_of_train(small, write_npz, tmp_path):
    written = write_npz(tmp_path, small("mnist"))
    data = images.load("mnist", data_dir=tmp_path)
    np.testing.assert_array_equal(data.train.images, written["train"]["images"][:15])
    np.testing.assert_array_equal(data.validation.images, written["train"]["images"][15:])
    np.testing.assert_array_equal(data.validation.labels, written["train"]["labels"][15:])
    assert data.validation.labels.dtype == np.int32
    np.testing.assert_array_equal(data.test.images, written["test"]["images"])


def test_a_data_set_of_three_splits_keeps_them(small, write_npz, tmp_path):
    written = write_npz(tmp_path, small("binarized_mnist"))
    data = images.load("binarized_mnist", data_dir=tmp_path)
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(data, split).images, written[split]["images"])


def test_fingerprint_sees_every_array_and_its_shape():
    def data(change=None, labels=True, shape=(2, 2, 1)):
        splits = {
            name: Split(np.full((3, *shape), i, np.uint8), np.full(3, i, np.int32) if labels else None)
            for i, name in enumerate(("train", "validation", "test"))
        }
        if change:
            split, array = change
            getattr(splits[split], array)[-1] += 1
        return ImageData("a", "A", **splits, class_names=(), levels=256, is_fallback=False, source="made up")

    changes = [(s, a) for s in ("train", "validation", "test") for a in ("images", "labels")]
    prints = [data(change).fingerprint for change in (None, *changes)]
    prints += [data(labels=False).fingerprint, data(shape=(4, 1, 1)).fingerprint]
    assert len(set(prints)) == len(prints)
    assert data().fingerprint == prints[0]


def small_data(size=2, **fields):
    splits = {name: Split(np.full((3, 2, 2, 1), i, np.uint8), None) for i, name in enumerate(("train", "test"))}
    splits["validation"] = Split(np.zeros((3, size, size, 1), np.uint8), None)
    return ImageData("a", "A", **splits, class_names=(), levels=256, is_fallback=False, source="made up", **fields)


def test_a_fingerprint_without_augmentation_stays_what_it_was():
    """Records of earlier versions name it."""
    assert small_data().fingerprint == "2664914c08a40fa50acb4bf21bd34399430a59f94c9dd329a41585e2ea36313c"


def test_augmentation_has_a_part_in_the_fingerprint_and_decides_the_shape_seen():
    one, other = (small_data(5, augmentation=text, augment=lambda images, rng: images) for text in ("one", "other"))
    assert len({one.fingerprint, other.fingerprint, small_data(5).fingerprint}) == 3
    assert one.image_shape == (5, 5, 1)


def test_computed_labels_are_in_the_fingerprint_by_what_computed_them():
    """Their last bits may differ from machine to machine."""

    def computed(value, by):
        data = small_data(labels_of=by)
        splits = {
            name: Split(getattr(data, name).images, np.full((3, 2), value, np.float32))
            for name in ("train", "validation", "test")
        }
        return dataclasses.replace(data, **splits).fingerprint

    assert computed(1.0, "one") == computed(1.0000001, "one")
    assert len({computed(1.0, "one"), computed(1.0, "other"), small_data().fingerprint}) == 3


@pytest.mark.parametrize("fields", [{"augmentation": "one"}, {"augment": max}])
def test_augmentation_without_a_name_is_refused(fields):
    with pytest.raises(ValueError, match="augmentation.*augment"):
        small_data(**fields)


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name.*'cifar-10'"):
        images.load("cifar-10")


def test_missing_data_dir_is_refused(tmp_path):
    with pytest.raises(ValueError, match="data_dir.*nowhere"):
        images.load("mnist", data_dir=tmp_path / "nowhere")


def test_environment_names_the_folder(small, write_npz, tmp_path, monkeypatch):
    write_npz(tmp_path, small("mnist"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert images.load("mnist").source == "npz files"


def test_an_absent_data_set_is_downloaded(small, cifar10_files, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    small("cifar10")
    monkeypatch.setattr(network, "obstacle", lambda url: None)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", lambda *_: cifar10_files)
    data = images.load("cifar10", data_dir=tmp_path)
    assert data.source == "TensorFlow Datasets cifar10 3.0.2" and not data.is_fallback
    assert len(data.train.images) == 15


def test_a_failed_download_gives_the_reason(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def break_off(*_):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(network, "obstacle", lambda url: None)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", break_off)
    with pytest.raises(DataError, match="the download of cifar10 failed .*reset by peer.*run again"):
        images.load("cifar10", data_dir=tmp_path)


def test_npz_files_go_before_tfds(small, write_npz, tmp_path, monkeypatch):
    entry = small("mnist")
    write_npz(tmp_path, entry)
    prepared.folder_of(entry, tmp_path).mkdir(parents=True)  # empty: reading it would fail
    assert arrays.present(entry, tmp_path)
    assert images.load("mnist", data_dir=tmp_path).source == "npz files"


def test_npz_and_fallback_need_no_tensorflow(small, write_npz, tmp_path):
    write_npz(tmp_path, small("mnist"))
    program = f"""
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None  # importing them fails
import dataclasses
from image_generators.data import batches, images
from image_generators.data.sources import catalogue
entry = catalogue.CATALOGUE["mnist"]
catalogue.CATALOGUE["mnist"] = dataclasses.replace(entry, examples={{"train": 20, "test": 10}}, held_out=5)
assert images.load("mnist", data_dir={str(tmp_path)!r}).source == "npz files"
assert images.load("cifar10", data_dir={str(tmp_path)!r}, download=False).is_fallback
"""
    subprocess.run([sys.executable, "-c", program], check=True)
