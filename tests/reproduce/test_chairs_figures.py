"""Pictures of chairs from a tiny network with random weights: what stands where, from which weights, which errors."""

import types

import example_records
import numpy as np
import pytest
from PIL import Image

from image_generators.evaluation import pictures, records, windows
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.models import networks
from image_generators.models.chairs import transformations
from image_generators.models.chairs.features import LAYERS
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.chairs.images import Generated, on_white
from image_generators.reproduce import (
    chairs_feature_arithmetic,
    chairs_random,
    chairs_similarity,
    chairs_style_morphing,
    chairs_transformations,
)
from image_generators.training import loop as training

SCRIPTS = (chairs_feature_arithmetic, chairs_random, chairs_style_morphing, chairs_transformations)
STYLES = 7
MODEL = next(name for name, network in networks.NETWORKS.items() if network is ChairsGenerator)


def make_network(seed=0, **config):
    """Sixteen pixels, large random weights: styles and views differ."""
    network = ChairsGenerator((16, 16, 4), STYLES, width=0.03, **config)
    network.build()
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(weight.value + rng.normal(0, 0.05, weight.shape))
    return network


@pytest.fixture(scope="module")
def network():
    return make_network()


def keep(results_dir, network, preset="quick", data="embedded_chairs", validation=1.0):
    """The weights of a network and a record of them in `results_dir`."""
    weights = f"chairs_networks/{MODEL}-{preset}-{data}.weights.h5"
    config = {k: v for k, v in network.get_config().items() if k not in ("name", "trainable", "dtype")}
    record = example_records.record(
        table="chairs_networks",
        row="2s-E",
        model=MODEL,
        model_config=config,
        preset=preset,
        data=data,
        data_title="seven chairs",
        metric="squared_error",
        values={"validation": validation},
        weights=weights,
        weights_sha256=training.save_weights(network, results_dir / weights),
    )
    records.write(record, results_dir)
    return record


def run(script, results_dir, *flags):
    return script.run(script.parse(["script.py", f"--results_dir={results_dir}", *flags]))


@pytest.fixture(scope="module")
def drawn(network, tmp_path_factory):
    """All pictures; the folder of results."""
    folder = tmp_path_factory.mktemp("results")
    keep(folder, network)
    chosen = {
        chairs_style_morphing: "--pairs=0-5,3-2",
        chairs_transformations: "--styles=4,1",
        chairs_feature_arithmetic: "--triples=0-1-2,3-3-4",
    }
    for script in SCRIPTS:
        assert run(script, folder, *([chosen[script]] if script in chosen else [])) == 0
    return folder


def picture(drawn, script, ending):
    path = drawn / script / f"{MODEL}-quick-embedded_chairs{ending}"
    return np.asarray(Image.open(path).convert("RGB"))


def cells(images, columns):
    """A grid of small images at the scale of the pictures."""
    return pictures.grid(np.asarray(images).reshape(-1, 16, 16, 3), columns=columns, scale=8)


def frames(path):
    with Image.open(path) as film:
        shown = []
        for t in range(film.n_frames):
            film.seek(t)
            shown.append(film.info["duration"])
        return film.n_frames, sum(shown)


def test_every_script_writes_its_pictures(drawn):
    written = {f"{path.parent.name}/{path.name.split('embedded_chairs')[1]}" for path in drawn.rglob("*.[pg][ni][gf]")}
    assert written == {
        *(f"chairs_style_morphing/.{end}" for end in ("png", "gif")),
        *(
            f"chairs_transformations/-{end}"
            for end in ("turning.png", "turning.gif", "trained.png", "extrapolated.png")
        ),
        *(f"chairs_feature_arithmetic/-{end}.png" for end in ("arithmetic", "units", "zoom")),
        *(f"chairs_random/-{end}.png" for end in ("style", "features")),
    }


def test_the_composition_is_rgb_times_mask_and_white_where_there_is_none():
    rgb = np.array([[[[200, 100, 0]] * 3]], "uint8")
    masks = np.array([[[255, 0, 102]]], "uint8")
    expected = [[200, 100, 0], [255, 255, 255], [80 + 153, 40 + 153, 153]]
    np.testing.assert_array_equal(on_white(Generated(rgb, masks))[0, 0], expected)


