"""Sets of views: numbering, joining, splits without a leak; and the embedded chairs."""

import numpy as np
import pytest

from image_generators.data.chairs import embedded_chairs, views
from image_generators.data.chairs.view_data import Views, standard_views
from image_generators.data.sources.catalogue import DataError


def made_up(styles=5, elevations=(20, 30), name="a"):
    azimuths, heights = standard_views(elevations)
    n = styles * len(azimuths)
    images = np.zeros((n, 4, 4, 4), np.uint8)
    images[:, 0, 0, :2] = np.stack([np.arange(n) // 256, np.arange(n) % 256], axis=1)  # every view its own
    return Views(
        name=name,
        title=name.upper(),
        source=f"source {name}",
        is_fallback=False,
        images=images,
        styles=np.repeat(np.arange(styles, dtype=np.int32), len(azimuths)),
        azimuths=np.tile(azimuths, styles),
        elevations=np.tile(heights, styles),
        style_names=tuple(f"{name}{i}" for i in range(styles)),
        categories=("chair",) * styles,
        licences=("CC0",) * styles,
    )


def rows(split):
    return {tuple(image[0, 0, :2]) for image in split.images}


def test_azimuths_are_those_of_the_published_renderings():
    azimuths, elevations = standard_views()
    assert azimuths[:5].tolist() == [0, 11, 23, 34, 46] and azimuths[30] == 348 and len(azimuths) == 62
    assert elevations[:31].tolist() == [20] * 31 and elevations[31:].tolist() == [30] * 31
    assert azimuths.dtype == elevations.dtype == np.float32


def test_labels_are_style_azimuth_elevation():
    data = made_up()
    assert data.labels.dtype == np.float32 and data.labels[62 + 33].tolist() == [1, 23, 30]


def test_some_views_keep_their_styles_numbers():
    data = made_up()
    some = data.select(data.styles == 3)
    assert some.num_styles == 5 and set(some.styles) == {3} and some.style_names[3] == "a3"
    np.testing.assert_array_equal(data.select([7, 2]).azimuths, data.azimuths[[7, 2]])
    assert data.first(2).num_styles == 2 and len(data.first(2)) == 124
    assert len(data.select([])) == len(data.select(np.zeros(len(data), bool))) == 0 and data.select([]).num_styles == 5
    with pytest.raises(ValueError, match="keep.*Received: bool"):
        data.select(np.ones(3, bool))


def test_joined_styles_come_after():
    both = made_up(2).join(made_up(3, (0, 40), "b"))
    assert both.style_names == ("a0", "a1", "b0", "b1", "b2") and len(both) == 5 * 62
    last = both.select(both.styles == 4)
    assert set(last.elevations) == {0, 40} and both.name == "a+b" and both.source == "source a; source b"
    small = made_up(2)
    other = Views(**{**vars(small), "images": np.zeros((124, 8, 8, 4), np.uint8)})
    with pytest.raises(ValueError, match="other.*8"):
        small.join(other)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_held_out_views_are_in_no_other_split_and_train_has_every_style_at_both_ends(seed):
    data = made_up(5, (0, 10, 20))
    split = data.hold_out(0.3, 0.4, seed)
    parts = [rows(part) for part in (split.train, split.validation, split.test)]
    assert sum(map(len, parts)) == len(data) == len(set.union(*parts))
    assert len(split.validation.images) == round(0.3 * len(data)) and len(split.test.images) == round(0.4 * len(data))
    found = {(style, height) for style, _, height in split.train.labels.tolist()}
    assert {(style, height) for style in range(5) for height in (0, 20)} <= found
    assert split.class_names == data.style_names and split.levels == 256 and split.name == "a"


def test_even_the_most_that_can_be_held_out_leaves_both_ends():
    data = made_up(5)
    split = data.hold_out(0.5, (0.5 * 310 - 10) / 310, 3)
    assert sorted((a, c) for a, _, c in split.train.labels.tolist()) == [(s, h) for s in range(5) for h in (20, 30)]
    with pytest.raises(ValueError, match="validation.*test.*301"):
        data.hold_out(0.5, 0.471)


def test_the_split_follows_from_the_seed():
    data = made_up()
    assert data.hold_out(seed=1).fingerprint == data.hold_out(seed=1).fingerprint != data.hold_out(seed=2).fingerprint


def test_styles_held_out_are_in_no_other_split():
    split = made_up(10).hold_out_styles(0.2, 0.3, seed=4)
    styles = [set(part.labels[:, 0]) for part in (split.train, split.validation, split.test)]
    assert [len(s) for s in styles] == [5, 2, 3] and len(set.union(*styles)) == 10


def test_bad_splits_are_refused():
    data = made_up(2)
    first = np.arange(124) < 40
    with pytest.raises(ValueError, match="train, validation.*test.*40"):
        data.split(first, ~first, first)
    with pytest.raises(ValueError, match="test.*Received: bool"):
        data.split(first, ~first, first & ~first)
    with pytest.raises(ValueError, match="train.*Received: int64"):
        data.split(np.arange(124), ~first, first)
    for parts in ((0, 0.1), (0.5, 0.5), (-0.1, 0.2)):
        with pytest.raises(ValueError, match="validation|test"):
            data.hold_out(*parts)
    with pytest.raises(ValueError, match="seed.*-1"):
        data.hold_out(seed=-1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((124, 4, 4, 3), np.uint8)}, "images.*Received: uint8"),
        ({"images": np.zeros((124, 4, 8, 4), np.uint8)}, "images.*Received: uint8"),
        ({"styles": np.zeros(124, np.int64)}, "styles.*Received: int64"),
        ({"styles": np.full(124, 2, np.int32)}, "styles.*2 to 2"),
        ({"elevations": np.full(124, 95, np.float32)}, "elevations.*95"),
        ({"licences": ("CC0",)}, "2, 2.*1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Views(**{**vars(made_up(2)), **change})


def test_the_embedded_chairs_are_there():
    data = views.load("embedded_chairs")
    assert data.num_styles == 16 and data.images.shape == (992, 64, 64, 4) and not data.is_fallback
    assert all(licence.startswith("CC0 1.0, ") for licence in data.licences)
    assert (data.images[..., :3].max(-1) <= data.images[..., 3]).all()
    covered = (data.images[..., 3] > 0).mean((1, 2))
    assert covered.min() > 0.03 and covered.max() < 0.7
    folder = embedded_chairs.FOLDER
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10e6
    assert len({image.tobytes() for image in data.images}) == len(data)  # no view twice
    assert views.load("embedded_chairs", styles=3).num_styles == 3


def test_the_embedded_chairs_face_the_camera_at_azimuth_0():
    """From the front one sees the seat before the back: less of the chair is hidden than from behind, and it is about
    as wide on either side of the middle."""
    data = views.load("embedded_chairs")
    front = data.images[(data.azimuths == 0) & (data.elevations == 20)][..., 3].astype(float)
    side = data.images[(data.azimuths == 92) & (data.elevations == 20)][..., 3].astype(float)
    mirrored = [np.abs(view - view[:, :, ::-1]).mean((1, 2)) for view in (front, side)]
    assert np.median(mirrored[0] / mirrored[1]) < 0.2


def test_embedded_key_points_lie_on_the_chairs():
    data, points = views.load("embedded_chairs"), embedded_chairs.key_points()
    assert set(points) == set(data.style_names)
    for style, name in enumerate(data.style_names):
        masks = data.images[data.styles == style][..., 3]
        view, point = np.nonzero(points[name].seen)
        x, y = np.rint(points[name].pixels[view, point]).astype(int).T
        near = np.stack(
            [masks[view, np.clip(y + i, 0, 63), np.clip(x + j, 0, 63)] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        )
        assert (near.max(0) > 0).all()


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="name.*'chairs'"):
        views.load("chairs")
    with pytest.raises(ValueError, match="size.*100"):
        views.load("furniture_chairs", 100)
    with pytest.raises(ValueError, match="size.*embedded_chairs.*Received: size=128"):
        views.load("embedded_chairs", 128)
    for elevations in ((20, 91), (), (float("nan"),)):
        with pytest.raises(ValueError, match="elevations.*-90 to 90"):
            views.load("furniture_chairs", elevations=elevations)
    with pytest.raises(ValueError, match="elevations.*rendered_chairs.*Received: elevations="):
        views.load("rendered_chairs", elevations=(10,))
    with pytest.raises(ValueError, match="styles.*0"):
        views.load("embedded_chairs", styles=0)
    (tmp_path / "LICENCES.txt").write_text("absent\tCC0\n")
    with pytest.raises(DataError, match="embedded chairs"):
        embedded_chairs.load(tmp_path)
    (tmp_path / "key_points.npz").write_bytes(b"")
    with pytest.raises(DataError, match="key_points.npz"):
        embedded_chairs.key_points(tmp_path)
