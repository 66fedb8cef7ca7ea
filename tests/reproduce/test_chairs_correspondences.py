"""Correspondences: pairs of views and of styles, morphs, errors; what is kept, shown and refused."""

import json
import types

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from image_generators.data.chairs import embedded_chairs, key_points
from image_generators.data.chairs.mesh import Material, Mesh
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import Views, standard_labels, standard_views
from image_generators.evaluation.chairs import correspondences_page as chairs_correspondences_page
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.evaluation.chairs import optical_flow
from image_generators.evaluation.chairs import pairs as chairs_pairs
from image_generators.models.chairs.images import Generated
from image_generators.reproduce import chairs_correspondences, report

SIZE = 64
VIEWS = 62


def boxes(*sizes):
    """A mesh of boxes, each given by its lowest and highest corner."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([[a, b, c] for a, b, c, d in sides] + [[a, c, d] for a, b, c, d in sides])
    vertices = [np.array(low) + corners * (np.array(high) - low) for low, high in sizes]
    return Mesh(
        vertices=np.concatenate(vertices).astype(float),
        faces=np.concatenate([faces + 8 * i for i in range(len(sizes))]),
        face_materials=np.zeros(len(faces) * len(sizes), int),
        materials=(Material(np.full(3, 0.6, "float32")),),
    )


def chair(back=12.0):
    """Four legs of 1x1, a seat at height 5 to 6, 8 wide and 8 deep, and a back up to `back`, 8 wide."""
    legs = [([x, 0, z], [x + 1, 5, z + 1]) for x in (0, 7) for z in (0, 7)]
    return boxes(*legs, ([0, 5, 0], [8, 6, 8]), ([0, 6, 0], [8, back, 1]))


@pytest.fixture(scope="module")
def renderer():
    return Renderer(chair(), SIZE)


# Pairs and what is measured of them.


@pytest.fixture(scope="module")
def geometry(renderer):
    """Two chairs of boxes, in all standard views."""
    renderers = [renderer, Renderer(chair(back=15.0), SIZE)]
    views = Views(
        name="boxes",
        title="boxes",
        source="made up",
        is_fallback=True,
        images=np.concatenate([renderer.views(*standard_views()) for renderer in renderers]),
        **standard_labels(2),
        style_names=("low", "high"),
        categories=("chair",) * 2,
        licences=("none",) * 2,
    )
    known = [key_points.of_chair(renderer, 48) for renderer in renderers]
    return chairs_pairs.Geometry(views, {"low": lambda: known[0], "high": lambda: known[1]})


@pytest.fixture(scope="module")
def pairs(geometry):
    return chairs_pairs.draw_pairs(geometry, 6, seed=0)


class Turntable:
    """A network that has learned the boxes perfectly: it renders them; styles are mixed by the back's height."""

    num_styles, image_shape = 2, (SIZE, SIZE, 4)

    def generate(self, style, azimuth, elevation):
        style = np.eye(2)[[style]] if np.ndim(style) == 0 else np.asarray(style)
        drawn = [
            Renderer(chair(back=12.0 + 3.0 * vector[1]), SIZE).view(angle, elevation)
            for vector, angle in zip(style, azimuth, strict=True)
        ]
        return Generated(np.stack(drawn)[..., :3], np.stack(drawn)[..., 3])


def test_pairs_have_the_stated_angle_between_views(pairs):
    assert [pair.subset for pair in pairs] == [name for name in chairs_pairs.SUBSETS for _ in range(6)]
    for pair in pairs:
        apart = abs(pair.azimuths[1] - pair.azimuths[0])
        least, most = {"views, near": (11, 36), "views, far": (57, 94), "styles": (0, 0)}[pair.subset]
        assert least <= apart <= most and pair.elevation in (20, 30)
        assert (pair.styles[0] != pair.styles[1]) == (pair.subset == "styles")
        assert pair.points.shape[0] == 2 and 3 <= pair.points.shape[1] <= 16


def test_a_pair_has_the_images_that_a_morph_goes_between(pairs):
    for pair in (pairs[0], pairs[-1]):
        frames = chairs_correspondences.morph(Turntable(), pair, frames=3)
        assert frames.shape == (3, SIZE, SIZE, 4)
        np.testing.assert_array_equal(frames[0], pair.images[0])
        np.testing.assert_array_equal(frames[2], pair.images[1])
        assert (frames[1] != frames[0]).any() and (frames[1] != frames[2]).any()


class Textured:
    """A network of a textured ball that turns: what flow needs; its rotation by t degrees moves a point as known."""

    num_styles, image_shape = 2, (SIZE, SIZE, 4)

    def __init__(self):
        noise = np.random.default_rng(0).normal(size=(3, 80, 160))
        smooth = ndimage.gaussian_filter(noise, (0, 2, 2), mode="wrap")
        self.texture = 128 + 50 * smooth / smooth.std()

    def generate(self, style, azimuth, elevation):
        y, x = (np.indices((SIZE, SIZE)) - (SIZE - 1) / 2) / 28  # a ball with a radius of 28 pixels
        inside = x**2 + y**2 < 1
        z = np.sqrt(np.where(inside, 1 - x**2 - y**2, 0))
        rows, around = (y + 1) * 39.5, np.rad2deg(np.arctan2(x, z))
        images = []
        for angle in azimuth:
            at = [rows, (around + angle) / 360 * 160]
            image = np.stack([ndimage.map_coordinates(c, at, order=1, mode="grid-wrap") for c in self.texture], -1)
            images.append(np.where(inside[..., None], image, 0).clip(0, 255).astype("uint8"))
        return Generated(np.stack(images), np.broadcast_to(255 * inside.astype("uint8"), (len(images), SIZE, SIZE)))


