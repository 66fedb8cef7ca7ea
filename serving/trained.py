"""Trained models: from a record of results/ and the weights beside it to a network.

Records are read by evaluation/records.py, with all its checks, and weights by models/networks.py. Nothing unpickles
here: weights are HDF5, and `.keras` files are loaded in Keras' safe mode.
"""

import dataclasses
import pathlib

import keras
from absl import logging

from image_generators.evaluation import records, tables
from image_generators.models.networks import class_of, load_network
from image_generators.models.weights_file import Refused

RESULTS = records.RESULTS
SUFFIX = ".weights.h5"


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network's weights and where they come from."""

    name: str  # what it is called when served: "gated_pixel_cnn-cifar10"
    weights: pathlib.Path
    record: records.Record | None  # None for a `.keras` file, which says by itself what it holds

    def load(self):
        """The built network, with its weights. Raises Refused where they are not there, or not those of the record."""
        if self.record is None:
            return _load_keras(self.weights)
        network_class = class_of(self.record.model)
        return load_network(network_class, self.record.model_config, self.weights, self.record.weights_sha256)


def _load_keras(path):
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of whatever kind Keras raises for a file that is damaged, foreign or unsafe
        reason = " ".join(str(error).split())[:300]
        raise Refused(f"{path} is no model that loads in safe mode: {reason}") from error


def find(results_dir=RESULTS):
    """All that can be served of a folder of results: {name: Trained}, the best record of each model and data set.

    The best is that of the tables: the lowest validation value of those measured on the most validation images. A
    warning names each record that is broken.

    Raises:
        ValueError: `results_dir` is no folder.
    """
    results_dir, groups = pathlib.Path(results_dir), {}
    for table in sorted({path.parent.name for path in results_dir.glob("*/*.json")} - {*records.OTHER_FOLDERS}):
        for record in records.read_all(results_dir, table):
            if record.weights:
                groups.setdefault((record.model, record.data), []).append(record)
    found = {}
    for (model, data), group in sorted(groups.items()):
        try:
            class_of(model)
        except Refused as error:
            logging.warning("Records of %s are left out: %s", f"{model}-{data}", error)
            continue
        best = tables.best(group)
        found[f"{model}-{data}"] = Trained(f"{model}-{data}", results_dir / best.weights, best)
    return found


def of_file(path):
    """The Trained of a `.weights.h5` file with its record beside it, as training leaves them, or of a `.keras` file."""
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        return Trained(path.stem, path, None)
    beside = path.with_name(path.name.removesuffix(SUFFIX) + ".json")
    if not path.name.endswith(SUFFIX) or not beside.is_file():
        raise Refused(
            f"weights must be a {SUFFIX} file with its record, {beside.name}, beside it, or a .keras file. "
            f"Received: {str(path)!r}"
        )
    record = records.read(beside)
    class_of(record.model)
    if record.weights is None:
        raise Refused(f"{beside} must be the record of weights. Received: one without")
    return Trained(f"{record.model}-{record.data}", path, record)
