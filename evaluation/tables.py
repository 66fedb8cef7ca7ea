"""Tables of rows: which record each row shows, and how it is drawn, as Markdown and for a terminal.

Published numbers stand beside ours, and never beside those of another data set.
"""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

from image_generators.evaluation import records as records_lib
from image_generators.evaluation.records import Record

# What a table shows, in order -> its heading. `_cells` says what each holds.
COMPACT = {name: name for name in ("model", "paper", "ours", "data", "steps", "time")} | {"epoch": "an epoch"}
COMPACT |= {name: name for name in ("device", "command", "weights")}
SHORT = {name: COMPACT[name] for name in ("model", "paper", "ours", "data", "steps", "time", "device")}
TERMINAL = {name: name for name in ("model", "paper", "ours", "data", "preset", "steps", "time")}
FULL = TERMINAL | {"time": "training time"}
FULL |= {"epoch": "an epoch"} | {name: name for name in ("device", "command", "weights")}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a paper's table."""

    name: str  # as in the paper; `Record.row` of the runs that belong here
    published_test: float | None
    published_train: float | None
    source: str  # where the published numbers stand: "arXiv 1606.05328, Table 1"
    models: tuple[str, ...] = ()  # which models of ours reproduce it; none: the row is quoted only
    sign: str = ""  # "<=": the row's values, the paper's and ours, are upper bounds; "~": the paper's are estimates
    ours_is_bound: bool = False  # ours is an upper bound, though the paper prints its own without a sign
    also_in: tuple[str, ...] = ()  # other tables with this row, whose records count here too

    def __post_init__(self):
        if self.sign not in ("", "<=", "~"):
            raise ValueError(f"`sign` must be '', '<=' or '~'. Received: {self.sign!r}")


def best(records: list[Record]) -> Record:
    """The record to show of several on one data set: the one with the lowest validation value, never chosen on test.

    Only those measured on the most validation examples compete: a value on a few images may be low by luck. Where
    none has a validation value, the latest is shown.
    """
    validated = [record for record in records if record.values.get("validation") is not None]
    if not validated:
        return max(records, key=lambda record: record.date)
    most = max(record.examples["validation"] for record in validated)
    rivals = [record for record in validated if record.examples["validation"] == most]
    return min(rivals, key=lambda record: (record.values["validation"], record.date))


def read_records(results_dir: str | pathlib.Path, table: str, rows: Sequence[Row]) -> list[Record]:
    """The records of a table, and those of other tables that its rows share. ValueError as for `records.read_all`."""
    own = records_lib.read_all(results_dir, table)
    presets = {record.preset for record in own}  # a shared row stands beside rows of its own budget, if there are any
    matching = list(own)
    for row in rows:
        for other in row.also_in:
            shared = records_lib.read_all(results_dir, other)
            shared = [record for record in shared if record.row == row.name and record.model in row.models]
            matching += [record for record in shared if record.preset in presets] or shared
    return matching


def comparison(row: Row, record: Record) -> str:
    """One line for the terminal: "Gated PixelCNN on CIFAR-10: test 3.05 bits/dim (paper 3.03), train ..."."""
    published = {} if record.is_fallback else {"test": row.published_test, "train": row.published_train}
    parts = []
    for split in ("test", "train", "validation"):
        if record.values.get(split) is not None:
            ours = _number(record.values[split], _our_sign(row), record.metric)
            known = published.get(split) is not None
            paper = f" (paper {_number(published[split], row.sign, record.metric)})" if known else ""
            parts.append(f"{split} {ours} {records_lib.METRICS[record.metric]}{paper}")
    note = " (no published number)" if record.is_fallback else ""
    return f"{row.name} on {record.data_title}{note}: {', '.join(parts) or 'nothing measured'}"


def table(rows: Sequence[Row], records: list[Record], metric: str, title: str) -> str:
    """The Markdown page of one table.

    Args:
        rows: `Row`s, in the paper's order; all are shown that have a number, published or measured, and all of a table
            without published numbers.
        records: `records.Record`s of this table, in any order.
        metric: the name of the metric of all of them, one of `records.METRICS`.
        title: heading of the page.

    Raises:
        ValueError: an unknown metric; a record of no row, of a model that its row does not list, or in another metric.
    """
    real, fallbacks = _lines(rows, records, metric)
    choice = (
        "Where several presets of a row were run on one data set, the one with the lowest validation value is shown, "
        "of those measured on the most validation images; none is chosen on test. A run whose schedule flags changed "
        "has its own line."
    )
    parts = [f"# {title}", f"{_unit(metric)} {choice}", _markdown(FULL, real, metric), _footnote(rows)]
    parts += [_measurements(real), _samples(real)]
    for lines in fallbacks:
        parts += [f"## On other data: {lines[0][1].data_title}", _why(lines[0][1])]
        parts += [_markdown(FULL, lines, metric), _measurements(lines), _samples(lines)]
    return "\n\n".join(filter(None, parts)) + "\n"


