"""ImageNet from TFDS's files: the images of the archive, in the order of data/batches.py, and damage refused."""

import io
import itertools
import re
import shutil
import zipfile

import numpy as np
import pytest

from image_generators.data.batches import batches
from image_generators.data.image_data import Split
from image_generators.data.sources import prepared, streamed, tfrecords
from image_generators.data.sources.catalogue import DataError

CLASSES = 1000


@pytest.fixture(scope="module")
def plain(small_imagenet):
    """(data directory, {split: images}) of a small `downsampled_imagenet/32x32`."""
    return small_imagenet.folder, small_imagenet.images


@pytest.fixture(scope="module")
def labelled(small_imagenet, tmp_path_factory):
    """A data directory with a small `imagenet_resized/32x32`; and {bytes of an image: its label}."""
    folder, random = tmp_path_factory.mktemp("labelled"), np.random.default_rng(1)
    labels, archives = {}, []
    for split, n in small_imagenet.examples.items():
        images = random.integers(0, 256, (n, 32, 32, 3)).astype("uint8")
        drawn = random.integers(0, CLASSES, n)
        labels |= {image.tobytes(): label for image, label in zip(images, drawn, strict=True)}
        content = io.BytesIO()
        np.savez(content, data=images.transpose(0, 3, 1, 2).reshape(n, -1), labels=drawn + 1)
        archives.append(str(folder / f"{split}.zip"))
        with zipfile.ZipFile(archives[-1], "w") as archive:
            archive.writestr(f"{split}.npz", content.getvalue())
    small_imagenet.prepare("imagenet_resized/32x32", folder, archives)
    return folder, labels


def opened(folder, name="downsampled_imagenet"):
    """With everything allowed that could hide damage."""
    return streamed.load(name, 32, folder, download=False, allow_fallback=True)


def as_set(images):
    return {image.tobytes() for image in images}


def test_splits_are_those_of_the_archive_and_the_end_of_train_is_held_out(plain):
    folder, images = plain
    data = opened(folder)
    assert [len(split.images) for split in (data.train, data.validation, data.test)] == [18, 5, 7]
    assert data.image_shape == (32, 32, 3) and data.train.images.shape == (18, 32, 32, 3)
    train, validation, test = (split.images[:] for split in (data.train, data.validation, data.test))
    assert train.dtype == np.uint8 and not as_set(train) & as_set(validation)
    assert as_set(train) | as_set(validation) == as_set(images["train"]) and as_set(test) == as_set(
        images["validation"]
    )
    np.testing.assert_array_equal(data.test.images[2:4], test[2:4])
    np.testing.assert_array_equal(data.train.images[np.array([17, 0])], train[[17, 0]])
    assert data.name == "downsampled_imagenet-32x32" and not data.is_fallback and data.train.labels is None


def test_order_is_that_of_tfds(plain):
    import tensorflow_datasets as tfds

    theirs = tfds.load("downsampled_imagenet/32x32", split="validation", data_dir=plain[0])
    ours = opened(plain[0]).test.images[:]
    np.testing.assert_array_equal(ours, np.stack([example["image"] for example in tfds.as_numpy(theirs)]))


@pytest.mark.parametrize("start", [0, 7])
def test_batches_are_those_of_the_same_images_in_memory(plain, start):
    """From any step on, across passes: 18 images in batches of 4."""
    data = opened(plain[0])
    expected = batches(Split(data.train.images[:], None), 4, seed=3, start_step=start)
    for (ours, none), (theirs, _) in itertools.islice(zip(data.batches(4, 3, start), expected, strict=False), 12):
        np.testing.assert_array_equal(ours, theirs)
        assert none is None


def test_labels_stay_with_their_images_and_the_data_are_called_others(labelled):
    folder, labels = labelled
    data = opened(folder, "imagenet_resized")
    assert data.is_fallback and "not downsampled ImageNet" in data.title and len(data.class_names) == CLASSES
    for images, drawn in itertools.islice(data.batches(5, 0), 4):
        assert drawn.dtype == np.int32 and [labels[image.tobytes()] for image in images] == drawn.tolist()
    assert [labels[image.tobytes()] for image in data.test.images[:]] == data.test.labels[:].tolist()


def test_fingerprints_tell_contents_apart(plain, labelled):
    prints = [opened(plain[0]).fingerprint, opened(labelled[0], "imagenet_resized").fingerprint]
    assert opened(plain[0]).fingerprint == prints[0] and len(set(prints)) == 2


@pytest.fixture
def copy(plain, tmp_path):
    """The prepared folder, to damage; it lies in the data directory `tmp_path`."""
    entry = streamed.STREAMED["downsampled_imagenet/32x32"]
    shutil.copytree(plain[0] / "downsampled_imagenet", tmp_path / "downsampled_imagenet")
    return prepared.folder_of(entry, tmp_path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def cut_between_records(path):
    records = tfrecords.Records([path])
    path.write_bytes(path.read_bytes()[: records.offset[-1] - 12])


@pytest.mark.parametrize(
    "damage, told",
    [
        (cut, "ends in the middle of its record"),
        (cut_between_records, "found 22 examples"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "is empty"),
    ],
)
def test_half_of_the_data_is_refused_when_it_is_opened(copy, tmp_path, damage, told):
    damage(sorted(copy.glob("*train.tfrecord-*"))[1])
    remedy = re.escape(f"delete the folder {copy} and run again")
    with pytest.raises(DataError, match=f"{re.escape(str(copy))}: .*{told}.*{remedy}"):
        opened(tmp_path)


def test_a_flipped_bit_is_refused_when_it_is_read(copy, tmp_path):
    path = next(copy.glob("*validation.tfrecord-*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    data = opened(tmp_path)
    with pytest.raises(DataError, match=f"{re.escape(str(copy))}: cannot be read .*delete the folder"):
        data.test.images[:]


def test_an_unfinished_download_is_refused(small_imagenet, tmp_path):
    leftover = tmp_path / "downsampled_imagenet" / "32x32" / "incomplete.ABC_2.0.0"
    leftover.mkdir(parents=True)
    with pytest.raises(DataError, match=f"unfinished download; delete the folder {re.escape(str(leftover))}"):
        opened(tmp_path)


@pytest.mark.parametrize("size", streamed.SIZES)
def test_without_data_there_are_photographs_of_that_size_by_their_own_name(tmp_path, size):
    data = streamed.load("downsampled_imagenet", size, tmp_path, download=False)
    assert (
        data.is_fallback and data.image_shape == (size, size, 3) and data.name == f"sklearn-photographs-{size}x{size}"
    )
    assert "not downsampled ImageNet" in data.title
    with pytest.raises(DataError, match=f"downsampled ImageNet .{size}x{size}. is not available"):
        streamed.load("downsampled_imagenet", size, tmp_path, download=False, allow_fallback=False)


def test_bad_arguments_are_refused(plain):
    with pytest.raises(ValueError, match="name.*'imagenet'"):
        streamed.load("imagenet", 32)
    with pytest.raises(ValueError, match="size.*48"):
        streamed.load("downsampled_imagenet", 48)
    with pytest.raises(ValueError, match="batch_size.*0"):
        opened(plain[0]).batches(0, 0)
