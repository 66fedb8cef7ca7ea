"""Records: what one run measured, on what, with what and for how long, in one JSON file.

Every number in a table of this repository is drawn from such a file by `report.py`; none is typed in. A record says how
to get the number again (commit, command, seed, versions) and holds nothing of the machine but its hardware: no path of
a machine ever gets into one. Files are written whole or not at all.
"""

import contextlib
import dataclasses
import datetime
import importlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import types

from absl import logging

from image_generators.data import durable

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]  # of an installed wheel, the package's own folder
RESULTS = REPOSITORY / "results"
# Where runs/ and export/ go by default: the checkout; with an installed wheel, the current folder.
OUTPUT = REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else pathlib.Path()
METRICS = {  # name in a record -> unit in a table; lower is better for all
    "bits_per_dim": "bits/dim",
    "nats": "nats",
    "cross_entropy_nats": "nats of cross-entropy, no compression cost",
    "error_percent": "% error",
    "squared_error": "x 1e-3 squared error per RGB value (0 to 1)",
}
_SHOWN_TIMES = {"squared_error": 1e3}
SPLITS = ("train", "validation", "test")
OTHER_FOLDERS = ("benchmarks", "chairs_correspondences", "compress")  # of results/: their JSON files are no records

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")  # what may become part of a file name; + joins two data sets
# An absolute path where a word may begin. `bits/dim` and `https://host/~user/` are none; `--data_dir=/disk` is one.
_MACHINE_PATH = re.compile(r"(?<![\w./~)\]*-])(?:/[\w.]|~[\w.-]*/|[A-Za-z]:[\\/](?!/))|file://")


@dataclasses.dataclass(frozen=True)
class Record:
    """One run. Checked when made, so that what is written can be read: see `Raises`.

    Raises:
        TypeError: a field holds another type than its annotation says, or what JSON cannot hold (a NumPy scalar).
        ValueError: a NaN or infinity, a negative amount, an unknown metric or split, a date that is not ISO, a name
            unfit for a file, a value without its number of examples, weights without their hash, an absolute path.
    """

    table: str  # "table1_cifar"
    row: str  # the row's name in the paper's table: "Gated PixelCNN"
    model: str  # "gated_pixel_cnn"
    model_config: dict  # constructor arguments
    preset: str  # "smoke", "quick", "cpu", "gpu", "paper"; "" for what is not trained
    preset_settings: dict  # all fields of the preset
    data: str  # ImageData.name
    data_title: str
    data_source: str
    data_fingerprint: str
    is_fallback: bool  # measured on other data than the paper's
    metric: str  # one of METRICS
    values: dict[str, float | None]  # split -> value
    examples: dict[str, int]  # split -> number of examples that the value was measured on
    parameters: int
    steps: int
    epochs: float  # passes over the training split
    wall_seconds: float  # of training, summed over resumed runs
    cpu_seconds: float
    images_per_second: float
    hardware: str  # machine.describe()
    backend: str
    versions: dict[str, str]  # versions()
    seed: int
    commit: str  # git_commit()
    date: str  # ISO 8601
    weights: str | None  # path relative to results/
    weights_sha256: str | None
    samples: str | None  # PNG, path relative to results/
    command: str  # how to run it again: command_line()
    notes: str = ""
    changed: str = ""  # what flags changed of the preset's schedule: "steps32000-muon"
    measurements: dict[str, float] = dataclasses.field(default_factory=dict)  # what else was measured: what -> number

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not _is_a(value, field.type):
                kind = getattr(field.type, "__name__", field.type)
                raise TypeError(f"`{field.name}` must be {kind}. Received: {value!r} ({type(value).__name__})")
            try:  # through JSON and back: a record in memory equals the one its file will give (tuples become lists)
                object.__setattr__(self, field.name, json.loads(json.dumps(value, allow_nan=False)))
            except (TypeError, ValueError) as error:
                message = f"`{field.name}` must hold finite, plain JSON values. Received: {value!r} ({error})"
                raise type(error)(message) from error
        _check_names(self)
        _check_values(self)
        _check_files(self)


def _is_a(value, kind):
    if isinstance(kind, types.GenericAlias):  # dict[str, int]
        kind = dict
    if isinstance(value, bool):  # Python counts True as an int; a record does not
        return kind is bool
    if isinstance(value, int) and abs(value) > 2**63:  # which no table could print
        return False
    return isinstance(value, int | float if kind is float else kind)


