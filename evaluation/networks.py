"""From a preset and a data set to a network; and from a record and the weights beside it."""

import pathlib

from image_generators.data import identities
from image_generators.models import weights_file
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.networks import NETWORKS

GIVEN_THE_CLASS = ("class_gated_pixel_cnn",)
GIVEN_VECTORS = ("gated_pixel_cnn_of_embedding", "map_pixel_cnn_of_embedding")
GIVEN_IMAGES = ("map_pixel_cnn", "map_regression")  # what remains of each, data/degradations.py


def make_network(model, data, precision="float32", **config):
    """A built network for `data`; `config` holds the other arguments of its constructor."""
    config = {"image_shape": data.image_shape, "levels": data.levels, **config}
    if NETWORKS[model].needs_identities:
        config = {"ways": identities.most_ways(data), **config}
    elif model in GIVEN_VECTORS:
        config = {"condition_shape": data.train.labels.shape[1:], **config}
    elif NETWORKS[model] is ChairsGenerator:
        config = {"num_styles": len(data.class_names), **config}
    elif data.class_names and (NETWORKS[model].needs_labels or model in GIVEN_THE_CLASS):
        config = {"num_classes": len(data.class_names), **config}
    if model in GIVEN_IMAGES:
        config = {"condition_shape": data.validation.labels.shape[1:], "condition_levels": data.levels, **config}
    network = NETWORKS[model](**config, dtype=precision)
    network.build()
    return network


def restore(record, results_dir):
    """The network that a record tells of, with the weights beside it.

    Raises:
        checkpoints.Refused: the weights are not there, or not those of the record.
    """
    network = NETWORKS[record.model](**record.model_config)
    network.build()
    weights_file.load(network, pathlib.Path(results_dir) / record.weights, record.weights_sha256)
    return network


def plain_config(network):
    """Constructor arguments that JSON holds: those of the model, without Keras' own."""
    return {name: value for name, value in network.get_config().items() if name not in ("name", "trainable", "dtype")}
