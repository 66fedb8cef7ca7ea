"""Running the rows of a likelihood table: for each row train, measure, sample, record, print.

A script in reproduce/ states its table as an `Experiment` and hands it to `main`; network_rows.py knows networks.
"""

import dataclasses
import datetime
import pathlib
import sys
from collections.abc import Callable

import keras
from absl import app, flags, logging

from image_generators.data import images as data_images
from image_generators.evaluation import networks, pictures, records, tables
from image_generators.experiments import command, dry_run, measuring, network_rows
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.networks import NETWORKS
from image_generators.training import checkpoints, devices, machine, memory, presets, threads
from image_generators.training import loop as training

CHAINS = (Draw, DrawClassifier)  # networks that are chains of small operations


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table: which rows (tables.Row), in which unit, on which data set of data/images.py.

    The functions are a script's own: `define(flag_values)` defines flags that it has beside those of command.py;
    `load(options)` gives the data where data/images.py does not have them; `prepare(data, options)` gives the data that
    its models see, `part(model, data)` those of them that one row sees; `picture(network, data, n, seed)` what a record
    shows; `measure(network, data, preset, seed)` what it tells beside its values, {what: number}; `finish(records,
    data, options)` comes after the rows, with all records of the table. `baselines` are rows without a network: model
    -> function of the data and the flags that gives fields of the record and a picture. Models `on_request` run only
    when --rows names them. Where a table is of many large networks, it `keeps_weights` of none.
    """

    table: str
    title: str
    rows: tuple[tables.Row, ...]
    metric: str
    data: str
    presets: dict  # model -> name -> Preset
    baselines: dict = dataclasses.field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    keeps_weights: bool = True
    define: Callable | None = None
    load: Callable | None = None
    part: Callable | None = None
    prepare: Callable | None = None
    picture: Callable | None = None
    measure: Callable | None = None
    finish: Callable | None = None

    def preset(self, model, name):
        """The preset `name` of `model`."""
        return presets.choose(self.presets, model, name)

    @property
    def models(self):
        """Names of the models that its rows can run, in the table's order."""
        return [model for row in self.rows for model in row.models if model in {*self.presets, *self.baselines}]

    def data_of(self, model, data):
        """The part of `data` that the row of `model` sees."""
        return data if self.part is None else self.part(model, data)

    def row_of(self, model):
        """The row that `model` reproduces."""
        return next(row for row in self.rows if model in row.models)


def main(experiment, others=None, flag="data", instead=None):
    """A script's whole main program.

    Args:
        experiment: what it runs.
        others: {name: Experiment} where there are several for one table, that one among them.
        flag: which of them is chosen by this flag, of these names.
        instead: function of the chosen experiment and the flags' values that may do something else and return what to
            exit with; None: the rows are run.
    """
    choices = others or {flag: experiment}
    choose = {flag: list(choices)} if others else {}
    libraries_own = set(flags.FLAGS)
    command.define(experiment.models, choose=choose, on_request=experiment.on_request)
    if experiment.define:
        experiment.define(flags.FLAGS)
    for name in set(flags.FLAGS) - libraries_own:  # so that --help shows them, and them alone
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])

    def run_and_exit(argv):
        experiment = choices[flags.FLAGS[flag].value if others else flag]
        if not flags.FLAGS["verbosity"].present:  # absl's own is INFO, at which libraries tell of their searches
            logging.set_verbosity(logging.WARNING)
        if len(argv) > 1:
            sys.exit(f"{experiment.table}: every argument must be a --flag. Received: {' '.join(argv[1:])}")
        done = instead(experiment, flags.FLAGS) if instead else None
        sys.exit(run(experiment, flags.FLAGS, sys.argv) if done is None else done)

    app.run(run_and_exit)


