"""Morphs between two styles, as the authors of arXiv 1411.5928 draw them, from trained weights.

python reproduce/chairs_style_morphing.py                    into results/chairs_style_morphing/
python reproduce/chairs_style_morphing.py --pairs=0-5,3-7

A row is a pair of styles, the columns mixtures w * left + (1 - w) * right of their one-hot vectors with the authors'
weights w: closer to one another in the middle, where the picture changes fastest. Elevation 20, azimuth 301 degrees.
The GIF morphs from each style to the next and back to the first.
"""

import numpy as np
from absl import app

from image_generators.data import flag_values
from image_generators.evaluation import pictures
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.models.chairs.images import on_white

WEIGHTS = (1.0, 0.65, 0.57, 0.5, 0.43, 0.35, 0.0)  # of the left style; the authors' script
ELEVATION, AZIMUTH = 20.0, 301.0  # degrees
PAIRS = 8
FILM = 6  # styles of the film
BETWEEN = 4  # frames for each step between two weights


def mixtures(left, right, weights=WEIGHTS):
    """Style vectors between styles: [n, styles] and [n, styles] -> [n, weights, styles]."""
    weights = np.asarray(weights, "float32")[:, None]
    return weights * left[:, None] + (1 - weights) * right[:, None]


def morphs(network, left, right, weights=WEIGHTS):
    """Images between styles, int [n] and int [n]: uint8 [n, weights, size, size, 3] on white."""
    vectors = mixtures(*(chairs_figures.one_hot(styles, network) for styles in (left, right)), weights)
    drawn = on_white(network.generate(np.concatenate(vectors), AZIMUTH, ELEVATION))
    return drawn.reshape(*vectors.shape[:2], *drawn.shape[1:])


def film(network, styles):
    """Frames of a morph from each of `styles` to the next, and from the last to the first."""
    steps = np.linspace(0, len(WEIGHTS) - 1, (len(WEIGHTS) - 1) * BETWEEN, endpoint=False)
    fine = np.interp(steps, range(len(WEIGHTS)), WEIGHTS)
    return np.concatenate(morphs(network, styles, np.roll(styles, -1), fine))


def draw(network, record, options, stem):
    """Writes the picture and the film; returns their paths."""
    if options.pairs:
        pairs = chairs_figures.groups(options.pairs, network, "pairs", 2)
    else:
        some = chairs_figures.some_styles(network, 2 * PAIRS, options.seed)
        pairs = np.stack([some, np.roll(some, -1)], axis=-1)[::2]
    drawn = morphs(network, *pairs.T)
    scale = chairs_figures.scale(network)
    picture = pictures.grid(np.concatenate(drawn), columns=len(WEIGHTS), scale=scale)
    frames = chairs_figures.enlarged(film(network, list(dict.fromkeys(pairs.ravel().tolist()))[:FILM]), network)
    return [
        pictures.save_png(chairs_figures.file(stem, ".png"), picture),
        pictures.save_gif(chairs_figures.file(stem, ".gif"), frames, milliseconds=60, last=60),
    ]


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.parser(__doc__)
    parser.add_argument(
        "--pairs", type=flag_values.text, help="of styles, by their numbers: 0-5,3-7 (default: some at random)"
    )
    return parser.parse_args(argv[1:])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_style_morphing", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