def test_a_morph_ends_at_its_two_styles(network, assert_same_pictures):
    left, right = np.array([0, 3]), np.array([5, 2])
    found = chairs_style_morphing.morphs(network, left, right)
    assert found.shape == (2, 7, 16, 16, 3)
    for column, styles in ((0, left), (-1, right)):
        assert_same_pictures(found[:, column], on_white(network.generate(styles, 301.0, 20.0)))
    assert (found[:, 0] != found[:, -1]).any()


def test_a_morph_mixes_styles_by_the_authors_weights():
    left, right = np.eye(4)[[0, 1]], np.eye(4)[[2, 1]]
    found = chairs_style_morphing.mixtures(left, right)
    weights = (1, 0.65, 0.57, 0.5, 0.43, 0.35, 0)
    np.testing.assert_allclose(found[0], [[w, 0, 1 - w, 0] for w in weights], atol=1e-6)
    np.testing.assert_allclose(found[1], [[0, 1, 0, 0]] * 7, atol=1e-6)


def test_the_picture_has_a_row_for_each_pair_and_the_film_goes_round(drawn, network, assert_same_pictures):
    expected = cells(chairs_style_morphing.morphs(network, np.array([0, 3]), np.array([5, 2])), 7)
    np.testing.assert_array_equal(picture(drawn, "chairs_style_morphing", ".png"), expected)
    film = chairs_style_morphing.film(network, [0, 5, 3])
    assert film.shape == (3 * 24, 16, 16, 3)
    assert_same_pictures(film[::24], on_white(network.generate(np.array([0, 5, 3]), 301.0, 20.0)))
    (path,) = (drawn / "chairs_style_morphing").glob("*.gif")
    assert frames(path)[1] == 4 * 24 * 60  # milliseconds; equal frames may have become one


def test_the_turning_film_makes_one_full_turn(drawn, network, assert_same_pictures):
    expected = chairs_transformations.turning(network, [4, 1], np.arange(12) * 30.0)
    for row, style in enumerate((4, 1)):
        for column, azimuth in ((0, 0.0), (5, 150.0)):
            assert_same_pictures(expected[row, column], on_white(network.generate(style, azimuth, 20.0))[0])
    np.testing.assert_array_equal(picture(drawn, "chairs_transformations", "-turning.png"), cells(expected, 12))
    (path,) = (drawn / "chairs_transformations").glob("*.gif")
    assert frames(path)[1] == 62 * 60


@pytest.mark.parametrize("which", ["trained", "extrapolated"])
def test_a_strip_varies_one_parameter_over_its_range(drawn, network, which, assert_same_pictures):
    found, said = chairs_transformations.strips(network, 4, which)
    assert found.shape == (9, 9, 16, 16, 3) and len(said) == 9
    ends = {"trained": {2: (-0.1, 0.1), 7: (-1.5, 1.5)}, "extrapolated": {0: (0, np.log(1.8)), 4: (-0.5, 0.5)}}
    for place, (low, high) in ends[which].items():
        vectors = np.zeros((2, 8), "float32")
        vectors[:, place] = low, high
        assert_same_pictures(found[1 + place, [0, -1]], on_white(network.generate(4, 301.0, 20.0, vectors)))
    shown = picture(drawn, "chairs_transformations", f"-{which}.png")
    np.testing.assert_array_equal(shown[:, -len(cells(found, 9)[0]) :], cells(found, 9))


def test_ranges_are_the_authors_and_wider_than_in_training():
    strips = chairs_transformations.STRIPS
    assert tuple(strips) == transformations.NAMES
    for name, trained in zip(transformations.NAMES, transformations.RANGES, strict=True):
        assert strips[name].high > trained
    assert strips["log_zoom"].high == pytest.approx(np.log(1.8)) and strips["log_zoom"].low == 0
    assert strips["log_saturation"][1:3] == (-5.0, 5.0)


def test_a_network_without_transformations_shows_elevations_alone():
    found, said = chairs_transformations.strips(make_network(transformations=False), 0, "extrapolated")
    assert found.shape == (1, 9, 16, 16, 3) and said == ["elevation 0 to 60"]


