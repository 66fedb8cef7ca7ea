"""Exports trained models for TensorFlow Serving.

  python serving/export.py                              all models with weights in results/, to export/
  python serving/export.py --model=gated_pixel_cnn      one of them
  python serving/export.py --weights=mine.weights.h5    other weights; their record mine.json must be beside them
  python serving/export.py --serve                      exports, then starts the server

Writes <out>/<name>/<version>/ for each model, with the record of the weights, warm-up requests and the SHA-256 of every
file in assets.extra/, and the configuration of the server beside the models (config.py). A server that watches the
folder never sees a version half-written. README.md in this folder lists the signatures.
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


def export(
    model,
    out: str | os.PathLike,
    name: str,
    version: int | None = None,
    record: dict | None = None,
    max_rows: int = MAX_ROWS,
) -> pathlib.Path:
    """Exports a model for TensorFlow Serving.

    Args:
        model: a built network, an instance of a class in `signatures.KINDS`.
        out: folder of the exported models; created if it does not exist.
        name: name under which the model is served.
        version: integer from 1 to NEWEST, or None for one more than the highest existing version.
        record: JSON object about the weights, stored in assets.extra/export.json.
        max_rows: the most images per request, 1 to MOST_ROWS.

    Returns:
        The path of the version, `<out>/<name>/<version>`.

    Raises:
        FileExistsError: the version exists; a server may be using it.
        OSError: the disk is full, or `out` cannot be written to.
        ValueError: `version` or `max_rows` is out of range, the backend of Keras is not TensorFlow, or a weight is not
            finite.
        TypeError: `model` is not an instance of a class in `signatures.KINDS`.

    Example:

    ```python
    export(network, "export", "gated_pixel_cnn-mine")
    config.write("export")  # for the server
    ```
    """
    import tensorflow as tf  # here, as the modules below it: the flags need none of them

    from image_generators.serving import config, manifest, savedmodel, warmup
    from image_generators.serving.signatures import signatures_of

    version = None if version is None else check_integer("version", version, 1, NEWEST)
    max_rows = check_integer("max_rows", max_rows, 1, MOST_ROWS)
    base = pathlib.Path(out) / name
    base.mkdir(parents=True, exist_ok=True)
    versions = [int(path.name) for path in config.versions_of(base)]
    version = max(versions, default=0) + 1 if version is None else version
    if version in versions:
        raise FileExistsError(f"version must be new. Received: {version}, which exists in {base}")
    durable.sweep(out)
    try:
        with durable.new_folder(base / str(version)) as partial:  # its name has no digits, so a server ignores it
            savedmodel.save(model, partial, max_rows)
            warmup.write(partial, name, signatures_of(model))
            (partial / config.ABOUT).write_text(json.dumps({"max_rows": max_rows, "record": record}, indent=2) + "\n")
            manifest.write(partial)
    except (OSError, tf.errors.OpError) as error:  # OpError: TensorFlow's own, for example if the disk is full
        reason = " ".join(str(error).split())[:300]
        raise OSError(f"{base} must be a folder to write in, with enough free space. Received: {reason}") from error
    return base / str(version)


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    path, into = flag_values.path, {"flag_values": values}
    model = "network (draw), served name (draw-binarized_mnist), or all"
    flag_values.define("model", flag_values.text, "all", model, **into)
    weights = "in place of --model: a .weights.h5 file with its record beside it, or a .keras file"
    flag_values.define("weights", path, None, weights, **into)
    flag_values.define("results_dir", path, str(records.RESULTS), "folder of records and weights", **into)
    flag_values.define("out", path, str(OUT), "folder of the exported models", **into)
    version = "version of the export (default: one more than the highest existing one)"
    flag_values.define("version", flag_values.integer(1, NEWEST), None, version, **into)
    max_rows = flag_values.integer(1, MOST_ROWS)
    flag_values.define("max_rows", max_rows, MAX_ROWS, "the most images per request", **into)
    serve = "start the server: tensorflow_model_server if this machine has it, otherwise the Docker image"
    flags.DEFINE_bool("serve", False, serve, **into)


def chosen(model: str, weights: str | None, results_dir: str | os.PathLike):
    """The weights that the flags of the same names choose.

    Raises:
        trained.Refused: there are none.
    """
    from image_generators.serving import trained

    if weights:
        return [trained.of_file(weights)]
    available = trained.find(results_dir)
    matches = [each for name, each in available.items() if model in ("all", name, each.record.model)]
    if not matches:
        names = ", ".join(available) or f"the models with weights in {results_dir}: there are none"
        raise trained.Refused(f"--model must be all or one of {names}. Received: {model!r}")
    return matches


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
            except trained.Refused as error:  # export the others
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
            sys.exit(f"export: --serve needs tensorflow_model_server or docker on the PATH. Received: {error}")


if __name__ == "__main__":
    define()
    app.run(main)
