"""Figures 4 and 5 from their flags to their files, by the smoke preset on a machine without data and network.

The three scripts run one after the other on scikit-learn's digits: 0 to 4 in training, 7 to 9 for test.
"""

import dataclasses
import itertools
import math
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from image_generators.data import identities
from image_generators.data.sources import fallback
from image_generators.evaluation import networks, records
from image_generators.experiments import embeddings, measuring
from image_generators.reproduce import fig4_embedding, fig5_interpolation, triplet_embedding
from image_generators.training import checkpoints
from image_generators.training import loop as training

NETWORK, GIVEN, PLAIN = "embedding_network", "gated_pixel_cnn_of_embedding", "gated_pixel_cnn"
MAPPED = "map_pixel_cnn_of_embedding"


@pytest.fixture(scope="module")
def smoke(run_table, tmp_path_factory):
    """A folder with finished smoke runs: the embedding network with two seeds, and Figure 4's rows given embeddings."""
    folder = tmp_path_factory.mktemp("smoke")
    of_network, of_figure = (script.EXPERIMENTS["omniglot"] for script in (triplet_embedding, fig4_embedding))
    for experiment, flags in ((of_network, []), (of_network, ["--seed=1"]), (of_figure, [f"--rows={GIVEN},{MAPPED}"])):
        ran = run_table(experiment, folder, "--preset=smoke", *flags)
        assert ran.result == 0, ran.result
    return folder


@pytest.fixture(scope="module")
def by_model(smoke):
    found = [
        *records.read_all(smoke / "results", "triplet_embedding"),
        *records.read_all(smoke / "results", "fig4_embedding"),
    ]
    assert len(found) == 4
    return {record.model: record for record in found if not record.seed}


@pytest.fixture(scope="module")
def embedded(smoke):
    return embeddings.embed(fallback.unseen_digits(), smoke / "results")


@pytest.fixture(scope="module")
def network(smoke, by_model):
    return networks.restore(by_model[GIVEN], smoke / "results")


def test_the_embedding_networks_value_is_its_error_on_unseen_digits(smoke, by_model):
    record = by_model[NETWORK]
    assert record.model_config["ways"] == 2 and record.metric == "error_percent"
    assert record.data == "sklearn-digits-8x8-by-identity" and record.is_fallback
    network = networks.restore(record, smoke / "results")
    test = embeddings.episodes(fallback.unseen_digits()).test
    h = network.embed(test.images[: record.examples["test"]]).reshape(-1, 2, 2, 8)  # episodes, halves, ways
    wrong = [
        np.argmin(np.square(one[i] - other).sum(-1)) != i
        for first, second in h
        for one, other in ((first, second), (second, first))
        for i in range(2)
    ]
    np.testing.assert_allclose(record.values["test"], 100 * np.mean(wrong), rtol=1e-5)


def test_every_image_comes_with_its_own_embedding(smoke, by_model, embedded):
    h = networks.restore(by_model[NETWORK], smoke / "results").embed(embedded.train.images[:5])
    np.testing.assert_allclose(embedded.train.labels[:5], math.sqrt(8) * h, atol=1e-5)
    assert embedded.train.labels.dtype == np.float32
    for name in records.SPLITS:
        whose = getattr(fallback.unseen_digits(), name).labels
        np.testing.assert_array_equal(getattr(embedded, name).identities, whose)
        assert len(getattr(embedded, name).labels) == len(whose)
    other = records.read(smoke / "results" / "triplet_embedding" / f"{NETWORK}-smoke-{embedded.name}-seed1.json")
    judged = networks.restore(other, smoke / "results").embed(embedded.test.images[:3])
    np.testing.assert_allclose(embedded.judge.embed(embedded.test.images[:3]), judged, atol=1e-6)


@pytest.mark.parametrize("model", [GIVEN, MAPPED])
def test_values_are_nats_of_the_weights_beside_the_record(smoke, by_model, embedded, model):
    record, network = by_model[model], networks.restore(by_model[model], smoke / "results")
    assert record.metric == "nats" and record.model_config["condition_shape"] == [8]
    n = record.examples["test"]
    nats = -network.log_prob(embedded.test.images[:n], embedded.test.labels[:n])
    np.testing.assert_allclose(record.values["test"], nats.mean(), rtol=1e-4)
    assert len(record.measurements) == 8 and record.data_fingerprint == embedded.fingerprint


