"""A row with a network: trained, measured, sampled; what running.py asks of one."""

import dataclasses
import functools
import pathlib
import re

import keras

from image_generators.evaluation import networks, records
from image_generators.experiments import finished, measuring
from image_generators.experiments.command import changed, chosen_preset
from image_generators.experiments.samples import SAMPLES, default_picture
from image_generators.models import weights_file
from image_generators.training import checkpoints, devices, precision, presets, warm_start
from image_generators.training import loop as training


def run(experiment, model, data, options, record_fields):
    """Trains, measures and samples; returns fields of the record, and a grid of samples; None if it only trains."""
    preset, draw = chosen_preset(experiment, model, options), experiment.picture or default_picture
    run_dir = _run_dir(experiment, model, data, options)
    with checkpoints.locked(run_dir):
        network, trained, origin = _trained_network(experiment, model, data, preset, options, run_dir, record_fields)
    if options.train_only:
        return None
    values, examples = {}, {}
    for split in records.SPLITS:
        print(f"measuring {split}", flush=True)
        at_most = preset.test_images if split == "test" else preset.evaluation_images
        measured_on = training.examples(data, split, at_most)
        values[split], examples[split] = measuring.evaluate(experiment, network, measured_on, preset.evaluation_batch)
    measured = finished.origin(origin, record_fields) | {
        "preset": options.preset or presets.DEFAULT,
        "preset_settings": dataclasses.asdict(preset),
        "changed": changed(experiment, model, options),
        "model_config": networks.plain_config(network),
        "values": values,
        "examples": examples,
        "parameters": network.count_params(),
        "steps": trained.steps,
        "epochs": trained.steps * preset.batch_size / len(data.train.images),
        "wall_seconds": trained.wall_seconds,
        "cpu_seconds": trained.cpu_seconds,
        "images_per_second": trained.images_per_second,
        **_weights(experiment, network, options, run_dir),
        "samples": f"{experiment.table}/{run_dir.name}.png",
        "notes": _notes(preset, trained, origin, record_fields),
        "measurements": experiment.measure(network, data, preset, options.seed) if experiment.measure else {},
    }
    return measured, draw(network, data=data, n=SAMPLES, seed=options.seed)


def train_beside_chief(experiment, model, data, options):
    """What a process other than the chief does: its part of the training."""
    data, preset = experiment.data_of(model, data), chosen_preset(experiment, model, options)
    _train(experiment, model, data, preset, options, _run_dir(experiment, model, data, options))
    print(f"{experiment.row_of(model).name}: trained; process 0 measures it", flush=True)


def _trained_network(experiment, model, data, preset, options, run_dir, record_fields):
    """(the network that is measured, training.Training, where it was trained), of a training now or before."""
    network = networks.make_network(model, data, **preset.model)  # in float32, without an optimiser
    settings, before = training.settings_of(network, preset, data, options.seed), None
    if not options.restart and devices.processes() == 1:
        before = finished.read(run_dir, settings, network)
    if before is not None:
        print(f"trained before, in {preset.steps} steps", flush=True)
        return network, *before
    trained_network, trained = _train(experiment, model, data, preset, options, run_dir)
    network.set_weights(trained_network.get_weights())  # the averaged ones
    weights_file.round_if_large(network)  # what is measured is what is kept
    finished.save(run_dir, settings, network, trained, record_fields)
    return network, trained, record_fields


def _train(experiment, model, data, preset, options, run_dir):
    """(the trained network, training.Training)."""
    if slow := precision.warning(preset.precision):
        print(slow, flush=True)
    keras.utils.set_random_seed(options.seed)  # the same weights whichever rows ran before
    with devices.scope(preset.devices):
        network = networks.make_network(model, data, preset.precision, **preset.model)
        if preset.start:
            warm_start.start_from(network, _start(preset.start, options))
        if preset.start_map:
            warm_start.start_map_from(network, _start(preset.start_map, options))
        pictured = preset.epoch_samples if devices.processes() == 1 else 0  # a picture is not made by all together
        draw = experiment.picture or default_picture
        small = functools.partial(draw, data=data, n=pictured) if pictured else None
        trained = training.train(network, preset, data, run_dir, options.seed, options.restart, small)
    devices.disconnect()
    return network, trained


def _start(weights, options):
    """The path of weights that a preset starts from."""
    path = pathlib.Path(options.results_dir) / weights
    if not path.is_file():
        message = f"this preset starts from the weights {weights}, which {options.results_dir} does not have"
        raise weights_file.Refused(f"{message}: copy them from results/, or train them first")
    return path


def _run_dir(experiment, model, data, options):
    stem = records.stem(
        model, options.preset or presets.DEFAULT, data.name, changed(experiment, model, options), options.seed
    )
    return pathlib.Path(options.runs_dir) / experiment.table / stem


def _weights(experiment, network, options, run_dir):
    """Writes the weights, where the table keeps them, and says so."""
    if not experiment.keeps_weights:
        return {"weights": None, "weights_sha256": None}
    weights = f"{experiment.table}/{run_dir.name}.weights.h5"
    digest = training.save_weights(network, pathlib.Path(options.results_dir) / weights)
    return {"weights": weights, "weights_sha256": digest}


def _notes(preset, trained, origin, record_fields):
    threads = re.search(r"--?threads[= ](\d+)", origin["command"])  # of the training, as the record's time is
    parts = [f"On {threads[1]} CPU thread(s)."] if threads else []
    elsewhere = origin["hardware"] != record_fields["hardware"]
    parts += [f"Measured on {record_fields['hardware']}, by {record_fields['backend']}."] if elsewhere else []
    starts = " and ".join(path for path in (preset.start, preset.start_map) if path)
    parts += [f"Started from the weights {starts}, whose own training is not counted."] if starts else []
    if trained.earlier_steps:
        parts.append(f"Steps 1 to {trained.earlier_steps} were made by an earlier process, perhaps of another commit.")
    return " ".join(parts)
