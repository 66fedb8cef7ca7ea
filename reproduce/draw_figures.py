"""The figures of DRAW (arXiv 1502.04623), drawn from trained weights into results/draw_figures/.

python reproduce/draw_figures.py                        all that the records in results/ have weights for
python reproduce/draw_figures.py --figure=generation

generation      Figures 1, 7, 10. A row is a sample, columns are steps from the first to the last; the canvas, and a red
                square where it is written, its line as wide as the filters are precise. The GIF has every step.
reconstruction  The same of test images, which stand in the first column; green where is read. No samples: the model
                has seen these images.
nearest         Figures 6, 9, 12. Samples, as means; in the last column, set apart, the training image that is nearest
                to the sample on its left (Euclidean distance of pixels).
glimpses        Figure 5. A classifier's test images with the window of each glimpse, in order of time, and beneath each
                what is read there; before them the digit and the answer.
"""

import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import app, logging
from absl.flags import argparse_flags

from image_generators.data import flag_values
from image_generators.data import images as data_images
from image_generators.evaluation import networks, pictures, records, tables, windows
from image_generators.models.weights_file import Refused
from image_generators.reproduce import (
    fig8_two_digits,
    fig9_svhn,
    table1_cifar,
    table1_cluttered_mnist,
    table2_binarized_mnist,
)

TABLES = (table2_binarized_mnist, table1_cluttered_mnist, table1_cifar, fig8_two_digits, fig9_svhn)
EXAMPLES = 8  # rows of a picture
CLASSIFIED = 5  # images of a classifier, each in two rows
STEPS = 10  # columns of a generation
SAMPLES = 9  # columns of samples beside the nearest training images
TRAINING_IMAGES = 50_000  # that these are looked for in, at most
GENERATORS = ("draw", "draw_without_attention")
CLASSIFIERS = ("draw_classifier_4", "draw_classifier_8")


def generation(network, data, seed):
    """Samples as they are drawn. Returns (picture, frames); needs no data."""
    cells = _paint(network, network.sample(EXAMPLES, seed=seed, trace=True)[1])
    return _in_rows(cells[:, _some(network.steps)]), _film(cells)


def reconstruction(network, data, seed):
    """Test images as they are drawn again. Returns (picture, frames)."""
    images = data.test.images[:EXAMPLES]
    cells = _paint(network, network.reconstruct(images, seed=seed, trace=True)[1])
    originals = windows.enlarge(_shown(images / (network.levels - 1)), _scale(network))
    originals = np.broadcast_to(originals[:, None], cells[:, :1].shape)
    return _in_rows(np.concatenate([originals, cells[:, _some(network.steps)]], axis=1)), _film(cells)


def neighbours(network, data, seed):
    """Samples, and the training images nearest to those of the last column. Returns (picture, None)."""
    from image_generators.training.loop import examples

    trace = network.sample(EXAMPLES * SAMPLES, seed=seed, trace=True, batch_size=EXAMPLES)[1]
    means, levels = trace.canvases[:, -1], network.levels
    images = examples(data, "train", TRAINING_IMAGES).images
    nearest_images = images[nearest((levels - 1) * means[SAMPLES - 1 :: SAMPLES], images)]
    samples = pictures.grid(_shown(means), columns=SAMPLES, scale=_scale(network))
    nearest_images = pictures.grid(nearest_images, columns=1, scale=_scale(network), levels=levels)
    return pictures.beside([samples, nearest_images]), None


def nearest(samples, images, block=1000):
    """Which image is nearest to each sample by the Euclidean distance of their pixels; of equal ones the first.

    Args:
        samples: [n, height, width, channels].
        images: [m, height, width, channels], on the same scale.
        block: images compared at a time; it bounds the memory.

    Returns: int [n], indices of `images`.
    """
    flat = np.reshape(samples, (len(samples), -1)).astype("float64")
    best, least = np.zeros(len(flat), int), np.full(len(flat), np.inf)
    for start in range(0, len(images), block):
        some = np.reshape(images[start : start + block], (-1, flat.shape[1])).astype("float64")
        distances = np.square(some).sum(1) - 2 * flat @ some.T  # squared, less what is the same for all images
        closest = distances.argmin(1)
        distances = distances[np.arange(len(flat)), closest]
        best = np.where(distances < least, start + closest, best)
        least = np.minimum(distances, least)
    return best


def glimpses(network, data, seed):
    """Where a classifier looks, and what it reads there. Returns (picture, frames)."""
    images, labels = data.test.images[:CLASSIFIED], data.test.labels[:CLASSIFIED]
    answers, scale = network.classify(images), _scale(network)
    looked = windows.enlarge(images, scale)[:, None]
    looked = windows.outline(looked, answers.windows, network.glimpse_size, scale, windows.GREEN)
    read = _fitted(patches(network, images, answers.windows), looked.shape)
    cells = np.concatenate(np.stack([looked, read], axis=1))  # [images * 2, glimpses, ...]
    captions = [
        f"{data.class_names[label]}, answer {data.class_names[answer]}"
        for label, answer in zip(labels, answers.labels, strict=True)
    ]
    return pictures.label_rows(_in_rows(cells), captions), _film(looked)


