"""Table 3 of arXiv 1502.04623: the paper's settings beside those of our `paper` presets.

python reproduce/table3_draw_settings.py     prints them and writes results/table3_draw_settings.md
"""

import sys
from typing import NamedTuple

from absl import app

from image_generators.data import durable
from image_generators.evaluation import records
from image_generators.reproduce.configs import draw as configs

PATH = records.RESULTS / "table3_draw_settings.md"


class Settings(NamedTuple):
    """A line of the table; None where it has a dash."""

    glimpses: int
    units: int  # of each LSTM
    latent: int | None  # size of z
    read_size: int
    write_size: int | None


class Task(NamedTuple):
    """What the paper trained, as published, and where it is here."""

    name: str
    published: Settings
    script: str  # in reproduce/
    model: str
    presets: dict
    image_shape: tuple[int, int, int]
    levels: int


TASKS = (
    Task("100x100 MNIST classification", Settings(8, 256, None, 12, None), "table1_cluttered_mnist",
         "draw_classifier_8", configs.CLUTTERED_MNIST["draw_classifier_8"], (100, 100, 1), 256),
    Task("MNIST model", Settings(64, 256, 100, 2, 5), "table2_binarized_mnist",
         "draw", configs.BINARIZED_MNIST["draw"], (28, 28, 1), 2),
    Task("SVHN model", Settings(32, 800, 100, 12, 12), "fig9_svhn", "draw", configs.SVHN["draw"], (54, 54, 3), 256),
    Task("CIFAR model", Settings(64, 400, 200, 5, 5), "table1_cifar", "draw", configs.CIFAR["draw"], (32, 32, 3), 256),
)  # fmt: skip


def ours(task):
    """Settings of the network that the `paper` preset makes."""
    from image_generators.models.draw.draw import Draw
    from image_generators.models.networks import NETWORKS

    config = task.presets["paper"].model
    network = NETWORKS[task.model](image_shape=task.image_shape, levels=task.levels, **config)
    if isinstance(network, Draw):
        return Settings(network.steps, network.units, network.latent, network.read_size, network.write_size)
    return Settings(network.glimpses, network.units, None, network.glimpse_size, None)


def page():
    """The table in Markdown: two lines a task, the paper's and ours."""
    lines = ["| task | settings of | glimpses | LSTM units | z | read | write |", "| --- " * 7 + "|"]
    for task in TASKS:
        here = f"`python reproduce/{task.script}.py --preset=paper --rows={task.model}`"
        for whose, settings in (("the paper", task.published), (here, ours(task))):
            lines.append(f"| {' | '.join([task.name, whose, *_cells(settings)])} |")
    return "\n\n".join(
        (
            "# Table 3 of DRAW: A Recurrent Neural Network For Image Generation (arXiv 1502.04623): settings",
            "<!-- Drawn by reproduce/table3_draw_settings.py from the presets: change nothing here. -->",
            "\n".join(lines),
            "The paper trains with Adam and gives no rate, batch size or number of steps: those are ours.\n",
        )
    )


def _cells(settings):
    sides = ["-" if side is None else f"{side}x{side}" for side in (settings.read_size, settings.write_size)]
    latent = "-" if settings.latent is None else str(settings.latent)
    return [str(settings.glimpses), str(settings.units), latent, *sides]


def main(argv):
    if len(argv) > 1:
        sys.exit(f"table3_draw_settings: takes no arguments. Received: {' '.join(argv[1:])}")
    print(page())
    durable.write(PATH, page())


if __name__ == "__main__":
    app.run(main)