def test_feature_arithmetic_of_equal_ones_gives_the_third(network):
    """A - A + C is C, in every space."""
    same, other = np.array([3, 5]), np.array([4, 6])
    expected = on_white(network.generate(other, 301.0, 20.0))
    found = chairs_feature_arithmetic.results(network, same, same, other)
    assert list(found) == ["style", *LAYERS]
    for where, images in found.items():
        np.testing.assert_allclose(images.astype(int), expected, atol=1, err_msg=where)


def test_feature_arithmetic_against_one_number_at_a_time(drawn, network, assert_same_pictures):
    a, b, c = (network.features(style, 301.0, 20.0, layer="fc4")[0] for style in (0, 1, 2))
    features = np.array([[a[i] - b[i] + c[i] for i in range(len(a))]])
    expected = on_white(network.generate_from_features(features, "fc4"))[0]
    shown = picture(drawn, "chairs_feature_arithmetic", "-arithmetic.png")
    left = 3 * 129 + 1 + 8 + 1 + 129 * (1 + LAYERS.index("fc4"))  # three styles, a gap, results before this one
    assert_same_pictures(shown[1:129, left : left + 128], windows.enlarge(expected, 8))


def test_the_zoom_unit_is_the_one_that_zooming_changes(network, monkeypatch):
    """Features made up: unit 2 follows the zoom, unit 5 the style, unit 7 both, unit 9 the zoom but once."""

    def features(style, azimuth, elevation, theta, layer):
        found = np.zeros((len(style), 12), "float32")
        zoom, style = theta[:, 0], np.asarray(style, float)
        found[:, 2] = 5 + 3 * zoom + 0.01 * style * zoom
        found[:, 5] = style
        found[:, 7] = 5 + zoom * style
        found[0, 9] = 100 * zoom[0]
        return found

    monkeypatch.setattr(network, "features", features, raising=False)
    unit, reliability = chairs_feature_arithmetic.most_reliable(network, "log_zoom", seed=0)
    assert unit == 2 and reliability > 10


def test_a_gaussian_has_the_mean_and_the_covariance_of_its_examples():
    rng = np.random.default_rng(0)
    examples = rng.normal(size=(5, 8)) @ rng.normal(size=(8, 8)) + 3  # five of eight numbers: a singular covariance
    draws = chairs_random.gaussian(examples, 200_000, rng)
    np.testing.assert_allclose(draws.mean(0), examples.mean(0), atol=0.05)
    covariance = np.cov(examples.T, bias=True)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.02 * covariance.max())
    narrow = chairs_random.gaussian(examples, 200_000, rng, spread=0.5)
    np.testing.assert_allclose(np.cov(narrow.T), covariance / 4, atol=0.02 * covariance.max())


def test_without_spread_every_random_chair_is_the_mean_one(network, assert_same_pictures):
    drawn, nearest = chairs_random.random_chairs(network, "features", 3, seed=0, spread=0.0)
    mean = network.features(np.arange(STYLES), layer="style2").mean(0)
    expected = on_white(network.generate_from_features(mean[None], "style2", 301.0, 20.0))
    assert_same_pictures(drawn, np.repeat(expected, 3, axis=0))
    distances = [((network.features(style, layer="style2")[0] - mean) ** 2).sum() for style in range(STYLES)]
    assert nearest.tolist() == [np.argmin(distances)] * 3


def test_hybrids_go_from_one_category_to_the_other(network):
    categories = ("chair", "chair", "table", "chair", "table", "table", "table")
    shown = chairs_random.hybrids(network, categories, seed=1)
    assert shown.shape == cells(np.zeros((8, 7, 16, 16, 3), "uint8"), 7).shape
    known = windows.enlarge(on_white(network.generate(np.arange(STYLES), 301.0, 20.0)), 8)
    of_kind = {kind: [known[i].astype(int) for i in range(STYLES) if categories[i] == kind] for kind in categories}
    for row in range(8):
        for column, kind in ((0, "chair"), (6, "table")):
            cell = shown[1 + 129 * row : 129 * (row + 1), 1 + 129 * column : 129 * (column + 1)]
            assert any(np.abs(cell - style).max() <= 1 for style in of_kind[kind])


