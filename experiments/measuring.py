"""Measuring a network on the images of a table: after its training, and again from its weights (--evaluate_only)."""

import math
import pathlib

from image_generators.evaluation import networks, records, tables
from image_generators.models import weights_file
from image_generators.models.networks import NETWORKS, load_network
from image_generators.training import checkpoints, presets
from image_generators.training import loop as training


def evaluate(experiment, network, split, batch_size):
    """(value in the table's metric, how many images it is of)."""
    value, examples = training.evaluate(network, split, batch_size=batch_size)
    if (experiment.metric, network.unit) == ("nats", "bits_per_dim"):  # one table for images of several sizes
        value *= math.prod(network.image_shape) * math.log(2.0)
    return value, examples


def measure_again(experiment, chosen, data, measured, options):
    """Measures weights again and prints the results; writes nothing. Raises Refused where there are none."""
    weights_by_model = {
        model: _weights(experiment, model, data, measured, options) for model in chosen if model in NETWORKS
    }
    if not any(weights_by_model.values()):
        raise checkpoints.Refused(
            f"--evaluate_only needs weights: {options.results_dir} has none of {', '.join(chosen)} for {data.title}"
            + (f" and preset {options.preset}" if options.preset else "")
        )
    refused = []
    for model, weights in weights_by_model.items():
        if weights is None:
            print(f"{experiment.row_of(model).name}: no weights")
            continue
        try:
            _measure_again(experiment, model, data, *weights)
        except weights_file.Refused as error:  # the others are measured all the same
            refused.append(f"{experiment.row_of(model).name}: {error}")
    if refused:
        raise weights_file.Refused("; ".join(refused))


def _measure_again(experiment, model, data, path, config, batch_size, record):
    model_data = experiment.data_of(model, data)
    config = networks.config_for(model, model_data, **config) | {"dtype": "float32"}
    network = load_network(NETWORKS[model], config, path, record and record.weights_sha256)
    same_data = record is not None and record.data_fingerprint == model_data.fingerprint
    value = record.values.get("test") if same_data else None
    expected = "" if value is None else f"; its record says {records.shown(value, experiment.metric):.4f}"
    at_most = None if value is None else record.examples["test"]
    value, examples = evaluate(experiment, network, training.examples(model_data, "test", at_most), batch_size)
    value, unit = records.shown(value, experiment.metric), records.METRICS[experiment.metric]
    print(f"{experiment.row_of(model).name} on {data.title}: test {value:.4f} {unit}, {examples:,} images{expected}")


def _weights(experiment, model, data, measured, options):
    """(path, constructor arguments, evaluation batch, record or None) of weights to measure; None if there are none."""

    def described(path, record):
        return path, record.model_config, record.preset_settings.get("evaluation_batch", 16), record

    candidates = [record for record in measured if record.model == model and record.weights]
    if options.weights is None:
        candidates = [
            record for record in candidates if record.data == data.name and options.preset in (None, record.preset)
        ]
        if not candidates:
            return None
        record = tables.best(candidates)
        return described(pathlib.Path(options.results_dir) / record.weights, record)
    path = pathlib.Path(options.weights)
    if path.is_file():  # a file that a record knows says by itself what it is
        digest = weights_file.sha256_of_file(path)
        for record in candidates:
            if record.weights_sha256 == digest:
                return described(path, record)
    preset = experiment.preset(model, options.preset or presets.DEFAULT)
    return path, preset.model, preset.evaluation_batch, None
