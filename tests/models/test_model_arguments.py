"""Bad input: every message names the argument and says what was received."""

import json
import re

import keras
import numpy as np
import pytest

from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.pixelcnn.autoencoder import PixelCNNAutoencoder
from image_generators.models.pixelcnn.density_baselines import MultivariateGaussian, Uniform
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN

TINY = {"image_shape": (3, 4, 3), "levels": 4, "filters": 6, "depth": 1, "first_kernel_size": 3}
IMAGES = np.zeros((2, 3, 4, 3), "uint8")
BOTH = pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])


def refuses(message, error=ValueError):
    return pytest.raises(error, match=message)


@pytest.fixture(scope="module")
def plain(shared_model):
    return shared_model(GatedPixelCNN, **TINY)


@pytest.fixture(scope="module")
def conditional(shared_model):
    return shared_model(GatedPixelCNN, num_classes=3, **TINY)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"levels": 1}, "levels.*Received: levels=1"),
        ({"levels": 257}, "levels.*Received: levels=257"),
        ({"levels": 2.0}, r"levels.*Received: levels=2\.0"),
        ({"depth": 0}, "depth.*Received: depth=0"),
        ({"depth": True}, "depth.*Received: depth=True"),
        ({"image_shape": (3, 4)}, r"image_shape.*Received: image_shape=\(3, 4\)"),
        ({"image_shape": (3, 4, 4)}, r"image_shape.*Received: image_shape=\(3, 4, 4\)"),
        ({"image_shape": (0, 4, 3)}, r"image_shape.*Received: image_shape=\(0, 4, 3\)"),
        ({"image_shape": (None, 4, 3)}, r"image_shape.*Received: image_shape=\(None, 4, 3\)"),
        ({"image_shape": 32}, "image_shape.*Received: image_shape=32"),
        ({"dropout": 1.5}, r"dropout.*Received: dropout=1\.5"),
        ({"dropout": float("nan")}, "dropout.*Received: dropout=nan"),
        ({"dropout": None}, "dropout.*Received: dropout=None"),
        ({"filters": 7}, "filters.*Received: filters=7, colours=3"),
        ({"filters": 0}, "filters.*Received: filters=0, colours=3"),
        ({"filters": True, "image_shape": (3, 4, 1)}, "filters.*Received: filters=True, colours=1"),
        ({"head_filters": 4}, "head_filters.*Received: head_filters=4, colours=3"),
        ({"kernel_size": 4}, "kernel_size.*Received: kernel_size=4"),
        ({"first_kernel_size": 2}, "first_kernel_size"),
        ({"first_kernel_size": (3, 3)}, r"first_kernel_size.*Received: first_kernel_size=\(3, 3\)"),
    ],
)
@BOTH
def test_constructor_errors_name_the_argument(model_class, arguments, message):
    with refuses(message):
        model_class(**{**TINY, **arguments})


@BOTH
def test_numpy_integers_serialise_to_json(model_class):
    sizes = {"filters": 6, "depth": 2, "kernel_size": 5, "first_kernel_size": 7, "head_filters": 9}
    config = model_class((3, 4, 3), **{name: np.int64(size) for name, size in sizes.items()}).get_config()
    assert {name: json.loads(json.dumps(config))[name] for name in sizes} == sizes


@pytest.mark.parametrize(
    "model_class, sizes",
    [
        (Draw, {"steps": 2, "units": 3, "latent": 2, "read_size": 2, "write_size": 3}),
        (DrawClassifier, {"num_classes": 3, "glimpses": 2, "units": 3, "glimpse_size": 2}),
        (ConvClassifier, {"num_classes": 3, "filters": 2, "kernel_size": 3, "strides": 2, "units": 3}),
        (EmbeddingNetwork, {"ways": 2, "filters": 2, "depth": 2, "features": 3}),
        (PixelRNN, {"filters": 6, "depth": 1, "kernel_size": 3, "first_kernel_size": 3}),
        (MapPixelCNN, {"filters": 6, "depth": 1, "map_filters": 2, "map_depth": 1, "condition_levels": 4}),
        (MapRegression, {"map_filters": 2, "map_depth": 1, "map_halvings": 0}),
        (PixelCNNAutoencoder, {"filters": 6, "depth": 1, "bottleneck": 3, "encoder_filters": 2, "map_filters": 2}),
        (MultiScalePixelRNN, {"factor": 2, "map_filters": 2, "map_depth": 1, "filters": 6, "depth": 1}),
    ],
)
def test_numpy_integers_are_accepted_by_every_model(model_class, sizes):
    """They make the same network, whose config is JSON."""
    configs = [
        model_class(
            image_shape=(8, 8, 3), **{name: kind(size) for name, size in sizes.items()}, name="mine"
        ).get_config()
        for kind in (int, np.int64)
    ]
    assert json.loads(json.dumps(configs[1])) == configs[0]