def run(experiment, options, argv):
    """Runs the chosen rows, prints the table before and theirs after; returns 0, or a message for `sys.exit`.

    Args:
        experiment: Experiment.
        options: the values of the flags of command.py.
        argv: `sys.argv`, for the records.
    """
    memory.keep_freed_memory()
    try:
        chosen = command.check(experiment.models, options, experiment.on_request)
        for model in chosen:
            if model in NETWORKS:  # now, not after the rows before it
                devices.check(model, network_rows.chosen_preset(experiment, model, options), chosen)
        _use_threads(chosen, options.threads)
        devices.start(options.devices or 1)
        data = _load(experiment, options)
        print(f"Data: {data.title}, from {data.source}")
        print(f"Device: {machine.describe()}; Keras on {keras.backend.backend()}\n")
        if options.dry_run:
            return _dry_run(experiment, chosen, data, options)
        measured = tables.read_records(options.results_dir, experiment.table, experiment.rows)
        if devices.is_chief():
            _print_table(experiment, experiment.rows, data, measured)
    except (ValueError, OSError, ImportError) as error:  # ImportError: of what renders data, and says what to do
        return f"{experiment.table}: {error}"
    except KeyboardInterrupt:
        return f"{experiment.table}: stopped"
    try:
        if options.evaluate_only:
            measuring.again(experiment, chosen, data, measured, options)
        elif not devices.is_chief():
            network_rows.help_chief(experiment, *chosen, data, options)
        else:
            rows_run = [_run_row(experiment, model, data, options, argv) for model in chosen]
            fresh = [record for record in rows_run if record is not None]
            if options.train_only:
                return 0
            print("\nThis run:\n")
            _print_table(experiment, [experiment.row_of(model) for model in chosen], data, fresh)
            if experiment.finish:
                kept = tables.read_records(options.results_dir, experiment.table, experiment.rows)
                experiment.finish(kept, data, options)
            print("To draw results/ and the README anew: python reproduce/report.py")
    except devices.Lost as error:
        devices.give_up(f"{experiment.table}: {error}")
    except (checkpoints.Refused, training.TrainingFailed, OSError) as error:
        return f"{experiment.table}: {error}"
    except KeyboardInterrupt:
        again = "" if options.evaluate_only else f"; {_same_command(options)} goes on from the last checkpoint"
        return f"{experiment.table}: stopped{again}"
    return 0


def _load(experiment, options):
    load = experiment.load or (
        lambda options: data_images.load(experiment.data, options.data_dir, download=not options.dry_run)
    )
    data = load(options)
    return data if experiment.prepare is None else experiment.prepare(data, options)


def _dry_run(experiment, chosen, data, options):
    for model in chosen:
        if model in NETWORKS:
            preset, seen = network_rows.chosen_preset(experiment, model, options), experiment.data_of(model, data)
            title = f"{experiment.row_of(model).name}, preset {options.preset or presets.DEFAULT}"
            dry_run.say(title, networks.make_network(model, seen, preset.precision, **preset.model), preset, seen)
    print("A dry run: nothing was trained, written or downloaded")
    return 0


def _use_threads(chosen, cores):
    """How many cores TensorFlow uses for one operation, where `cores` (--threads) does not say."""
    if cores:
        threads.use(cores)
    elif keras.backend.backend() == "tensorflow" and all(NETWORKS.get(model) in CHAINS for model in chosen):
        threads.one_for_each_operation()


def _print_table(experiment, rows, data, measured):
    title = experiment.title + (f"\nHere on {data.title}" if data.is_fallback else "")
    print(tables.text_table(rows, measured, experiment.metric, title), flush=True)


def _run_row(experiment, model, data, options, argv):
    row, data = experiment.row_of(model), experiment.data_of(model, data)
    print(f"\n{row.name}" + (f": {options.preset or presets.DEFAULT}" if model in NETWORKS else ""), flush=True)
    said = _said(experiment, row, model, data, options, argv)  # now: the checkout may change while it trains
    if model in experiment.baselines:
        made = experiment.baselines[model](data, options)
    else:
        made = network_rows.run(experiment, model, data, options, said)
    if made is None:
        print(f"trained; {_same_command(options, '--train_only')} measures it", flush=True)
        return None
    measured, grid = made
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = records.Record(**said | measured, date=date)
    pictures.save_png(pathlib.Path(options.results_dir) / record.samples, grid)
    records.write(record, options.results_dir)
    print(tables.comparison(row, record), flush=True)
    for what, value in record.measurements.items():
        print(f"  {what}: {tables.measured(value)}", flush=True)
    return record


def _same_command(options, *without):
    """The command that goes on with a run: with --restart it would throw the run away."""
    without += ("--restart",) if options.restart else ()
    return "the same command" + (f" without {' and '.join(without)}" if without else "")


def _said(experiment, row, model, data, options, argv):
    """What a record says beside what is measured."""
    return {
        "table": experiment.table,
        "row": row.name,
        "model": model,
        "data": data.name,
        "data_title": data.title,
        "data_source": data.source,
        "data_fingerprint": data.fingerprint,
        "is_fallback": data.is_fallback,
        "metric": experiment.metric,
        "hardware": machine.describe(),
        "backend": keras.backend.backend(),
        "versions": records.versions(),
        "seed": options.seed,
        "commit": records.git_commit(),
        "command": records.command_line(argv, keras.backend.backend()),
    }
