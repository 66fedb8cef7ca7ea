"""Export: from trained weights to what TensorFlow Serving loads.

  python serving/export.py                              all models that results/ has weights for, into export/
  python serving/export.py --model=gated_pixel_cnn      one of them
  python serving/export.py --weights=mine.weights.h5    other weights, with their record mine.json beside them
  python serving/export.py --serve                      and starts the server

Writes <out>/<name>/<version>/ for each, with the record of the weights, warm-up requests and the SHA-256 of every file
in assets.extra/, and beside the models what the server is started with (config.py). A server that watches the folder
sees a version whole or not at all. README.md beside this file lists what the models answer.
"""

import dataclasses
import json
import os
import pathlib
import shlex
import sys

from absl import app, flags, logging

from image_generators.data import durable, flag_values
from image_generators.evaluation import records
from image_generators.layers.checks import check_integer
from image_generators.serving.limits import MAX_ROWS, MOST_ROWS, NEWEST

OUT = records.OUTPUT / "export"


def export(model, out, name, version=None, record=None, max_rows=MAX_ROWS):
    """Writes `<out>/<name>/<version>/`; returns its path.

    Args:
        model: a built network.
        out: folder of the exported models; made if absent.
        name: what the model is called when served.
        version: integer from 1 to NEWEST; None: one more than the highest there is.
        record: dict, kept in assets.extra/export.json.
        max_rows: the most images in one request, up to MOST_ROWS.

    Raises:
        FileExistsError: there is such a version: a server may be using it.
        OSError: the disk is full, or `out` cannot be written to.
        ValueError: `version` or `max_rows` is no such integer.
        ValueError, TypeError: see also savedmodel.save.
    """
    import tensorflow as tf  # here, as the modules below it: the flags need none of them

    from image_generators.serving import config, manifest, savedmodel, warmup
    from image_generators.serving.signatures import signatures_of

    version = None if version is None else check_integer("version", version, 1, NEWEST)
    max_rows = check_integer("max_rows", max_rows, 1, MOST_ROWS)
    base = pathlib.Path(out) / name
    base.mkdir(parents=True, exist_ok=True)
    version = max(_versions(base), default=0) + 1 if version is None else version
    if version in _versions(base):
        raise FileExistsError(f"version must be new, a server may be using it. Received: {version}, which {base} has")
    durable.sweep(out)
    try:
        with durable.new_folder(base / str(version)) as partial:  # no number: a server passes over it
            savedmodel.save(model, partial, max_rows)
            warmup.write(partial, name, signatures_of(model))
            (partial / config.ABOUT).write_text(json.dumps({"max_rows": max_rows, "record": record}, indent=2) + "\n")
            manifest.write(partial)
    except (OSError, tf.errors.OpError) as error:  # of a full disk TensorFlow raises its own
        reason = " ".join(str(error).split())[:300]
        raise OSError(f"{base} must be a folder to write in, with enough free space. Received: {reason}") from error
    return base / str(version)


def _versions(base):
    return [int(path.name) for path in base.iterdir() if path.name.isdecimal()]


def define(values=flags.FLAGS):
    """Defines the flags."""
    path, into = flag_values.path, {"flag_values": values}
    model = "a network (draw), a served name (draw-binarized_mnist) or all"
    flag_values.define("model", flag_values.text, "all", model, **into)
    weights = "instead of results/: a .weights.h5 with its record, or a .keras file"
    flag_values.define("weights", path, None, weights, **into)
    flag_values.define("results_dir", path, str(records.RESULTS), "with records and weights", **into)
    flag_values.define("out", path, str(OUT), "folder of the exported models", **into)
    version = "default: one more than the highest there is"
    flag_values.define("version", flag_values.integer(1, NEWEST), None, version, **into)
    rows = flag_values.integer(1, MOST_ROWS)
    flag_values.define("max_rows", rows, MAX_ROWS, "most images in one request", **into)
    flags.DEFINE_bool(
        "serve", False, "start the server: a tensorflow_model_server of this machine, else Docker's", **into
    )


def chosen(model, weights, results_dir):
    """The trained.Trained that the flags name. Raises trained.Refused where there are none."""
    from image_generators.serving import trained

    if weights:
        return [trained.of_file(weights)]
    found = trained.find(results_dir)
    wanted = [t for name, t in found.items() if model in ("all", name, t.record.model)]
    if not wanted:
        raise trained.Refused(
            f"--model must be all or of {', '.join(found) or 'none, for lack of weights'}. Received: {model!r}"
        )
    return wanted


def main(argv):
    if len(argv) > 1:
        sys.exit(f"export: every argument must be a --flag. Received: {' '.join(argv[1:])}")
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    options, out = flags.FLAGS, pathlib.Path(flags.FLAGS.out)
    refused = []
    try:
        flag_values.check_folder("out", out, new=True)
        from image_generators.serving import config, local, trained  # now that the flags are good: TensorFlow

        for each in chosen(options.model, options.weights, options.results_dir):
            try:
                network = each.load()
            except trained.Refused as error:  # the others are exported all the same
                refused.append(f"{each.name}: {error}")
                continue
            record = each.record and dataclasses.asdict(each.record)
            path = export(network, out, each.name, options.version, record, options.max_rows)
            print(f"{each.name}: {path}", flush=True)
        config.write(out)
        if refused:
            raise trained.Refused("; ".join(refused))
    except (ValueError, TypeError, OSError) as error:
        sys.exit(f"export: {error}")
    docker = config.docker_command(out)
    print(f"\nTo serve:  docker compose --file {out / 'compose.yaml'} up\nor:        {shlex.join(docker)}", flush=True)
    if options.serve:
        command = local.command(out) if local.binary() else docker
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.exit(f"export: --serve needs tensorflow_model_server or docker on the PATH ({error})")


if __name__ == "__main__":
    define()
    app.run(main)
