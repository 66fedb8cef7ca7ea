"""Where the real data sets are, and small made-up ones in the same file formats."""

import dataclasses
import functools
import os
import pathlib

import numpy as np
import pytest

from image_generators.data import images
from image_generators.data.sources import catalogue, prepared

SMALL = {"train": 20, "test": 10}


@pytest.fixture(scope="session")
def real():
    """`real('cifar10')` is the real data set; skips the test where it is not prepared."""
    beside = pathlib.Path(__file__).parents[3] / "shared" / "tensorflow_datasets"
    places = [pathlib.Path(place) for place in (os.environ.get("TFDS_DATA_DIR"), beside) if place]

    @functools.cache
    def load(name):
        for place in places:
            if prepared.folder_of(catalogue.CATALOGUE[name], place).is_dir():
                return images.load(name, data_dir=place)
        pytest.skip(f"{name} is in none of {', '.join(map(str, places))}")

    return load


@pytest.fixture
def small(monkeypatch):
    """`small('mnist')` makes MNIST a data set of 20 and 10 images, of which 5 are held out, for one test."""

    def shrink(name):
        entry = catalogue.CATALOGUE[name]
        examples = {split: SMALL.get(split, 10) for split in entry.examples}
        entry = dataclasses.replace(entry, examples=examples, held_out=5 if entry.held_out else 0)
        monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
        return entry

    return shrink


@pytest.fixture(scope="session")
def cifar10_files(tmp_path_factory):
    """The folder into which CIFAR-10's archive would be unpacked, with 20 and 10 random images."""
    folder = tmp_path_factory.mktemp("archive")
    binaries = folder / "cifar-10-batches-bin"
    binaries.mkdir()
    (binaries / "batches.meta.txt").write_text("\n".join(catalogue.CATALOGUE["cifar10"].class_names))
    random = np.random.default_rng(0)
    for name, n in [(f"data_batch_{i}.bin", SMALL["train"] // 5) for i in range(1, 6)] + [("test_batch.bin", 10)]:
        records = random.integers(0, 256, (n, 1 + 3 * 32 * 32), dtype=np.uint8)
        records[:, 0] %= 10  # a label, then a picture
        (binaries / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture(scope="session")
def prepared_cifar10(tmp_path_factory, cifar10_files):
    """A data directory in which TFDS has prepared the small CIFAR-10; not to be written to."""
    import tensorflow_datasets as tfds

    data_dir = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds.download.DownloadManager, "download_and_extract", lambda *_: cifar10_files)
        prepared.download(catalogue.CATALOGUE["cifar10"], data_dir)
    return data_dir


@pytest.fixture
def write_npz():
    """`write_npz(folder, entry)` writes random whole splits of a data set; returns {split: arrays}."""

    def write(folder, entry):
        random = np.random.default_rng(1)
        contents = {}
        for split, n in entry.examples.items():
            arrays = {"images": random.integers(0, entry.levels, (n, *entry.image_shape), dtype=np.uint8)}
            if entry.class_names:
                arrays["labels"] = random.integers(0, len(entry.class_names), n)
            np.savez_compressed(folder / f"{entry.name}_{split}.npz", **arrays)
            contents[split] = arrays
        return contents

    return write


@pytest.fixture(scope="session")
def boxes():
    """`boxes([(low, high, colour), ...])`: a mesh of boxes with sides along the axes; each side is a material.

    Sides are in the order -x, +x, -y, +y, -z, +z; `colour` is one for all, or six.
    """
    from image_generators.data.chairs.mesh import Material, Mesh

    def build(parts):
        vertices, faces, materials = [], [], []
        for low, high, colour in parts:
            corner = len(vertices)
            vertices += [[(low, high)[bit][axis] for axis, bit in enumerate(b)] for b in np.ndindex(2, 2, 2)]
            for axis in range(3):
                for side in (0, 1):
                    quad = [i for i, b in enumerate(np.ndindex(2, 2, 2)) if b[axis] == side]
                    faces += [[corner + quad[i] for i in (0, 1, 3)], [corner + quad[i] for i in (0, 3, 2)]]
            materials += [Material(np.float32(c)) for c in (colour if np.ndim(colour) > 1 else [colour] * 6)]
        return Mesh(
            vertices=np.array(vertices, float),
            faces=np.array(faces),
            face_materials=np.repeat(np.arange(len(materials)), 2),
            materials=tuple(materials),
        )

    return build


@pytest.fixture(scope="session")
def chair(boxes):
    """A chair of boxes: seat 40 wide and 44 deep at a height of 45, four legs, a back up to 90 behind."""
    wood, seat = (0.6, 0.4, 0.2), (0.8, 0.1, 0.1)
    legs = [((x, 0, z), (x + 4, 43, z + 4), wood) for x in (-20, 16) for z in (-22, 18)]
    return boxes([*legs, ((-20, 43, -22), (20, 47, 22), seat), ((-20, 47, -22), (20, 90, -18), wood)])
