"""The published renderings: a small archive laid out as theirs, as a tar and as a folder."""

import io
import pathlib
import tarfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from image_generators.data.chairs import rendered_chairs, views
from image_generators.data.chairs.view_data import AZIMUTHS, ELEVATIONS
from image_generators.data.sources.catalogue import DataError

NAMES = ["c_third", "a_first", "b_second"]  # the archive's own order is not the alphabet's


def picture(model, azimuth, elevation):
    """60x60 on white: a block whose place tells the view and whose colour the model."""
    pixels = np.full((60, 60, 3), 255, np.uint8)
    left = 10 + azimuth * 20 // 360
    pixels[elevation : elevation + 16, left : left + 8] = (40 * model + 20, 255, 100)
    return pixels


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "rendered_chairs"
    place.mkdir()
    savemat(place / "all_chair_names.mat", {"folder_names": np.array([[*NAMES]], object)})
    for model, name in enumerate(NAMES):
        renders = place / name / "renders"
        renders.mkdir(parents=True)
        for k, (elevation, azimuth) in enumerate((e, a) for e in ELEVATIONS for a in AZIMUTHS):
            file = renders / f"image_{k + 1:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png"
            Image.fromarray(picture(model, azimuth, elevation)).save(file)
    return place


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(rendered_chairs, "paper_selection", lambda: (1, 3))


def test_the_list_has_the_papers_809_models():
    kept = rendered_chairs.paper_selection()
    assert len(kept) == len(set(kept)) == 809 and kept == tuple(sorted(kept)) and kept[0] == 1 and kept[-1] == 1393


def test_models_are_chosen_by_the_archives_list_and_cut_out_alike(folder, small, tmp_path):
    data = views.load("rendered_chairs", 64, data_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert data.style_names == ("c_third", "b_second") and len(data) == 124 and not data.is_fallback
    assert data.azimuths[:31].tolist() == list(map(float, AZIMUTHS)) and set(data.elevations) == {20, 30}
    # The union box of a model: rows 20 to 46, columns 10 to 10 + 19 + 8 at azimuth 348; with a margin 30 wide.
    for style, model in ((0, 0), (1, 2)):
        seen = data.images[data.styles == style][..., 3].max(0) > 0
        columns, rows = np.nonzero(seen.any(0))[0], np.nonzero(seen.any(1))[0]
        assert abs(len(columns) - 64 * 27 / 30) <= 3 and abs(columns[0] - (63 - columns[-1])) <= 3
        assert abs(len(rows) - 64 * 26 / 30) <= 3
        inside = data.images[data.styles == style][0]
        whole = inside[inside[..., 3] == 255]
        assert len(whole) > 100 and (whole == [40 * model + 20, 255, 100, 255]).all()
    outside = data.images[data.images[..., 3] == 0]
    assert not outside.any() and (data.images[..., :3].max(-1) <= data.images[..., 3]).all()


def test_a_tar_is_read_where_it_lies(folder, small, tmp_path):
    with tarfile.open(tmp_path / "rendered_chairs.tar", "w") as tar:
        tar.add(folder, "rendered_chairs")
    packed = rendered_chairs.designs(tmp_path / "rendered_chairs.tar")
    plain = rendered_chairs.designs(folder)
    azimuths, elevations = [0, 348], [20, 30]
    for one, other in zip(packed, plain, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.draw(64, azimuths, elevations), other.draw(64, azimuths, elevations))
    assert rendered_chairs.digest(folder) == rendered_chairs.digest(tmp_path / "rendered_chairs.tar")


def test_a_damaged_model_is_left_out_by_name_and_counted(folder, small, tmp_path, caplog):
    broken = sorted((folder / "c_third" / "renders").iterdir())[40]
    broken.write_bytes(broken.read_bytes()[:60])
    data = views.load("rendered_chairs", 64, data_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert data.style_names == ("b_second",)
    assert "c_third is left out: the view of azimuth, elevation (104, 30) cannot be read" in caplog.text
    assert data.source.endswith("1 damaged models left out (c_third)")


def test_a_model_with_a_missing_view_counts_as_damaged(folder):
    sorted((folder / "a_first" / "renders").iterdir())[0].unlink()
    design = rendered_chairs.designs(folder, (2,))[0]
    with pytest.raises(DataError, match=r"1 of 2 views are missing, the first of azimuth, elevation \(0, 20\)"):
        design.draw(64, [0, 11], [20, 20])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("image_001_p020_t012_r096.png", "its view is azimuth 12, elevation 20"),
        ("image_001_p040_t011_r096.png", "its view is azimuth 11, elevation 40"),
        ("image_1_p020_t011_r096.png", "expected a name like image_001_p020_t011_r096.png"),
        ("image_001_p020_t011_r097.png", "expected a name like"),
    ],
)
def test_other_names_are_refused(folder, name, message):
    assert rendered_chairs.view_of("image_032_p030_t348_r096.png") == (348, 30)
    (folder / NAMES[0] / "renders" / name).write_bytes(b"")
    other, damaged = rendered_chairs.designs(folder, (2, 1))
    with pytest.raises(DataError, match=message):
        damaged.draw(64, [0, 11], [20, 20])
    assert other.draw(64, [0, 11], [20, 20]).shape == (2, 64, 64, 4)  # it costs its model alone


