"""Full numbers of SVHN: read from archives laid out as the original's, cut out, divided and cropped."""

import dataclasses
import io
import tarfile

import h5py
import numpy as np
import pytest
from PIL import Image

from image_generators.data import compose, derived, images
from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import catalogue, fallback, network, svhn
from image_generators.data.sources.catalogue import DataError

COUNTS = {"train": 5, "extra": 7, "test": 4}


def write_struct(path, boxes):
    """digitStruct.mat of MATLAB 7.3: lists of references; a lone digit's numbers stand in its group themselves."""
    with h5py.File(path, "w") as file:
        struct, pool = file.create_group("digitStruct"), file.create_group("#refs#")
        names, groups = [], []
        for i, digits in enumerate(boxes):
            name = np.array([[ord(letter)] for letter in f"{i + 1}.png"], np.uint16)
            names.append([pool.create_dataset(f"name{i}", data=name).ref])
            group = pool.create_group(f"bbox{i}")
            groups.append([group.ref])
            for k, field in enumerate(("left", "top", "width", "height", "label")):
                values = np.array([[float(digit[k])] for digit in digits])
                if len(digits) > 1:
                    parts = [pool.create_dataset(f"{field}{i}_{j}", data=[value]) for j, value in enumerate(values)]
                    values = np.array([[part.ref] for part in parts], h5py.ref_dtype)
                group.create_dataset(field, data=values)
        struct.create_dataset("name", data=np.array(names, h5py.ref_dtype))
        struct.create_dataset("bbox", data=np.array(groups, h5py.ref_dtype))


@pytest.fixture
def archives(tmp_path):
    """Folder of the three archives; picture i of an archive has 1 to 3 digits and a colour of its own."""
    folder = tmp_path / "archives"
    folder.mkdir()
    for number, (archive, n) in enumerate(COUNTS.items()):
        boxes = [[(20 + 12 * j, 30, 10, 20, j + 1) for j in range(i % 3 + 1)] for i in range(n)]
        write_struct(folder / "digitStruct.mat", boxes)
        with tarfile.open(folder / f"{archive}.tar.gz", "w:gz") as tar:
            for i in range(n):
                content = io.BytesIO()
                Image.new("RGB", (100, 80), (10 + i, 20 * number, 7)).save(content, "PNG")
                member = tarfile.TarInfo(f"{archive}/{i + 1}.png")
                member.size = len(content.getvalue())
                content.seek(0)
                tar.addfile(member, content)
            tar.add(folder / "digitStruct.mat", f"{archive}/digitStruct.mat")
    return folder


@pytest.fixture
def unpacked(archives):
    for archive in COUNTS:
        with tarfile.open(archives / f"{archive}.tar.gz") as tar:
            tar.extractall(archives / archive, filter="data")
    return archives


def test_boxes_are_read_for_one_digit_and_for_several(unpacked):
    listed = svhn.numbers(unpacked / "extra" / "extra")
    assert [name for name, _ in listed] == [f"{i}.png" for i in range(1, 8)]
    assert listed[0][1].tolist() == [[20, 30, 10, 20]]
    assert listed[2][1].tolist() == [[20, 30, 10, 20], [32, 30, 10, 20], [44, 30, 10, 20]]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(20, 30, 10, 20)], (18.5, 27, 31.5, 53)),  # 13x26 about (25, 40)
        ([(20, 30, 10, 20), (40, 20, 20, 20)], (14, 15.5, 66, 54.5)),  # 40x30 about (40, 35)
        ([(-3, 1, 20, 20)], (0, 0, 20, 24)),  # beyond the picture there is nothing
        ([(80, 60, 30, 30)], (75.5, 55.5, 100, 80)),
        ([(120, 90, 5, 5)], (99, 79, 100, 80)),
    ],
)
def test_the_box_is_grown_by_thirty_percent(boxes, expected):
    np.testing.assert_allclose(svhn.window(np.array(boxes, float), (100, 80)), expected)


def test_what_is_cut_out_is_the_window_scaled(tmp_path):
    """A ramp of brightness from 0 at the left edge: the cut begins and ends where the window does."""
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None] * 2, (80, 100, 3))
    Image.fromarray(ramp).save(tmp_path / "1.png")
    ((name, image),) = svhn.crops(tmp_path, [("1.png", np.array([[20.0, 30, 40, 20]]))])
    assert name == "1.png" and image.shape == (64, 64, 3) and image.dtype == np.uint8
    expected = 2 * (14 + 52 * (np.arange(64) + 0.5) / 64 - 0.5)
    assert np.abs(image[:, :, 0].astype(float) - expected).max() <= 1.5


