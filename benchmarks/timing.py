"""Times several functions in turn, so that changes of the machine's load affect all of them alike."""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import Any

from image_generators.data import durable
from image_generators.evaluation import records
from image_generators.training import machine


def arguments(doc: str, **flags: dict[str, Any]) -> argparse.Namespace:
    """Parses the command line.

    Args:
        doc: text for --help.
        **flags: options of argparse's `add_argument` by name of the flag.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, options in flags.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def race(contenders: dict[str, Callable[[], Any]], rounds: int = 9, warm_up: int = 2) -> dict[str, float]:
    """Times functions in turn.

    Args:
        contenders: functions by name.
        rounds: number of timed calls of each.
        warm_up: number of calls of each before, which are not timed.

    Returns:
        {name: median of the seconds}.
    """
    for function in contenders.values():
        for _ in range(warm_up):
            function()
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, function in contenders.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(
    name: str,
    measured: dict[str, float],
    bars: dict[str, tuple[float, float]],
    results_dir: str | os.PathLike = records.REPOSITORY / "results",
) -> None:
    """Prints the results of a benchmark and writes them to <results_dir>/benchmarks/<name>.json.

    Args:
        name: name of the benchmark.
        measured: {quantity: value}, in seconds unless the quantity says otherwise.
        bars: {quantity: (value, limit)}; the limit is met if value <= limit.
        results_dir: folder to write to.
    """
    for what, number in measured.items():
        print(f"{what:60s} {number:10.4g}")
    for what, (value, limit) in bars.items():
        print(f"{what:60s} {value:10.3g}   bar {limit:g}   {'met' if value <= limit else 'MISSED'}")
    record = {
        "benchmark": name,
        "measured": measured,
        "bars": {
            what: {"value": value, "limit": limit, "met": value <= limit} for what, (value, limit) in bars.items()
        },
        "hardware": machine.describe(),
        "versions": records.versions(),
        "commit": records.git_commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    path = pathlib.Path(results_dir) / "benchmarks" / f"{name}.json"
    durable.write(path, json.dumps(record, indent=2) + "\n")
    print(f"written to {path}")
