"""Curves of measured errors, a line for each row of a table: matplotlib, drawn to a PNG file without a screen."""

import io
import pathlib

from image_generators.data import durable
from image_generators.evaluation import records


def errors(path: str | pathlib.Path, lines: dict[str, dict[int, float]], what: str, title: str) -> str | pathlib.Path:
    """Draws lines {row: {x: squared error}}, x on an axis of doubling numbers; writes the PNG whole or not at all.

    Args:
        path: of the file.
        lines: rows without a number are left out.
        what: the name of the horizontal axis.
        title: above the plot.

    Returns: the path.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    for (name, line), marker in zip(lines.items(), "osD^v<>", strict=False):
        if line:
            values = [records.shown(value, "squared_error") for value in line.values()]
            axes.plot(list(line), values, marker=marker, label=name)
    ticks = sorted({x for line in lines.values() for x in line})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(x) for x in ticks])
    axes.minorticks_off()
    axes.set(xlabel=what, ylabel=records.METRICS["squared_error"], title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    durable.write(path, file.getvalue())
    return path
