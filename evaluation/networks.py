"""From a preset and a data set to a network; and from a record and the weights beside it.

The models are imported where a network is made: a script's --help needs no TensorFlow.
"""

import pathlib
from typing import TYPE_CHECKING, Any

from image_generators.data import identities
from image_generators.data.image_data import ImageData
from image_generators.evaluation.records import Record
from image_generators.models import weights_file

if TYPE_CHECKING:
    import keras

GIVEN_THE_CLASS = ("class_gated_pixel_cnn",)
GIVEN_VECTORS = ("gated_pixel_cnn_of_embedding", "map_pixel_cnn_of_embedding")
GIVEN_IMAGES = ("map_pixel_cnn", "map_regression")  # what remains of each, data/degradations.py


def make_network(model: str, data: ImageData, precision: str = "float32", **config: Any) -> "keras.Model":
    """A built network for `data`; `config` holds the other arguments of its constructor."""
    from image_generators.models.networks import NETWORKS

    network = NETWORKS[model](**config_for(model, data, **config), dtype=precision)
    network.build()
    return network


def config_for(model: str, data: ImageData, **config: Any) -> dict[str, Any]:
    """The constructor arguments of a network for `data`, with those in `config`."""
    from image_generators.models.chairs.generator import ChairsGenerator
    from image_generators.models.networks import NETWORKS

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
    return config


def restore(record: Record, results_dir: str | pathlib.Path) -> "keras.Model":
    """The network that a record tells of, with the weights beside it.

    Raises:
        weights_file.Refused: the record is of no network, or has no weights; see also load_network.
    """
    from image_generators.models.networks import class_of, load_network

    if record.weights is None:
        raise weights_file.Refused(f"the record must be one with weights. Received: that of {record.model!r}, without")
    path = pathlib.Path(results_dir) / record.weights
    return load_network(class_of(record.model), record.model_config, path, record.weights_sha256)


def plain_config(network: "keras.Model") -> dict[str, Any]:
    """Constructor arguments that JSON holds: those of the model, without Keras' own."""
    return {name: value for name, value in network.get_config().items() if name not in ("name", "trainable", "dtype")}