def patches(network, images, at):
    """What a classifier reads through windows [n, glimpses, 5], uint8 [n, glimpses, N, N, channels].

    Without the intensity gamma, so that black is black and white is white.
    """
    from keras import ops

    plain = np.concatenate([at[..., :4], np.ones_like(at[..., :1])], axis=-1)
    read = [
        network.attention.read(images.astype("float32") / (network.levels - 1), plain[:, t]) for t in range(at.shape[1])
    ]
    return _shown(np.stack([ops.convert_to_numpy(patch) for patch in read], axis=1))


class Figure(NamedTuple):
    draw: Callable  # of network, data, seed: (picture, frames or None)
    models: tuple[str, ...]  # that it is drawn from
    needs_data: bool
    milliseconds: int = 80  # a frame


FIGURES = {
    "generation": Figure(generation, GENERATORS, needs_data=False),
    "reconstruction": Figure(reconstruction, GENERATORS, needs_data=True),
    "nearest": Figure(neighbours, GENERATORS, needs_data=True),
    "glimpses": Figure(glimpses, CLASSIFIERS, needs_data=True, milliseconds=600),
}


def _some(steps):
    """At most STEPS of them, evenly, the first and the last among them."""
    return np.unique(np.rint(np.linspace(0, steps - 1, min(STEPS, steps))).astype(int))


def _scale(network):
    """Small images are shown larger: to 80 pixels or a little more."""
    return -(-80 // network.image_shape[0])


def _shown(values):
    """0 to 1 -> uint8 0 to 255."""
    return np.rint(255 * values).astype("uint8")


def _paint(network, trace):
    """A trace as enlarged images with windows, [n, steps, height, width, channels]."""
    scale = _scale(network)
    cells = windows.enlarge(_shown(trace.canvases), scale)
    if trace.read_windows is not None:
        cells = windows.outline(cells, trace.read_windows, network.read_size, scale, windows.GREEN)
    if trace.write_windows is not None:
        cells = windows.outline(cells, trace.write_windows, network.write_size, scale, windows.RED)
    return cells


def _fitted(small, shape):
    """Patches as large as whole pixels allow, in the middle of white cells of `shape`."""
    height, width = shape[-3:-1]
    large = windows.enlarge(small, min(height // small.shape[-3], width // small.shape[-2]))
    top, left = (height - large.shape[-3]) // 2, (width - large.shape[-2]) // 2
    cells = np.full(shape, 255, "uint8")
    cells[..., top : top + large.shape[-3], left : left + large.shape[-2], :] = large
    return cells


def _in_rows(cells):
    """[rows, columns, height, width, channels] -> one picture."""
    return pictures.grid(np.concatenate(cells), columns=cells.shape[1])


def _film(cells):
    """[n, steps, height, width, channels] -> frames [steps, height, width, channels] with the n in two rows."""
    return np.stack([pictures.grid(of_step, columns=-(-len(cells) // 2)) for of_step in np.moveaxis(cells, 1, 0)])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`.

    Args:
        options: with figure (of FIGURES, or None for all), data_dir, results_dir and seed.
    """
    logging.set_verbosity(logging.WARNING)  # absl's own is INFO, at which libraries tell of their searches
    try:
        flag_values.check_folder("results_dir", options.results_dir)
        written = [path for table in TABLES for path in _draw(table.EXPERIMENT, options)]
    except (Refused, ValueError, OSError) as error:
        return f"draw_figures: {error}"
    return 0 if written else f"draw_figures: {options.results_dir} has no weights to draw {options.figure or 'from'}"


def _draw(experiment, options):
    """Draws what the weights of one table allow; returns the paths written."""
    load_data = functools.cache(lambda: data_images.load(experiment.data, options.data_dir))
    written = []
    for record in _records(experiment, options.results_dir):
        names = [name for name in FIGURES if options.figure in (None, name) and record.model in FIGURES[name].models]
        network = networks.restore(record, options.results_dir) if names else None
        for name in names:
            figure = FIGURES[name]
            data = load_data() if figure.needs_data else None
            if data and data.name != record.data:
                print(f"{record.row}: {name} needs {record.data_title}; here is {data.title}")
                continue
            picture, frames = figure.draw(network, data, options.seed)
            stem = pathlib.PurePath(record.weights).name.removesuffix(".weights.h5")
            path = pathlib.Path(options.results_dir) / "draw_figures" / f"{stem}-{name}.png"
            written.append(pictures.save_png(path, picture))
            if frames is not None:
                written.append(pictures.save_gif(path.with_suffix(".gif"), frames, figure.milliseconds))
            print(f"{record.row} on {record.data_title}: {path}", flush=True)
    return written


def _records(experiment, results_dir):
    """The best record of each model and data set that has weights."""
    groups = {}
    for record in records.read_all(results_dir, experiment.table):
        if record.weights and record.model in experiment.models:
            groups.setdefault((record.model, record.data), []).append(record)
    return [tables.best(group) for group in groups.values()]


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--figure", choices=FIGURES, help="default: all")
    parser.add_argument(
        "--data_dir", type=flag_values.path, help="folder of TensorFlow Datasets or .npz (default: TFDS_DATA_DIR)"
    )
    parser.add_argument(
        "--results_dir",
        type=flag_values.path,
        default=records.RESULTS,
        help="with records and weights (default: results/)",
    )
    parser.add_argument("--seed", type=flag_values.SEED, default=0, help="of the samples")
    return parser.parse_args(argv[1:])


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
