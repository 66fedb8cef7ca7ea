"""Running the rows of a likelihood table: flags, and for each row train, measure, sample, record, print.

A script in reproduce/ states its table as an `Experiment` and hands it over; everything else is here.
"""

import dataclasses
import datetime
import pathlib
import time

import keras
import numpy as np
from absl import flags

from data import images as data_images
from models.density_baselines import MultivariateGaussian, Uniform
from models.gated_pixel_cnn import GatedPixelCNN
from models.pixel_cnn import PixelCNN
from reproduce import memory, pictures, presets, records, report, training

NETWORKS = {"pixel_cnn": PixelCNN, "gated_pixel_cnn": GatedPixelCNN}
BASELINES = {"uniform": Uniform, "multivariate_gaussian": MultivariateGaussian}
SAMPLES = 64  # images in a record's grid


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table: which rows (report.Row), in which unit, on which data set of data/images.py."""

    table: str
    title: str
    rows: tuple[report.Row, ...]
    metric: str
    data: str

    @property
    def models(self):
        """Names of the models that its rows can run, in the table's order."""
        return [model for row in self.rows for model in row.models]


def define_flags(experiment):
    """The flags that every table has."""
    flags.DEFINE_enum("preset", "quick", presets.PRESET_NAMES, "how large and how long: see reproduce/presets.py")
    flags.DEFINE_multi_enum("rows", [], experiment.models, "rows to run; repeat the flag for several (default: all)")
    flags.DEFINE_string("data_dir", None, "folder of TensorFlow Datasets or of .npz files (default: TFDS_DATA_DIR)")
    flags.DEFINE_string("results_dir", str(report.RESULTS), "where records, weights and sample grids go")
    flags.DEFINE_string("runs_dir", "runs", "where checkpoints, TensorBoard logs and samples during training go")
    flags.DEFINE_integer("seed", 0, "of initial weights, data order and samples", lower_bound=0)
    flags.DEFINE_bool("evaluate_only", False, "measure weights instead of training: those of --weights or of results/")
    flags.DEFINE_string("weights", None, "with --evaluate_only: a .weights.h5 file of the one row in --rows")
    flags.DEFINE_bool("restart", False, "throw unfinished runs away instead of going on with them")
    flags.DEFINE_integer("threads", None, "CPU threads of TensorFlow (default: all cores)", lower_bound=1)
    flags.DEFINE_bool("xla", None, "compile the training step by XLA (default: as the preset says)")
    flags.DEFINE_enum("precision", None, ["float32", "mixed_bfloat16", "mixed_float16"], "default: the preset's")


def run(experiment, options, argv):
    """Runs the chosen rows, prints the table before and after; returns an exit code."""
    memory.keep_freed_memory()
    if options.threads:
        _use_threads(options.threads)
    keras.utils.set_random_seed(options.seed)
    chosen = options.rows or experiment.models
    if options.weights and (not options.evaluate_only or len(chosen) != 1):
        return "--weights goes with --evaluate_only and one --rows"
    try:
        records.atomic_write(pathlib.Path(options.results_dir) / ".writable", "")
        (pathlib.Path(options.results_dir) / ".writable").unlink()
        data = data_images.load(experiment.data, options.data_dir)
        print(f"Data: {data.title}, from {data.source}\n")
        print_table(experiment, options.results_dir)
        for model in chosen:
            row = next(row for row in experiment.rows if model in row.models)
            if options.evaluate_only:
                _evaluate(experiment, row, model, data, options)
            else:
                _run_row(experiment, row, model, data, options, argv)
    except (ValueError, OSError, training.TrainingFailed) as error:
        return f"{experiment.table}: {error}"
    if not options.evaluate_only:
        print_table(experiment, options.results_dir)
        print("To draw results/ and the README anew: python reproduce/report.py")
    return 0