@pytest.mark.parametrize("shape", [(True, 5, 3), (4.0, 5, 3), (4, 5), (4, 0, 3), (4, 5, 2)])
def test_bad_image_shapes_are_refused(shape):
    with refuses(f"image_shape.*Received: image_shape={re.escape(str(shape))}"):
        GatedPixelCNN(**TINY | {"image_shape": shape})


@pytest.mark.parametrize("num_classes", [0, 1, 2.0, True])
def test_num_classes_must_be_an_integer_of_at_least_2(num_classes):
    with refuses(f"num_classes.*Received: num_classes={num_classes}"):
        GatedPixelCNN(**TINY, num_classes=num_classes)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES + 4, "images.*Received: .*4 to 4"),
        (IMAGES.astype("int32") - 1, "images.*Received: .*-1 to -1"),
        (IMAGES / 255, "images.*Received: .*float64"),
        (IMAGES > 0, "images.*Received: .*bool"),
        (IMAGES[..., :1], r"images.*Received: .*\[2, 3, 4, 1\]"),
        (IMAGES[:, :2], r"images.*Received: .*\[2, 2, 4, 3\]"),
        (IMAGES[0], r"images.*Received: .*\[3, 4, 3\]"),
        (None, "images.*Received: .*object"),
    ],
)
@pytest.mark.parametrize("ask", ["log_prob", "bits_per_dim", "complete", "distribution"])
def test_bad_images_are_refused(plain, ask, images, message):
    options = {"rows": 1} if ask == "complete" else {}
    with refuses(message):
        getattr(plain, ask)(images, **options)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 3], "condition.*Received: .*0 to 3"),
        ([-1, 0], "condition.*Received: .*-1 to 0"),
        (3, "condition.*Received: .*3 to 3"),
        ([0, 1, 2], r"condition.*Received: .*\[3\].*int64"),
        ([0.0, 1.0], r"condition.*Received: .*\[2\].*float64"),
        (np.eye(3)[:2], r"condition.*Received: .*\[2, 3\].*float64"),
        (None, "condition.*Received: None"),
    ],
)
def test_bad_labels_are_refused(conditional, labels, message):
    for ask in (
        lambda: conditional.log_prob(IMAGES, labels),
        lambda: conditional.sample(2, labels),
        lambda: conditional.complete(IMAGES, rows=1, condition=labels),
        lambda: conditional.distribution(IMAGES, labels),
    ):
        with refuses(message):
            ask()


def test_a_model_without_classes_refuses_labels(plain, shared_model):
    for model in (plain, shared_model(PixelCNN, **TINY)):
        with refuses(r"condition.*Received: \[0, 1\]"):
            model.log_prob(IMAGES, [0, 1])
        with refuses("condition.*Received: 1"):
            model.sample(2, 1)


def test_calls_need_a_condition_exactly_when_the_model_has_one(plain, conditional):
    with refuses("condition.*Received: num_classes=3"):
        conditional(IMAGES)
    with refuses("condition.*Received: num_cl"):
        plain({"images": IMAGES, "condition": np.array([0, 1])})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n": 0}, "Received: n=0"),
        ({"n": -1}, "Received: n=-1"),
        ({"n": 1.5}, r"Received: n=1\.5"),
        ({"temperature": 0}, "temperature.*Received: temperature=0"),
        ({"temperature": -1.0}, r"temperature.*Received: temperature=-1\.0"),
        ({"temperature": float("nan")}, "temperature.*Received: temperature=nan"),
        ({"temperature": float("inf")}, "temperature.*Received: temperature=inf"),
        ({"temperature": 1e-50}, "temperature.*Received: temperature=1e-50"),
        ({"temperature": 1e300}, r"temperature.*Received: temperature=1e\+300"),
        ({"seed": -1}, "seed.*Received: seed=-1"),
        ({"seed": 1.5}, r"seed.*Received: seed=1\.5"),
        ({"seed": "a"}, "seed.*Received: seed='a'"),
        ({"temperature": "1"}, "temperature.*Received: temperature='1'"),
    ],
)
def test_bad_sampling_arguments_are_refused(plain, arguments, message):
    with refuses(message):
        plain.sample(**{"n": 1, **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "known_mask.*Received: known_mask=None, rows=None"),
        ({"known_mask": np.ones((3, 4), bool), "rows": 1}, "known_mask.*Received: known_mask="),
        ({"known_mask": np.ones((3, 4))}, "known_mask.*Received: .*float64"),
        ({"known_mask": np.ones((4, 3), bool)}, r"Received: .*\[4, 3\]"),
        ({"known_mask": np.ones((5, 3, 4), bool)}, r"Received: .*\[5, 3, 4\]"),
        ({"known_mask": np.ones((2, 3, 4, 1), bool)}, r"Received: .*\[2, 3, 4, 1\]"),
        ({"rows": 4}, "rows.*Received: rows=4"),
        ({"rows": -1}, "rows.*Received: rows=-1"),
        ({"rows": 1.0}, r"rows.*Received: rows=1\.0"),
        ({"rows": 1, "temperature": 0}, "temperature.*Received: temperature=0"),
    ],
)
def test_bad_completion_arguments_are_refused(plain, arguments, message):
    with refuses(message):
        plain.complete(IMAGES, **arguments)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES / 255, "images.*Received: .*float32"),
        (IMAGES[:, :2], r"images.*Received: .*\[2, 2, 4, 3\]"),
    ],
)
def test_bad_image_batches_are_refused_in_training(make_model, images, message):
    """Floats would train, silently, on values that are all zero; another size, with a wrong unit."""
    model = make_model(GatedPixelCNN, **TINY)
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        model.fit(((images,) for _ in range(1)), verbose=0)


