"""Tables of Chairs from their flags to their files by the smoke preset, on views of a few pixels, and against NumPy."""

import dataclasses
import math
import types

import numpy as np
import pytest
from absl.flags import FlagValues, IllegalFlagValueError
from example_records import STYLES, chair_views
from PIL import Image

from image_generators.evaluation import networks, records, tables
from image_generators.evaluation.chairs import baselines as chairs_baselines
from image_generators.evaluation.chairs import held_out
from image_generators.experiments import chairs, network_rows
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.reproduce import chairs_elevation_transfer, chairs_networks, chairs_view_interpolation, report
from image_generators.reproduce.configs import chairs as configs

SCRIPTS = (chairs_networks, chairs_view_interpolation, chairs_elevation_transfer)


def loader(asked):
    """In the place of data.chairs.views.load; notes in `asked` what it was asked for."""

    def load(name, size, data_dir, cache_dir, furniture, voxels, styles, processes, elevations=(20, 30)):
        asked.append((name, size, furniture, voxels, cache_dir, styles, processes, elevations))
        return chair_views(elevations=elevations, name=name, category="table" if "tables" in name else "chair")

    return load


@pytest.fixture(scope="module")
def ran(run_table, tmp_path_factory):
    """Finished smoke runs of some rows of the three tables: output, the folder of results, and what was loaded."""
    folder, asked, output = tmp_path_factory.mktemp("chairs"), [], {}
    given = {
        chairs_networks: ["--rows=chairs_1s_s_deep"],
        chairs_view_interpolation: ["--known=2,1", "--rows=nearest_view,nearest_style"],
        chairs_elevation_transfer: ["--task=transfer", "--rows=nearest_view"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chairs.view_sets, "load", loader(asked))
        for script, flags in given.items():
            run = run_table(script.EXPERIMENT, folder, "--preset=smoke", *flags, script=getattr(script, "run", None))
            assert run.result == 0, run.result
            output[script] = run.output
        flags = ["--known=2", "--rows=chairs_with_transfer", "--preset=smoke"]
        run = run_table(chairs_view_interpolation.EXPERIMENT, folder, *flags, script=chairs_view_interpolation.run)
        assert run.result == 0, run.result
    return types.SimpleNamespace(output=output, results=folder / "results", folder=folder, asked=asked)


def records_of(ran, script):
    return records.read_all(ran.results, script.EXPERIMENT.table)


@pytest.fixture
def no_data(monkeypatch):
    asked = []
    monkeypatch.setattr(chairs.view_sets, "load", loader(asked))
    return asked


def options_of(script, *given):
    from image_generators.experiments import command

    values = FlagValues()
    if hasattr(script, "EXPERIMENT"):
        command.define(script.EXPERIMENT.models, values)
    getattr(script, "define", chairs.define)(values)
    values(["script", *given])
    return values


def size_of(path):
    with Image.open(path) as image:
        return image.size


# The table of networks.


def test_a_network_is_measured_on_held_out_views(ran):
    data = dataclasses.replace(chair_views(), name="embedded_chairs-64").hold_out()
    (record,) = records_of(ran, chairs_networks)
    seen = {tuple(label) for label in data.train.labels.tolist()}
    assert not seen & {tuple(label) for split in (data.validation, data.test) for label in split.labels.tolist()}
    assert record.data_fingerprint == data.fingerprint and record.metric == "squared_error"
    assert record.examples["test"] == 8 and record.is_fallback
    assert record.model_config["deep"] and record.model_config["streams"] == 1
    network = networks.restore(record, ran.results)
    images, labels = data.test.images[:8], data.test.labels[:8]
    drawn = network.draw(np.eye(STYLES, dtype="float32")[labels[:, 0].astype(int)], labels[:, 1:], np.zeros((8, 8)))
    rgb, logit = (np.asarray(part, "float64") for part in drawn)
    expected = np.mean(np.square(rgb - images[..., :3] / 255.0))
    np.testing.assert_allclose(record.values["test"], expected, rtol=1e-4)
    expected = 1e3 * np.mean(np.square(1 / (1 + np.exp(-logit)) - images[..., 3:] / 255.0))
    np.testing.assert_allclose(record.measurements[held_out.MASK], expected, rtol=1e-4)


def test_errors_are_shown_in_thousandths_and_the_papers_stand_apart(ran):
    found = records_of(ran, chairs_networks)
    page = tables.table(chairs_networks.ROWS, found, "squared_error", chairs_networks.TITLE)
    papers, ours = page.split("## On other data: embedded_chairs, 6 designs, 64x64")
    for value in ("3.51", "3.42", "3.43", "3.44", "2.90"):
        assert f"| {value} |" in papers and f"| {value} |" not in ours
    assert "recollected" in papers
    for record in found:
        assert f"| {1e3 * record.values['test']:.2f} ({1e3 * record.values['train']:.2f}) |" in ours
        assert f"test {1e3 * record.values['test']:.2f} x 1e-3 squared error" in ran.output[chairs_networks]


def test_the_picture_is_of_held_out_views_beside_what_is_generated(ran):
    data = chair_views().hold_out()
    record = records_of(ran, chairs_networks)[0]
    found = np.asarray(Image.open(ran.results / record.samples))
    at = held_out.spread(len(data.test.images), network_rows.SAMPLES // 2)
    assert found.shape[:2] == (math.ceil(2 * len(at) / 8) * 17 + 1, 8 * 17 + 1)
    rgba = data.test.images[at[1]].astype(int)
    truth = rgba[..., :3] + 255 - rgba[..., 3:]
    np.testing.assert_array_equal(found[1:17, 2 * 17 + 1 : 3 * 17], truth)
    assert (found[1:17, 3 * 17 + 1 : 4 * 17] != truth).any()


def test_measuring_again_gives_the_same_values(ran, run_table, no_data):
    flags = ["--preset=smoke", "--evaluate_only", "--rows=chairs_1s_s_deep"]
    again = run_table(chairs_networks.EXPERIMENT, ran.folder, *flags)
    value = 1e3 * records_of(ran, chairs_networks)[0].values["test"]
    assert f"test {value:.4f} x 1e-3 squared error per RGB value (0 to 1), 8 images; its record says {value:.4f}" in (
        again.output
    )


def test_flags_choose_the_views(no_data):
    flags = ["--data=modelnet10_chairs", "--voxels=v.npz", "--cache_dir=c", "--styles=5", "--processes=2"]
    views = chairs.load(options_of(chairs_networks, "--preset=gpu", "--furniture=f.deb", *flags))
    assert no_data == [("modelnet10_chairs", 128, "f.deb", "v.npz", "c", 5, 2, (20, 30))]
    assert views.name == "modelnet10_chairs-128-first5" and views.is_fallback
    assert not chairs.load(options_of(chairs_networks, "--data=rendered_chairs", "--size=256")).is_fallback
    chairs.load(options_of(chairs_networks, "--preset=gpu"))  # there is one size of embedded chairs
    assert [call[1] for call in no_data] == [128, 256, 64]


@pytest.mark.parametrize(
    "given, title", [([], "16 CC0 chairs, 64x64"), (["--styles=6"], "16 CC0 chairs, 6 designs, 64x64")]
)
def test_a_title_names_the_number_of_designs(given, title):
    """Of which a digit may be in the set's own name."""
    assert chairs.load(options_of(chairs_networks, *given)).title == title


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_row_has_presets(script):
    experiment = script.EXPERIMENT
    for model in set(experiment.models) - set(experiment.baselines):
        assert list(experiment.presets[model]) == ["smoke", "quick", "cpu", "gpu", "paper"]
    assert report.TABLES[experiment.table] == experiment.metric == "squared_error"
    assert set(chairs.PRESET_SIZES) == {"smoke", "quick", "cpu", "gpu", "paper"}


def test_the_wide_network_is_as_large_as_two_streams():
    def parameters(model):
        network = ChairsGenerator((64, 64, 4), 809, **configs.NETWORKS[model]["quick"].model)
        network.build()
        return network.count_params()

    two, wide, one = map(parameters, ("chairs_2s_s", "chairs_1s_s_wide", "chairs_1s_s"))
    assert abs(wide / two - 1) < 0.02 and one < 0.8 * two


# View interpolation.


@pytest.mark.parametrize("known", [8, 4, 3, 1])
def test_known_azimuths_are_even(known):
    found = chairs_view_interpolation.known_azimuths(np.arange(31) * 11.0, known)
    assert len(found) == known and found[0] == 0
    assert set(np.diff([*found, 341.0])) <= {11.0 * (31 // known), 11.0 * (31 // known + 1)}


def test_unknown_views_of_targets_are_not_in_train():
    views = chair_views(styles=20)
    data = chairs_view_interpolation.split(views, 2)
    targets = np.unique(data.test.labels[:, 0])
    assert len(targets) == 2 and data.name == "embedded_chairs-known2"
    of_targets = data.train.labels[np.isin(data.train.labels[:, 0], targets)]
    assert len(of_targets) == 2 * 2 * 2 and set(of_targets[:, 1]) == {0, 180}
    assert len(data.train.labels) == 18 * 16 + 8
    for split in (data.validation, data.test):
        assert not set(split.labels[:, 1]) & {0, 180} and set(split.labels[:, 0]) <= set(targets)
    assert len(data.validation.labels) + len(data.test.labels) == 2 * 6 * 2
    assert (targets == np.unique(chairs_view_interpolation.split(views, 1).test.labels[:, 0])).all()


def test_each_interpolation_network_sees_its_own_views():
    data = chairs_view_interpolation.split(chair_views(styles=20), 2)
    targets = np.unique(data.test.labels[:, 0])
    alone, without, with_transfer = (
        chairs_view_interpolation.part(f"chairs_{name}", data)
        for name in ("target_alone", "without_transfer", "with_transfer")
    )
    assert set(alone.train.labels[:, 0]) == set(targets) and len(alone.train.labels) == 8
    assert len(without.train.labels) == 20 * 2 * 2 and set(without.train.labels[:, 1]) == {0, 180}
    assert with_transfer is data
    for narrowed in (alone, without):
        assert narrowed.test is data.test and narrowed.class_names == data.class_names
        place = np.flatnonzero((data.train.labels == narrowed.train.labels[3]).all(axis=1))[0]
        np.testing.assert_array_equal(narrowed.train.images[3], data.train.images[place])


def test_interpolation_is_measured_and_drawn(ran):
    found = {(record.model, record.data): record for record in records_of(ran, chairs_view_interpolation)}
    assert {data for _, data in found} == {"embedded_chairs-64-known2", "embedded_chairs-64-known1"} and len(found) == 5
    views = dataclasses.replace(chair_views(), name="embedded_chairs-64")
    for (_, name), record in found.items():
        data = chairs_view_interpolation.split(views, int(name[-1]))
        assert record.data_fingerprint == data.fingerprint and record.data == data.name
        if record.model == "nearest_view":
            made = chairs_baselines.nearest_view(data.train, data.test.labels)
            error = np.mean(np.square((made / 255.0 - data.test.images / 255.0)[..., :3]))
            np.testing.assert_allclose(record.values["test"], error, rtol=1e-6)
            assert record.examples["test"] == len(data.test.images) and record.values["train"] is None
    assert {record.weights for record in found.values()} == {None}  # of twelve networks for a curve none is kept
    curves = chairs_view_interpolation.curves(list(found.values()), "embedded_chairs-64")
    assert list(curves["Nearest style"]) == [1, 2] and list(curves["With transfer"]) == [2]
    part = chairs_view_interpolation.page_table((), list(found.values()), "squared_error", "results/page.md")
    cells = [f"{1e3 * curves['Nearest style'][k]:.2f}" for k in (2, 1)]
    assert f"| Nearest style | {cells[0]} | {cells[1]} |" in part
    assert f"| With transfer | {1e3 * curves['With transfer'][2]:.2f} | - |" in part
    plot = ran.results / "chairs_view_interpolation" / "embedded_chairs-64-errors.png"
    assert size_of(plot) == (720, 480)


def test_no_empty_table_stands_where_the_paper_has_no_numbers(ran):
    found = records_of(ran, chairs_view_interpolation)
    page = tables.table(chairs_view_interpolation.ROWS, found, "squared_error", chairs_view_interpolation.TITLE)
    before, *sections = page.split("## On other data: ")
    assert "|" not in before and [section.partition("\n")[0] for section in sections] == [
        "embedded_chairs, 6 designs, 64x64, 1 known azimuth",
        "embedded_chairs, 6 designs, 64x64, 2 known azimuths",
    ]
    assert "| With transfer |" not in sections[0] and "| With transfer |" in sections[1]
    text = tables.text_table(chairs_view_interpolation.ROWS, found, "squared_error", "title")
    assert text.index("On other data") < text.index("Nearest style")
    nothing = tables.table(chairs_view_interpolation.ROWS, [], "squared_error", "title")
    assert "| Nearest style | - |" in nothing  # before anything is measured the rows are all there is


@pytest.mark.parametrize("known", ["0", "00", "x", "2,", "²", "", "4,32"])
def test_known_must_be_numbers_of_azimuths(known):
    with pytest.raises(IllegalFlagValueError, match="--known"):
        options_of(chairs_view_interpolation, f"--known={known}")


def test_more_azimuths_than_available_are_refused(no_data, run_table, tmp_path):
    flags = ["--known=9", "--preset=smoke"]
    run = run_table(chairs_view_interpolation.EXPERIMENT, tmp_path, *flags, script=chairs_view_interpolation.run)
    assert run.result.endswith("Received: 9")


# Elevations, and extrapolation.


@pytest.mark.parametrize("task", chairs_elevation_transfer.TASKS)
def test_hidden_views_of_a_task_are_not_in_train(task):
    views = chair_views(elevations=(10, 20, 40))
    data = chairs_elevation_transfer.split(views, task)
    style, azimuth, elevation = views.labels.T
    targets = np.unique(data.test.labels[:, 0])
    hidden = {
        "transfer": np.isin(style, targets) & (elevation != 20),
        "elevation": elevation == 40,
        "azimuth": np.isin(azimuth, [90, 135]),
    }[task]
    assert len(targets) == (3 if task == "transfer" else 6)
    expected = sorted(map(tuple, views.labels[hidden].tolist()))
    assert sorted(map(tuple, [*data.validation.labels.tolist(), *data.test.labels.tolist()])) == expected
    assert sorted(map(tuple, data.train.labels.tolist())) == sorted(map(tuple, views.labels[~hidden].tolist()))
    assert data.name.endswith(f"-{task}")


def test_chairs_learn_elevations_from_tables(no_data):
    options = options_of(chairs_elevation_transfer, "--data=furniture")
    data = chairs_elevation_transfer.load(options, "transfer")
    assert [(call[0], call[-1]) for call in no_data] == [
        ("furniture_tables", (0, 10, 20, 30, 40)),
        ("furniture_chairs", (0, 10, 20, 30, 40)),
    ]
    assert set(data.test.labels[:, 0]) == set(range(6, 12)) and set(data.test.labels[:, 2]) == {0, 10, 30, 40}
    assert set(data.train.labels[data.train.labels[:, 0] >= 6, 2]) == {20}
    assert set(data.train.labels[data.train.labels[:, 0] < 6, 2]) == {0, 10, 20, 30, 40}
    alone = chairs_elevation_transfer.part("chairs_target_alone", data).train.labels
    assert set(alone[:, 0]) == set(range(6, 12)) and set(alone[:, 2]) == {20}


def test_chairs_and_tables_are_one_data_set_in_records(no_data, run_table, tmp_path):
    flags = ["--data=furniture", "--task=transfer", "--rows=nearest_view", "--preset=smoke"]
    experiment, run = chairs_elevation_transfer.EXPERIMENT, chairs_elevation_transfer.run
    assert run_table(experiment, tmp_path, *flags, script=run).result == 0
    (record,) = records.read_all(tmp_path / "results", experiment.table)
    assert record.data == "furniture_tables-64+furniture_chairs-64-transfer"


def test_errors_are_shown_for_every_elevation(ran):
    data = chairs_elevation_transfer.split(chair_views(), "transfer")
    (baseline,) = records_of(ran, chairs_elevation_transfer)
    assert baseline.model == "nearest_view" and set(data.test.labels[:, 2]) == {30}
    assert baseline.data_fingerprint == data.fingerprint
    np.testing.assert_allclose(baseline.measurements["at 30 degrees, x 1e-3"], 1e3 * baseline.values["test"], rtol=1e-6)
    network = networks.restore(records_of(ran, chairs_networks)[0], ran.results)
    preset = configs.ELEVATIONS["chairs_target_alone"]["smoke"]
    told = chairs_elevation_transfer.measure(network, data, preset)
    expected = 1e3 * network.squared_error(data.test.images[:8], data.test.labels[:8])
    np.testing.assert_allclose(told["at 30 degrees, x 1e-3"], expected, rtol=1e-6)
    assert list(told) == [held_out.MASK, "at 30 degrees, x 1e-3"]
    errors = held_out.at_elevations(np.array([[0, 0, 10], [0, 0, 40], [1, 0, 10]]), np.array([1.0, 2.0, 4.0]))
    assert errors == {"at 10 degrees, x 1e-3": 2500, "at 40 degrees, x 1e-3": 2000}


@pytest.mark.parametrize("script", [chairs_view_interpolation, chairs_elevation_transfer])
def test_an_unknown_preset_is_refused_for_rows_without_a_network(no_data, run_table, tmp_path, script):
    run = run_table(script.EXPERIMENT, tmp_path, "--rows=nearest_view", "--preset=muon", script=script.run)
    assert run.result.startswith(f"{script.TABLE}: ") and run.result.endswith("Received: preset='muon'")


def test_an_unknown_task_is_refused():
    with pytest.raises(IllegalFlagValueError, match="--task.*transfer, elevation, azimuth. Received: 'up'"):
        options_of(chairs_elevation_transfer, "--task=transfer,up")
