"""Trained models: from a record of results/ and the weights beside it to a network.

A record is read as plain JSON, and of it only what makes a network: `model`, `model_config`, `weights` and their
SHA-256. Nothing here unpickles: weights are HDF5, and `.keras` files are loaded in Keras' safe mode.
"""

import dataclasses
import json
import pathlib

import keras

from image_generators.models import weights_file
from image_generators.models.networks import NETWORKS
from image_generators.models.weights_file import Refused

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results"
SUFFIX = ".weights.h5"


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network's weights and where they come from."""

    name: str  # what it is called when served: "gated_pixel_cnn-cifar10"
    weights: pathlib.Path
    record: dict  # empty for a `.keras` file, which says by itself what it holds

    def load(self):
        """The built network, with its weights. Raises Refused where they are not there, or not those of the record."""
        if self.weights.suffix == ".keras":
            return _load_keras(self.weights)
        network = NETWORKS[self.record["model"]](**self.record["model_config"])
        network.build()
        weights_file.load(network, self.weights, self.record["weights_sha256"])
        return network


def _load_keras(path):
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of whatever kind Keras raises for a file that is damaged, foreign or unsafe
        reason = " ".join(str(error).split())[:300]
        raise Refused(f"{path} is no model that loads in safe mode: {reason}") from error


def find(results_dir=RESULTS):
    """All that can be served of a folder of results: {name: Trained}, the best record of each model and data set.

    The best is that of the tables: the lowest validation value of those measured on the most validation images.
    """
    groups = {}
    for path in sorted(pathlib.Path(results_dir).glob("*/*.json")):
        record = _read(path)
        if record.get("weights"):
            groups.setdefault((record["model"], record["data"]), []).append(record)
    found = {}
    for (model, data), records in sorted(groups.items()):
        best = min(records, key=_rank)
        found[f"{model}-{data}"] = Trained(f"{model}-{data}", pathlib.Path(results_dir) / best["weights"], best)
    return found


def _rank(record):
    value = record["values"].get("validation")
    return -record["examples"].get("validation", 0), float("inf") if value is None else value, record["date"]


def of_file(path):
    """The Trained of a `.weights.h5` file with its record beside it, as training leaves them, or of a `.keras` file."""
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        return Trained(path.stem, path, {})
    record = path.with_name(path.name.removesuffix(SUFFIX) + ".json")
    if not path.name.endswith(SUFFIX) or not record.is_file():
        raise Refused(
            f"weights must be a {SUFFIX} file with its record, {record.name}, beside it, or a .keras file. "
            f"Received: {str(path)!r}"
        )
    content = _read(record)
    if content.get("model") not in NETWORKS:
        raise Refused(
            f"{record} must be the record of one of {', '.join(NETWORKS)}. Received: {content.get('model')!r}"
        )
    return Trained(f"{content['model']}-{content['data']}", path, content)


def _read(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refused(f"{path} is no record: {error}") from error
    return content if isinstance(content, dict) else {}