@pytest.mark.parametrize(
    "given, message",
    [
        (IMAGES + 4, "images.*Received: .*4 to 4"),
        (IMAGES / 255, "images.*Received: .*float64"),
        ({"images": IMAGES + 4, "condition": [0, 1]}, "images.*Received: .*4 to 4"),
        ({"images": IMAGES, "condition": [0, 3]}, "condition.*Received: .*0 to 3"),
        ({"images": IMAGES, "condition": [0.0, 1.7]}, r"condition.*Received: .*\[2\], dtype"),
        ({"images": IMAGES, "condition": [[0], [1]]}, r"condition.*Received: .*\[2, 1\]"),
    ],
)
@pytest.mark.parametrize("ask", ["fit", "evaluate", "validation_data"])
def test_bad_arrays_are_refused_in_training(plain, conditional, ask, given, message):
    """A class that is none would be no class at all, silently: its one-hot vector is zero."""
    if isinstance(given, dict):
        given = {name: np.asarray(value) for name, value in given.items()}
    model = conditional if isinstance(given, dict) else plain
    good = {"images": IMAGES, "condition": np.array([0, 1])} if isinstance(given, dict) else IMAGES
    with refuses(message):
        if ask == "validation_data":
            model.fit(good, validation_data=(given,), verbose=0)
        else:
            getattr(model, ask)(given, verbose=0)


def test_lists_and_tuples_are_refused_in_training(plain, conditional):
    with refuses("condition.*Received: a list"):
        conditional.fit({"images": IMAGES, "condition": [0, 1]}, verbose=0)
    with refuses("images.*Received: .*<class 'tuple'>"):
        plain.compute_loss(x=None, y_pred=plain((IMAGES,)))


def test_metrics_are_refused_without_labels(make_model):
    model = make_model(GatedPixelCNN, **TINY)
    model.compile("adam", metrics=["accuracy"], run_eagerly=True)
    with refuses("metrics"):
        model.fit(IMAGES, verbose=0)


@pytest.mark.parametrize("label", [3, -1])
def test_an_unknown_class_in_a_stream_gives_a_nan_loss(make_model, label):
    model = make_model(GatedPixelCNN, num_classes=3, **TINY)
    model.compile(optimizer=None)
    cost = lambda *labels: model.test_on_batch({"images": IMAGES, "condition": np.array(labels)})[0]  # noqa: E731
    assert np.isfinite(cost(0, 2)) and np.isnan(cost(0, label))


@pytest.mark.parametrize("labels", [[0.0, 1.7], [[0], [1]], [True, False]])
def test_labels_of_a_stream_must_be_an_integer_vector(conditional, labels):
    with refuses("condition.*Received"):
        conditional({"images": IMAGES, "condition": np.array(labels)})


@pytest.mark.parametrize(
    "given, message",
    [
        ({"images": IMAGES}, "condition.*Received"),
        ({"image": IMAGES}, r"Received: keys \['image'\]"),
        ({"images": IMAGES, "label": np.array([0, 1])}, r"Received: keys \['images', 'label'\]"),
    ],
)
def test_bad_dicts_are_refused_in_training(make_model, given, message):
    model = make_model(GatedPixelCNN, num_classes=3, **TINY)
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        model.fit(given, verbose=0)


@pytest.mark.parametrize("condition", [[1, 2], 1])
def test_distribution_accepts_tensors_with_array_conditions(conditional, condition):
    tensor = keras.ops.convert_to_tensor(IMAGES)
    found = conditional.distribution(tensor, condition).log_prob(keras.ops.cast(tensor, "int32"))
    np.testing.assert_allclose(found, conditional.log_prob(IMAGES, condition), rtol=1e-5)
    with refuses("condition.*Received: .*3 to 3"):
        conditional.distribution(tensor, 3)


def test_distribution_needs_at_least_one_image(plain):
    with refuses(r"images.*Received: .*\[0, 3, 4, 3\]"):
        plain.distribution(IMAGES[:0])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_batch_size_must_be_a_positive_integer(plain, batch_size):
    with refuses(f"batch_size.*Received: batch_size={batch_size}"):
        plain.log_prob(IMAGES, batch_size=batch_size)


@pytest.mark.parametrize("model_class", [Uniform, MultivariateGaussian])
def test_baselines_check_their_arguments(model_class):
    with refuses(r"image_shape.*Received: image_shape=\(3, 4\)"):
        model_class((3, 4))
    with refuses("Received: n=0"):
        model_class((3, 4, 3)).sample(0)
