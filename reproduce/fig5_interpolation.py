"""Figure 5 of arXiv 1606.05328: samples between two embeddings, drawn from trained weights by the same noise.

python reproduce/fig5_interpolation.py                  Omniglot, into results/fig5_interpolation/
python reproduce/fig5_interpolation.py --data=cifar10

Needs weights of triplet_embedding.py and fig4_embedding.py. A row is two test identities, whose images stand at its
ends. Between them samples, given (1 - t) h(left) + t h(right) for t from 0 to 1, as linear as in the paper (a point
between two embeddings is shorter than 1); all of a row from the same uniform numbers.
"""

import pathlib

import numpy as np
from absl import app, logging
from absl.flags import argparse_flags

from image_generators.data import flag_values
from image_generators.data import images as data_images
from image_generators.evaluation import networks, pictures, records, tables
from image_generators.models.weights_file import Refused
from image_generators.reproduce import fig4_embedding

MODELS = ("gated_pixel_cnn_of_embedding", "map_pixel_cnn_of_embedding")
STRIPS = 10
STEPS = 11  # samples in a strip, both ends included


def strips(network, left, right, steps=STEPS, seed=0):
    """Samples along straight lines from each of `left` to each of `right`, conditions [n, features].

    Returns: uint8 [n, steps, height, width, colours]. The first and the last are `network.sample(n, left, seed)` and
    `network.sample(n, right, seed)`.
    """
    between = np.linspace(0.0, 1.0, steps, dtype="float32")
    # The noise is a function of n and seed: the same at every step, another in each strip.
    return np.stack([network.sample(len(left), (1 - t) * left + t * right, seed) for t in between], axis=1)


def picture(network, data, n=STRIPS, seed=0):
    """Strips between test identities that follow one another in `fig4_embedding.shown`, their images at the ends."""
    (chosen,) = fig4_embedding.shown(data.test, 2 * n, 1)
    chosen = chosen[: len(chosen) // 2 * 2]
    left, right = chosen[::2], chosen[1::2]
    drawn = strips(network, data.test.labels[left], data.test.labels[right], seed=seed)
    columns = [(data.test.images[left], 1), (np.concatenate(drawn), drawn.shape[1]), (data.test.images[right], 1)]
    return pictures.beside([pictures.grid(images, n, scale=2, levels=data.levels) for images, n in columns])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`.

    Args:
        options: with data (of fig4_embedding.EXPERIMENTS), data_dir, results_dir and seed.
    """
    logging.set_verbosity(logging.WARNING)  # absl's own is INFO, at which libraries tell of their searches
    try:
        flag_values.check_folder("results_dir", options.results_dir)
        data = data_images.load(options.data, options.data_dir)
        data = fig4_embedding.prepare(data, options)
        for record in _records(data, options.results_dir):
            drawn = picture(networks.restore(record, options.results_dir), data, seed=options.seed)
            stem = pathlib.PurePath(record.weights).name.removesuffix(".weights.h5")
            path = pictures.save_png(pathlib.Path(options.results_dir) / "fig5_interpolation" / f"{stem}.png", drawn)
            print(f"{record.row} on {record.data_title}: {path}", flush=True)
    except (Refused, ValueError, OSError) as error:
        return f"fig5_interpolation: {error}"
    return 0


def _records(data, results_dir):
    """The best record of each model that has weights whose conditions are those of `data`."""
    groups = {}
    for record in records.read_all(results_dir, "fig4_embedding"):
        if record.model in MODELS and record.weights and record.data_fingerprint == data.fingerprint:
            groups.setdefault(record.model, []).append(record)
    if not groups:
        raise Refused(
            f"{results_dir} must hold weights for {data.title} and this embedding network: run "
            f"python reproduce/fig4_embedding.py --rows={','.join(MODELS)} first"
        )
    return [tables.best(group) for group in groups.values()]


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=fig4_embedding.EXPERIMENTS, default="omniglot", help="default: omniglot")
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