def test_missing_files_are_named(folder, tmp_path, monkeypatch):
    missing = (
        "found neither rendered_chairs.tar nor a folder rendered_chairs; .* in --data_dir, or use furniture_chairs"
    )
    with pytest.raises(DataError, match=missing):
        rendered_chairs.find(folder)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert rendered_chairs.find(None) == folder
    with pytest.raises(DataError, match="found 3 models in all_chair_names.mat, expected at least 1393"):
        rendered_chairs.designs(folder)
    packed = io.BytesIO()
    savemat(packed, {"folder_names": np.array(["some name"] * 99, object)}, do_compression=True)
    for content in (b"no such thing" * 20, b"", packed.getvalue()[:150] + b"\xff" * 40):
        (folder / "all_chair_names.mat").write_bytes(content)
        with pytest.raises(DataError, match="its all_chair_names.mat cannot be read"):
            rendered_chairs.designs(folder, (1,))
    (folder / "all_chair_names.mat").unlink()
    with pytest.raises(DataError, match="found no all_chair_names.mat"):
        rendered_chairs.designs(folder, (1,))
    (tmp_path / "bad.tar").write_bytes(io.BytesIO(b"x" * 2000).getvalue())
    with pytest.raises(DataError, match="cannot be read as a tar without compression"):
        rendered_chairs.designs(pathlib.Path(tmp_path / "bad.tar"), (1,))


def test_tfds_holds_out_whole_models(folder, monkeypatch, tmp_path, caplog):
    """What TFDS prepares is what `views.load` gives, in the splits of `hold_out_styles`; a damaged model is named."""
    import tensorflow_datasets as tfds

    from image_generators.data.chairs import rendered_chairs_builder

    monkeypatch.setattr(rendered_chairs, "paper_selection", lambda: (1, 2, 3))
    builder = rendered_chairs_builder.RenderedChairs(config="64", data_dir=tmp_path / "prepared")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=tmp_path))
    data = views.load("rendered_chairs", 64, data_dir=tmp_path, cache_dir=tmp_path / "cache")
    expected = data.hold_out_styles()
    models = []
    for split in ("train", "validation", "test"):
        found = list(builder.as_dataset(split).as_numpy_iterator())
        labels = np.array([[e["style"], e["azimuth"], e["elevation"]] for e in found])
        order, truth = np.lexsort(labels.T[::-1]), getattr(expected, split)
        wanted = np.lexsort(truth.labels.T[::-1])
        np.testing.assert_array_equal(labels[order], truth.labels[wanted])
        pictures = np.stack([np.concatenate([e["image"], e["mask"]], axis=-1) for e in found])
        np.testing.assert_array_equal(pictures[order], truth.images[wanted])
        models += sorted({e["model"].decode() for e in found})
        assert all(data.style_names[e["style"]] == e["model"].decode() for e in found)
    assert sorted(models) == sorted(NAMES)  # each in one split

    sorted((folder / "c_third" / "renders").iterdir())[0].unlink()
    designs = rendered_chairs.designs(folder)
    assert len(list(builder._generate_examples(designs, [0, 1]))) == 62
    assert "c_third is left out, number 1 of this split: 1 of 62 views are missing" in caplog.text
