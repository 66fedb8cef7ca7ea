"""Data sets made from stored ones: which digits go where, what stays fixed, and what stands in for them."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from image_generators.data import compose, derived, images, matching
from image_generators.data.batches import batches
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import catalogue, fallback
from image_generators.data.sources.catalogue import DataError

COMPOSED = {"cluttered_mnist": (100, 100, 1), "two_digit_mnist": (60, 60, 1)}


def blobs(n, seed):
    """Grey pictures that can be told apart once they are binarised, as digits can."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0, 40, 215, 255], size=(n, 7, 7, 1)).astype(np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture
def folder(small, write_npz, tmp_path):
    """MNIST of 15, 5 and 10 digits and a binarised MNIST of the same digits in another order and division."""
    mnist, binarised = small("mnist"), small("binarized_mnist")
    write_npz(tmp_path, mnist)
    train, test = blobs(20, seed=1), blobs(10, seed=2)
    np.savez(tmp_path / "mnist_train.npz", images=train, labels=np.arange(20) % 10)
    np.savez(tmp_path / "mnist_test.npz", images=test, labels=np.arange(10))
    rng = np.random.default_rng(3)
    held_out = [3, 19, 0, 7, 16, 11, 12, 5, 9, 2]
    contents = {"train": np.delete(train, held_out, 0).repeat(2, 0), "validation": train[held_out], "test": test}
    for split, grey in contents.items():
        assert len(grey) == binarised.examples[split]
        np.savez(tmp_path / f"binarized_mnist_{split}.npz", images=compose.binarise(grey, rng))
    return tmp_path


@pytest.mark.parametrize("name", COMPOSED)
def test_train_is_composed_afresh_and_the_rest_is_not(folder, name):
    data = images.load(name, data_dir=folder)
    mnist = images.load("mnist", data_dir=folder)
    assert data.name == name and not data.is_fallback and data.levels == 256
    assert data.image_shape == COMPOSED[name]
    np.testing.assert_array_equal(data.train.images, mnist.train.images)
    (one, _), (again, _) = (next(batches(data.train, 15, seed, augment=data.augment)) for seed in (0, 1))
    assert one.shape == again.shape == (15, *COMPOSED[name]) and not np.array_equal(one, again)
    for split, n in (("validation", 5), ("test", 10)):
        assert getattr(data, split).images.shape == (n, *COMPOSED[name])
    assert data.fingerprint == images.load(name, data_dir=folder).fingerprint
    assert data.augmentation and "seed 1501" in data.source and data.source.startswith("npz files")


def test_cluttered_digits_keep_their_labels(folder):
    data, mnist = (images.load(name, data_dir=folder) for name in ("cluttered_mnist", "mnist"))
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(data, split).labels, getattr(mnist, split).labels)
    assert data.class_names == mnist.class_names


def test_two_digits_have_no_labels(folder):
    data = images.load("two_digit_mnist", data_dir=folder)
    assert data.class_names == () and {data.train.labels, data.validation.labels, data.test.labels} == {None}


def marked():
    """MNIST whose digits are as bright as their split: 1 for train, 60 for validation, 120 for test."""
    splits = {
        split: Split(np.full((n, 28, 28, 1), value, np.uint8), np.zeros(n, np.int32))
        for split, n, value in (("train", 20, 1), ("validation", 130, 60), ("test", 110, 120))
    }
    return ImageData("m", "M", **splits, class_names=("0",), levels=256, is_fallback=False, source="made up")


def test_the_digit_is_of_its_split_and_the_clutter_of_train():
    data = derived.cluttered_mnist(marked())
    for split, value in (("validation", 60), ("test", 120)):
        for picture in getattr(data, split).images:
            assert (picture >= value).sum() == 28 * 28  # the digit, and nothing else from outside train
            assert picture.max() <= value + 8 and np.isin(picture[picture < value], range(9)).all()
    assert data.augment(data.train.images, np.random.default_rng(0)).max() <= 9


def test_both_digits_are_of_their_split():
    data = derived.two_digit_mnist(marked())
    for split, value in (("validation", 60), ("test", 120)):
        assert set(np.unique(getattr(data, split).images)) == {0, value, 2 * value}
    assert set(np.unique(data.augment(data.train.images, np.random.default_rng(0)))) == {0, 1, 2}