def _check_names(record):
    for name in ("table", "model", "preset", "data", "changed"):
        value = getattr(record, name)
        if not (_NAME.fullmatch(value) or (name in ("preset", "changed") and value == "")):
            raise ValueError(f"`{name}` must be made of letters, digits, '_', '.', '+' and '-'. Received: {value!r}")
    if record.metric not in METRICS:
        raise ValueError(f"`metric` must be one of {tuple(METRICS)}. Received: {record.metric!r}")
    try:
        datetime.datetime.fromisoformat(record.date)
    except ValueError as error:
        raise ValueError(f"`date` must be ISO 8601, as 2024-05-31T12:00:00+00:00. Received: {record.date!r}") from error


def _check_values(record):
    for name in ("parameters", "steps", "epochs", "wall_seconds", "cpu_seconds", "images_per_second"):
        if getattr(record, name) < 0:
            raise ValueError(f"`{name}` must not be negative. Received: {getattr(record, name)!r}")
    for name, kinds in (("values", (float, type(None))), ("examples", (int,))):
        for split, value in getattr(record, name).items():
            if split not in SPLITS or not any(_is_a(value, kind) for kind in kinds):
                raise ValueError(f"`{name}` must map {SPLITS} to numbers. Received: {split!r}: {value!r}")
    for what, value in record.measurements.items():
        if not _is_a(value, float):
            raise ValueError(f"`measurements` must map what was measured to numbers. Received: {what!r}: {value!r}")
    for name in {"batch_size", "evaluation_batch"} & record.preset_settings.keys():
        value = record.preset_settings[name]
        if not _is_a(value, int) or value < 1:
            raise ValueError(f"`preset_settings` must have {name!r} as an integer above 0. Received: {value!r}")
    for split, value in record.values.items():
        if value is not None and record.examples.get(split, 0) < 1:
            raise ValueError(f"`examples` must say how many {split!r} examples were used. Received: {record.examples}")


def _check_files(record):
    for name in ("weights", "samples"):
        path = getattr(record, name)
        if path is not None and (path == "" or "\\" in path or path[0] in "/~" or ".." in path.split("/")):
            raise ValueError(f"`{name}` must be a path relative to the results folder. Received: {path!r}")
    digest = record.weights_sha256
    if digest is not None if record.weights is None else not re.fullmatch("[0-9a-f]{64}", digest or ""):
        raise ValueError(f"`weights_sha256` must be 64 hex digits where there are weights. Received: {digest!r}")
    for name, value in dataclasses.asdict(record).items():
        if _MACHINE_PATH.search(value if isinstance(value, str) else json.dumps(value)):  # settings of any depth
            raise ValueError(f"`{name}` must hold no absolute path: it means nothing elsewhere. Received: {value!r}")


def stem(model: str, preset: str, data: str, changed: str = "", seed: int = 0) -> str:
    """How the files of a run are called: a rerun replaces its own. A seed other than 0 is part of the name."""
    return "-".join(part for part in (model, preset, data, changed, f"seed{seed}" if seed else "") if part)


def file_name(record: Record) -> str:
    """`<model>-<preset>-<data>.json`, with what was changed of the preset and the seed: see `stem`."""
    return stem(record.model, record.preset, record.data, record.changed, record.seed) + ".json"


def write(record: Record, results_dir: str | pathlib.Path) -> pathlib.Path:
    """Write `record` into `results_dir/<table>/`; returns the path. ValueError: `results_dir` cannot be written to."""
    text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path = pathlib.Path(results_dir) / record.table / file_name(record)
    try:
        durable.write(path, text)
    except OSError as error:
        raise ValueError(f"`results_dir` must be a folder to write in. Received: '{results_dir}' ({error})") from error
    return path


def read(path: str | pathlib.Path) -> Record:
    """The record in the file `path`.

    Raises:
        ValueError: the file is no record; the message names the file and what is wrong (missing keys, unknown keys).
    """
    try:
        return _parse(pathlib.Path(path).read_text(encoding="utf-8"))
    except (TypeError, ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path} is no record: {error}") from error


