"""The scripts of DRAW's two tables from flags to files, by smoke presets on a machine without data and network."""

import dataclasses
import types

import numpy as np
import pytest
from PIL import Image

from image_generators.data.image_data import Split
from image_generators.data.sources import fallback
from image_generators.evaluation import networks, pictures, records, tables, windows
from image_generators.experiments import network_rows
from image_generators.models import weights_file
from image_generators.reproduce import table1_cluttered_mnist, table2_binarized_mnist
from image_generators.training import callbacks
from image_generators.training import loop as training

UNITS = {"table2_binarized_mnist": "nats", "table1_cluttered_mnist": "% error"}
TITLES = {
    "table2_binarized_mnist": "digits of scikit-learn (8x8, binarised), not binarised MNIST",
    "table1_cluttered_mnist": "cluttered digits of scikit-learn (100x100), not cluttered MNIST",
}
BOUNDS = ("draw", "draw_without_attention")
RUN = {
    "table2_binarized_mnist": ("draw", "draw_without_attention", "gated_pixel_cnn"),
    "table1_cluttered_mnist": ("conv_classifier", "draw_classifier_8"),
}


@pytest.fixture(scope="module")
def data():
    """What stands in: table -> ImageData."""
    return {
        "table2_binarized_mnist": fallback.load("binarized_mnist"),
        "table1_cluttered_mnist": fallback.load("cluttered_mnist"),
    }


@pytest.fixture(
    scope="module",
    params=[table2_binarized_mnist.EXPERIMENT, table1_cluttered_mnist.EXPERIMENT],
    ids=lambda experiment: experiment.table,
)
def smoke(request, run_table, tmp_path_factory, data):
    """A finished smoke run of a table's rows but those like another, its sixteen images measured eight at a time."""
    experiment, folder = request.param, tmp_path_factory.mktemp("smoke")
    of_table = experiment.presets
    with pytest.MonkeyPatch.context() as patch:
        for model in experiment.models:
            patch.setitem(of_table[model], "smoke", dataclasses.replace(of_table[model]["smoke"], evaluation_batch=8))
        ran = run_table(experiment, folder, "--preset=smoke", f"--rows={','.join(RUN[experiment.table])}")
    assert ran.result == 0, ran.result
    return types.SimpleNamespace(
        experiment=experiment,
        table=experiment.table,
        folder=folder,
        results=folder / "results",
        output=ran.output,
        data=data[experiment.table],
        records={record.model: record for record in records.read_all(folder / "results", experiment.table)},
    )


def test_every_heading_names_the_data_that_is_there(smoke):
    title, lines = TITLES[smoke.table], smoke.output.splitlines()
    assert lines[0].startswith(f"Data: {title}, from scikit-learn")
    headings = [i for i, line in enumerate(lines) if line == smoke.experiment.title]
    assert len(headings) == 2  # what results/ held before, and what this run measured
    assert all(lines[i + 1] == f"Here on {title}" for i in headings)


def test_every_row_has_a_record_in_the_tables_unit(smoke):
    assert tuple(smoke.records) == RUN[smoke.table]
    for model, record in smoke.records.items():
        assert record.row == smoke.experiment.row_of(model).name
        assert records.METRICS[record.metric] == UNITS[smoke.table]
        assert record.is_fallback and record.data_title == TITLES[smoke.table]
        assert record.data_fingerprint == smoke.data.fingerprint
        assert record.examples == dict.fromkeys(records.SPLITS, 16) and record.steps == 6
        assert f"python reproduce/{smoke.table}.py --preset=smoke" in record.command
        assert record.weights_sha256 == weights_file.sha256_of_file(smoke.results / record.weights)


def test_bounds_are_printed_as_bounds_and_nothing_else_is(smoke):
    """On the line of each run, and in the table after them."""
    unit, table = UNITS[smoke.table], smoke.output.partition("\nThis run:\n")[2].splitlines()
    for model, record in smoke.records.items():
        sign = "<= " if model in BOUNDS else ""
        test, train = (f"{sign}{record.values[split]:.2f}" for split in ("test", "train"))
        said = f"{record.row} on {TITLES[smoke.table]} (no published number): test {test} {unit}, train {train} {unit}"
        assert said in smoke.output
        (line,) = [line for line in table if line.startswith(f"{record.row}  ") and TITLES[smoke.table] in line]
        assert f"  {test} ({train})  " in line and ("<=" in line) == (model in BOUNDS)


def costs(network, examples):
    """Nats or errors of each example, by the model's own methods; of DRAW by the noise of measurements."""
    if network.needs_labels:
        return 100.0 * (network.classify(examples.images).labels != examples.labels)
    if not hasattr(network, "elbo"):
        return -network.log_prob(examples.images)
    callbacks.reseed(network, training.EVALUATION_SEED)
    each = []
    for images in (examples.images[:8], examples.images[8:]):
        reconstruction, kl = network.elbo_parts(images, network(images))
        each.append(-np.array(reconstruction) + np.array(kl).sum(axis=1))
    return np.concatenate(each)