@pytest.mark.parametrize("method, most", [("morph_deepflow", 1.5), ("morph_dis", 1.0), ("leaps_dis", 1.0)])
def test_points_of_a_turning_ball_are_tracked(method, most):
    """The whole chain from angles over images and flow to an error: 40 degrees move points by up to 19 pixels."""
    angles, rows = np.deg2rad([-10.0, 0.0, 15.0, 30.0]), np.array([24.0, 40.0, 31.5, 36.0])
    radius = np.sqrt(28**2 - (rows - 31.5) ** 2)
    points = np.stack([np.stack([31.5 + radius * np.sin(angles - np.deg2rad(turn)), rows], -1) for turn in (0, 40)])
    pair = chairs_pairs.Pair("views, far", None, points, (0, 0), (100.0, 140.0), 20.0)
    frames = chairs_correspondences.morph(Textured(), pair, frames=33)
    found = chairs_correspondences.METHODS[method](pair, frames)
    assert optical_flow.errors(found, points[1]).max() < most
    assert optical_flow.errors(points[0], points[1]).min() > 10


def test_errors_are_means_over_the_points_of_a_subset(monkeypatch):
    def pair(subset, first, second):
        points = np.array([first, second], "float32")
        return chairs_pairs.Pair(subset, None, points, (0, 0), (0.0, 0.0), 20.0)

    monkeypatch.setattr(
        chairs_correspondences,
        "METHODS",
        {"far off": lambda pair, frames: pair.points[1] + [0.0, frames], "staying": chairs_correspondences.by_staying},
    )
    monkeypatch.setattr(chairs_correspondences, "morph", lambda network, pair: 2.0)
    means, points = chairs_correspondences.measure(
        None,
        [
            pair("near", [[0, 0], [1, 1]], [[3, 4], [1, 1]]),  # 5, 0
            pair("near", [[2, 2]], [[2, 3]]),  # 1
            pair("far", [[0, 0]], [[0, 10]]),
        ],
    )
    assert points == {"near": 3, "far": 1}
    assert means == {"far off": {"near": 2.0, "far": 2.0}, "staying": {"near": 2.0, "far": 10.0}}


def test_every_method_gives_a_place_for_every_point(pairs):
    pair = pairs[0]
    for name in ("deepflow", "dis", "sift", "staying"):
        found = chairs_correspondences.METHODS[name](pair, None)
        assert found.shape == pair.points[0].shape and np.isfinite(found).all()


def test_colours_are_carried_back_along_the_tracks():
    """A square that moves by six pixels, of another colour at its end."""
    seen = np.zeros((7, SIZE, SIZE), "uint8")
    for t in range(7):
        seen[t, 20:40, 20 + t : 40 + t] = np.add.outer(np.arange(20), np.arange(20)) * 4 + 60
    second = np.full((SIZE, SIZE, 3), 255, "uint8")
    second[20:40, 26:46] = 0, 100, 200
    mask = np.zeros((SIZE, SIZE), "uint8")
    mask[20:40, 20:40] = 255
    found = chairs_correspondences.carried_back(second, mask, seen)
    assert (found[mask == 0] == 255).all()
    assert (np.abs(found[24:36, 24:36].astype(int) - [0, 100, 200]) < 10).all()


def test_points_of_a_pair_are_those_of_its_images(pairs):
    """Of the embedded chairs nearly all lie in the masks: at an edge the rounded pixel may be outside."""
    record = types.SimpleNamespace(data="embedded_chairs-64", weights="")
    network = types.SimpleNamespace(num_styles=16, image_shape=(64, 64, 4))
    places = types.SimpleNamespace(data_dir=None, cache_dir=None, furniture=None, voxels=None)
    views = chairs_figures.views(record, network, places)
    assert views.style_names == embedded_chairs.load().style_names
    geometry = chairs_pairs.Geometry(views, chairs_figures.key_points(record, network, places))
    drawn = chairs_pairs.draw_pairs(geometry, 20, seed=0)
    assert len(drawn) == 60
    inside = []
    for pair in [*drawn, *pairs]:
        for image, points in zip(pair.images, np.rint(pair.points).astype(int), strict=True):
            inside += (image[points[:, 1], points[:, 0], 3] > 0).tolist()
    assert np.mean(inside) > 0.93


