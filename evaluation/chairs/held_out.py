"""What is shown and measured of held-out views of chairs.

All errors are of colour on black, in [0, 1], as in the loss of arXiv 1411.5928; all pictures are on white.
"""

import numpy as np

from image_generators.evaluation import pictures
from image_generators.models.chairs.images import data_on_white, on_white

MASK = "mask, x 1e-3 squared error"  # measured too


def columns(labels):
    """Labels [n, 3] as what `generate` takes: style int32 [n], azimuth and elevation float32 [n], degrees."""
    return labels[:, 0].astype("int32"), labels[:, 1], labels[:, 2]


def spread(n, of):
    """At most `of` positions, evenly spread over 0 .. n - 1."""
    return np.unique(np.linspace(0, n - 1, min(n, of)).round().astype(int))


def pairs(truth, drawn):
    """Views [n, size, size, 4], each before what was found for it [n, size, size, 3]: uint8 [2n, size, size, 3]."""
    return np.stack([data_on_white(truth), drawn], axis=1).reshape(-1, *drawn.shape[1:])


def picture(network, data, n, seed=0):
    """Held-out views, at most n / 2 of them, eight columns: the truth, and on its right what the network makes."""
    at = spread(len(data.test.images), n // 2)
    drawn = on_white(network.generate(*columns(data.test.labels[at])))
    return pictures.grid(pairs(data.test.images[at], drawn), columns=8)


def measure(network, data, preset, seed=0):
    """The error of the mask, beside that of colour."""
    test = data.test.images[: preset.test_images], data.test.labels[: preset.test_images]
    return {MASK: 1e3 * float(network.mask_error(*test))}


def at_elevations(labels, errors):
    """{"at 40 degrees, x 1e-3": mean error} of images with labels [n, 3] and squared errors [n]."""
    by_elevation = {elevation: errors[labels[:, 2] == elevation] for elevation in np.unique(labels[:, 2])}
    return {
        f"at {elevation:g} degrees, x 1e-3": 1e3 * float(selected.mean())
        for elevation, selected in by_elevation.items()
    }


def squared_error(predicted, truth):
    """Mean squared error per RGB value, in [0, 1], of uint8 images [n, size, size, 3 or 4]: float64 [n]."""
    difference = (predicted[..., :3].astype("float32") - truth[..., :3]) / 255.0
    return np.mean(np.square(difference), axis=(1, 2, 3), dtype="float64")
