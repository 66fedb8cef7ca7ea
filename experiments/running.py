"""Running the rows of a table: for each row train, measure, sample, record, print; network_rows.py knows networks."""

import datetime
import pathlib

import keras
from absl import flags

from image_generators.data import images as data_images
from image_generators.evaluation import networks, pictures, records, tables
from image_generators.experiments import command, dry_run, measuring, network_rows
from image_generators.experiments.experiment import Experiment
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.networks import NETWORKS
from image_generators.training import checkpoints, devices, machine, memory, presets, threads
from image_generators.training import loop as training

CHAINS = (Draw, DrawClassifier)  # networks that are chains of small operations


def run(experiment: Experiment, chosen: list[str], options: flags.FlagValues, argv: list[str]) -> int | str:
    """Runs rows, prints the table before and theirs after; returns 0, or a message for `sys.exit`.

    Args:
        experiment: experiment.Experiment.
        chosen: names of the models whose rows are run, of command.check.
        options: the values of the flags of command.py.
        argv: `sys.argv`, for the records.
    """
    memory.keep_freed_memory()
    try:
        for model in chosen:
            if model in NETWORKS:  # now, not after the rows before it
                devices.check(model, command.chosen_preset(experiment, model, options), chosen)
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
            measuring.measure_again(experiment, chosen, data, measured, options)
        elif not devices.is_chief():
            network_rows.train_beside_chief(experiment, *chosen, data, options)
        else:
            rows_run = [_run_row(experiment, model, data, options, argv) for model in chosen]
            fresh = [record for record in rows_run if record is not None]
            if options.train_only:
                return 0
            print("\nThis run:\n")
            _print_table(experiment, [experiment.row_of(model) for model in chosen], data, fresh)
            if experiment.finish:
                all_records = tables.read_records(options.results_dir, experiment.table, experiment.rows)
                experiment.finish(all_records, data, options)
            print("To draw results/ and the README anew: python reproduce/report.py")
    except devices.Lost as error:
        devices.exit_at_once(f"{experiment.table}: {error}")
    except (checkpoints.Refused, training.TrainingFailed, OSError) as error:
        return f"{experiment.table}: {error}"
    except KeyboardInterrupt:
        hint = "" if options.evaluate_only else f"; {_same_command(options)} goes on from the last checkpoint"
        return f"{experiment.table}: stopped{hint}"
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
            preset, model_data = command.chosen_preset(experiment, model, options), experiment.data_of(model, data)
            title = f"{experiment.row_of(model).name}, preset {options.preset or presets.DEFAULT}"
            network = networks.make_network(model, model_data, preset.precision, **preset.model)
            dry_run.print_estimate(title, network, preset, model_data)
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
    # Before the training, during which the checkout may change.
    record_fields = _record_fields(experiment, row, model, data, options, argv)
    if model in experiment.baselines:
        result = experiment.baselines[model](data, options)
    else:
        result = network_rows.run(experiment, model, data, options, record_fields)
    if result is None:
        print(f"trained; {_same_command(options, '--train_only')} measures it", flush=True)
        return None
    measured, grid = result
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = records.Record(**record_fields | measured, date=date)
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


def _record_fields(experiment, row, model, data, options, argv):
    """The fields of a record that are known before the training."""
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