@pytest.mark.parametrize(
    "name, expected",
    [
        ("embedded_chairs-64", [("embedded_chairs", None)]),
        ("modelnet10_chairs-64-first100", [("modelnet10_chairs", 100)]),
        (
            "furniture_tables-64+furniture_chairs-64-transfer",
            [("furniture_tables", None), ("furniture_chairs", None)],
        ),
    ],
)
def test_sources_are_read_from_a_record(name, expected):
    assert chairs_figures.sources(types.SimpleNamespace(data=name)) == expected


def test_data_without_geometry_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="embedded_chairs.*Received.*'cars-64'"):
        chairs_figures.sources(types.SimpleNamespace(data="cars-64"))
    images_alone = types.SimpleNamespace(designs=[types.SimpleNamespace(read=None)])
    monkeypatch.setattr(chairs_figures.view_sources, "find", lambda *_: images_alone)
    record, network = types.SimpleNamespace(data="rendered_chairs-64"), types.SimpleNamespace(image_shape=(64, 64, 4))
    options = types.SimpleNamespace(data_dir=None, furniture=None, voxels=None)
    with pytest.raises(ValueError, match="Received.*rendered_chairs"):
        chairs_figures.key_points(record, network, options)


def test_other_styles_than_the_network_has_are_refused():
    record = types.SimpleNamespace(data="embedded_chairs-64", weights="x.weights.h5")
    network = types.SimpleNamespace(num_styles=17, image_shape=(64, 64, 4))
    places = types.SimpleNamespace(data_dir=None, cache_dir=None, furniture=None, voxels=None)
    with pytest.raises(ValueError, match="17 styles.*Received: 16 styles"):
        chairs_figures.views(record, network, places)


def test_styles_without_key_points_are_refused(geometry):
    with pytest.raises(ValueError, match="Received.*high"):
        chairs_pairs.Geometry(geometry.views, {"low": None})


# From the command to files.


@pytest.fixture(scope="module")
def measured(geometry, tmp_path_factory):
    """The script's drawing, with two pairs of each subset and four frames a morph."""
    folder = tmp_path_factory.mktemp("measured") / "results"
    record = types.SimpleNamespace(weights="chairs_networks/x.weights.h5", data="boxes", data_title="boxes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chairs_correspondences, "FRAMES", 4)
        patch.setattr(chairs_correspondences.morph, "__defaults__", (4,))
        patch.setattr(chairs_correspondences.chairs_figures, "views", lambda *_: geometry.views)
        patch.setattr(chairs_correspondences.chairs_figures, "key_points", lambda *_: geometry._sources)
        options = types.SimpleNamespace(pairs=2, seed=0)
        written = chairs_correspondences.draw(Turntable(), record, options, folder / "chairs_correspondences" / "x")
    return folder, written


def test_the_record_holds_the_errors_and_the_settings(measured):
    folder, written = measured
    (content,) = chairs_correspondences_page.read_all(folder)
    assert content == json.loads(written[0].read_text())
    assert set(content["measured"]) == set(chairs_correspondences.METHODS) == set(chairs_correspondences_page.METHODS)
    assert content["pairs"] == {name: 2 for name in chairs_pairs.SUBSETS}
    assert content["frames"] == 4 and content["size"] == SIZE and content["versions"]["opencv"]
    assert all(np.isfinite(list(of.values())).all() for of in content["measured"].values())


def test_the_page_has_every_number_beside_the_published(measured):
    folder, _ = measured
    (content,) = chairs_correspondences_page.read_all(folder)
    page = chairs_correspondences_page.page([content])
    for name, label in chairs_correspondences_page.METHODS.items():
        line = " | ".join([label, *(f"{content['measured'][name][subset]:.2f}" for subset in content["points"])])
        assert f"| {line} |" in page
    assert "| SIFT flow | 4.0 | 2.8 | 4.8 |" in page and "recollected" in page and "Another protocol" in page


def test_the_report_puts_the_page_into_the_readme(measured, monkeypatch):
    folder, _ = measured
    begin, end = (f"<!-- chairs_correspondences:{word} -->" for word in ("begin", "end"))
    readme = folder.parent / "README.md"
    readme.write_text(f"{begin}\nold\n{end}\n")
    monkeypatch.setattr(report, "TABLES", {})
    page = chairs_correspondences_page.page(chairs_correspondences_page.read_all(folder))
    assert report.files(folder) == ({readme: f"{begin}\n{page}{end}\n"}, [])


def test_the_picture_has_a_row_for_two_pairs_of_each_subset(measured):
    with Image.open(measured[1][1]) as picture:
        assert picture.size == (8 * 129 + 1, 6 * 129 + 1)
        shown = np.asarray(picture.convert("RGB"))
    assert (shown[1:129, 1:129] == chairs_correspondences.COLOURS[0]).all(-1).any()  # a point in the first image


def test_missing_weights_and_pairs_are_refused(tmp_path, capsys):
    def run(*flags):
        return chairs_correspondences.run(chairs_correspondences.parse(["x.py", f"--results_dir={tmp_path}", *flags]))

    assert "must hold weights of a chairs generator" in run()
    with pytest.raises(SystemExit):
        run("--pairs=0")
    assert "--pairs" in capsys.readouterr().err
