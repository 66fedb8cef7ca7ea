"""Finds trained models, from their records in results/ or from a file, and loads them.

evaluation/records.py reads and checks the records, models/networks.py the weights. Nothing is unpickled: weights are
HDF5 files, and `.keras` files are loaded in the safe mode of Keras.
"""

import dataclasses
import os
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
    """The weights of a network, and their record."""

    name: str  # name under which it is served, such as "gated_pixel_cnn-cifar10"
    weights: pathlib.Path
    record: records.Record | None  # None for a `.keras` file, which holds the model's configuration itself

    def load(self) -> keras.Model:
        """Builds the network and loads its weights.

        Raises:
            Refused: the weights are missing, damaged, or not those of the record.
        """
        if self.record is None:
            return _load_keras(self.weights)
        network_class = class_of(self.record.model)
        return load_network(network_class, self.record.model_config, self.weights, self.record.weights_sha256)


def _load_keras(path):
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for files that are damaged, foreign or unsafe
        reason = " ".join(str(error).split())[:300]
        raise Refused(f"{path} must be a model that loads in safe mode. Received: {reason}") from error


def find(results_dir: str | os.PathLike = RESULTS) -> dict[str, Trained]:
    """Finds the best weights of each model and data set in a folder of results: {name: Trained}.

    The best are those that the tables show (`tables.best`): of the records measured on the most validation images, the
    one with the lowest validation value. A warning names each broken record.
    """
    results_dir, groups = pathlib.Path(results_dir), {}
    for table in sorted({path.parent.name for path in results_dir.glob("*/*.json")} - {*records.OTHER_FOLDERS}):
        for record in records.read_all(results_dir, table):
            if record.weights:
                groups.setdefault((record.model, record.data), []).append(record)
    trained = {}
    for (model, data), group in sorted(groups.items()):
        try:
            class_of(model)
        except Refused as error:
            logging.warning("Records of %s are left out: %s", f"{model}-{data}", error)
            continue
        best = tables.best(group)
        trained[f"{model}-{data}"] = Trained(f"{model}-{data}", results_dir / best.weights, best)
    return trained


def of_file(path: str | os.PathLike) -> Trained:
    """The weights in a `.weights.h5` file that has its record beside it, or in a `.keras` file.

    Raises:
        Refused: the file is of another kind, or its record is missing or has no weights.
        ValueError: the record is broken.
    """
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
        raise Refused(f"{beside} must be a record with weights. Received: a record without weights")
    return Trained(f"{record.model}-{record.data}", path, record)
