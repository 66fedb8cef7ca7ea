"""DRAW's figures from tiny networks with random weights: what stands where, and from which weights and data."""

import types

import example_records
import numpy as np
import pytest
from PIL import Image

from image_generators.data.image_data import ImageData, Split
from image_generators.evaluation import networks, pictures, records, windows
from image_generators.reproduce import draw_figures
from image_generators.training import checkpoints
from image_generators.training import loop as training

DRAW = {"steps": 12, "units": 5, "latent": 3, "read_size": 2, "write_size": 3}
NETWORKS = {  # (table, model): (data, constructor arguments)
    ("table2_binarized_mnist", "draw"): ("binary", DRAW),
    ("table2_binarized_mnist", "draw_without_attention"): (
        "binary",
        {**DRAW, "steps": 4, "read_size": None, "write_size": None},
    ),
    ("table1_cifar", "draw"): ("colour", {**DRAW, "steps": 3}),
    ("table1_cluttered_mnist", "draw_classifier_8"): ("labelled", {"glimpses": 4, "units": 5, "glimpse_size": 3}),
}
ROWS = {
    table.EXPERIMENT.table: {model: table.EXPERIMENT.row_of(model).name for model in table.EXPERIMENT.models}
    for table in draw_figures.TABLES
}


def image_data(name):
    """Sixty training, ten validation and ten test images of a few pixels."""
    levels, shape = (2, (8, 9, 1)) if name == "binary" else (256, (8, 9, 3 if name == "colour" else 1))
    rng = np.random.default_rng(5)
    classes = tuple("abc") if name == "labelled" else ()

    def split(n):
        images = rng.integers(levels, size=[n, *shape], dtype=np.uint8)
        return Split(images, rng.integers(3, size=n).astype(np.int32) if classes else None)

    splits = {"train": split(60), "validation": split(10), "test": split(10)}
    about = {"title": name, "class_names": classes, "levels": levels, "is_fallback": False, "source": "made up"}
    return ImageData(name=name, **splits, **about)


DATA = {name: image_data(name) for name in ("binary", "colour", "labelled")}


def keep(results_dir, table, model, data, config, preset="quick", validation=1.0, seed=0):
    """A network with random weights, its file and its record in `results_dir`."""
    network = networks.make_network(model, DATA[data], **config)
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if not weight.path.endswith("initial_canvas"):  # zeros there and large weights: samples differ
            weight.assign(rng.normal(0, 1.5, weight.shape))
        if weight.path.endswith("attention/linear/bias"):
            weight.assign([0, 0, 0, -1, 0])  # windows small enough to be seen
    weights = f"{table}/{model}-{preset}-{data}.weights.h5"
    record = example_records.record(
        table=table,
        row=ROWS[table][model],
        model=model,
        model_config=networks.plain_config(network),
        preset=preset,
        data=data,
        data_title=data,
        data_fingerprint=DATA[data].fingerprint,
        values={"validation": validation},
        weights=weights,
        weights_sha256=training.save_weights(network, results_dir / weights),
    )
    records.write(record, results_dir)
    return network


def run(results_dir, figure=None):
    return draw_figures.run(types.SimpleNamespace(figure=figure, data_dir=None, results_dir=results_dir, seed=3))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """All figures of all networks: the folder of results and the networks."""
    folder = tmp_path_factory.mktemp("results")
    trained = {key: keep(folder, *key, *about) for key, about in NETWORKS.items()}
    by_table = {"binarized_mnist": "binary", "cifar10": "colour", "cluttered_mnist": "labelled"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw_figures.data_images, "load", lambda name, data_dir: DATA[by_table[name]])
        assert run(folder) == 0
    return folder / "draw_figures", trained


def picture(drawn, name):
    return np.asarray(Image.open(drawn[0] / name).convert("RGB"))


def cells(of_rows):
    """The picture of rows of images, each ten times as large, as a reader would put it together."""
    return pictures.grid(np.concatenate([windows.enlarge(row, 10) for row in of_rows]), columns=len(of_rows[0]))


def test_every_network_has_its_figures(drawn):
    stems = ["draw-quick-binary", "draw_without_attention-quick-binary", "draw-quick-colour"]
    expected = {f"{stem}-{end}" for stem in stems for end in ("generation.png", "generation.gif", "nearest.png")}
    expected |= {f"{stem}-reconstruction.{end}" for stem in stems for end in ("png", "gif")}
    expected |= {f"draw_classifier_8-quick-labelled-glimpses.{end}" for end in ("png", "gif")}
    assert {path.name for path in drawn[0].iterdir()} == expected


