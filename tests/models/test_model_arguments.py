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
    return pytest.raises(error, match=re.escape(message))


@pytest.fixture(scope="module")
def plain(shared_model):
    return shared_model(GatedPixelCNN, **TINY)


@pytest.fixture(scope="module")
def conditional(shared_model):
    return shared_model(GatedPixelCNN, num_classes=3, **TINY)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"levels": 1}, "levels must be an integer, from 2 to 256. Received: levels=1"),
        ({"levels": 257}, "levels must be an integer, from 2 to 256. Received: levels=257"),
        ({"levels": 2.0}, "levels must be an integer, from 2 to 256. Received: levels=2.0"),
        ({"depth": 0}, "depth must be an integer, at least 1. Received: depth=0"),
        ({"depth": True}, "depth must be an integer, at least 1. Received: depth=True"),
        ({"image_shape": (3, 4)}, "image_shape must be (height, width, 1 or 3 colours). Received: image_shape=(3, 4)"),
        ({"image_shape": (3, 4, 4)}, "Received: image_shape=(3, 4, 4)"),
        ({"image_shape": (0, 4, 3)}, "Received: image_shape=(0, 4, 3)"),
        ({"image_shape": (None, 4, 3)}, "Received: image_shape=(None, 4, 3)"),
        ({"image_shape": 32}, "image_shape must be (height, width, 1 or 3 colours). Received: image_shape=32"),
        ({"dropout": 1.5}, "dropout must be a number from 0 to 1. Received: dropout=1.5"),
        ({"dropout": float("nan")}, "dropout must be a number from 0 to 1. Received: dropout=nan"),
        ({"dropout": None}, "dropout must be a number from 0 to 1. Received: dropout=None"),
        ({"filters": 7}, "filters must be a positive multiple of colours"),
        ({"filters": 7}, "Received: filters=7, colours=3"),
        ({"filters": 0}, "Received: filters=0, colours=3"),
        ({"filters": True, "image_shape": (3, 4, 1)}, "Received: filters=True, colours=1"),
        ({"head_filters": 4}, "Received: head_filters=4, colours=3"),
        (
            {"kernel_size": 4},
            "kernel_size must be an odd integer of at least 1, to have a centre. Received: kernel_size=4",
        ),
        ({"first_kernel_size": 2}, "first_kernel_size must be an odd integer"),
        ({"first_kernel_size": (3, 3)}, "Received: first_kernel_size=(3, 3)"),
    ],
)
@BOTH
def test_constructors(model_class, arguments, message):
    with refuses(message):
        model_class(**{**TINY, **arguments})


@BOTH
def test_integers_of_numpy_are_integers(model_class):
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
def test_integers_of_numpy_are_integers_of_all(model_class, sizes):
    """They make the same network, whose config is JSON."""
    configs = [
        model_class(
            image_shape=(8, 8, 3), **{name: kind(size) for name, size in sizes.items()}, name="mine"
        ).get_config()
        for kind in (int, np.int64)
    ]
    assert json.loads(json.dumps(configs[1])) == configs[0]


@pytest.mark.parametrize("shape", [(True, 5, 3), (4.0, 5, 3), (4, 5), (4, 0, 3), (4, 5, 2)])
def test_image_shapes_that_are_none(shape):
    with refuses(f"image_shape must be (height, width, 1 or 3 colours). Received: image_shape={shape}"):
        GatedPixelCNN(**TINY | {"image_shape": shape})


@pytest.mark.parametrize("num_classes", [0, 1, 2.0, True])
def test_number_of_classes(num_classes):
    with refuses(f"num_classes must be an integer, at least 2. Received: num_classes={num_classes}"):
        GatedPixelCNN(**TINY, num_classes=num_classes)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES + 4, "images must have values 0 to 3. Received: values from 4 to 4"),
        (IMAGES.astype("int32") - 1, "images must have values 0 to 3. Received: values from -1 to -1"),
        (IMAGES / 255, "images must be uint8, values 0 to 3. Received: images of dtype float64"),
        (IMAGES > 0, "images must be uint8, values 0 to 3. Received: images of dtype bool"),
        (IMAGES[..., :1], "images must have shape [n, 3, 4, 3]. Received: images of shape [2, 3, 4, 1]"),
        (IMAGES[:, :2], "images must have shape [n, 3, 4, 3]. Received: images of shape [2, 2, 4, 3]"),
        (IMAGES[0], "images must have shape [n, 3, 4, 3]. Received: images of shape [3, 4, 3]"),
        (None, "images must be uint8, values 0 to 3. Received: images of dtype object"),
    ],
)
@pytest.mark.parametrize("ask", ["log_prob", "bits_per_dim", "complete", "distribution"])
def test_images(plain, ask, images, message):
    options = {"rows": 1} if ask == "complete" else {}
    with refuses(message):
        getattr(plain, ask)(images, **options)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 3], "condition must be labels 0 to 2. Received: labels from 0 to 3"),
        ([-1, 0], "condition must be labels 0 to 2. Received: labels from -1 to 0"),
        (3, "condition must be labels 0 to 2. Received: labels from 3 to 3"),
        ([0, 1, 2], "condition must be 2 integer labels. Received: shape [3], dtype int64"),
        ([0.0, 1.0], "condition must be 2 integer labels. Received: shape [2], dtype float64"),
        (np.eye(3)[:2], "condition must be 2 integer labels. Received: shape [2, 3], dtype float64"),
        (None, "condition must be labels, 0 to 2: the model has num_classes. Received: None"),
    ],
)
def test_labels(conditional, labels, message):
    for ask in (
        lambda: conditional.log_prob(IMAGES, labels),
        lambda: conditional.sample(2, labels),
        lambda: conditional.complete(IMAGES, rows=1, condition=labels),
        lambda: conditional.distribution(IMAGES, labels),
    ):
        with refuses(message):
            ask()


