"""Elevation transfer of arXiv 1411.5928, and extrapolation: objects shown from where they, or all, were never seen.

python reproduce/chairs_elevation_transfer.py                       embedded chairs, all three tasks, quick
python reproduce/chairs_elevation_transfer.py --data=furniture --task=transfer --preset=cpu
python reproduce/chairs_elevation_transfer.py --data=modelnet10_chairs --voxels=modelnet10_chair_voxels32.npz

transfer    targets are known at an elevation of 20 degrees alone, sources at all; targets are shown at the others
elevation   every style is known at all elevations but the highest, and shown there
azimuth     every style is known from all azimuths but those from 75 to 135 degrees, about its side, and shown there

With --data=furniture tables are the sources and chairs the targets, as in the paper; elsewhere each is a half of the
styles, drawn by a seed. What is rendered here is seen at 0, 10, 20, 30 and 40 degrees; embedded_chairs and
rendered_chairs have 20 and 30 alone. The paper's chairs are known at 20 and 30, its tables from 0 to 40.

nearest known view   the same style, from the known view nearest in angle
target alone         a network that sees the targets' known views, and no source (transfer alone)
with transfer        a network that sees all known views

Errors are those of the views not shown in training: a fifth of them to choose by, the others for test.
"""

import dataclasses
import sys

import numpy as np
from absl import flags

from image_generators.data import flag_values
from image_generators.data.batches import generator
from image_generators.data.image_data import Split
from image_generators.evaluation.chairs import baselines as chairs_baselines
from image_generators.evaluation.chairs import held_out
from image_generators.evaluation.tables import Row
from image_generators.experiments import chairs
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import chairs as configs

TABLE = "chairs_elevation_transfer"
TITLE = "Elevation transfer, Learning to Generate Chairs, Tables and Cars (arXiv 1411.5928), and extrapolation"
TASKS = {
    "transfer": "sources at all elevations, targets at 20 degrees",
    "elevation": "nothing at the highest elevation",
    "azimuth": "nothing from azimuths of 75 to 135 degrees",
}
SOURCES = ("embedded_chairs", "furniture", "furniture_chairs", "modelnet10_chairs", "rendered_chairs")
ELEVATIONS = (0, 10, 20, 30, 40)  # degrees, of what is rendered for this
KNOWN_ELEVATION = 20  # of targets
SECTOR = (75, 135)  # azimuths, degrees
_HALVES = 5  # key of the random numbers of these splits

ROWS = (
    Row("Nearest known view", None, None, "", ("nearest_view",)),
    Row("Target alone", None, None, "", ("chairs_target_alone",)),
    Row("With transfer", None, None, "", ("chairs_with_transfer",)),
    Row("Known from elsewhere", None, None, "", ("chairs_extrapolated",)),
)


def load(options, task):
    """The data set of a task, from the views that the flags ask for."""
    rendered = {} if options.data in ("embedded_chairs", "rendered_chairs") else {"elevations": ELEVATIONS}
    if options.data == "furniture":
        tables = chairs.load(options, "furniture_tables", **rendered)
        views = tables.join(chairs.load(options, "furniture_chairs", **rendered))
    else:
        views = chairs.load(options, **rendered)
    return split(views, task)


def split(views, task, seed=0):
    """The `Views` as a data set of a task; by `seed` which views are to choose by, and the halves."""
    random = generator(seed, _HALVES)
    if task == "transfer":
        hidden = np.isin(views.styles, _targets(views, random)) & (views.elevations != KNOWN_ELEVATION)
    elif task == "elevation":
        hidden = views.elevations == views.elevations.max()
    else:
        azimuths = views.azimuths % 360
        hidden = (azimuths >= SECTOR[0]) & (azimuths <= SECTOR[1])
    choosing = random.random(len(views)) < 0.2
    data = views.split(~hidden, hidden & choosing, hidden & ~choosing)
    return dataclasses.replace(data, name=f"{views.name}-{task}", title=f"{views.title}; {TASKS[task]}")


def _targets(views, random):
    """The styles whose elevations are to be learned from others: the chairs among other things, or half of all."""
    present = np.unique(views.styles)
    is_chair = np.array([views.categories[style] == "chair" for style in present])
    if is_chair.any() and not is_chair.all():
        return present[is_chair]
    return random.permutation(present)[: len(present) // 2]


def part(model, data):
    """What the network of a row learns from; validation and test are the same for all."""
    if model != "chairs_target_alone":
        return data
    keep = np.isin(data.train.labels[:, 0], data.test.labels[:, 0])
    return dataclasses.replace(data, train=Split(data.train.images[keep], data.train.labels[keep]))


def measure(network, data, preset, seed=0):
    """The error of the mask, and that of colour at every elevation."""
    images, labels = data.test.images[: preset.test_images], data.test.labels[: preset.test_images]
    measurements = held_out.at_elevations(labels, network.errors(images, labels)[0])
    return held_out.measure(network, data, preset, seed) | measurements


def experiment(task):
    """The table's part that is of one task."""
    return experiments.Experiment(
        TABLE,
        TITLE,
        ROWS,
        "squared_error",
        SOURCES[0],
        configs.ELEVATIONS if task == "transfer" else configs.EXTRAPOLATION,
        baselines={
            "nearest_view": chairs_baselines.row(
                TABLE, "nearest_view", chairs_baselines.nearest_view, held_out.at_elevations
            )
        },
        define=define,
        load=lambda options: load(options, task),
        part=part,
        picture=held_out.picture,
        measure=measure,
    )


def define(values=flags.FLAGS):
    chairs.define(values, SOURCES)
    tasks = flag_values.several(flag_values.one_of(TASKS))
    flag_values.define("task", tasks, list(TASKS), f"with commas between, of {','.join(TASKS)}", values)


def run(options, argv):
    """Runs the rows of every task; returns 0, or a message for `sys.exit`."""
    for task in options.task:
        print(f"\n{task}: {TASKS[task]}\n", flush=True)
        done = experiments.run(experiment(task), options, argv)
        if done != 0:
            return done
    return 0


EXPERIMENT = experiment("transfer")

if __name__ == "__main__":
    experiments.main(EXPERIMENT, override=lambda _, options: run(options, sys.argv))
