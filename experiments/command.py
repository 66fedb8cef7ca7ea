"""The flags that every table has, the check that what was given can be done, and the preset that they give."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from image_generators.data import durable, flag_values
from image_generators.evaluation import records
from image_generators.training import presets

if TYPE_CHECKING:
    from image_generators.experiments.experiment import Experiment

# flag: what stands before its value in a file's name
SCHEDULE = {"steps": "steps", "optimizer": "", "learning_rate": "rate", "weight_decay": "decay", "batch_size": "batch"}
MEANS = ("xla", "precision", "devices", "accumulate", "remat")


def define(
    models: Sequence[str],
    values: flags.FlagValues = flags.FLAGS,
    choose: dict[str, list[str]] | None = None,
    on_request: Sequence[str] = (),
) -> None:
    """Defines the flags of a table whose rows run `models`, and of `choose`: {flag: its values, the default first}."""
    runs = str(records.OUTPUT / "runs")
    precisions = ["float32", "mixed_bfloat16", "mixed_float16"]
    best = f"default: {presets.DEFAULT}; with --evaluate_only whichever is best"
    into = {"flag_values": values}
    flags.DEFINE_enum("preset", None, presets.PRESET_NAMES, f"how large and long, training/presets.py ({best})", **into)
    rows = f"rows to run, with commas between or the flag repeated, of {', '.join(models)} (default: all"
    rows += f" but {', '.join(on_request)})" if on_request else ")"
    flag_values.define_repeated("rows", flag_values.several(flag_values.text), rows, **into)
    for name, choices in (choose or {}).items():
        flags.DEFINE_enum(name, choices[0], choices, f"which {name}", **into)
    flag_values.define(
        "data_dir", flag_values.path, None, "folder of TensorFlow Datasets or .npz (default: TFDS_DATA_DIR)", **into
    )
    flag_values.define(
        "results_dir", flag_values.path, str(records.RESULTS), "for records, weights and sample grids", **into
    )
    flag_values.define(
        "runs_dir", flag_values.path, runs, "for checkpoints, TensorBoard logs and samples during training", **into
    )
    flag_values.define("seed", flag_values.SEED, 0, "of initial weights, data order and samples", **into)
    flags.DEFINE_bool("evaluate_only", False, "measure weights, of --weights or results_dir, and do not train", **into)
    flags.DEFINE_bool("train_only", False, "train, keep weights in runs_dir, and leave measuring for later", **into)
    flag_values.define(
        "weights", flag_values.path, None, "with --evaluate_only: a .weights.h5 file of the one row in --rows", **into
    )
    flags.DEFINE_bool("restart", False, "throw unfinished runs away instead of going on with them", **into)
    flags.DEFINE_integer("threads", None, "CPU threads of TensorFlow (default: all cores)", lower_bound=1, **into)
    flags.DEFINE_bool("xla", None, "compile training steps by XLA (default: the preset's; JAX always does)", **into)
    flags.DEFINE_enum("precision", None, precisions, "of training (default: the preset's)", **into)
    flags.DEFINE_integer("steps", None, "training steps (default: the preset's)", lower_bound=1, **into)
    flags.DEFINE_enum("optimizer", None, presets.OPTIMIZER_NAMES, "of training (default: the preset's)", **into)
    flag_values.define(
        "learning_rate",
        flag_values.number(above=0),
        None,
        "the highest of the schedule (default: the preset's)",
        **into,
    )
    decay = "of the kernels that Muon trains (default: the preset's)"
    flag_values.define("weight_decay", flag_values.number(low=0), None, decay, **into)
    flags.DEFINE_integer("batch_size", None, "images a step (default: the preset's)", lower_bound=1, **into)
    flags.DEFINE_integer("devices", None, "devices that share each batch (default: 1)", lower_bound=1, **into)
    parts = "parts that a batch is computed in, for a batch that memory cannot hold (default: 1)"
    flags.DEFINE_integer("accumulate", None, parts, lower_bound=1, **into)
    flags.DEFINE_bool("remat", None, "compute blocks again instead of keeping them: less memory, more time", **into)
    flags.DEFINE_bool("dry_run", False, "say what the rows would take on this machine, and run nothing", **into)


def check(models: Sequence[str], options: flags.FlagValues, on_request: Sequence[str] = ()) -> list[str]:
    """The models to run, in the order of the table; of those `on_request` only what was named, or is measured again.

    Raises:
        ValueError: an unknown row, flags that do not go together, a folder that cannot be written to, no such file.
    """
    rows = [name for names in options.rows for name in names]
    for name in rows:
        if name not in models:
            raise ValueError(f"--rows must be of {', '.join(models)}. Received: {name!r}")
    if options.weights is not None:
        if not options.evaluate_only or len(rows) != 1:
            raise ValueError("--weights goes with --evaluate_only and one row in --rows")
        if not pathlib.Path(options.weights).is_file():
            raise ValueError(f"--weights must be a .weights.h5 file. Received: {options.weights!r}, which is no file")
    if options.train_only and options.evaluate_only:
        raise ValueError("--train_only does not go with --evaluate_only: nothing would be done")
    if options.threads:
        import keras  # here: the other flags are checked before TensorFlow is loaded

        if keras.backend.backend() != "tensorflow":
            raise ValueError(f"--threads is for TensorFlow. Received: {options.threads} on {keras.backend.backend()}")
    if not options.evaluate_only and not options.dry_run:
        flag_values.check_folder("results_dir", options.results_dir, new=True)  # now, not after an hour of training
        flag_values.check_folder("runs_dir", options.runs_dir, new=True)
        pathlib.Path(options.results_dir).mkdir(parents=True, exist_ok=True)
        durable.sweep(options.results_dir)
    by_default = [name for name in models if options.evaluate_only or name not in on_request]
    return [name for name in models if name in (rows or by_default)]


def chosen_preset(experiment: "Experiment", model: str, options: flags.FlagValues) -> presets.Preset:
    """The preset of `model` with what the flags change of it. ValueError for a preset or values that do not fit."""
    preset = experiment.preset(model, options.preset or presets.DEFAULT)
    given = {name: getattr(options, name) for name in (*SCHEDULE, *MEANS)}
    return dataclasses.replace(preset, **{name: value for name, value in given.items() if value is not None})


def changed(experiment: "Experiment", model: str, options: flags.FlagValues) -> str:
    """What flags change of the preset's schedule, "steps32000-muon": such a run stands beside the preset's own."""
    preset = experiment.preset(model, options.preset or presets.DEFAULT)
    chosen = chosen_preset(experiment, model, options)
    differ = [name for name in SCHEDULE if getattr(preset, name) != getattr(chosen, name)]
    return "-".join(f"{SCHEDULE[name]}{getattr(chosen, name)}" for name in differ)