def test_labels_for_a_model_without_classes(plain, shared_model):
    for model in (plain, shared_model(PixelCNN, **TINY)):
        with refuses("condition must be None: the model was made without num_classes. Received: [0, 1]"):
            model.log_prob(IMAGES, [0, 1])
        with refuses("condition must be None: the model was made without num_classes. Received: 1"):
            model.sample(2, 1)


def test_calling_with_or_without_labels(plain, conditional):
    with refuses(
        "condition must be given to a model made with num_classes or condition_shape. Received: num_classes=3"
    ):
        conditional(IMAGES)
    with refuses("condition must be given only to a model made with num_classes or condition_shape. Received: num_cl"):
        plain({"images": IMAGES, "condition": np.array([0, 1])})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n": 0}, "n must be an integer, at least 1. Received: n=0"),
        ({"n": -1}, "n must be an integer, at least 1. Received: n=-1"),
        ({"n": 1.5}, "n must be an integer, at least 1. Received: n=1.5"),
        ({"temperature": 0}, "temperature must be a finite number above zero. Received: temperature=0"),
        ({"temperature": -1.0}, "temperature must be a finite number above zero. Received: temperature=-1.0"),
        ({"temperature": float("nan")}, "temperature must be a finite number above zero. Received: temperature=nan"),
        ({"temperature": float("inf")}, "temperature must be a finite number above zero. Received: temperature=inf"),
        ({"temperature": 1e-50}, "temperature must be a finite number above zero. Received: temperature=1e-50"),
        ({"temperature": 1e300}, "temperature must be a finite number above zero. Received: temperature=1e+300"),
        ({"seed": -1}, "seed must be an integer, at least 0. Received: seed=-1"),
        ({"seed": 1.5}, "seed must be an integer, at least 0. Received: seed=1.5"),
        ({"seed": "a"}, "seed must be an integer, at least 0. Received: seed='a'"),
        ({"temperature": "1"}, "temperature must be a finite number above zero. Received: temperature='1'"),
    ],
)
def test_sampling(plain, arguments, message):
    with refuses(message):
        plain.sample(**{"n": 1, **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "give known_mask or rows, one of them. Received: known_mask=None, rows=None"),
        (
            {"known_mask": np.ones((3, 4), bool), "rows": 1},
            "give known_mask or rows, one of them. Received: known_mask=",
        ),
        (
            {"known_mask": np.ones((3, 4))},
            "known_mask must be bool, True where a pixel is known. Received: dtype float64",
        ),
        ({"known_mask": np.ones((4, 3), bool)}, "known_mask must have shape [3, 4], [2, 3, 4] or [2, 3, 4, 3]"),
        ({"known_mask": np.ones((4, 3), bool)}, "Received: known_mask of shape [4, 3]"),
        ({"known_mask": np.ones((5, 3, 4), bool)}, "Received: known_mask of shape [5, 3, 4]"),
        ({"known_mask": np.ones((2, 3, 4, 1), bool)}, "Received: known_mask of shape [2, 3, 4, 1]"),
        ({"rows": 4}, "rows must be an integer, from 0 to 3. Received: rows=4"),
        ({"rows": -1}, "rows must be an integer, from 0 to 3. Received: rows=-1"),
        ({"rows": 1.0}, "rows must be an integer, from 0 to 3. Received: rows=1.0"),
        ({"rows": 1, "temperature": 0}, "temperature must be a finite number above zero. Received: temperature=0"),
    ],
)
def test_completion(plain, arguments, message):
    with refuses(message):
        plain.complete(IMAGES, **arguments)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES / 255, "images must be uint8. Received: images of dtype float32"),
        (IMAGES[:, :2], "images must have shape [n, 3, 4, 3]. Received: images of shape [2, 2, 4, 3]"),
    ],
)
def test_batches_of_images_in_training(make_model, images, message):
    """Floats would train, silently, on values that are all zero; another size, with a wrong unit."""
    model = make_model(GatedPixelCNN, **TINY)
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        model.fit(((images,) for _ in range(1)), verbose=0)