# Which weights, and what is said where something is wrong.


def test_the_best_record_is_drawn_and_others_by_name(tmp_path, network, capsys):
    keep(tmp_path, network, "quick", validation=2.0)
    best = keep(tmp_path, network, "gpu", validation=1.0)
    # A value on other images does not compare, however low.
    other = keep(tmp_path, network, "cpu", data="modelnet10_chairs", validation=0.5)

    def chosen(**flags):
        given = {"results_dir": tmp_path, "weights": None, "data": None} | flags
        return chairs_figures.chosen(types.SimpleNamespace(**given))

    assert chosen() == best
    assert chosen(data="modelnet10_chairs") == other
    assert chosen(weights=f"chairs_networks/{records.file_name(other)}") == other


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__.split(".")[-1])
def test_missing_weights_are_refused(tmp_path, script):
    said = run(script, tmp_path)
    assert "chairs_networks.py" in said
    assert str(tmp_path) in said and said.startswith(script.__name__.split(".")[-1])
    assert "--weights" in run(script, tmp_path, "--weights=chairs_networks/none.json")
    assert "results_dir" in run(script, tmp_path / "nowhere")


@pytest.mark.parametrize(
    "script, flag, message",
    [
        (chairs_style_morphing, "--pairs=0-7", "Received: '7'"),
        (chairs_style_morphing, "--pairs=0-x", "Received: 'x'"),
        (chairs_style_morphing, "--pairs=0-1-2", "Received: '0-1-2'"),
        (chairs_transformations, "--styles=1,99", "Received: '99'"),
        (chairs_feature_arithmetic, "--triples=1-2", "--triples"),
    ],
)
def test_unknown_styles_are_refused(drawn, script, flag, message):
    assert message in run(script, drawn, flag)


# Similarity.


def test_nearest_vectors_equal_a_loop():
    vectors = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    direct = np.array([[np.sum((a - b) ** 2) for b in vectors] for a in vectors])
    np.testing.assert_allclose(chairs_similarity.distances(vectors), direct, atol=1e-4)
    found = chairs_similarity.nearest(direct, 3)
    for i, others in enumerate(found):
        assert others.tolist() == sorted(set(range(7)) - {i}, key=lambda j: direct[i, j])[:3]
    assert chairs_similarity.agreement(found, found) == 100
    assert chairs_similarity.agreement(np.array([[1, 2]]), np.array([[2, 3]])) == 50


def test_similarity_is_of_the_networks_features_and_of_pixels(network, tmp_path, monkeypatch, capsys):
    views = example_records.chair_views(styles=STYLES)
    monkeypatch.setattr(chairs_figures.view_sets, "load", lambda *_, **__: views)
    keep(tmp_path, network)
    assert run(chairs_similarity, tmp_path, "--layer=style1") == 0
    path = tmp_path / "chairs_similarity" / f"{MODEL}-quick-embedded_chairs-style1.png"
    with Image.open(path) as image:
        assert image.size == (2 * (7 * 17 + 1) + 8, 7 * 17 + 1) and str(path) in capsys.readouterr().out
    styles, by_network, by_pixels = chairs_similarity.similar(network, views, "style1")
    kernel, bias = (np.asarray(weight) for weight in network.style_layers[0].weights)
    activations = np.maximum(kernel + bias, 0)  # of one-hot styles
    direct = np.array([[np.sum((a - b) ** 2) for b in activations] for a in activations])
    assert by_network.shape == by_pixels.shape == (7, 6)
    for i in styles:
        np.testing.assert_allclose(direct[i, by_network[i]], np.sort(np.delete(direct[i], i)), rtol=1e-3)
    seen = views.images[(views.elevations == 20) & np.isin(views.azimuths, [0, 90, 180, 270])]
    pixels = seen[..., :3].reshape(7, -1) / 255.0
    direct = np.array([[np.sum((a - b) ** 2) for b in pixels] for a in pixels])
    assert by_pixels[0].tolist() == sorted(range(1, 7), key=lambda j: direct[0, j])
