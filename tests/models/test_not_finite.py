"""What is not a number becomes no picture and no decision: NaN and infinite weights, logits and outputs raise."""

import keras
import numpy as np
import pytest

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.checks import NotFinite
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.networks import NETWORKS
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN
from image_generators.models.pixelcnn.raster import inverse_cdf

PIXELS = {"filters": 3, "depth": 1, "first_kernel_size": 3}
MAP = {"map_filters": 2, "map_depth": 1}
CODE = np.zeros(3, "float32")


def black(model):
    return np.zeros((2, *model.image_shape), "uint8")


def sample(model):
    return model.sample(2)


def complete(model):
    return model.complete(black(model), rows=1)


def reconstruct(model):
    return model.reconstruct(black(model))


def features(layer):
    return lambda model: model.features(0, layer=layer)


def from_features(layer):
    return lambda model: model.generate_from_features(np.zeros((1, model._units(layer)), "float32"), layer)


def fit_style(parametrisation):
    return lambda model: model.fit_style(black(model)[:1], 0, 20, steps=1, parametrisation=parametrisation)


LAYERS = ("style1", "style2", "fc3", "fc4", "fc5")
DRAWS = {"sample": sample, "complete": complete}
PAINTS = {
    "sample": sample,
    "sample_traced": lambda model: model.sample(2, trace=True),
    "reconstruct": reconstruct,
    "reconstruct_traced": lambda model: model.reconstruct(black(model), trace=True),
}
MODELS = {  # name: (model, {question: function of the model})
    "pixel_cnn": (lambda: PixelCNN((2, 3, 1), **PIXELS), DRAWS),
    "gated_pixel_cnn": (lambda: GatedPixelCNN((2, 3, 3), **PIXELS), DRAWS),
    "row_lstm": (lambda: PixelRNN((2, 3, 1), recurrence="row_lstm", **PIXELS), DRAWS),
    "diagonal_bilstm": (lambda: PixelRNN((2, 3, 1), **PIXELS), DRAWS),
    "multi_scale": (lambda: MultiScalePixelRNN((2, 4, 1), 4, factor=2, recurrence="row_lstm", **MAP, **PIXELS), DRAWS),
    "map_pixel_cnn": (
        lambda: MapPixelCNN((4, 4, 1), (3,), **MAP, **PIXELS),
        {"sample": lambda model: model.sample(1, CODE[None])},
    ),
    "pixel_cnn_autoencoder": (
        lambda: PixelCNNAutoencoder((8, 8, 1), 3, 4, **MAP, **PIXELS),
        {
            "sample": lambda model: model.sample(1, CODE[None]),
            "reconstruct": reconstruct,
            "encode": lambda model: model.encode(black(model)),
        },
    ),
    "deconvolutional_autoencoder": (
        lambda: DeconvolutionalAutoencoder((8, 8, 1), 3, 4, **MAP),
        {"mean": lambda model: model.mean(CODE), "reconstruct": reconstruct},
    ),
    "map_regression": (lambda: MapRegression((4, 4, 1), (3,), **MAP), {"mean": lambda model: model.mean(CODE)}),
    "draw": (lambda: Draw((6, 5, 1), steps=2, units=4, latent=2, read_size=2, write_size=3), PAINTS),
    "draw_plain": (
        lambda: Draw((4, 5, 1), 256, steps=2, units=4, latent=2, read_size=None, write_size=None),
        PAINTS,
    ),
    "draw_cross_entropy": (
        lambda: Draw((4, 5, 1), 256, steps=2, units=4, latent=2, write_size=3, likelihood="cross_entropy"),
        {"sample": sample},
    ),
    "draw_classifier": (
        lambda: DrawClassifier((8, 7, 1), 4, glimpses=2, units=4, glimpse_size=3),
        {"classify": lambda model: model.classify(black(model))},
    ),
    "conv_classifier": (
        lambda: ConvClassifier((8, 7, 1), 4, filters=2, kernel_size=3, strides=2, units=5),
        {"error_percent": lambda model: model.error_percent(black(model), [0, 1])},
    ),
    "embedding_network": (
        lambda: EmbeddingNetwork((8, 8, 1), 4, filters=2, depth=1, features=3),
        {"embed": lambda model: model.embed(black(model))},
    ),
    "chairs_generator": (
        lambda: ChairsGenerator((16, 16, 4), num_styles=3, width=0.02),
        {
            "generate": lambda model: model.generate(0, 0, 20),
            "fit_style_free": fit_style("free"),
            "fit_style_mixture": fit_style("mixture"),
            **{f"features_{layer}": features(layer) for layer in LAYERS},
            **{f"from_{layer}": from_features(layer) for layer in LAYERS},
        },
    ),
    "chairs_softmax": (
        lambda: ChairsGenerator((16, 16, 4), num_styles=3, width=0.02, mask_loss="softmax"),
        {"generate": lambda model: model.generate(0, 0, 20)},
    ),
}
QUESTIONS = [(name, question) for name, (_, questions) in MODELS.items() for question in questions]
# Its answer hangs on the last layer's bias alone, of which 3e38 becomes infinite when logits are scaled by 8.
OVERFLOWING = ["pixel_cnn", "gated_pixel_cnn", "row_lstm", "diagonal_bilstm", "map_pixel_cnn", "pixel_cnn_autoencoder"]


