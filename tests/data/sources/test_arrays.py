""".npz files give the same data as TFDS, and damaged ones are refused."""

import re

import numpy as np
import pytest

from image_generators.data import images
from image_generators.data.sources.catalogue import DataError


def write_pieces(folder, name, split, arrays, pieces):
    for i in range(pieces):
        part = {key: np.array_split(array, pieces)[i] for key, array in arrays.items()}
        np.savez_compressed(folder / f"{name}_{split}_{i}of{pieces}.npz", **part)


def test_pieces_and_wholes_have_the_fingerprint_of_tfds(small, prepared_cifar10, tmp_path):
    small("cifar10")
    through_tfds = images.load("cifar10", data_dir=prepared_cifar10)
    whole = {
        key: np.concatenate([getattr(through_tfds.train, key), getattr(through_tfds.validation, key)])
        for key in ("images", "labels")
    }
    write_pieces(tmp_path, "cifar10", "train", whole, 11)  # so that 10of11 must come after 2of11
    np.savez(tmp_path / "cifar10_test.npz", images=through_tfds.test.images, labels=through_tfds.test.labels)
    through_npz = images.load("cifar10", data_dir=tmp_path)
    assert through_npz.source == "npz files"
    assert through_npz.fingerprint == through_tfds.fingerprint


def test_a_missing_piece_is_refused(small, write_npz, tmp_path):
    written = write_npz(tmp_path, small("cifar10"))
    (tmp_path / "cifar10_train.npz").unlink()
    write_pieces(tmp_path, "cifar10", "train", written["train"], 3)
    (tmp_path / "cifar10_train_1of3.npz").unlink()
    with pytest.raises(DataError, match="found cifar10_train_0of3.npz, cifar10_train_2of3.npz, expected .*_1of3.npz"):
        images.load("cifar10", data_dir=tmp_path)


def test_a_missing_split_is_refused(small, write_npz, tmp_path):
    write_npz(tmp_path, small("cifar10"))
    (tmp_path / "cifar10_test.npz").unlink()
    with pytest.raises(DataError, match="cifar10_test.npz"):
        images.load("cifar10", data_dir=tmp_path)


def test_two_ways_to_cut_are_refused(small, write_npz, tmp_path):
    written = write_npz(tmp_path, small("cifar10"))
    write_pieces(tmp_path, "cifar10", "train", written["train"], 2)
    with pytest.raises(DataError, match="delete"):
        images.load("cifar10", data_dir=tmp_path)


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "truncated": content[:middle],
        "empty": b"",
        "not a zip": b"<html>404</html>",
        "overwritten": content[:middle] + bytes(64) + content[middle + 64 :],
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize("how", ["truncated", "empty", "not a zip", "overwritten"])
def test_damaged_files_are_refused(small, write_npz, tmp_path, how):
    write_npz(tmp_path, small("mnist"))
    path = tmp_path / "mnist_train.npz"
    damage(path, how)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: .*"):
        images.load("mnist", data_dir=tmp_path)


def test_pickles_are_not_opened(small, write_npz, tmp_path):
    write_npz(tmp_path, small("mnist"))
    np.savez(tmp_path / "mnist_train.npz", images=np.array([{}], dtype=object), labels=np.zeros(1, np.int64))
    with pytest.raises(DataError, match="allow_pickle=False"):
        images.load("mnist", data_dir=tmp_path)


def correct_train(n=20, levels=256):
    return {"images": np.full((n, 28, 28, 1), levels - 1, np.uint8), "labels": np.arange(n) % 10}


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("mnist", {"images": np.zeros((20, 28, 28, 1), np.float32)}, "images of type float32, expected uint8"),
        ("mnist", {"images": np.zeros((20, 28, 28), np.uint8)}, r"shape \(20, 28, 28\), expected \(n, 28, 28, 1\)"),
        ("mnist", {"images": np.zeros((20, 32, 32, 3), np.uint8)}, r"expected \(n, 28, 28, 1\)"),
        ("mnist", {"labels": np.arange(20)}, "labels from 0 to 19, expected 0 to 9"),
        ("mnist", {"labels": np.arange(20) % 10 - 1}, "labels from -1 to 8, expected 0 to 9"),
        ("mnist", {"labels": np.zeros(20)}, "labels of type float64"),
        ("mnist", {"labels": np.zeros(19, int)}, r"labels of .* shape \(19,\), expected integers of shape \(20,\)"),
        ("mnist", correct_train(19), "found 19 examples in the train split of mnist, expected 20"),
        ("mnist", {"labels": None}, "found arrays images, expected images and labels"),
        ("binarized_mnist", correct_train(levels=3) | {"labels": None}, "pixels up to 2, expected 0 to 1"),
        ("binarized_mnist", correct_train(levels=2), "found arrays images, labels, expected images"),
    ],
)
def test_wrong_contents_are_refused(small, write_npz, tmp_path, name, wrong, message):
    write_npz(tmp_path, small(name))
    arrays = correct_train() | wrong
    np.savez(tmp_path / f"{name}_train.npz", **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match=f"{name}_train.npz: found .*{message}|{name}_train.npz: {message}"):
        images.load(name, data_dir=tmp_path)
