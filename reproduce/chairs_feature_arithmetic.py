"""Arithmetic with the features of fully connected layers, and what single units draw (arXiv 1411.5928).

python reproduce/chairs_feature_arithmetic.py                    into results/chairs_feature_arithmetic/
python reproduce/chairs_feature_arithmetic.py --triples=0-5-7,3-7-1

-arithmetic.png   a row is three styles A, B and C; then what the network draws from A - B + C, computed with the style
                  vectors themselves and with the features of each layer in turn: has it of A what B lacks, on C?
-units.png        what a layer's most active units draw, each alone, all others zero, at twice what it is at most: a row
                  is a layer
-zoom.png         the unit of fc4 that answers zooming most reliably, at nothing to three times what it is at most, all
                  others as they are: the paper's "zoom neuron". A row is a style
"""

import numpy as np
from absl import app

from image_generators.data import flag_values
from image_generators.evaluation import pictures
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.models.chairs.images import on_white

ELEVATION, AZIMUTH = 20.0, 301.0  # degrees
TRIPLES = 6
UNITS = 12  # of a layer
ALONE = 2.0  # times the most that the unit is in VIEWS
ZOOMED = 5  # styles
LEVELS = np.linspace(0.0, 3.0, 7)  # times the same
VIEWS = 256  # that units are seen in


def results(network, a, b, c):
    """What A - B + C gives, {where: uint8 [n, size, size, 3] on white}; A, B and C are styles, int [n]."""
    from image_generators.models.chairs.features import LAYERS

    vectors = [chairs_figures.one_hot(styles, network) for styles in (a, b, c)]
    drawn = {"style": on_white(network.generate(_combined(vectors), AZIMUTH, ELEVATION))}
    for layer in LAYERS:
        features = _combined([network.features(styles, AZIMUTH, ELEVATION, layer=layer) for styles in (a, b, c)])
        drawn[layer] = on_white(network.generate_from_features(features, layer, AZIMUTH, ELEVATION))
    return drawn


def _combined(parts):
    a, b, c = parts
    return a - b + c


def arithmetic(network, triples):
    """A row for each of triples [n, 3]: A, B, C, and the results."""
    a, b, c = triples.T
    styles = [on_white(network.generate(which, AZIMUTH, ELEVATION)) for which in (a, b, c)]
    combined = results(network, a, b, c)
    scale = chairs_figures.scale(network)
    left = pictures.grid(np.concatenate(np.stack(styles, axis=1)), columns=3, scale=scale)
    right = pictures.grid(np.concatenate(np.stack(list(combined.values()), axis=1)), columns=len(combined), scale=scale)
    return pictures.beside([left, right])


def views(network, seed, n=VIEWS):
    """Styles, azimuths and elevations at random, [n] each."""
    rng = np.random.default_rng(seed)
    return rng.integers(network.num_styles, size=n), rng.uniform(0, 360, n), rng.uniform(20, 30, n)


def units(network, seed):
    """A row for each fully connected layer: what its most active units draw alone."""
    from image_generators.models.chairs.features import LAYERS

    rows, seen = [], views(network, seed)
    for layer in LAYERS[:-1]:
        features = network.features(*seen, layer=layer)
        active = np.argsort(-features.mean(0))[:UNITS]
        activations = np.zeros((len(active), features.shape[1]), "float32")
        activations[np.arange(len(active)), active] = ALONE * features[:, active].max(0)
        rows.append(on_white(network.generate_from_features(activations, layer, AZIMUTH, ELEVATION)))
    picture = pictures.grid(np.concatenate(rows), columns=len(rows[0]), scale=chairs_figures.scale(network))
    return pictures.label_rows(picture, LAYERS[:-1])


def most_reliable(network, name, seed, layer="fc4"):
    """The unit that a transformation changes most, measured in what the change varies between views.

    Args:
        name: the transformation, of models/chairs/transformations.py.

    Returns: (the unit's number, the change's mean over its standard deviation).
    """
    from image_generators.models.chairs import transformations

    ends = np.zeros((2, len(transformations.NAMES)), "float32")
    place = transformations.NAMES.index(name)
    ends[:, place] = np.array([-1, 1]) * transformations.RANGES[place]
    seen = views(network, seed)
    less, more = (network.features(*seen, np.tile(end, (VIEWS, 1)), layer=layer) for end in ends)
    change = more - less
    reliability = change.mean(0) / (change.std(0) + 1e-6)
    reliability[(change != 0).mean(0) < 0.9] = 0.0  # units that are mostly silent tell nothing
    unit = int(np.abs(reliability).argmax())
    return unit, float(reliability[unit])


def turned_up(network, unit, styles, seed, layer="fc4"):
    """Styles with one unit at LEVELS, uint8 [n, levels, size, size, 3]."""
    features = network.features(styles, AZIMUTH, ELEVATION, layer=layer)
    most = network.features(*views(network, seed), layer=layer)[:, unit].max()
    changed = np.repeat(features[:, None], len(LEVELS), axis=1)
    changed[..., unit] = LEVELS * most
    drawn = on_white(network.generate_from_features(np.concatenate(changed), layer, AZIMUTH, ELEVATION))
    return drawn.reshape(len(styles), len(LEVELS), *drawn.shape[1:])


def draw(network, record, options, stem):
    """Writes the pictures; returns their paths."""
    if options.triples:
        triples = chairs_figures.groups(options.triples, network, "triples", 3)
    else:
        some = chairs_figures.some_styles(network, TRIPLES + 2, options.seed)
        triples = np.stack([some, np.roll(some, -1), np.roll(some, -2)], axis=-1)[:TRIPLES]
    written = [pictures.save_png(chairs_figures.file(stem, "-arithmetic.png"), arithmetic(network, triples))]
    written.append(pictures.save_png(chairs_figures.file(stem, "-units.png"), units(network, options.seed)))
    if network.transformations:
        unit, reliability = most_reliable(network, "log_zoom", options.seed)
        print(f"zoom: unit {unit} of fc4 changes by {reliability:.1f} times the change's standard deviation")
        drawn = turned_up(network, unit, np.unique(triples)[:ZOOMED], options.seed)
        picture = pictures.grid(np.concatenate(drawn), columns=len(LEVELS), scale=chairs_figures.scale(network))
        written.append(pictures.save_png(chairs_figures.file(stem, "-zoom.png"), picture))
    return written


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.parser(__doc__)
    parser.add_argument(
        "--triples", type=flag_values.text, help="of styles, by their numbers: 0-5-7,3-7-1 (default: some at random)"
    )
    return parser.parse_args(argv[1:])


def run(options):
    """Draws; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_feature_arithmetic", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
