"""Side-by-side timing: every contender once per round, so that all see the same weather; medians and ratios."""

import argparse
import datetime
import json
import pathlib
import statistics
import time

from image_generators.data import durable
from image_generators.evaluation import records
from image_generators.training import machine


def arguments(doc, **flags):
    """What the command line gives of `flags`, {name: options of argparse}; with --help, or another, nothing is run."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, options in flags.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def race(contenders, rounds=9, warm_up=2):
    """Runs each of {name: function} `rounds` times in turn; returns {name: median seconds}."""
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


def report(name, measured, bars, results_dir=records.REPOSITORY / "results"):
    """Prints and keeps what was measured.

    Args:
        name: of the benchmark; the file is results/benchmarks/<name>.json.
        measured: {what: number}, seconds unless the name says otherwise.
        bars: {what: (value, limit)}: what must hold, value <= limit.
    """
    for what, number in measured.items():
        print(f"{what:60s} {number:10.4g}")
    for what, (value, limit) in bars.items():
        print(f"{what:60s} {value:10.3g}   bar {limit:g}   {'met' if value <= limit else 'MISSED'}")
    content = {
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
    durable.write(path, json.dumps(content, indent=2) + "\n")
    print(f"kept in results/benchmarks/{path.name}")
