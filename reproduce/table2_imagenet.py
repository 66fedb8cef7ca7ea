"""Table 2 of arXiv 1606.05328: ImageNet at 32x32 and 64x64, bits/dim on the validation images.

python reproduce/table2_imagenet.py                                what results/ holds, then a quick run, 32x32
python reproduce/table2_imagenet.py --data=downsampled_imagenet_64 --preset=gpu
python reproduce/table2_imagenet.py --preset=paper --dry_run       what it would take here, and nothing more
python reproduce/table2_imagenet.py --data=imagenet_resized_32     given the class too
python reproduce/table2_imagenet.py --rows=row_lstm                PixelRNN, which takes longer

downsampled_imagenet   the paper's images, without labels, withdrawn by their makers: from --data_dir
imagenet_resized       made smaller by a box filter, which leaves less to guess: its numbers are not the table's, and
                       stand apart. It has labels.

Both are read from TFDS's files while a network trains (data/sources/streamed.py): they need not fit memory. What the
paper's table calls validation is test here; 10,000 training images are held out to choose by.
"""

import dataclasses

import numpy as np

from image_generators.data.sources import streamed
from image_generators.evaluation import pictures
from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.experiments.samples import default_picture
from image_generators.reproduce.configs import pixelcnn as configs

TABLE = "table2_imagenet"
TITLE = "Table 2 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): ImageNet"
_TABLE_2 = "arXiv 1606.05328, Table 2"

# A size is part of a row's name: the paper has a column for each.
ROWS = (
    Row("Conv DRAW, 32x32", 4.40, 4.35, _TABLE_2),
    Row("PixelRNN (Row LSTM), 32x32", 3.86, 3.83, _TABLE_2, ("row_lstm",)),
    Row("Gated PixelCNN, 32x32", 3.83, 3.77, _TABLE_2, ("gated_pixel_cnn",)),
    Row("Gated PixelCNN given the class, 32x32", None, None, "", ("class_gated_pixel_cnn",)),
    Row("Conv DRAW, 64x64", 4.10, 4.04, _TABLE_2),
    Row("PixelRNN (Row LSTM), 64x64", 3.63, 3.57, _TABLE_2, ("row_lstm",)),
    Row("Gated PixelCNN, 64x64", 3.57, 3.48, _TABLE_2, ("gated_pixel_cnn",)),
    Row("Gated PixelCNN given the class, 64x64", None, None, "", ("class_gated_pixel_cnn",)),
)


@dataclasses.dataclass(frozen=True)
class OneSize(experiments.Experiment):
    """The rows of one size; the table that is printed has those of both."""

    size: int = 32

    @property
    def models(self):
        known = ["row_lstm", "gated_pixel_cnn"]
        return known + ["class_gated_pixel_cnn"] * self.data.startswith("imagenet_resized")

    def row_of(self, model):
        return next(row for row in self.rows if model in row.models and row.name.endswith(f"{self.size}x{self.size}"))


def picture(network, data, n, seed=0):
    """Samples; given the class, each of another one, as far as there are."""
    if network.num_classes is None:
        return default_picture(network, data, n, seed)
    classes = np.arange(n) * network.num_classes // n
    return pictures.grid(network.sample(n, classes, seed), scale=2, levels=data.levels)


def experiment(name, size):
    """The experiment on data set `name` of data/sources/streamed.py at `size` pixels."""
    return OneSize(
        TABLE,
        TITLE,
        ROWS,
        "bits_per_dim",
        data=f"{name}_{size}",
        presets=configs.IMAGENET[size],
        load=lambda options: streamed.load(name, size, options.data_dir, download=not options.dry_run),
        picture=picture,
        on_request=("row_lstm",),
        size=size,
    )


EXPERIMENTS = {f"{name}_{size}": experiment(name, size) for name in streamed.NAMES for size in streamed.SIZES}
EXPERIMENT = EXPERIMENTS["downsampled_imagenet_32"]

if __name__ == "__main__":
    experiments.main(EXPERIMENT, EXPERIMENTS)
