"""A finished training, kept in its folder: the averaged weights, and what a record says of how they were made.

The same command, given again, does not train again: it measures. So a network can be trained on one machine, with
`--train_only`, and measured on another, to which `settings.json`, `trained.json` and `trained.weights.h5` were copied.
"""

import dataclasses
import json
import pathlib
import re

from image_generators.evaluation import records
from image_generators.models import weights_file
from image_generators.training import checkpoints
from image_generators.training import loop as training

ORIGIN = ("hardware", "backend", "versions", "commit", "command")  # fields of a record that tell of the training


def keep(run_dir, network, trained, said):
    """Writes the weights, then what there is to say of them.

    Args:
        run_dir: folder of the run.
        network: holds the averaged weights, and has no optimiser.
        trained: training.Training.
        said: {field: value} of a record, ORIGIN among them.
    """
    run_dir = pathlib.Path(run_dir)
    digest = training.save_weights(network, run_dir / "trained.weights.h5")
    told = {
        "training": dataclasses.asdict(trained),
        "origin": {name: said[name] for name in ORIGIN}
        | {"command": re.sub(r" --?train_only\S*", "", said["command"])},
        "weights_sha256": digest,
    }
    records.atomic_write(run_dir / "trained.json", json.dumps(told, indent=2) + "\n")


def read(run_dir, settings, network):
    """Gives `network` the weights of a training with these settings that was finished before.

    Returns: (training.Training, {field of a record: value}), or None where `run_dir` holds no such training.

    Raises:
        weights_file.Refused: the weights are not there, or not those that were kept; a file is damaged.
    """
    run_dir = pathlib.Path(run_dir)
    if not (run_dir / "trained.json").is_file() or checkpoints.changes(run_dir, settings):
        return None
    told = checkpoints.read_json(run_dir / "trained.json")
    weights_file.load(network, run_dir / "trained.weights.h5", told["weights_sha256"])
    return training.Training(**told["training"]), told["origin"]


def origin(told, said):
    """The fields of a record that tell of a training: `told` what it said of itself, `said` what one here would."""
    fields = {name: told[name] for name in ORIGIN}
    if fields["commit"] == "unknown":  # it was made outside git, with the same settings
        fields["commit"] = said["commit"]
    return fields