def test_values_in_the_record_are_those_of_the_weights_beside_it(smoke):
    for model, record in smoke.records.items():
        network = networks.restore(record, smoke.results)
        assert network.unit == smoke.experiment.metric
        for split in records.SPLITS:
            examples = training.examples(smoke.data, split, 16)
            each = costs(network, examples)
            np.testing.assert_allclose(record.values[split], each.mean(), rtol=1e-5, err_msg=f"{model} {split}")
            if model in BOUNDS:  # and no further from what other noise gives than these are from each other
                others = [-network.elbo(examples.images, seed).total.mean() for seed in range(30)]
                assert 0 < np.std(others) < 0.5
                assert abs(record.values[split] - np.mean(others)) < 5 * np.std(others), (model, split)


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_evaluate_only_measures_what_the_records_say_and_writes_nothing(smoke, run_table):
    """DRAW's noise too is that of the first time."""
    before = files_of(smoke.folder)
    ran = run_table(smoke.experiment, smoke.folder, "--evaluate_only")
    assert ran.result == 0 and files_of(smoke.folder) == before
    for record in smoke.records.values():
        value = f"{record.values['test']:.4f}"
        said = f"test {value} {UNITS[smoke.table]}, 16 images; its record says {value}\n"
        assert f"{record.row} on {TITLES[smoke.table]}: {said}" in ran.output


def test_pictures_are_those_of_the_weights(smoke):
    """Samples; of a classifier, its windows on validation images, or the images where it has none."""
    for model, record in smoke.records.items():
        network = networks.restore(record, smoke.results)
        if network.needs_labels:
            expected = windows.glimpses(network, smoke.data.validation.images[: network_rows.SAMPLES // 8])
        else:
            expected = pictures.grid(network.sample(network_rows.SAMPLES, seed=0), scale=2, levels=2)
        shown = np.asarray(Image.open(smoke.results / record.samples))
        # A value that lies on the edge of a step of the cumulative distribution may fall to either side.
        assert (shown.reshape(expected.shape) == expected).mean() > 0.999, model
        run = smoke.folder / "runs" / smoke.table / f"{model}-smoke-{smoke.data.name}"
        epochs = (1, 2, 3) if record.preset_settings["epoch_samples"] else ()
        assert sorted(path.name for path in run.glob("samples/*")) == [f"epoch_000{i}.png" for i in epochs]


def test_classifiers_have_as_many_classes_as_the_data(data):
    cluttered = data["table1_cluttered_mnist"]
    for model in table1_cluttered_mnist.EXPERIMENT.models:
        config = table1_cluttered_mnist.EXPERIMENT.preset(model, "smoke").model
        for names in (cluttered.class_names, ("none", "one", "many")):
            network = networks.make_network(model, dataclasses.replace(cluttered, class_names=names), **config)
            assert network.num_classes == len(names)
            assert network.classify(cluttered.test.images[:1]).probabilities.shape == (1, len(names))
    labelled = dataclasses.replace(data["table2_binarized_mnist"], class_names=("a", "b"))
    assert "num_classes" not in networks.make_network("draw", labelled, steps=1, units=2, latent=1).get_config()


@pytest.mark.parametrize("name", ["cluttered_mnist", "dynamic_binarized_mnist"])
def test_training_examples_are_measured_as_a_model_sees_them(name):
    """Composed or binarised, every time alike, each beside its label; the other splits are as they are."""
    data = fallback.load(name)
    found, again = (training.examples(data, "train", 20) for _ in range(2))
    assert found.images.shape == (20, *data.image_shape) and found.images.max() < data.levels
    assert (data.train.images[:20].shape, data.train.images.max()) != (found.images.shape, found.images.max())
    np.testing.assert_array_equal(found.images, again.images)
    np.testing.assert_array_equal(found.images, data.augment(data.train.images[:20], np.random.default_rng(0)))
    if data.class_names:
        np.testing.assert_array_equal(found.labels, data.train.labels[:20])
    for split in ("validation", "test"):
        for at_most in (20, None):
            np.testing.assert_array_equal(
                training.examples(data, split, at_most).images, getattr(data, split).images[:at_most]
            )
    assert len(training.examples(dataclasses.replace(data, train=Split(data.train.images[:7], None)), "train").images)


# Of arXiv 1502.04623, with PixelCNN and Diagonal BiLSTM of arXiv 1601.06759.
PUBLISHED = {
    "table2_binarized_mnist": [
        ("DBM 2hl", "~84.62"),
        ("EoNADE-5 2hl (128 orderings)", "84.68"),
        ("DARN 12hl", "<= 87.72"),
        ("DRAW without attention", "<= 87.40"),
        ("DRAW", "<= 80.97"),
        ("PixelCNN", "81.30"),
        ("Diagonal BiLSTM (7 layers, h=16)", "79.20"),
    ],
    "table1_cluttered_mnist": [
        ("Convolutional, 2 layers", "14.35"),
        ("RAM, 4 glimpses, 12x12, 4 scales", "9.41"),
        ("RAM, 8 glimpses, 12x12, 4 scales", "8.11"),
        ("Differentiable RAM, 4 glimpses, 12x12", "4.18"),
        ("Differentiable RAM, 8 glimpses, 12x12", "3.36"),
    ],
}


@pytest.mark.parametrize("experiment", [table2_binarized_mnist.EXPERIMENT, table1_cluttered_mnist.EXPERIMENT])
def test_published_numbers_stand_in_the_papers_order(experiment):
    page = tables.table(experiment.rows, [], experiment.metric, experiment.title)
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in page.splitlines() if line.startswith("| ")]
    shown = [(name, number.split(" [")[0]) for name, number in cells]
    expected = PUBLISHED[experiment.table]
    assert [line for line in shown if line[0] in dict(expected)] == expected
    with_numbers = [row for row in experiment.rows if row.published_test is not None]
    assert len(shown) == 2 + len(with_numbers)  # the heading, a line of dashes, and no such row left out
