"""Starting from what is trained: a Gated PixelCNN from an unconditional one, its m(h) from squared error's."""

import pathlib

import numpy as np

from image_generators.models.networks import load_network
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression


def start_from(model: GatedPixelCNN, path: str | pathlib.Path) -> None:
    """Gives a conditional Gated PixelCNN the weights of an unconditional one; at first the condition changes nothing.

    Its kernels in the gates become zero, so that the two models are the same until training tells them apart.

    Args:
        model: a built GatedPixelCNN with a condition.
        path: `.weights.h5` file of one without, of the same sizes.

    Raises:
        weights_file.Refused: as for `load_network`.
    """
    plain = _restored(GatedPixelCNN, path, model, without=("num_classes", "condition_shape"))
    known = {weight.path.split("/", 1)[1]: weight for weight in plain.weights}
    for weight in model.weights:
        name = weight.path.split("/", 1)[1]
        if name in known:
            weight.assign(known[name])
        elif name.endswith("_condition"):
            weight.assign(np.zeros(weight.shape, "float32"))


def start_map_from(model: MapPixelCNN | PixelCNNAutoencoder, path: str | pathlib.Path) -> None:
    """Gives a MapPixelCNN the m(h) that squared error has learned, and a PixelCNNAutoencoder its encoder too.

    So the map describes the image from the first step on, and the gates need only learn to use it.

    Args:
        model: a built MapPixelCNN or PixelCNNAutoencoder.
        path: `.weights.h5` file of a MapRegression or a DeconvolutionalAutoencoder of the same sizes.

    Raises:
        weights_file.Refused: as for `load_network`.
    """
    encodes = isinstance(model, PixelCNNAutoencoder)
    twin = _restored(DeconvolutionalAutoencoder if encodes else MapRegression, path, model)
    model.map_network.set_weights(twin.map_network.get_weights())
    if encodes:
        model.encoder.set_weights(twin.encoder.get_weights())


def _restored(kind, path, model, without=()):
    """A network of class `kind`, of the sizes of `model`, with the weights of a file."""
    config = model.get_config()
    own = {"name", "trainable", "dtype", *without}
    return load_network(kind, {name: config[name] for name in kind().get_config() if name not in own}, path)
