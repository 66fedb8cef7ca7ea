"""View interpolation of arXiv 1411.5928: chairs known from few azimuths, shown from all others.

python reproduce/chairs_view_interpolation.py                       embedded chairs, 8, 4, 2 and 1 known azimuths, quick
python reproduce/chairs_view_interpolation.py --preset=cpu --known=4,1 --rows=chairs_with_transfer
python reproduce/chairs_view_interpolation.py --data=modelnet10_chairs --voxels=modelnet10_chair_voxels32.npz

A tenth of the styles, drawn by a seed, are targets: known from so many azimuths, evenly spaced from the front on, at
every elevation. Errors are those of the targets' other views: a fifth of these to choose by, the others for test.

nearest known view    the same chair, from the known view nearest in angle
nearest style         the source chair most like it in the known views, from the wanted view
target alone          a network that sees the known views of the targets, and no other chair
without transfer      a network that sees the known azimuths alone, of sources and targets
with transfer         a network that sees the sources from everywhere, the targets from the known azimuths

The paper's "no transfer" is the last but one, as far as we recollect it. All networks have the same sizes, the same
presets and an input for every style. The curve, as in the paper's figure, is `<data>-errors.png`.
"""

import collections
import dataclasses
import pathlib

import numpy as np
from absl import flags

from image_generators.data import flag_values
from image_generators.data.batches import generator
from image_generators.data.chairs import view_data
from image_generators.data.image_data import Split
from image_generators.evaluation import records, tables
from image_generators.evaluation.chairs import baselines as chairs_baselines
from image_generators.evaluation.chairs import held_out
from image_generators.evaluation.chairs import plot as chairs_plot
from image_generators.evaluation.tables import Row
from image_generators.experiments import chairs
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import chairs as configs

TABLE = "chairs_view_interpolation"
TITLE = "View interpolation, Learning to Generate Chairs, Tables and Cars (arXiv 1411.5928)"
KNOWN = ("8", "4", "2", "1")  # azimuths of a target
_TARGETS = 4  # key of the random numbers of these splits

ROWS = (
    Row("Nearest known view", None, None, "", ("nearest_view",)),
    Row("Nearest style", None, None, "", ("nearest_style",)),
    Row("Target alone", None, None, "", ("chairs_target_alone",)),
    Row("Without transfer", None, None, "", ("chairs_without_transfer",)),
    Row("With transfer", None, None, "", ("chairs_with_transfer",)),
)


def known_azimuths(azimuths, known):
    """`known` of the azimuths that there are, evenly spaced, the first among them."""
    present = np.unique(azimuths)
    if known > len(present):
        raise ValueError(f"--known must be at most the number of azimuths, {len(present)}. Received: {known}")
    return present[np.arange(known) * len(present) // known]


def split(views, known, seed=0):
    """The views (data.chairs.views.Views) as a data set: in train all but the unknown views of the targets.

    Args:
        known: azimuths from which a target is known.
        seed: which styles are targets, a tenth; and which of their unknown views are to choose by, a fifth.
    """
    styles = np.unique(views.styles)
    random = generator(seed, _TARGETS)
    targets = random.permutation(styles)[: max(1, round(0.1 * len(styles)))]
    if len(targets) == len(styles):
        raise ValueError(f"view interpolation needs 2 styles or more. Received: {len(styles)} of {views.title}")
    choosing = random.random(len(views)) < 0.2
    hidden = np.isin(views.styles, targets) & ~np.isin(views.azimuths, known_azimuths(views.azimuths, known))
    data = views.split(~hidden, hidden & choosing, hidden & ~choosing)
    plural = "s" if known > 1 else ""
    title = f"{views.title}, {known} known azimuth{plural}"
    return dataclasses.replace(data, name=f"{views.name}-known{known}", title=title)


def part(model, data):
    """What the network of a row learns from; validation and test are the same for all."""
    images, labels = data.train.images, data.train.labels
    of_targets = np.isin(labels[:, 0], data.test.labels[:, 0])
    if model == "chairs_target_alone":
        keep = of_targets
    elif model == "chairs_without_transfer":
        keep = np.isin(labels[:, 1], labels[of_targets, 1])
    else:
        return data
    return dataclasses.replace(data, train=Split(images[keep], labels[keep]))


def experiment(known):
    """The table's part of one number of known azimuths."""
    return experiments.Experiment(
        TABLE,
        TITLE,
        ROWS,
        "squared_error",
        chairs.SOURCES[0],
        configs.TRANSFER,
        baselines={
            "nearest_view": chairs_baselines.row(TABLE, "nearest_view", chairs_baselines.nearest_view),
            "nearest_style": chairs_baselines.row(TABLE, "nearest_style", chairs_baselines.nearest_style),
        },
        define=define,
        load=lambda options: split(chairs.load(options), known),
        part=part,
        keeps_weights=False,
        picture=held_out.picture,
        measure=held_out.measure,
        finish=finish,
    )


def define(values=flags.FLAGS):
    chairs.define(values)
    known = f"azimuths from which targets are known, with commas between, of {','.join(KNOWN)} or others"
    numbers = flag_values.several(flag_values.integer(1, len(view_data.AZIMUTHS)))
    flag_values.define("known", numbers, ",".join(KNOWN), known, values)


def run(options, argv):
    """Runs the rows for every number of known azimuths; returns 0, or a message for `sys.exit`."""
    for known in options.known:
        done = experiments.run(experiment(known), options, argv)
        if done != 0:
            return done
    return 0


def curves(measured, data):
    """{row: {known azimuths: test error}} of the best records on views so named, e.g. "embedded_chairs"."""
    groups = collections.defaultdict(list)
    for record in measured:
        name, _, known = record.data.rpartition("-known")
        if name == data:
            groups[record.row, int(known)].append(record)
    names = [row.name for row in ROWS]
    lines = {name: {k: groups[name, k] for _, k in sorted(groups) if (name, k) in groups} for name in names}
    return {name: {k: tables.best(line[k]).values["test"] for k in sorted(line)} for name, line in lines.items()}


def finish(measured, data, options):
    """Draws the curves of what was measured so far."""
    name = data.name.rpartition("-known")[0]
    path = pathlib.Path(options.results_dir) / TABLE / f"{name}-errors.png"
    chairs_plot.errors(path, curves(measured, name), "known azimuths", data.title.rpartition(",")[0])
    print(f"All of them: {path}")


def page_table(rows, measured, metric, page):
    """For the page on Chairs: a line a row, a column for each number of known azimuths. Arguments as in tables.py."""
    parts = [f"In {records.METRICS[metric]}, on views not shown; lower is better. All of it: [{page}]({page})."]
    for name in dict.fromkeys(record.data.rpartition("-known")[0] for record in measured):
        lines = curves(measured, name)
        counts = sorted({k for line in lines.values() for k in line}, reverse=True)
        title = next(r.data_title for r in measured if r.data.startswith(f"{name}-known")).rpartition(",")[0]
        table = [[f"{title}; known azimuths", *map(str, counts)], ["---"] * (1 + len(counts))]
        for row, line in lines.items():
            cells = [f"{records.shown(line[k], metric):.2f}" if k in line else "-" for k in counts]
            table.append([row, *cells])
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in table))
        folder = pathlib.PurePosixPath(page).parent / TABLE
        parts.append(f"![Error against the number of known azimuths]({folder}/{name}-errors.png)")
    return "\n\n".join(parts) + "\n"


EXPERIMENT = experiment(8)

if __name__ == "__main__":
    import sys

    experiments.main(EXPERIMENT, override=lambda _, options: run(options, sys.argv))