def test_other_metrics_of_samples(by_model, embedded, network):
    told = by_model[GIVEN].measurements
    fresh = embeddings.nats_given(network, embedded.test, 16)
    same, other = identities.partners(embedded.test.identities)
    for what, at in (("another image of its identity", same), ("an image of another identity", other)):
        key = f"nats, given the embedding of {what}"
        nats = -network.log_prob(embedded.test.images[:16], embedded.test.labels[at[:16]]).mean()
        np.testing.assert_allclose([told[key], fresh[key]], nats, rtol=1e-4)
    for what, by in itertools.product(("samples", "real images"), ("", " by a network of another seed")):
        assert 0 <= told[f"{what} identified{by}, top 1 of 3, %"] <= 100
    np.testing.assert_allclose(told["chance, top 1 of 3, %"], 100 / 3)


def test_measuring_again_gives_the_same_values(smoke, by_model, run_table):
    experiment = fig4_embedding.EXPERIMENTS["omniglot"]
    ran = run_table(experiment, smoke, "--preset=smoke", "--evaluate_only", f"--rows={GIVEN}")
    assert ran.result == 0
    value = by_model[GIVEN].values["test"]
    assert f"test {value:.4f} nats, 16 images; its record says {value:.4f}" in ran.output


def test_the_picture_shows_sources_samples_and_other_images(smoke, by_model, embedded, network):
    found = np.asarray(Image.open(smoke / "results" / by_model[GIVEN].samples))
    (source, *others), size = fig4_embedding.shown(embedded.test, 8, 3), 16  # 8 pixels, twice as large
    assert source.shape == (3,) and (embedded.test.identities[source] == [7, 8, 9]).all()
    width = fig4_embedding.SAMPLES * (size + 1) + 1
    for row, at in enumerate(source):
        top = 1 + row * (size + 1)
        image = 255 * embedded.test.images[at, ..., 0].repeat(2, 0).repeat(2, 1)
        np.testing.assert_array_equal(found[top : top + size, 1 : 1 + size], image)
        left = size + 2 + 8 + width + 8 + 1
        image = 255 * embedded.test.images[others[0][row], ..., 0].repeat(2, 0).repeat(2, 1)
        np.testing.assert_array_equal(found[top : top + size, left : left + size], image)
    conditions = embedded.test.labels[source].repeat(8, axis=0)
    first = 255 * network.sample(24, conditions, 0)[0, ..., 0].repeat(2, 0).repeat(2, 1)
    assert (found[1 : 1 + size, size + 11 : 2 * size + 11] == first).mean() > 0.99


def options_of(folder, **values):
    return types.SimpleNamespace(
        **{"data": "omniglot", "data_dir": None, "results_dir": folder / "results", "seed": 0} | values
    )


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setattr(fig5_interpolation.data_images, "load", lambda *_, **__: fallback.unseen_digits())


def test_strips_begin_and_end_with_the_plain_samples(embedded, network):
    left, right = embedded.test.labels[:2], embedded.test.labels[2:4]
    drawn = fig5_interpolation.strips(network, left, right, steps=3, seed=4)
    np.testing.assert_array_equal(drawn[:, 0], network.sample(2, left, 4))
    np.testing.assert_array_equal(drawn[:, 2], network.sample(2, right, 4))
    np.testing.assert_array_equal(drawn[:, 1], network.sample(2, (left + right) / 2, 4))


def test_between_equal_embeddings_nothing_changes(embedded, network):
    """The noise is the same at every step; another strip has another."""
    same = np.repeat(embedded.test.labels[:1], 2, axis=0)
    drawn = fig5_interpolation.strips(network, same, same, steps=3)
    assert (drawn == drawn[:, :1]).all() and (drawn[0] != drawn[1]).any()


def test_figure_5_is_drawn_from_the_weights(smoke, embedded, network, no_data):
    assert fig5_interpolation.run(options_of(smoke)) == 0
    assert (smoke / "results" / "fig5_interpolation" / f"{MAPPED}-smoke-{embedded.name}.png").is_file()
    path = smoke / "results" / "fig5_interpolation" / f"{GIVEN}-smoke-{embedded.name}.png"
    expected = fig5_interpolation.picture(network, embedded)[:, :, 0]
    assert (np.asarray(Image.open(path)) == expected).mean() > 0.99
    assert expected.shape == (1 + 17, 2 * 18 + 2 * 8 + 11 * 17 + 1)  # one strip: three test identities make one pair