@pytest.mark.parametrize("table, data", [("table2_binarized_mnist", "binary"), ("table1_cifar", "colour")])
def test_a_generation_is_samples_down_and_time_across(drawn, table, data):
    network = drawn[1][table, "draw"]
    _, trace = network.sample(8, seed=3, trace=True)
    steps = [0, 1, 2, 4, 5, 6, 7, 9, 10, 11] if data == "binary" else [0, 1, 2]  # ten of twelve, evenly
    of_rows = []
    for canvases, of_image in zip(trace.canvases, trace.write_windows, strict=True):
        row = windows.enlarge(np.round(255 * canvases[steps]).astype("uint8"), 10)
        of_rows.append(windows.outline(row, of_image[steps], 3, 10, windows.RED))
    expected = pictures.grid(np.concatenate(of_rows), columns=len(steps))
    shown = picture(drawn, f"draw-quick-{data}-generation.png")
    assert (shown == windows.RED).all(-1).any()
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize(
    "stem, steps", [("draw-quick-binary", 12), ("draw_without_attention-quick-binary", 4), ("draw-quick-colour", 3)]
)
@pytest.mark.parametrize("figure", ["generation", "reconstruction"])
def test_a_film_has_every_step_and_runs_for_ever(drawn, stem, steps, figure):
    with Image.open(drawn[0] / f"{stem}-{figure}.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (steps, 0)
        shown = []
        for t in range(steps):
            film.seek(t)
            shown.append(film.info["duration"])
    assert shown == [80] * (steps - 1) + [2000]


def test_a_film_ends_with_the_last_column(drawn):
    """Eight samples in two rows there, in one column here. Colours of a frame may be replaced by near ones."""
    with Image.open(drawn[0] / "draw-quick-binary-generation.gif") as film:
        film.seek(film.n_frames - 1)
        frame = np.asarray(film.convert("RGB")).astype(int)
    column = picture(drawn, "draw-quick-binary-generation.png")[:, -91:-1]
    for i in range(8):
        top, left = 1 + 81 * (i // 4), 1 + 91 * (i % 4)
        difference = frame[top : top + 80, left : left + 90] - column[1 + 81 * i : 81 + 81 * i]
        assert np.abs(difference).mean() < 3


def test_without_attention_nothing_is_outlined(drawn):
    for figure in ("generation", "reconstruction"):
        shown = picture(drawn, f"draw_without_attention-quick-binary-{figure}.png")
        assert (shown == shown[..., :1]).all()


def test_a_reconstruction_stands_beside_its_image_with_what_was_read_and_written(drawn):
    network, images = drawn[1]["table2_binarized_mnist", "draw"], DATA["binary"].test.images[:8]
    _, trace = network.reconstruct(images, seed=3, trace=True)
    shown = picture(drawn, "draw-quick-binary-reconstruction.png")
    np.testing.assert_array_equal(shown[:, :92], np.broadcast_to(cells(255 * images[:, None]), (649, 92, 3)))
    for i in range(8):
        last = windows.enlarge(np.round(255 * trace.canvases[i, -1]).astype("uint8"), 10)
        last = windows.outline(last, trace.read_windows[i, -1], 2, 10, windows.GREEN)
        last = windows.outline(last, trace.write_windows[i, -1], 3, 10, windows.RED)
        np.testing.assert_array_equal(shown[1 + 81 * i : 81 + 81 * i, -91:-1], last)
    assert (shown == windows.RED).all(-1).any() and (shown == windows.GREEN).all(-1).any()


def brute_force(samples, images):
    """By the definition, one pair at a time."""
    distances = [[np.sqrt(((s.astype(float) - x.astype(float)) ** 2).sum()) for x in images] for s in samples]
    return np.argmin(distances, axis=1)


@pytest.mark.parametrize("block", [1, 7, 60, 1000])
def test_nearest_image_equals_brute_force(block):
    images = DATA["colour"].train.images
    samples = np.random.default_rng(1).uniform(0, 255, [9, *images.shape[1:]])
    samples[0] = images[59]  # the last image of the last block, itself
    found = draw_figures.nearest(samples, images, block)
    assert found[0] == 59
    np.testing.assert_array_equal(found, brute_force(samples, images))


def test_ties_go_to_the_first_training_image():
    images = DATA["binary"].train.images[[4, 7, 9, 7, 4]]
    assert draw_figures.nearest(images, images, block=2).tolist() == [0, 1, 2, 1, 0]


@pytest.mark.parametrize("table, data", [("table2_binarized_mnist", "binary"), ("table1_cifar", "colour")])
def test_beside_the_last_sample_of_a_row_stands_the_nearest_training_image(drawn, table, data):
    levels, images = DATA[data].levels, DATA[data].train.images
    _, trace = drawn[1][table, "draw"].sample(72, seed=3, trace=True)
    means = trace.canvases[:, -1]
    shown = picture(drawn, f"draw-quick-{data}-nearest.png")
    samples = np.round(255 * means).astype("uint8").reshape(8, 9, *means.shape[1:])
    left = cells(samples)
    np.testing.assert_array_equal(shown[:, : left.shape[1]], np.broadcast_to(left, (*left.shape[:2], 3)))
    last, first = (brute_force(means[column::9] * (levels - 1), images) for column in (8, 0))
    assert (last != first).any()
    found = images[last]
    right = cells(found[:, None] * (255 // (levels - 1)))
    np.testing.assert_array_equal(shown[:, -right.shape[1] :], np.broadcast_to(right, (*right.shape[:2], 3)))
    assert (shown[:, left.shape[1] : -right.shape[1]] == 255).all() and shown.shape[1] > left.shape[1] + right.shape[1]


def test_what_a_classifier_reads_is_the_pixels_in_its_window(drawn):
    """A window of stride 1 and sharp filters is a crop, whatever its intensity."""
    network, images = drawn[1]["table1_cluttered_mnist", "draw_classifier_8"], DATA["labelled"].test.images[:2]
    at = np.array([[[3, 5, 1, 0.01, 7.0], [8, 2, 1, 0.01, 0.1]]] * 2, "float32")
    read = draw_figures.patches(network, images, at)
    np.testing.assert_array_equal(read[:, 0], images[:, 3:6, 1:4])
    np.testing.assert_array_equal(read[:, 1], images[:, 0:3, 6:9])


def test_glimpses_are_in_order_of_time_with_what_was_read_beneath(drawn):
    network, test = drawn[1]["table1_cluttered_mnist", "draw_classifier_8"], DATA["labelled"].test
    images = test.images[:5]
    answers = network.classify(images)
    read = draw_figures.patches(network, images, answers.windows)
    whole = picture(drawn, "draw_classifier_8-quick-labelled-glimpses.png")
    shown = whole[:, -(4 * 91 + 1) :]
    for i in range(5):
        for t in range(4):
            top, left = 1 + 162 * i, 1 + 91 * t
            looked = windows.outline(windows.enlarge(images[i], 10), answers.windows[i, t], 3, 10, windows.GREEN)
            np.testing.assert_array_equal(shown[top : top + 80, left : left + 90], looked)
            beneath = shown[top + 81 : top + 161, left : left + 90]
            patch = windows.enlarge(read[i, t], 26)  # 3 pixels, 26 times, are 78 of 80
            np.testing.assert_array_equal(beneath[1:79, 6:84], np.broadcast_to(patch, (78, 78, 3)))
            assert (beneath[0] == 255).all() and (beneath[:, :6] == 255).all()
    names = DATA["labelled"].class_names
    said = [f"{names[a]}, answer {names[b]}" for a, b in zip(test.labels[:5], answers.labels, strict=True)]
    np.testing.assert_array_equal(whole, pictures.label_rows(np.ascontiguousarray(shown), said))
    with Image.open(drawn[0] / "draw_classifier_8-quick-labelled-glimpses.gif") as film:
        assert (film.n_frames, film.info["duration"]) == (4, 600)


def test_ten_steps_from_the_first_to_the_last():
    assert draw_figures._some(64).tolist() == list(range(0, 64, 7))
    assert draw_figures._some(1).tolist() == [0]
    assert draw_figures._some(9).tolist() == list(range(9))


def no_data(*_):
    pytest.fail("it loads data")


def test_a_generation_needs_no_data_and_the_best_weights_are_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(draw_figures.data_images, "load", no_data)
    table, model = "table2_binarized_mnist", "draw"
    keep(tmp_path, table, model, "binary", {**DRAW, "steps": 2}, "cpu", validation=2.0)
    keep(tmp_path, table, model, "binary", {**DRAW, "steps": 2}, "gpu", validation=1.0)
    assert run(tmp_path, "generation") == 0
    written = {path.name for path in (tmp_path / "draw_figures").iterdir()}
    assert written == {f"draw-gpu-binary-generation.{end}" for end in ("png", "gif")}
    assert "DRAW on binary" in capsys.readouterr().out


def test_data_other_than_the_networks_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(draw_figures.data_images, "load", lambda name, data_dir: DATA["colour"])
    keep(tmp_path, "table2_binarized_mnist", "draw", "binary", {**DRAW, "steps": 2})
    assert "no weights to draw nearest" in run(tmp_path, "nearest")
    assert "DRAW: nearest needs binary; here is colour" in capsys.readouterr().out
    assert not (tmp_path / "draw_figures").exists()


def test_missing_or_wrong_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(draw_figures.data_images, "load", no_data)
    assert str(tmp_path) in run(tmp_path) and "no weights" in run(tmp_path)
    assert "results_dir" in run(tmp_path / "nowhere")
    keep(tmp_path, "table2_binarized_mnist", "draw", "binary", {**DRAW, "steps": 2})
    (weights,) = tmp_path.rglob("*.weights.h5")
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "SHA-256" in run(tmp_path)


def test_weights_are_restored_exactly(tmp_path):
    network = keep(tmp_path, "table2_binarized_mnist", "draw", "binary", DRAW)
    (record,) = records.read_all(tmp_path, "table2_binarized_mnist")
    for kept, again in zip(network.get_weights(), networks.restore(record, tmp_path).get_weights(), strict=True):
        np.testing.assert_array_equal(kept, again)
    (tmp_path / record.weights).unlink()
    with pytest.raises(checkpoints.Refused, match="no file"):
        networks.restore(record, tmp_path)


def test_bad_flags_are_refused():
    assert draw_figures.parse(["draw_figures.py"]).figure is None
    with pytest.raises(SystemExit):
        draw_figures.parse(["draw_figures.py", "--figure=none"])