@pytest.fixture
def small_svhn(small, unpacked, monkeypatch):
    """SVHN whose archives are the small ones and whose validation split has 3 images."""
    import tensorflow_datasets as tfds

    from image_generators.data.sources import svhn_full

    small("svhn_full")
    examples = {"train": 9, "validation": 3, "test": 4}
    entry = dataclasses.replace(catalogue.CATALOGUE["svhn_full"], examples=examples)
    monkeypatch.setitem(catalogue.CATALOGUE, "svhn_full", entry)
    monkeypatch.setattr(svhn_full, "VALIDATION_EXAMPLES", 3)
    monkeypatch.setattr(network, "obstacle", lambda url: None)

    def extract(_, urls):
        assert urls == {name: f"http://ufldl.stanford.edu/housenumbers/{name}.tar.gz" for name in COUNTS}
        return {name: str(unpacked / name) for name in urls}

    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", extract)


def test_svhn_is_downloaded_divided_and_cropped(small_svhn, tmp_path):
    data = images.load("svhn", data_dir=tmp_path)
    assert data.name == "svhn" and not data.is_fallback and data.image_shape == (54, 54, 3)
    assert data.source == "TensorFlow Datasets svhn_full 1.0.0" and data.train.labels is None
    colours = {
        split: [tuple(image[30, 30, :2].tolist()) for image in getattr(data, split).images]
        for split in ("train", "validation", "test")
    }
    everything = {(10 + i, 20 * k) for k, n in enumerate((5, 7)) for i in range(n)}
    assert len(colours["train"]) == 9 and len(colours["validation"]) == 3
    assert set(colours["train"] + colours["validation"]) == everything
    assert set(colours["test"]) == {(10 + i, 40) for i in range(4)}
    assert data.train.images.shape == (9, 64, 64, 3)
    assert data.augment(data.train.images, np.random.default_rng(0)).shape == (9, 54, 54, 3)
    assert images.load("svhn", data_dir=tmp_path, download=False).fingerprint == data.fingerprint


def test_svhn_comes_from_npz_files_too(small, write_npz, tmp_path):
    write_npz(tmp_path, small("svhn_full"))
    assert images.load("svhn", data_dir=tmp_path).source == "npz files"


def located(n, size=64):
    """Images whose pixels tell row, column and image."""
    row, column = np.mgrid[:size, :size].astype(np.uint8)
    return np.stack([np.stack([row, column, np.full_like(row, i)], -1) for i in range(n)])


def test_random_crops_are_whole_and_anywhere():
    crops = compose.random_crops(located(250), 54, np.random.default_rng(1))
    assert crops.shape == (250, 54, 54, 3) and crops.dtype == np.uint8
    top, left = crops[:, 0, 0, 0], crops[:, 0, 0, 1]
    assert set(top) == set(left) == set(range(11)) and abs(np.corrcoef(top, left)[0, 1]) < 0.3
    np.testing.assert_array_equal(crops[..., 0] - top[:, None, None], np.mgrid[:54, :54][0][None].repeat(250, 0))
    np.testing.assert_array_equal(crops[..., 1] - left[:, None, None], np.mgrid[:54, :54][1][None].repeat(250, 0))
    np.testing.assert_array_equal(crops[..., 2], np.arange(250)[:, None, None].repeat(54, 1).repeat(54, 2))


def test_train_is_cut_at_random_and_the_rest_from_the_middle():
    splits = {split: Split(located(3), None) for split in ("train", "validation", "test")}
    full = ImageData("a", "A", **splits, class_names=(), levels=256, is_fallback=False, source="made up")
    data = derived.svhn(full)
    for split in (data.validation, data.test):
        np.testing.assert_array_equal(split.images, located(3)[:, 5:59, 5:59])
    first, second = (data.augment(data.train.images, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == (3, 54, 54, 3) and not np.array_equal(first, second)


def test_photographs_stand_in(tmp_path):
    data = images.load("svhn", data_dir=tmp_path, download=False)
    assert data.is_fallback and data.name == "sklearn-photographs-54x54" and data.image_shape == (54, 54, 3)
    assert data.title == "photographs of scikit-learn (54x54 crops), not SVHN"
    assert data.train.images.shape[1:] == (64, 64, 3) and len(data.validation.images) == len(data.test.images) == 24
    assert fallback.load("svhn_full").name == "sklearn-photographs-64x64"
    with pytest.raises(DataError, match=r"SVHN \(54x54\) is not available: .* holds no svhn_full 1.0.0"):
        images.load("svhn", data_dir=tmp_path, download=False, allow_fallback=False)
