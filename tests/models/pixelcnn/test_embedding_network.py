"""EmbeddingNetwork: vectors of length 1, an error that is that of one-shot identification, and learning."""

import json

import keras
import numpy as np
import pytest

from image_generators.data import identities
from image_generators.data.sources import fallback
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork

OPTIONS = {
    "image_shape": (6, 5, 1),
    "levels": 4,
    "ways": 3,
    "filters": 4,
    "depth": 2,
    "features": 5,
    "margin": 0.3,
    "mining": "semi_hard",
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    network = EmbeddingNetwork(**OPTIONS)
    network.build()
    return network


def images_of(network, n, seed=0):
    return np.random.default_rng(seed).integers(0, network.levels, (n, *network.image_shape)).astype("uint8")


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch(network):
    images = images_of(network, 7)
    h = network.embed(images, batch_size=3)
    assert h.shape == (7, 5) and h.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(h, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(network.embed(images), h, atol=1e-5)
    np.testing.assert_allclose(network.predict(images, verbose=0), h, atol=1e-5)
    assert np.linalg.norm(h[0] - h[1]) > 0.01


def test_config_round_trip_gives_the_same_network(network):
    config = json.loads(json.dumps(network.get_config()))
    again = EmbeddingNetwork.from_config(config)
    assert {name: getattr(again, name) for name in OPTIONS} == OPTIONS
    again.build()
    again.set_weights(network.get_weights())
    images = images_of(network, 3)
    np.testing.assert_allclose(again.embed(images), network.embed(images), atol=1e-6)


def test_a_saved_network_is_the_same(network, tmp_path):
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    images = images_of(network, 3)
    np.testing.assert_allclose(again.embed(images), network.embed(images), atol=1e-6)


def test_the_error_is_that_of_one_shot_identification(network):
    """Two batches of two episodes, counted by a loop."""
    images = images_of(network, 24)
    h, wrong = network.embed(images), []
    for start in range(0, 24, 6):
        for first, second in (((0, 1, 2), (3, 4, 5)), ((3, 4, 5), (0, 1, 2))):
            for i in range(3):
                distances = [np.sum((h[start + first[i]] - h[start + j]) ** 2) for j in second]
                wrong.append(np.argmin(distances) != i)
    network.compile(optimizer=None)
    found = network.evaluate(images, np.zeros(24, "int32"), batch_size=12, verbose=0, return_dict=True)
    assert 0 < np.mean(wrong) < 1
    np.testing.assert_allclose(found["error_percent"], 100 * np.mean(wrong), rtol=1e-5)


def test_it_learns_to_tell_digits_apart():
    data = fallback.unseen_digits()
    keras.utils.set_random_seed(0)
    network = EmbeddingNetwork(data.image_shape, data.levels, ways=2, filters=16, depth=2, features=16)
    network.compile(keras.optimizers.Adam(2e-3))
    asked = identities.episodes(data, 2).train

    def error():
        found = network.evaluate(asked.images, asked.labels, batch_size=100, verbose=0, return_dict=True)
        return found["error_percent"]

    before = error()
    network.fit(identities.batches(data.train, 40, seed=0, ways=4), steps_per_epoch=100, shuffle=False, verbose=0)
    assert before > 15 and error() < 5


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ways": 1}, "ways.*Received: ways=1"),
        ({"filters": 0}, "filters"),
        ({"depth": 1.5}, "depth"),
        ({"features": 0}, "features"),
        ({"margin": 0.0}, "margin"),
        ({"mining": "hard"}, "mining.*Received: mining='hard'"),
    ],
)
def test_bad_constructor_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingNetwork(**{**OPTIONS, **options})


@pytest.mark.parametrize(
    "n, options, said",
    [
        (12, {"batch_size": 8}, "batch_size.*Received: batch_size=8, 12 images"),
        (36, {}, "batch_size.*Received: batch_size=32, 36 images"),
        (13, {"batch_size": 12}, "batch_size.*Received: batch_size=12, 13 images"),
        (12, {"batch_size": 12, "shape": (12, 1)}, r"labels.*Received: .*\[12, 1\]"),
        (12, {"batch_size": 12, "dtype": "float32"}, "labels.*float32"),
    ],
)
@pytest.mark.parametrize("ask", ["fit", "evaluate"])
def test_bad_batches_are_refused(network, ask, n, options, said):
    options = {"shape": (n,), "dtype": "int32", **options}
    labels = np.zeros(options.pop("shape"), options.pop("dtype"))
    with pytest.raises(ValueError, match=said):
        getattr(network, ask)(images_of(network, n), labels, verbose=0, **options)


def test_labels_of_a_stream_must_be_an_integer_vector():
    """Identities [n, 1] would be compared with [n, 1, 1], and train another loss, silently."""
    network = EmbeddingNetwork(**OPTIONS)
    network.compile("sgd", run_eagerly=True)
    images, labels = images_of(network, 6), np.arange(6) % 3
    assert np.isfinite(network.train_on_batch(images, labels)).all()
    for wrong in (labels[:, None], labels.astype("float32")):
        with pytest.raises(ValueError, match="labels.*Received"):
            network.train_on_batch(images, wrong)
    assert np.isnan(network.train_on_batch(images + 1, labels)[0])  # levels are 0 to 3


def test_bad_images_are_refused(network):
    with pytest.raises(ValueError, match="images"):
        network.embed(np.zeros((2, 5, 5, 1), "uint8"))
    with pytest.raises(ValueError, match="images"):
        network.embed(np.full((2, 6, 5, 1), 4, "uint8"))
    with pytest.raises(ValueError, match="images"):
        network(np.zeros((2, 6, 5, 1), "float32"))
