"""A finished training, kept in its folder: the averaged weights, and what a record says of how they were made.

The same command, given again, does not train again: it measures. So a network can be trained on one machine, with
`--train_only`, and measured on another, to which `settings.json`, `trained.json` and `trained.weights.h5` were copied.
"""

import dataclasses
import json
import pathlib
import re

from image_generators.data import durable
from image_generators.models import weights_file
from image_generators.training import checkpoints
from image_generators.training import loop as training

ORIGIN = ("hardware", "backend", "versions", "commit", "command")  # fields of a record that tell of the training


def save(run_dir, settings, network, trained, record_fields):
    """Writes the weights, then what there is to say of them.

    Args:
        run_dir: folder of the run.
        settings: those of the run, training.settings_of.
        network: holds the averaged weights, and has no optimiser.
        trained: training.Training.
        record_fields: {field: value} of a record, ORIGIN among them.
    """
    run_dir = pathlib.Path(run_dir)
    digest = training.save_weights(network, run_dir / "trained.weights.h5")
    metadata = {
        "training": dataclasses.asdict(trained),
        "origin": {name: record_fields[name] for name in ORIGIN}
        | {"command": re.sub(r" --?train_only\S*", "", record_fields["command"])},
        "weights_sha256": digest,
        "settings": settings,
    }
    durable.write(run_dir / "trained.json", json.dumps(metadata, indent=2) + "\n")


def read(run_dir, settings, network):
    """Gives `network` the weights of a training with these settings that was finished before.

    Returns: (training.Training, {field of a record: value}), or None where `run_dir` holds no such training.

    Raises:
        weights_file.Refused: the weights are not there, or not those that were kept; a file is damaged; no file says
            what the settings were.
    """
    run_dir = pathlib.Path(run_dir)
    path = run_dir / "trained.json"
    if not path.is_file():
        return None
    metadata = checkpoints.read_json(path)
    try:
        trained = training.Training(**metadata["training"])
        origin, digest = metadata["origin"], metadata["weights_sha256"]
        numbers = dataclasses.astuple(trained)
        kinds = [(origin[name], dict if name == "versions" else str) for name in ORIGIN]
        kinds += [(number, (int, float)) for number in numbers] + [(digest, str)]
        if wrong := [value for value, kind in kinds if not isinstance(value, kind)]:
            raise TypeError(f"wrong values {wrong}")
    except (KeyError, TypeError) as error:
        raise weights_file.Refused(f"{path} must be what a finished training writes. Received: {error!r}") from error
    earlier = checkpoints.settings_of_run(run_dir, lambda: metadata.get("settings"))
    if not earlier:
        raise weights_file.Refused(checkpoints.lost_settings(run_dir))
    if checkpoints.changes(earlier, settings):
        return None
    weights_file.load(network, run_dir / "trained.weights.h5", digest)
    return trained, origin


def origin(stored, record_fields):
    """ORIGIN's fields of a record, as `stored` with a training; an unknown commit is that of `record_fields`."""
    fields = {name: stored[name] for name in ORIGIN}
    if fields["commit"] == "unknown":  # it was made outside git, with the same settings
        fields["commit"] = record_fields["commit"]
    return fields