def test_every_digit_of_a_split_is_composed_once(folder):
    """More digits than are composed together, each with a brightness of its own."""
    mnist = marked()
    brightness = np.arange(100, 230, dtype=np.uint8)
    validation = Split(np.broadcast_to(brightness[:, None, None, None], (130, 28, 28, 1)), np.arange(130))
    data = derived.cluttered_mnist(dataclasses.replace(mnist, validation=validation))
    pictures = data.validation.images.reshape(130, -1)
    dimmest = np.where(pictures >= 100, pictures, 255).min(1)  # where no clutter lies on the digit
    np.testing.assert_array_equal(dimmest, brightness)


def test_matching_finds_the_digits_that_were_binarised():
    grey = blobs(200, seed=4)
    chosen = np.random.default_rng(5).permutation(200)[:150]
    binary = compose.binarise(grey[chosen], np.random.default_rng(6))
    np.testing.assert_array_equal(matching.match(binary, grey), chosen)


def test_pixels_decide_between_digits_of_equal_blocks():
    """The same grey values, in other places of every block of 4x4 pixels: the quick comparison sees no difference."""
    rng = np.random.default_rng(9)
    block = np.repeat([20, 235], 8).astype(np.uint8)
    grey = np.stack([np.tile(rng.permutation(block).reshape(4, 4), (7, 7)) for _ in range(30)])[..., None]
    chosen = rng.permutation(30)
    np.testing.assert_array_equal(matching.match(compose.binarise(grey[chosen], rng), grey), chosen)


def test_matching_gives_no_digit_twice_and_none_to_a_stranger():
    twins = blobs(6, seed=7)[[0, 1, 2, 3, 2]]  # 2 and 4 are the same picture
    binary = compose.binarise(twins[[2, 0, 2]], np.random.default_rng(8))
    found = matching.match(binary, twins)
    assert found[1] == 0 and set(found) == {0, 2, 4}
    impossible = np.ones((1, 28, 28, 1), np.uint8)
    assert matching.match(impossible, twins).tolist() == [-1]


def test_dynamic_binarisation_keeps_held_out_digits_out_of_train(folder):
    data, mnist, fixed = (
        images.load(name, data_dir=folder) for name in ("dynamic_binarized_mnist", "mnist", "binarized_mnist")
    )
    held_out = [3, 19, 0, 7, 16, 11, 12, 5, 9, 2]
    whole = np.concatenate([mnist.train.images, mnist.validation.images])
    np.testing.assert_array_equal(data.train.images, np.delete(whole, held_out, 0))
    for split in ("validation", "test"):
        np.testing.assert_array_equal(getattr(data, split).images, getattr(fixed, split).images)
    assert data.name == "dynamic_binarized_mnist" and data.levels == 2 and data.train.labels is None
    assert not data.is_fallback and data.class_names == () and data.fingerprint != fixed.fingerprint
    drawn = np.stack([data.augment(data.train.images, np.random.default_rng(seed)) for seed in range(100)])
    assert set(np.unique(drawn)) == {0, 1}
    p = data.train.images / 255
    assert (abs(drawn.mean(0) - p) <= 6 * np.sqrt(p * (1 - p) / 100)).all()


def test_digits_of_two_origins_are_refused(folder):
    np.savez(folder / "binarized_mnist_validation.npz", images=np.ones((10, 28, 28, 1), np.uint8))
    with pytest.raises(DataError, match="10 of 10 validation images"):
        images.load("dynamic_binarized_mnist", data_dir=folder)


def remove(folder, name):
    for path in folder.glob(f"{name}_*.npz"):
        path.unlink()


@pytest.mark.parametrize("name", ["mnist", "binarized_mnist"])
def test_dynamic_binarisation_of_half_the_data_is_refused(folder, name):
    remove(folder, name)
    with pytest.raises(DataError, match=f"needs mnist and binarized_mnist: .* holds no {name} .*; pass --data_dir"):
        images.load("dynamic_binarized_mnist", data_dir=folder, download=False)


def test_mnist_binarised_here_stands_in_for_the_fixed_binarisation(folder):
    remove(folder, "binarized_mnist")
    data, mnist = (images.load(name, data_dir=folder, download=False) for name in ("binarized_mnist", "mnist"))
    assert data.is_fallback and data.name == "mnist-binarised-here" and data.levels == 2
    assert data.title == "MNIST binarised here (seed 2008), not the fixed binarised MNIST"
    assert data.source == "npz files, binarised with seed 2008" and data.class_names == ()
    for split in ("train", "validation", "test"):
        pixels, grey = getattr(data, split).images, getattr(mnist, split).images
        assert set(np.unique(pixels)) == {0, 1} and getattr(data, split).labels is None
        assert not pixels[grey == 0].any() and pixels[grey == 255].all()
    assert data.fingerprint == images.load("binarized_mnist", data_dir=folder, download=False).fingerprint
    with pytest.raises(DataError, match="binarised MNIST is not available"):
        images.load("binarized_mnist", data_dir=folder, download=False, allow_fallback=False)