@pytest.mark.parametrize(
    "given, message",
    [
        (IMAGES + 4, "images must have values 0 to 3. Received: values from 4 to 4"),
        (IMAGES / 255, "images must be uint8, values 0 to 3. Received: images of dtype float64"),
        ({"images": IMAGES + 4, "condition": [0, 1]}, "images must have values 0 to 3. Received: values from 4 to 4"),
        ({"images": IMAGES, "condition": [0, 3]}, "condition must be labels 0 to 2. Received: labels from 0 to 3"),
        ({"images": IMAGES, "condition": [0.0, 1.7]}, "condition must be 2 integer labels. Received: shape [2], dtype"),
        ({"images": IMAGES, "condition": [[0], [1]]}, "condition must be 2 integer labels. Received: shape [2, 1]"),
    ],
)
@pytest.mark.parametrize("ask", ["fit", "evaluate", "validation_data"])
def test_arrays_in_training(plain, conditional, ask, given, message):
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


def test_what_is_no_array_in_training(plain, conditional):
    with refuses("condition must be an array. Received: a list"):
        conditional.fit({"images": IMAGES, "condition": [0, 1]}, verbose=0)
    with refuses("images must be uint8. Received: images of dtype <class 'tuple'>"):
        plain.compute_loss(x=None, y_pred=plain((IMAGES,)))


def test_metrics_of_labels_that_there_are_not(make_model):
    model = make_model(GatedPixelCNN, **TINY)
    model.compile("adam", metrics=["accuracy"], run_eagerly=True)
    with refuses("metrics must be None: GatedPixelCNN is trained without labels"):
        model.fit(IMAGES, verbose=0)


@pytest.mark.parametrize("label", [3, -1])
def test_a_class_that_is_none_in_a_stream_costs_nan(make_model, label):
    model = make_model(GatedPixelCNN, num_classes=3, **TINY)
    model.compile(optimizer=None)
    cost = lambda *labels: model.test_on_batch({"images": IMAGES, "condition": np.array(labels)})[0]  # noqa: E731
    assert np.isfinite(cost(0, 2)) and np.isnan(cost(0, label))


@pytest.mark.parametrize("labels", [[0.0, 1.7], [[0], [1]], [True, False]])
def test_labels_of_a_stream_must_be_integers_in_a_row(conditional, labels):
    with refuses("condition must be integer labels of shape [n]. Received: condition of shape"):
        conditional({"images": IMAGES, "condition": np.array(labels)})


@pytest.mark.parametrize(
    "given, message",
    [
        ({"images": IMAGES}, "condition must be given to a model made with num_classes or condition_shape. Received: "),
        ({"image": IMAGES}, "x must be images, or a dict of 'images' and 'condition'. Received: keys ['image']"),
        ({"images": IMAGES, "label": np.array([0, 1])}, "Received: keys ['images', 'label']"),
    ],
)
def test_dicts_in_training(make_model, given, message):
    model = make_model(GatedPixelCNN, num_classes=3, **TINY)
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        model.fit(given, verbose=0)


@pytest.mark.parametrize("condition", [[1, 2], 1])
def test_a_distribution_of_tensors_takes_the_conditions_of_arrays(conditional, condition):
    tensor = keras.ops.convert_to_tensor(IMAGES)
    found = conditional.distribution(tensor, condition).log_prob(keras.ops.cast(tensor, "int32"))
    np.testing.assert_allclose(found, conditional.log_prob(IMAGES, condition), rtol=1e-5)
    with refuses("condition must be labels 0 to 2. Received: labels from 3 to 3"):
        conditional.distribution(tensor, 3)


def test_a_distribution_of_no_images(plain):
    with refuses("images must be at least one. Received: images of shape [0, 3, 4, 3]"):
        plain.distribution(IMAGES[:0])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_batch_size(plain, batch_size):
    with refuses(f"batch_size must be an integer, at least 1. Received: batch_size={batch_size}"):
        plain.log_prob(IMAGES, batch_size=batch_size)


@pytest.mark.parametrize("model_class", [Uniform, MultivariateGaussian])
def test_baselines(model_class):
    with refuses("image_shape must be (height, width, 1 or 3 colours). Received: image_shape=(3, 4)"):
        model_class((3, 4))
    with refuses("n must be an integer, at least 1. Received: n=0"):
        model_class((3, 4, 3)).sample(0)
