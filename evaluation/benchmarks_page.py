"""What the benchmarks kept, as Markdown: no more than the standard library, for report.py."""

import json
import pathlib


def read_all(results_dir):
    """What `timing.report` kept of each benchmark."""
    return [
        json.loads(path.read_text("utf-8")) for path in sorted(pathlib.Path(results_dir, "benchmarks").glob("*.json"))
    ]


def page(contents):
    """Every ratio beside the most that it may be."""
    lines = [("benchmark", "what", "measured", "at most"), ("---",) * 4]
    for content in contents:
        link = f"[{content['benchmark']}](benchmarks/{content['benchmark']}.json)"
        for what, bar in content["bars"].items():
            value = f"{bar['value']:.2f}" + ("" if bar["met"] else ", missed")
            lines.append((link, what, value, f"{bar['limit']:.3g}"))
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    machines = sorted({content["hardware"].replace(", 1 cores,", ", 1 core,") for content in contents})
    return f"{table}\n\nMedians, those of a benchmark side by side in one run, on {' or '.join(machines)}.\n"
