"""Similar styles, arXiv 1411.5928: those nearest in what a network has learned, beside those nearest in pixels.

python reproduce/chairs_similarity.py                    into results/chairs_similarity/
python reproduce/chairs_similarity.py --layer=style1 --data=modelnet10_chairs-64 --voxels=modelnet10_chair_voxels32.npz

What it has learned of a style are the activations of the style's own fully
connected layers; near is a small Euclidean distance. Pixels are those of four views, a quarter of a turn apart, colour
on black. A row of the picture: a style, those nearest in the network, the style again, those nearest in pixels.
"""

import numpy as np
from absl import app

from image_generators.evaluation import pictures
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.evaluation.chairs import held_out
from image_generators.models.chairs.images import data_on_white

QUERIES, NEIGHBOURS = 8, 6
LAYERS = ("style1", "style2")
SHOWN = 34  # azimuth in degrees of the pictures, or the one nearest to it


def distances(vectors):
    """Squared Euclidean distances between all vectors [n, numbers]: float [n, n]."""
    vectors = vectors - vectors.mean(axis=0)
    lengths = np.square(vectors).sum(axis=1)
    return lengths[:, None] + lengths[None] - 2.0 * vectors @ vectors.T


def nearest(squared_distances, k):
    """The k nearest of each of n, itself left out: int [n, k], from distances [n, n]."""
    others = np.array(squared_distances, dtype="float64")
    np.fill_diagonal(others, np.inf)
    return others.argsort(axis=1, kind="stable")[:, :k]


def views_of(views, styles, azimuths):
    """Of each style the views nearest to azimuths, at the lowest elevation: uint8 [styles, azimuths, size, size, 4]."""
    low = np.flatnonzero(views.elevations == views.elevations.min())
    images = []
    for style in styles:
        mine = low[views.styles[low] == style]
        away = np.abs((views.azimuths[mine][:, None] - np.asarray(azimuths) + 180.0) % 360.0 - 180.0)
        images.append(views.images[mine[away.argmin(axis=0)]])
    return np.stack(images)


def similar(network, views, layer, k=NEIGHBOURS):
    """The styles present [n], and the positions among them of the k nearest of each: by network, by pixels [n, k]."""
    styles = np.unique(views.styles)
    if len(styles) < 2:
        raise ValueError(f"similarity needs 2 styles or more. Received: {len(styles)} of {views.title}")
    pixels = views_of(views, styles, (0, 90, 180, 270))[..., :3].reshape(len(styles), -1).astype("float32") / 255.0
    learned = network.features(styles, 0.0, 0.0, layer=layer)
    k = min(k, len(styles) - 1)
    return styles, nearest(distances(learned), k), nearest(distances(pixels), k)


def picture(views, styles, by_network, by_pixels, queries=QUERIES):
    """A row a query: it and its nearest by the network; it and its nearest in pixels."""
    shown = data_on_white(views_of(views, styles, [SHOWN])[:, 0])
    at = held_out.spread(len(styles), queries)
    blocks = [np.concatenate([at[:, None], neighbours[at]], axis=1) for neighbours in (by_network, by_pixels)]
    return pictures.beside([pictures.grid(shown[block.reshape(-1)], block.shape[1]) for block in blocks])


def agreement(by_network, by_pixels):
    """How many of a hundred of the nearest by the network are among as many nearest in pixels."""
    both = [len(np.intersect1d(*pair)) for pair in zip(by_network, by_pixels, strict=True)]
    return 100.0 * float(np.mean(both)) / by_network.shape[1]


def draw(network, record, options, stem):
    """Writes the picture and prints how much the two have in common; returns the picture's path."""
    views = chairs_figures.views(record, network, options)
    styles, *neighbours = similar(network, views, options.layer)
    k = neighbours[0].shape[1]
    print(f"of the {k} nearest by the network, {agreement(*neighbours):.0f}% are among the {k} nearest in pixels")
    path = chairs_figures.file(stem, f"-{options.layer}.png")
    return [pictures.save_png(path, picture(views, styles, *neighbours))]


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.with_sources(chairs_figures.parser(__doc__))
    parser.add_argument("--layer", default=LAYERS[1], choices=LAYERS, help=f"what is compared (default: {LAYERS[1]})")
    return parser.parse_args(argv[1:])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_similarity", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
