"""One tiny model of each kind, and examples to train it on: what every model does is tested with these."""

import keras
import numpy as np

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.classifier import Classifier
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN

IMAGES = {"image_shape": (4, 4, 1), "levels": 4}
PIXELS = {**IMAGES, "filters": 4, "depth": 2, "first_kernel_size": 3}
MAPS = {"map_filters": 3, "map_depth": 1}
WINDOWS = {"steps": 2, "units": 4, "latent": 2, "read_size": 2, "write_size": 3}

MODELS = {
    "pixel_cnn": (PixelCNN, PIXELS),
    "gated_pixel_cnn": (GatedPixelCNN, PIXELS),
    "of_classes": (GatedPixelCNN, {**PIXELS, "num_classes": 3}),
    "of_vectors": (GatedPixelCNN, {**PIXELS, "condition_shape": (3,)}),
    "row_lstm": (PixelRNN, {**PIXELS, "recurrence": "row_lstm"}),
    "diagonal_bilstm": (PixelRNN, {**PIXELS, "num_classes": 3}),
    "multi_scale": (MultiScalePixelRNN, {**PIXELS, **MAPS, "factor": 2}),
    "map_pixel_cnn": (
        MapPixelCNN,
        {**PIXELS, **MAPS, "condition_shape": (4, 4, 2), "condition_levels": 4, "keeps_known": True},
    ),
    "map_regression": (
        MapRegression,
        {**IMAGES, **MAPS, "condition_shape": (4, 4, 1), "condition_levels": 4, "map_halvings": 1},
    ),
    "pixel_cnn_autoencoder": (PixelCNNAutoencoder, {**PIXELS, **MAPS, "bottleneck": 2, "encoder_filters": 2}),
    "deconvolutional_autoencoder": (
        DeconvolutionalAutoencoder,
        {**IMAGES, **MAPS, "bottleneck": 2, "encoder_filters": 2},
    ),
    "draw": (Draw, {"image_shape": (4, 4, 1), "levels": 2, **WINDOWS}),
    "draw_without_attention": (Draw, {**IMAGES, **WINDOWS, "read_size": None, "write_size": None}),
    "conv_classifier": (
        ConvClassifier,
        {**IMAGES, "num_classes": 3, "filters": 2, "kernel_size": 3, "strides": 1, "units": 4},
    ),
    "draw_classifier": (DrawClassifier, {**IMAGES, "num_classes": 3, "glimpses": 2, "units": 4, "glimpse_size": 2}),
    "embedding_network": (EmbeddingNetwork, {**IMAGES, "ways": 2, "filters": 2, "depth": 1, "features": 3}),
    "chairs_generator": (
        ChairsGenerator,
        {"image_shape": (16, 16, 4), "num_styles": 3, "width": 0.02, "growth_steps": 10},
    ),
}


def small_model(name, seed=0, **options):
    """The model of that name, not built, with weights that follow from the seed."""
    keras.utils.set_random_seed(seed)
    model_class, sizes = MODELS[name]
    return model_class(**{**sizes, **options})


def examples(model, n=8):
    """What `fit` takes, arrays: (x,) or (x, y)."""
    random = np.random.default_rng(0)
    images = random.integers(0, model.levels, (n, *model.image_shape)).astype("uint8")
    if model.needs_labels:
        return images, np.arange(n) % 2
    condition = conditions(model, n, random)
    return (images if condition is None else {"images": images, "condition": condition},)


def conditions(model, n, random):
    """As many conditions as `model` takes them; None for one that takes none."""
    if not model.takes_condition:
        return None
    if isinstance(model, ChairsGenerator):
        return np.stack([np.arange(n) % model.num_styles, 30.0 * np.arange(n), np.full(n, 20)], axis=1).astype(
            "float32"
        )
    if getattr(model, "num_classes", None) is not None:
        return np.arange(n) % model.num_classes
    if getattr(model, "condition_levels", None) is not None:
        return random.integers(0, model.condition_levels, (n, *model.condition_shape)).astype("uint8")
    return random.normal(size=(n, *model.condition_shape)).astype("float32")


def answers(model, n=2):
    """What it says to every question, by name: arrays or tuples of them."""
    x = examples(model, n)[0]
    images, condition = (x["images"], x["condition"]) if isinstance(x, dict) else (x, None)
    given = () if condition is None else (condition,)
    if isinstance(model, ChairsGenerator):
        views = condition[:, 0].astype(int), condition[:, 1], condition[:, 2]
        return {
            "generate": model.generate(*views),
            "errors": model.errors(images, condition),
            "features": model.features(*views),
        }
    if isinstance(model, Classifier):
        return {"classify": model.classify(images)}
    if isinstance(model, EmbeddingNetwork):
        return {"embed": model.embed(images)}
    if isinstance(model, Draw):
        return {
            "elbo": model.elbo(images),
            "log_prob_bound": model.log_prob_bound(images, 2),
            "sample": model.sample(n, trace=True)[0],
            "reconstruct": model.reconstruct(images),
        }
    found = {"log_prob": model.log_prob(images, *given)}
    if hasattr(model, "encode"):
        given = (model.encode(images),)
        found |= {"encode": given[0], "reconstruct": model.reconstruct(images)}
    if isinstance(model, MapRegression):
        return {**found, "mean": model.mean(*given)}
    return {**found, "sample": model.sample(n, *given), "complete": model.complete(images, None, 2, *given)}
