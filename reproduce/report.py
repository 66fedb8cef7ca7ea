"""Report: the tables of results/ and of the README, drawn from records; the published numbers stand beside ours.

  python reproduce/report.py           redraws results/<table>.md and, in the README and the pages of results/ that tell
                                       of results, what stands between <!-- <table>:begin --> and <!-- <table>:end -->
  python reproduce/report.py --check   changes nothing; exits with 1 where a file differs from what the records give

A script states its rows (`ROWS`, `TITLE`) and is listed in `TABLES`; tables.py draws them.
"""

import importlib
import pathlib

from absl import app
from absl.flags import argparse_flags

from image_generators.data import durable, flag_values
from image_generators.evaluation import benchmarks_page, compress_page, records, tables
from image_generators.evaluation.chairs import correspondences_page as chairs_correspondences_page

TABLES = {  # the script in reproduce/ that states the rows -> the metric
    "table1_cifar": "bits_per_dim",
    "table2_binarized_mnist": "nats",
    "table1_cluttered_mnist": "error_percent",
    "fig3_class_conditional": "bits_per_dim",
    "fig6_autoencoder": "bits_per_dim",
    "triplet_embedding": "error_percent",
    "fig4_embedding": "nats",
    "eq5_spatial_tasks": "bits_per_dim",
    "chairs_networks": "squared_error",
    "chairs_view_interpolation": "squared_error",
    "chairs_elevation_transfer": "squared_error",
}
OTHERS = {  # what is no table of rows: the script -> what reads and draws what it kept
    "compress": compress_page,
    "benchmarks": benchmarks_page,
    "chairs_correspondences": chairs_correspondences_page,
}

PAGES = ("pixelcnn.md", "draw.md", "chairs.md", "speed.md")  # in results/: written by people, with tables drawn here


def files(results_dir=records.RESULTS):
    """What the records in `results_dir` give, and the problems that were met.

    Returns: ({path: text} of each table's page, of `PAGES` and of the README; a sentence for each broken record).

    A results folder elsewhere need not have a README or `PAGES`; the repository's must. A table with a broken record
    is not drawn, and stays as it is in the README: it must not lose a result.

    Raises:
        ValueError: `results_dir` is no folder, or no document has a table's markers.
    """
    results_dir = pathlib.Path(results_dir).absolute()
    readme, documents = results_dir.parent / "README.md", _documents(results_dir)
    drawn, problems = {}, []
    for name, metric in TABLES.items():
        script = importlib.import_module(f"image_generators.reproduce.{name}")  # not at the top: it takes TensorFlow
        shared = dict.fromkeys(table for row in script.ROWS for table in row.also_in)
        if broken := [line for table in (name, *shared) for line in records.scan(results_dir, table)[1]]:
            problems += [f"{name} is not drawn: {line}" for line in broken]
            continue
        measured = tables.read_records(results_dir, name, script.ROWS)
        note = f"<!-- Drawn by reproduce/report.py from the records in {name}/: change nothing here. -->\n\n"
        try:
            drawn[results_dir / f"{name}.md"] = note + tables.table(script.ROWS, measured, metric, script.TITLE)
        except ValueError as error:  # a record that belongs to no row
            problems.append(f"{name} is not drawn: {error}")
            continue
        for path in _with_markers(documents, name):
            page = f"{results_dir.name}/{name}.md" if path == readme else f"{name}.md"
            draw = getattr(script, "page_table", tables.page_table)  # it may have its own
            draw = tables.readme_table if path == readme else draw
            part = f"Nothing of it is measured yet: `python reproduce/{name}.py`.\n"
            if any(record.table == name for record in measured):  # not only rows that it shares with another table
                part = draw(script.ROWS, measured, metric, page)
            documents[path] = between_markers(documents[path], name, part, path.name)
    for name, own_page in OTHERS.items():
        try:
            contents = own_page.read_all(results_dir)
            page = own_page.page(contents) if contents else ""
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # damaged, or another kind of file
            problems.append(f"{name} is not drawn: a file in {results_dir / name} is damaged ({error!r})")
            continue
        for path in _with_markers(documents, name) if contents else ():
            documents[path] = between_markers(documents[path], name, page, path.name)
    return drawn | documents, problems


def _documents(results_dir):
    """{path: text} of what people wrote: the README and `PAGES`, as far as they are there."""
    paths = [results_dir.parent / "README.md", *(results_dir / page for page in PAGES)]
    return {
        path: path.read_text(encoding="utf-8") for path in paths if path.is_file() or results_dir == records.RESULTS
    }


def _with_markers(documents, name):
    """Paths of the documents with a place for `name`; ValueError where there are documents, and none has."""
    matches = [path for path, text in documents.items() if f"<!-- {name}:" in text]
    if documents and not matches:
        raise ValueError(f"README.md, or a page in results/, must have '<!-- {name}:begin -->'")
    return matches


def between_markers(text, name, part, document):
    """`text` with `part` for what stood between the lines `<!-- name:begin -->` and `<!-- name:end -->`.

    Raises:
        ValueError: the markers are not there, not once each, or the wrong way round; the message names `document`.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{document} must have {begin!r} and, after it, {end!r}, once each")
    return f"{text[: text.index(begin)]}{begin}\n{part}{text[text.index(end) :]}"


def main(arguments):
    """Draw, or check. Returns what went wrong, for `sys.exit` to print and exit with 1, or None."""
    try:
        drawn, problems = files(arguments.results_dir)
    except (ValueError, OSError) as error:
        return f"report: {error}"
    stale = [path for path, text in drawn.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if arguments.check and stale:
        problems.append(f"not what the records give: {', '.join(map(str, stale))}. Run: python reproduce/report.py")
    if arguments.check and problems:
        return f"report: {'; '.join(problems)}"
    for path in stale:
        durable.write(path, drawn[path])
    print(f"report: wrote {len(stale)} of {len(drawn)} files; the others are what the records give")
    return f"report: {'; '.join(problems)}" if problems else None


def parse(argv):
    """The arguments in `argv`; no absl flags of this file's own, as the scripts imported for their rows define some."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--results_dir",
        type=flag_values.path,
        default=records.RESULTS,
        help="folder with the records (default: results/ here)",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where a file is out of date")
    return parser.parse_args(argv[1:])


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