def _use_threads(threads):
    """Keeps TensorFlow to so many cores, so that several rows can train side by side."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def print_table(experiment, results_dir):
    """What the records in `results_dir` say, beside the published numbers."""
    found = records.read_all(results_dir, experiment.table)
    print(report.text_table(experiment.rows, found, experiment.metric, experiment.title), flush=True)


def make_network(model, data, preset, **config):
    """A built network for `data`: by the preset, or by the constructor arguments of a record."""
    config = config or {
        **preset.model,
        "image_shape": data.image_shape,
        "levels": data.levels,
        "dtype": preset.precision,
    }
    network = NETWORKS[model](**config)
    network.build()
    return network


def _run_row(experiment, row, model, data, options, argv):
    print(f"\n{row.name}: {options.preset}", flush=True)
    if model in BASELINES:
        record, grid = _run_baseline(experiment, row, model, data, options, argv)
    else:
        record, grid = _run_network(experiment, row, model, data, options, argv)
    pictures.save_png(pathlib.Path(options.results_dir) / record.samples, grid)
    records.write(record, options.results_dir)
    print(report.comparison(row, record), flush=True)


def _run_network(experiment, row, model, data, options, argv):
    preset = presets.preset(model, options.preset)
    given = {"xla": options.xla, "precision": options.precision}
    preset = dataclasses.replace(preset, **{name: value for name, value in given.items() if value is not None})
    keras.utils.set_random_seed(options.seed)  # the same weights whichever rows ran before
    network = make_network(model, data, preset)
    stem = f"{model}-{options.preset}-{data.name}" + (f"-seed{options.seed}" if options.seed else "")
    run_dir = pathlib.Path(options.runs_dir) / experiment.table / stem
    trained = training.train(network, preset, data, run_dir, options.seed, options.restart)
    values, examples = {}, {}
    for split in records.SPLITS:
        print(f"measuring {split}", flush=True)
        values[split], examples[split] = training.evaluate(network, getattr(data, split), preset.evaluation_images)
    weights = f"{experiment.table}/{stem}.weights.h5"
    sha256 = training.save_weights(network, pathlib.Path(options.results_dir) / weights)
    grid = pictures.grid(network.sample(SAMPLES, seed=options.seed), scale=2, levels=data.levels)
    record = _record(
        experiment, row, model, data, options, argv,
        model_config=_plain_config(network), preset_settings=dataclasses.asdict(preset), values=values,
        examples=examples, parameters=network.count_params(), steps=trained.steps,
        epochs=trained.steps * preset.batch_size / len(data.train.images), wall_seconds=trained.wall_seconds,
        cpu_seconds=trained.cpu_seconds, images_per_second=trained.images_per_second, weights=weights,
        weights_sha256=sha256, samples=f"{experiment.table}/{stem}.png",
    )  # fmt: skip
    return record, grid


def _run_baseline(experiment, row, model, data, options, argv):
    start, cpu = time.perf_counter(), time.process_time()
    density = BASELINES[model](data.image_shape)
    notes = ""
    if model == "multivariate_gaussian":
        density.fit(np.concatenate([data.train.images, data.validation.images]))
        notes = "Fitted to train and validation together: there is nothing to choose. A bound, by dequantisation noise."
    splits = {split: getattr(data, split).images[:10_000] for split in records.SPLITS}
    values = {split: float(density.bits_per_dim(images).mean()) for split, images in splits.items()}
    wall = time.perf_counter() - start
    record = _record(
        experiment, row, model, data, options, argv, preset="",
        model_config={"image_shape": list(data.image_shape)}, preset_settings={}, values=values,
        examples={split: len(images) for split, images in splits.items()}, parameters=density.parameters, steps=0,
        epochs=0.0, wall_seconds=wall, cpu_seconds=time.process_time() - cpu,
        images_per_second=sum(map(len, splits.values())) / wall, weights=None, weights_sha256=None,
        samples=f"{experiment.table}/{model}-{data.name}.png", notes=notes,
    )  # fmt: skip
    return record, pictures.grid(density.sample(SAMPLES, seed=options.seed), scale=2)


def _record(experiment, row, model, data, options, argv, **measured):
    """What every record says, beside what was measured."""
    return records.Record(**{
        "table": experiment.table, "row": row.name, "model": model, "preset": options.preset, "data": data.name,
        "data_title": data.title, "data_source": data.source, "data_fingerprint": data.fingerprint,
        "is_fallback": data.is_fallback, "metric": experiment.metric, "hardware": records.describe_machine(),
        "backend": keras.backend.backend(), "versions": records.versions(), "seed": options.seed,
        "commit": records.git_commit(), "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": records.command_line(argv, keras.backend.backend()),
        "notes": f"On {options.threads} CPU thread(s)." if options.threads else "", **measured,
    })  # fmt: skip


def _plain_config(network):
    """Constructor arguments that JSON holds: those of the model, without Keras' own."""
    return {name: value for name, value in network.get_config().items() if name not in ("name", "trainable", "dtype")}


def _evaluate(experiment, row, model, data, options):
    """Measures weights again and prints the result; writes nothing."""
    if model in BASELINES:
        return
    found = [r for r in records.read_all(options.results_dir, experiment.table) if r.model == model]
    found = [
        r for r in found if r.data == data.name and (r.preset == options.preset or "preset" not in _given(options))
    ]
    if options.weights is None and not found:
        print(f"{row.name}: results/ has no weights for {data.title}")
        return
    if options.weights is None:
        record = report.best(found)
        network = make_network(model, data, None, **record.model_config)
        training.load_weights(network, pathlib.Path(options.results_dir) / record.weights, record.weights_sha256)
    else:
        network = make_network(model, data, presets.preset(model, options.preset))
        training.load_weights(network, options.weights)
    value, examples = training.evaluate(network, data.test)
    print(f"{row.name} on {data.title}: test {value:.4f} {network.unit} ({examples} images)")


def _given(options):
    """Flags that stood on the command line."""
    return {name for name in options if options[name].present}