@pytest.fixture(scope="module")
def finite():
    """`finite(name)`: the model of MODELS, made once, and its weights, to be given back."""
    made = {}

    def finite(name):
        if name not in made:
            keras.utils.set_random_seed(0)
            made[name] = MODELS[name][0]()
            made[name].build()
            made[name].weights_before = made[name].get_weights()
        made[name].set_weights(made[name].weights_before)
        return made[name]

    return finite


def change(model, place, value):
    """One number of one weight."""
    array = np.array(model.get_weights()[place])
    array.flat[0] = value
    model.weights[place].assign(array)


def test_every_network_is_tested_here():
    assert {type(make()) for make, _ in MODELS.values()} == set(NETWORKS.values())


@pytest.mark.parametrize("name, question", QUESTIONS)
def test_a_non_finite_weight_raises_in_every_method(finite, name, question):
    model, ask = finite(name), MODELS[name][1][question]
    for place, value in ((0, np.nan), (-1, np.inf), (len(model.weights) // 2, -np.inf)):
        change(model, place, value)
        path = model.weights[place].path
        with pytest.raises(NotFinite, match=f"(?s)weights.*Received: .*1 of {len(model.weights)} weights.*'{path}'"):
            ask(model)
        model.set_weights(model.weights_before)
    ask(model)  # and answers again


@pytest.mark.parametrize("name, question", QUESTIONS)
def test_non_finite_outputs_raise(finite, name, question, monkeypatch):
    """As of finite weights that overflow: the check of weights is left out."""
    model, ask = finite(name), MODELS[name][1][question]
    monkeypatch.setattr(type(model), "check_weights", lambda self: None)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.weights_before])
    with pytest.raises(NotFinite, match="(?s)outputs.*Received: "):
        ask(model)


@pytest.mark.parametrize("name", OVERFLOWING)
@pytest.mark.parametrize("value", [3e38, -3e38])
def test_logits_that_overflow_raise(finite, name, value):
    """One infinite logit among others leaves a distribution, but no model's."""
    model = finite(name)
    places = [i for i, weight in enumerate(model.weights) if weight is model.logits.bias]
    change(model, places[0], value)
    with pytest.raises(NotFinite, match="logits"):
        MODELS[name][1]["sample"](model)


def test_completion_by_a_non_finite_network_raises(finite):
    model = finite("gated_pixel_cnn")
    change(model, 0, np.nan)
    with pytest.raises(NotFinite, match="weights"):
        model.complete(black(model), rows=2)


def test_likelihoods_of_a_non_finite_network_are_nan(finite):
    """A number that says itself what it is."""
    model = finite("pixel_cnn")
    change(model, -1, np.nan)
    assert np.isnan(model.log_prob(black(model))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 3])
def test_non_finite_logits_give_nan_without_affecting_neighbours(bad, place):
    logits = np.zeros((3, 4), "float32")
    logits[1, place] = bad
    values = keras.ops.convert_to_numpy(inverse_cdf(logits, np.full((3, 1), 0.6, "float32")))
    np.testing.assert_array_equal(values, [[2], [np.nan], [2]])
