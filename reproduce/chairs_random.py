"""Chairs that nobody designed: drawn from a Gaussian of styles, and between a chair and a table (arXiv 1411.5928).

python reproduce/chairs_random.py                    into results/chairs_random/
python reproduce/chairs_random.py --spread=0.7

-style.png     from a Gaussian with the mean and covariance of the one-hot style vectors
-features.png  from one with those of the network's features of its styles ("style2"); what is below zero becomes zero,
               as after that layer's ReLU
               Under each row stand the styles whose features are nearest: how new is it?
-hybrids.png   of a network that knows several categories, as "furniture_chairs+furniture_tables": a row goes from a
               style of the first category to one of the second

Departure: how the paper's authors drew random chairs is only known to us as "from a Gaussian".
"""

import numpy as np
from absl import app

from image_generators.data import flag_values
from image_generators.evaluation import pictures
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.models.chairs.images import on_white
from image_generators.reproduce import chairs_style_morphing

ELEVATION, AZIMUTH = 20.0, 301.0  # degrees
COLUMNS, ROWS = 8, 3  # of random chairs
HYBRIDS = 8  # rows


def gaussian(examples, n, rng, spread=1.0):
    """Draws from the normal distribution with the mean and the covariance of examples [m, features]: float32 [n, ...].

    Weighted sums of the examples' differences from their mean have just that covariance, also where it is singular.

    Args:
        spread: times the standard deviation.
    """
    mean = examples.mean(0)
    weights = rng.normal(size=(n, len(examples))) / np.sqrt(len(examples))
    return (mean + spread * weights @ (examples - mean)).astype("float32")


def random_chairs(network, space, n, seed, spread=1.0):
    """Chairs from a Gaussian in the space "style" or "features".

    Returns: (uint8 [n, size, size, 3] on white, int [n]: the styles nearest in features).
    """
    rng = np.random.default_rng(seed)
    known = network.features(np.arange(network.num_styles), layer="style2")
    if space == "style":
        vectors = gaussian(np.eye(network.num_styles), n, rng, spread)
        features = network.features(vectors, layer="style2")
    else:
        features = np.maximum(gaussian(known, n, rng, spread), 0.0)
    drawn = on_white(network.generate_from_features(features, "style2", AZIMUTH, ELEVATION))
    return drawn, np.square(features[:, None] - known).sum(-1).argmin(1)


def random_picture(network, space, seed, spread):
    """Rows of random chairs, under each the nearest styles."""
    drawn, nearest = random_chairs(network, space, ROWS * COLUMNS, seed, spread)
    beneath = on_white(network.generate(nearest, AZIMUTH, ELEVATION))
    cells = np.stack([part.reshape(ROWS, COLUMNS, *part.shape[1:]) for part in (drawn, beneath)], axis=1)
    picture = pictures.grid(cells.reshape(-1, *drawn.shape[1:]), columns=COLUMNS, scale=chairs_figures.scale(network))
    return pictures.label_rows(picture, ["random", "nearest"] * ROWS)


def hybrids(network, categories, seed):
    """Morphs from styles of the first category to those of the second."""
    rng, kinds = np.random.default_rng(seed), list(dict.fromkeys(categories))[:2]
    styles = [np.flatnonzero(np.array(categories) == kind) for kind in kinds]
    left, right = (rng.choice(of_kind, HYBRIDS, replace=len(of_kind) < HYBRIDS) for of_kind in styles)
    drawn = chairs_style_morphing.morphs(network, left, right)
    return pictures.grid(np.concatenate(drawn), columns=drawn.shape[1], scale=chairs_figures.scale(network))


def draw(network, record, options, stem):
    """Writes the pictures; returns their paths."""
    written = []
    for space in ("style", "features"):
        picture = random_picture(network, space, options.seed, options.spread)
        written.append(pictures.save_png(chairs_figures.file(stem, f"-{space}.png"), picture))
    several = len(chairs_figures.sources(record)) > 1
    categories = chairs_figures.views(record, network, options).categories if several else ()
    if len(set(categories)) > 1:
        picture = hybrids(network, categories, options.seed)
        written.append(pictures.save_png(chairs_figures.file(stem, "-hybrids.png"), picture))
    else:
        print("no hybrids: the network knows one category")
    return written


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.with_sources(chairs_figures.parser(__doc__))
    parser.add_argument(
        "--spread", type=flag_values.number(low=0), default=1.0, help="times the Gaussian's deviation (default: 1)"
    )
    return parser.parse_args(argv[1:])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_random", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
