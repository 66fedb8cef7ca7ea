"""Chairs turned, lifted, zoomed, stretched, shifted, rotated and recoloured by the network (arXiv 1411.5928).

python reproduce/chairs_transformations.py                    into results/chairs_transformations/
python reproduce/chairs_transformations.py --styles=0,3

-turning.png        a row is a style, the columns azimuths from 0 to 360 degrees
-turning.gif        the first style turning, two frames for each azimuth of the training images: every other frame is a
                    view that no training image shows
-trained.png        the first style under one transformation a row, each over the range that training drew it from
-extrapolated.png   the same over the authors' ranges, which are wider than those of training
"""

import math
from typing import NamedTuple

import numpy as np
from absl import app

from image_generators.data import flag_values
from image_generators.evaluation import pictures
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.models.chairs.images import on_white

ELEVATION, AZIMUTH = 20.0, 301.0  # degrees
COLUMNS = 9  # odd: the middle one of a symmetric range is the chair without the transformation
STYLES = 6  # of the turning picture
TURNED = 12  # azimuths of the turning picture
FRAMES = 62  # of the film


class Strip(NamedTuple):
    """A transformation to draw."""

    label: str
    low: float  # the authors' range, wider than in training
    high: float
    is_log: bool = False  # shown as the factor, which is what a reader knows


STRIPS = {  # name in models/chairs/transformations.py -> what is drawn of it
    "log_zoom": Strip("zoom", 0.0, math.log(1.8), is_log=True),
    "log_stretch": Strip("stretch", -math.log(1.5), math.log(1.5), is_log=True),
    "shift_x": Strip("shift x", -0.2, 0.2),
    "shift_y": Strip("shift y", -0.2, 0.2),
    "rotation": Strip("rotation, rad", -0.5, 0.5),
    "log_brightness": Strip("brightness", -2.0, 2.0, is_log=True),
    "log_saturation": Strip("saturation", -5.0, 5.0, is_log=True),
    "hue": Strip("hue, rad", -3.0, 3.0),
}
ELEVATIONS = {"trained": (20.0, 30.0), "extrapolated": (0.0, 60.0)}  # degrees


def turning(network, styles, azimuths):
    """Views of each style from all round: int [n] and degrees [k] -> uint8 [n, k, size, size, 3]."""
    of_style, of_azimuth = (grid.ravel() for grid in np.meshgrid(styles, azimuths, indexing="ij"))
    drawn = on_white(network.generate(of_style, of_azimuth, ELEVATION))
    return drawn.reshape(len(styles), len(azimuths), *drawn.shape[1:])


def strips(network, style, which):
    """One style under each transformation, and at each elevation.

    Args:
        style: its number.
        which: "trained" or "extrapolated": over which ranges.

    Returns: (uint8 [strips, COLUMNS, size, size, 3], what each strip shows). Of a network without transformations, the
    elevations alone.
    """
    from image_generators.models.chairs import transformations

    low, high = ELEVATIONS[which]
    elevations = np.linspace(low, high, COLUMNS)
    drawn = [on_white(network.generate(style, AZIMUTH, elevations))]
    captions = [f"elevation {low:g} to {high:g}"]
    for place, name in enumerate(transformations.NAMES if network.transformations else ()):
        strip, trained = STRIPS[name], float(transformations.RANGES[place])
        low, high = (-trained, trained) if which == "trained" else (strip.low, strip.high)
        vectors = np.zeros((COLUMNS, len(transformations.NAMES)), "float32")
        vectors[:, place] = np.linspace(low, high, COLUMNS)
        drawn.append(on_white(network.generate(style, AZIMUTH, ELEVATION, vectors)))
        ends = [math.exp(end) if strip.is_log else end for end in (low, high)]
        captions.append(f"{strip.label} {ends[0]:.2g} to {ends[1]:.3g}")
    return np.stack(drawn), captions


def draw(network, record, options, stem):
    """Writes the pictures and the film; returns their paths."""
    if options.styles:
        styles = np.array([chairs_figures.style(text, network, "styles") for text in options.styles.split(",")])
    else:
        styles = chairs_figures.some_styles(network, STYLES, options.seed)
    views = turning(network, styles, np.arange(TURNED) * 360 / TURNED)
    scale = chairs_figures.scale(network)
    picture = pictures.grid(np.concatenate(views), columns=TURNED, scale=scale)
    written = [pictures.save_png(chairs_figures.file(stem, "-turning.png"), picture)]
    frames = chairs_figures.enlarged(turning(network, styles[:1], np.arange(FRAMES) * 360 / FRAMES)[0], network)
    path = chairs_figures.file(stem, "-turning.gif")
    written.append(pictures.save_gif(path, frames, milliseconds=60, last=60))
    for which in ELEVATIONS:
        drawn, captions = strips(network, styles[0], which)
        picture = pictures.grid(np.concatenate(drawn), columns=COLUMNS, scale=scale)
        path = chairs_figures.file(stem, f"-{which}.png")
        written.append(pictures.save_png(path, pictures.label_rows(picture, captions)))
    return written


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.parser(__doc__)
    parser.add_argument("--styles", type=flag_values.text, help="by their numbers: 0,3 (default: some at random)")
    return parser.parse_args(argv[1:])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_transformations", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
