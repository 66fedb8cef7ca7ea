"""The names of all networks, as used in records, command lines and servers, and restoring a network from a file."""

import concurrent.futures
import os

import keras

from image_generators.layers.checks import is_integer
from image_generators.models import weights_file
from image_generators.models.chairs.generator import ChairsGenerator
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

NETWORKS = {
    "pixel_cnn": PixelCNN,
    "gated_pixel_cnn": GatedPixelCNN,
    "row_lstm": PixelRNN,
    "diagonal_bilstm": PixelRNN,
    "diagonal_bilstm_7": PixelRNN,
    "multi_scale_row_lstm": MultiScalePixelRNN,
    "class_gated_pixel_cnn": GatedPixelCNN,
    "pixel_cnn_autoencoder_10": PixelCNNAutoencoder,
    "pixel_cnn_autoencoder_100": PixelCNNAutoencoder,
    "deconvolutional_autoencoder_10": DeconvolutionalAutoencoder,
    "deconvolutional_autoencoder_100": DeconvolutionalAutoencoder,
    "gated_pixel_cnn_of_embedding": GatedPixelCNN,
    "map_pixel_cnn_of_embedding": MapPixelCNN,
    "embedding_network": EmbeddingNetwork,
    "map_pixel_cnn": MapPixelCNN,
    "map_regression": MapRegression,
    "draw": Draw,
    "draw_without_attention": Draw,
    "conv_classifier": ConvClassifier,
    "draw_classifier_4": DrawClassifier,
    "draw_classifier_8": DrawClassifier,
    "chairs_1s_s": ChairsGenerator,
    "chairs_1s_s_wide": ChairsGenerator,
    "chairs_2s_e": ChairsGenerator,
    "chairs_2s_s": ChairsGenerator,
    "chairs_1s_s_deep": ChairsGenerator,
    "chairs_target_alone": ChairsGenerator,
    "chairs_without_transfer": ChairsGenerator,
    "chairs_with_transfer": ChairsGenerator,
    "chairs_extrapolated": ChairsGenerator,
}


def class_of(name: str) -> type:
    """The class of a network that a record names. Raises weights_file.Refused for a name that is not in NETWORKS."""
    if name not in NETWORKS:
        raise weights_file.Refused(f"the record's model must be one of {', '.join(NETWORKS)}. Received: {name!r}")
    return NETWORKS[name]


def load_network(network_class: type, config: dict, path: str | os.PathLike, sha256: str | None = None) -> keras.Model:
    """Builds a network and loads its weights from a file.

    Sizes are compared with the file before memory is allocated: a damaged or wrong `config` may need more memory than
    the machine has.

    Args:
        network_class: a class of NETWORKS.
        config: its constructor arguments.
        path: `.weights.h5` file.
        sha256: expected digest of the file, 64 hex digits; None: any.

    Raises:
        weights_file.Refused: if the file is not valid (see WeightsFile), or does not hold the weights of a network with
            this `config`.
    """
    file = weights_file.WeightsFile(path, sha256)
    name = network_class.__name__
    for argument, value in config.items():  # a file has at least one array per layer
        if argument.endswith("depth") and is_integer(value) and value > len(file.shapes):
            raise weights_file.Refused(
                f"{argument} must be at most the {len(file.shapes)} arrays in {path}. Received: {argument}={value}"
            )
    try:
        shapes = _shapes(network_class, config)
    except Exception as error:  # constructors raise various types for wrong arguments
        reason = " ".join(str(error).split())[:300]
        raise weights_file.Refused(
            f"the weights {path} must come with arguments of {name}. Received: {reason}"
        ) from error
    file.check(name, shapes)
    network = network_class(**config)
    network.build()
    file.load_into(network)
    return network


def _shapes(network_class, config):
    """The shapes of all weights of a network, without allocating them."""

    def build():
        with keras.StatelessScope(initialize_variables=False):
            network = network_class(**config)
            network.build()
        return [tuple(weight.shape) for weight in network.weights]

    # Keras keeps, per thread, a list of variables to initialise later. In a thread of its own, the list ends with it.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(build).result()