@pytest.mark.parametrize("name", [*COMPOSED, "dynamic_binarized_mnist"])
def test_digits_of_scikit_learn_stand_in(tmp_path, name, monkeypatch):
    said = []
    monkeypatch.setattr(images.logging, "warning", lambda form, *values: said.append(form % values))
    data = images.load(name, data_dir=tmp_path, download=False)
    title = derived.RECIPES[name].title
    assert data.is_fallback and data.name not in derived.RECIPES and data.name.startswith("sklearn-")
    assert "scikit-learn" in data.title and "not " in data.title and data.augment
    assert said[0].startswith(f"NOT {title} but {data.title}: {tmp_path} holds no mnist 3.0.1")
    shown = data.augment(data.train.images[:3], np.random.default_rng(0))
    assert shown.shape == (3, *data.image_shape) == (3, *COMPOSED.get(name, (8, 8, 1))) and shown.max() < data.levels
    assert [len(split.images) for split in (data.train, data.validation, data.test)] == [1197, 300, 300]
    with pytest.raises(DataError, match=r"is not available: .* holds no mnist 3.0.1.*pass --data_dir"):
        images.load(name, data_dir=tmp_path, download=False, allow_fallback=False)


def test_enlarged_digits_are_those_of_scikit_learn():
    small, large = fallback.digits(), fallback.enlarged_digits()
    assert large.image_shape == (28, 28, 1)
    np.testing.assert_array_equal(large.test.images[:, 3:26:3, 3:26:3], small.test.images)
    assert large.test.images.sum() == 9 * small.test.images.sum(dtype=np.int64)
    assert not large.test.images[:, :2].any() and not large.test.images[:, :, -2:].any()
    np.testing.assert_array_equal(large.test.labels, small.test.labels)


def test_real_binarised_digits_are_found_among_all(real):
    mnist, binarised = real("mnist"), real("binarized_mnist").validation.images[:200]
    grey = np.concatenate([mnist.train.images, mnist.validation.images])
    found = matching.match(binarised, grey)
    assert len(set(found) - {-1}) == 200
    p = grey[found].astype(np.float64) / 255
    log_chance = np.log(np.where(binarised, p, 1 - p)).sum((1, 2, 3))
    inside = (p > 0) & (p < 1)
    q = np.where(inside, p, 0.5)
    expected = np.where(inside, q * np.log(q) + (1 - q) * np.log(1 - q), 0).sum((1, 2, 3))
    variance = np.where(inside, q * (1 - q) * np.square(np.log(q / (1 - q))), 0).sum((1, 2, 3))
    assert (log_chance > expected - 7 * np.sqrt(variance)).all()  # of another digit it is hundreds below


def test_the_fixed_pictures_are_those_of_every_machine_and_version():
    assert derived.cluttered_mnist(marked()).fingerprint.startswith("f079e9e6cdd71717")
    assert derived.two_digit_mnist(marked()).fingerprint.startswith("340cddefdbd68533")
    assert derived.binarised_here(marked()).fingerprint.startswith("5cdc24f43ca63d81")


def test_names_are_listed():
    with pytest.raises(ValueError, match="name.*'clutter'"):
        images.load("clutter")
    assert set(catalogue.CATALOGUE) < set(derived.RECIPES)


def test_composing_needs_no_tensorflow(folder):
    program = f"""
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None  # importing them fails
import dataclasses
from image_generators.data import images
from image_generators.data.sources import catalogue
for name, held_out in (("mnist", 5), ("binarized_mnist", 0)):
    entry = catalogue.CATALOGUE[name]
    examples = {{split: 20 if split == "train" else 10 for split in entry.examples}}
    catalogue.CATALOGUE[name] = dataclasses.replace(entry, examples=examples, held_out=held_out)
for name in ("cluttered_mnist", "two_digit_mnist", "dynamic_binarized_mnist"):
    assert images.load(name, data_dir={str(folder)!r}).name == name
"""
    subprocess.run([sys.executable, "-c", program], check=True)