def _parse(text):
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"it must hold one JSON object. Received: {type(content).__name__}")
    fields = dataclasses.fields(Record)
    optional = ("notes", "changed", "measurements")  # records made before these were known lack them
    missing = [field.name for field in fields if field.name not in (*optional, *content)]
    unknown = sorted(content.keys() - {field.name for field in fields})
    if missing or unknown:
        raise ValueError(f"missing keys {missing}, unknown keys {unknown}")
    return Record(**content)


def read_all(results_dir: str | pathlib.Path, table: str) -> list[Record]:
    """All records of `table`, by file name; `[]` where nothing was measured yet. A warning names each broken one.

    Raises:
        ValueError: `results_dir` is no folder.
    """
    records, problems = scan(results_dir, table)
    for problem in problems:
        logging.warning("A record is left out: %s", problem)
    return records


def scan(results_dir: str | pathlib.Path, table: str) -> tuple[list[Record], list[str]]:
    """(all records of `table`, by file name; a sentence for each file in `results_dir/<table>/` that is none).

    Raises:
        ValueError: `results_dir` is no folder.
    """
    if not pathlib.Path(results_dir).is_dir():
        raise ValueError(f"`results_dir` must be an existing folder. Received: {str(results_dir)!r}")
    records, problems = [], []
    for path in sorted((pathlib.Path(results_dir) / table).glob("*.json")):
        try:
            record = read(path)
            if record.table != table:
                raise ValueError(f"{path} must be a record of {table!r}. Received: `table` {record.table!r}")
            records.append(record)
        except ValueError as error:
            problems.append(str(error))
    return records, problems


# Fields of a record of what is not trained.
UNTRAINED = {
    "preset": "",
    "preset_settings": {},
    "parameters": 0,
    "steps": 0,
    "epochs": 0.0,
    "weights": None,
    "weights_sha256": None,
}


def shown(value: float, metric: str) -> float:
    """A record's value as the unit of METRICS shows it: squared errors in thousandths, as 1411.5928 prints them."""
    return value * _SHOWN_TIMES.get(metric, 1.0)


def versions() -> dict[str, str]:
    """Versions of Python, Keras, its backend, and the libraries here that can change a number: name -> version."""
    import keras

    backend = keras.backend.backend()
    by_name = {"python": platform.python_version(), "keras": keras.__version__}
    by_name[backend] = importlib.import_module(backend).__version__
    for name in ("tensorflow-probability", "tfp-nightly", "tensorflow-datasets", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            by_name[name] = importlib.metadata.version(name)
    return by_name


def git_commit(repository: str | pathlib.Path = REPOSITORY) -> str:
    """The commit of `repository`, 40 hex digits, with "-dirty" where files differ from it; "unknown" outside git.

    Records, and the tables drawn from them, don't count: else each run would make the next one dirty.
    """

    def git(*arguments):
        return subprocess.check_output(
            ["git", "-C", repository, *arguments], stderr=subprocess.DEVNULL, text=True
        ).strip()

    try:
        if pathlib.Path(git("rev-parse", "--show-toplevel")) != pathlib.Path(repository).resolve():
            return "unknown"  # a copy inside somebody else's repository, whose commit says nothing of this code
        dirty = git("status", "--porcelain", "--", ".", ":!results", ":!README.md")
        return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def command_line(argv: list[str], backend: str = "tensorflow") -> str:
    """`sys.argv` as others can type it: `python reproduce/table1_cifar.py --preset=quick`.

    Paths in the repository become relative to it. A flag whose value is a path elsewhere (`--data_dir=...`) is left
    out: each machine has its own. A backend that is not the default comes first: `KERAS_BACKEND=jax python ...`.
    """
    script, *flags = (a.replace(f"{REPOSITORY}{os.sep}", "") for a in [os.path.realpath(argv[0]), *argv[1:]])
    words = [os.path.basename(script) if os.path.isabs(script) else script]
    for argument in flags:
        if not _MACHINE_PATH.search(argument):
            words.append(argument)
        elif argument[0] != "-" and re.fullmatch("--?[a-z_]+", words[-1]):
            words.pop()  # `--data_dir /disk`: the flag goes with its value
    prefix = [] if backend == "tensorflow" else [f"KERAS_BACKEND={backend}"]
    return shlex.join([*prefix, "python", *words])