def page_table(rows: Sequence[Row], records: list[Record], metric: str, page: str) -> str:
    """The Markdown of one table among others: fewer columns, and only the rows that a model of ours reproduces.

    Args and errors as for `table`. `page` is the path of that table's own page from the document's folder; weights are
    linked relative to the folder of `page`.
    """
    return _part(rows, records, metric, page, COMPACT, _measurements)


def readme_table(rows: Sequence[Row], records: list[Record], metric: str, page: str) -> str:
    """The same for the README: no more than a reader wants first. Arguments as for `page_table`."""
    return _part(rows, records, metric, page, SHORT, lambda lines: "")


def _part(rows, records, metric, page, columns, measurements):
    rows = [row for row in rows if row.models]
    real, fallbacks = _lines(rows, records, metric)
    folder = page.removesuffix(pathlib.PurePosixPath(page).name)
    parts = [f"{_unit(metric)} All of the paper's rows, and samples: [{page}]({page})."]
    parts += [_markdown(columns, real, metric, folder), _footnote(rows), _folded(measurements(real))]
    for lines in fallbacks:
        parts += [f"**On other data: {lines[0][1].data_title}.** {_why(lines[0][1])}"]
        parts += [_markdown(columns, lines, metric, folder), _folded(measurements(lines))]
    return "\n\n".join(filter(None, parts)) + "\n"