def test_missing_weights_are_named(smoke, tmp_path, run_table, no_data):
    (tmp_path / "results").mkdir()
    with pytest.raises(checkpoints.Refused, match="digits.*triplet_embedding.py"):
        embeddings.embed(fallback.unseen_digits(), tmp_path / "results")
    experiment = fig4_embedding.EXPERIMENTS["omniglot"]
    assert "triplet_embedding.py" in run_table(experiment, tmp_path, "--preset=smoke").result
    assert "triplet_embedding.py" in fig5_interpolation.run(options_of(tmp_path))
    assert run_table(experiment, smoke, "--preset=paper").result.startswith("fig4_embedding: preset ")


def test_weights_of_another_embedding_are_refused(smoke, embedded):
    other = dataclasses.replace(embedded, labels_of="embedding of another network")
    with pytest.raises(checkpoints.Refused, match="digits"):
        fig5_interpolation._records(other, smoke / "results")


def test_ranks_and_top_k_rates():
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]], "float32")
    queries = np.array([[0.1, 0.0], [0.1, 0.0], [0.0, 2.0], [0.0, 0.0]], "float32")
    assert embeddings.places(queries, gallery).tolist() == [0, 1, 0, 3]
    assert embeddings.places(np.ones((3, 2), "float32"), np.ones((3, 2), "float32")).tolist() == [2, 2, 2]
    assert embeddings.top_percent([0, 1, 0, 3], people=4, k=1, ways=4) == 50
    assert embeddings.top_percent([0, 1, 0, 3], people=4, k=2, ways=4) == 75


@pytest.mark.parametrize(
    "nearer, people, k, ways", [(2, 6, 1, 3), (2, 6, 2, 4), (5, 6, 1, 2), (0, 6, 1, 6), (3, 7, 3, 5)]
)
def test_the_chance_among_few_is_that_of_all_choices_of_others(nearer, people, k, ways):
    choices = list(itertools.combinations(range(people - 1), ways - 1))  # the first `nearer` of the others are nearer
    right = [sum(other < nearer for other in chosen) < k for chosen in choices]
    np.testing.assert_allclose(embeddings.top_percent([nearer], people, k, ways), 100 * np.mean(right))


def test_bits_a_dimension_become_nats_where_the_table_is_in_nats(tiny):
    network = networks.make_network(PLAIN, tiny, filters=4, depth=1, first_kernel_size=3)
    bits, _ = training.evaluate(network, tiny.test)
    nats, examples = measuring.evaluate(fig4_embedding.EXPERIMENTS["lfw"], network, tiny.test, 16)
    assert examples == 8 and network.unit == "bits_per_dim"
    np.testing.assert_allclose(nats, bits * 16 * math.log(2))


def test_every_data_set_has_presets_for_every_model():
    for script in (triplet_embedding, fig4_embedding):
        for experiment in script.EXPERIMENTS.values():
            assert experiment.models == [model for row in script.ROWS for model in row.models]
            for model, name in itertools.product(experiment.models, ("smoke", "quick", "cpu", "gpu")):
                preset = experiment.preset(model, name)
                sizes = (preset.validation_images, preset.evaluation_images, preset.test_images or 0)
                if model == NETWORK:
                    assert not any(size % 40 for size in (*sizes, preset.batch_size, preset.evaluation_batch))


def test_the_data_set_is_a_flag(bare_machine):
    """A preset that it does not have ends the script before data are looked for."""
    command = [sys.executable, fig4_embedding.__file__, "--data=lfw", "--preset=paper"]
    ran = subprocess.run(command, env=bare_machine, capture_output=True, text=True)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert "Received: preset='paper'" in ran.stderr


def test_figure_5_refuses_unknown_flag_values():
    assert fig5_interpolation.parse(["fig5_interpolation.py"]).data == "omniglot"
    with pytest.raises(SystemExit):
        fig5_interpolation.parse(["fig5_interpolation.py", "--data=mnist"])


def test_training_images_are_shifted_and_only_characters_turned():
    digits = fallback.unseen_digits()
    data = embeddings.episodes(digits)
    assert set(data.train.labels) == {0, 1, 2, 3, 4} and "turned" not in data.source
    square = np.zeros((50, 8, 8, 1), np.uint8)
    square[:, 3:5, 3:5] = 1
    moved = data.augment(square, np.random.default_rng(0))
    rows, columns = np.nonzero(moved[..., 0])[1:]
    assert moved.sum() == 200 and set(rows) == set(columns) == set(range(1, 7))
    characters = embeddings.episodes(dataclasses.replace(digits, name="omniglot"))
    assert len(set(characters.train.labels)) == 20 and set(characters.test.labels) == {7, 8, 9}
    assert "turned by 90, 180 and 270 degrees" in characters.source