def text_table(rows: Sequence[Row], records: list[Record], metric: str, title: str) -> str:
    """The table for a terminal, plain text in aligned columns. Args and errors as for `table`."""
    real, fallbacks = _lines(rows, records, metric)
    blocks = [f"{title}\n{_unit(metric)}", _aligned(TERMINAL, real, metric), _footnote(rows)]
    for lines in fallbacks:
        blocks += [f"On other data: {lines[0][1].data_title}\n{_why(lines[0][1])}", _aligned(TERMINAL, lines, metric)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _unit(metric):
    return f"In {records_lib.METRICS[metric]}: test (train); lower is better."


def _why(record):
    return (
        f"Measured where the paper's data set could not be had, on {record.data_source}. These are other images, so no "
        "published number stands beside ours."
    )


def _footnote(rows):
    marks = _marks(rows)
    sources = "; ".join(f"{mark} {source}".strip() for source, mark in marks.items())
    return f"Published numbers: {sources}." if sources else ""


def _marks(rows):
    """{source: "[1]"}, numbered only where there are several."""
    sources = dict.fromkeys(row.source for row in rows if (row.published_test, row.published_train) != (None, None))
    return {source: f"[{i}]" if len(sources) > 1 else "" for i, source in enumerate(sources, start=1)}


def _lines(rows, records, metric):
    """[(row, record or None)] on the paper's data, and one such list for each fallback data set: they never mix.

    The first is empty where it would have no number, measured or published, and there are fallbacks.
    """
    if metric not in records_lib.METRICS:
        raise ValueError(f"`metric` must be one of {tuple(records_lib.METRICS)}. Received: {metric!r}")
    models = {row.name: row.models for row in rows}
    for record in records:
        label = f"the record of {record.model!r} (preset {record.preset!r}, data {record.data!r})"
        if record.model not in models.get(record.row, ()):
            raise ValueError(f"`rows` must have a row {record.row!r} with the model of {label}. Received: {models}")
        if record.metric != metric:
            raise ValueError(f"`metric` must be that of {label}, {record.metric!r}. Received: {metric!r}")
    fallbacks = []
    for data in sorted({record.data for record in records if record.is_fallback}):
        lines = _chosen(rows, [record for record in records if record.is_fallback and record.data == data])
        fallbacks.append([(row, record) for row, record in lines if record])
    real = [record for record in records if not record.is_fallback]
    return _chosen(rows, real) if real or not fallbacks or _marks(rows) else [], fallbacks


def _chosen(rows, records):
    """[(row, its best record)] for each data set, and each schedule that flags gave, of a row; or [(row, None)].

    Of a table that has published numbers, a row with none and none of ours is left out.
    """
    published = _marks(rows)
    lines = []
    for row in rows:
        groups = {}
        for record in records:
            if record.row == row.name:
                groups.setdefault((record.data, record.changed), []).append(record)
        shown = not published or (row.published_test, row.published_train) != (None, None)
        lines += [(row, best(groups[key])) for key in sorted(groups)] or [(row, None)] * shown
    return lines


def _cells(row, record, metric, mark, folder):
    """What each column of `FULL` holds for one line; "-" where there is nothing to say."""
    paper = _numbers(row.published_test, row.published_train, row.sign, metric)
    cells = {"model": row.name, "paper": f"{paper} {mark}" if mark and paper != "-" else paper}
    if record is None:
        return cells
    images = f", {record.examples['test']:,} test images" if record.values.get("test") is not None else ""
    weights = pathlib.PurePosixPath(record.weights or "-")
    return cells | {
        "ours": _numbers(record.values.get("test"), record.values.get("train"), _our_sign(row), metric),
        "data": record.data_title + images,
        "preset": ", ".join(filter(None, (record.preset, record.changed))) or "-",
        "steps": f"{record.steps:,}" if record.steps else "-",
        "time": duration(record.wall_seconds) if record.wall_seconds else "-",
        "epoch": _epoch(record),
        "device": _device(record),
        "command": f"`{record.command}`",
        "weights": f"[{weights.name}]({folder}{weights})" if record.weights else "-",
    }


def _device(record):
    """The machine, and how many of its cores were used, where --threads said so: "AMD EPYC, 1 of 2 cores, 24 GiB"."""
    machine = re.sub(r"\b1 cores\b", "1 core", record.hardware)  # as earlier records have it
    threads = re.match(r"On (\d+) CPU thread", record.notes)
    used, cores = (int(match[1]) if match else 0 for match in (threads, re.search(r"(\d+) cores?\b", machine)))
    return machine.replace(f"{cores} core", f"{used} of {cores} core") if 0 < used < cores else machine


def _epoch(record):
    """How long the training steps of one epoch take, without what comes between them; "-" where no step was timed."""
    batch_size = record.preset_settings.get("batch_size")
    if not batch_size or not record.epochs or not record.images_per_second:
        return "-"
    return duration(record.steps * batch_size / record.epochs / record.images_per_second)


def _numbers(test, train, sign, metric):
    """Test and train as "3.03 (2.90)"; where they are missing, no parentheses and "-"."""
    known = "-" if test is None else _number(test, sign, metric)
    return known if train is None else f"{known} ({_number(train, sign, metric)})"


def _number(value, sign, metric):
    return {"": "", "<=": "<= ", "~": "~"}[sign] + f"{records_lib.shown(value, metric):.2f}"


def _our_sign(row):
    bound = row.sign == "<=" or row.ours_is_bound  # a bound bounds ours too; what the paper estimated, we may compute
    return "<=" if bound else ""


def duration(seconds: float) -> str:
    """Seconds as people say them: "41 s", "12 min", "3.4 h", "1,628 days"."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:,.0f} days"


def _grid(columns, lines, metric, folder=""):
    """The header and the lines as lists of strings; no published numbers beside what was measured on other data."""
    if any(record and record.is_fallback for _, record in lines):
        columns = {name: heading for name, heading in columns.items() if name != "paper"}
    marks = _marks([row for row, _ in lines])
    cells = [_cells(row, record, metric, marks.get(row.source, ""), folder) for row, record in lines]
    return [list(columns.values()), *([line.get(name, "-") for name in columns] for line in cells)]


def _markdown(columns, lines, metric, folder=""):
    header, *body = ([cell.replace("|", "\\|") for cell in line] for line in _grid(columns, lines, metric, folder))
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *body]) if lines else ""


def _aligned(columns, lines, metric):
    grid = _grid(columns, lines, metric)
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in grid) if lines else ""


def _measurements(lines):
    """What the records of a table tell beside their values: of each data set a table, a column for each run."""
    with_measurements = [(row, record) for row, record in lines if record and record.measurements]
    by_data = {}
    for row, record in with_measurements:
        by_data.setdefault(record.data_title, []).append((_run_name(row, record), record.measurements))
    heads = {data: f"measured too, {data}" if len(by_data) > 1 else "measured too" for data in by_data}
    return "\n\n".join(_measured_table(heads[data], runs) for data, runs in by_data.items())


def _run_name(row, record):
    """A row may have several runs: "2s-S, steps24000"."""
    return ", ".join(filter(None, (row.name, record.changed)))


def _folded(tables):
    """Behind a line to click on: they would bury the pictures."""
    return f"<details><summary>What else was measured</summary>\n\n{tables}\n\n</details>" if tables else ""


def _measured_table(head, runs):
    """A line for each thing measured; runs: [(name, {what: number})]."""
    names = dict.fromkeys(name for _, measurements in runs for name in measurements)
    body = [[name, *(measured(measurements.get(name)) for _, measurements in runs)] for name in names]
    header = [head, *(name for name, _ in runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *body])


def measured(value: float) -> str:
    """A measurement as text: four digits; "-" where there is none."""
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _samples(lines):
    """The pictures of records: samples, or what else a model of that kind can show."""
    shown = [(_run_name(row, record), record) for row, record in lines if record and record.samples]
    return "\n\n".join(f"{_shown(record)} of {name}:\n\n![{name}]({record.samples})" for name, record in shown)


def _shown(record):
    other = {"embedding_network": "Nearest neighbours", "conv_classifier": "Validation images"}
    by_metric = {"error_percent": "Glimpses", "squared_error": "Held-out views, each beside what was generated,"}
    return other.get(record.model) or by_metric.get(record.metric, "Samples")
