"""What is shown and measured of held-out views of chairs.

All errors are of colour on black, in [0, 1], as in the loss of arXiv 1411.5928; all pictures are on white.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from image_generators.data.image_data import ImageData
from image_generators.evaluation import pictures
from image_generators.models.chairs.images import data_on_white, on_white

if TYPE_CHECKING:
    from image_generators.models.chairs.generator import ChairsGenerator

MASK = "mask, x 1e-3 squared error"  # measured too


def columns(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [n, 3] as what `generate` takes: style int32 [n], azimuth and elevation float32 [n], degrees."""
    return labels[:, 0].astype("int32"), labels[:, 1], labels[:, 2]


def spread(n: int, of: int) -> np.ndarray:
    """At most `of` positions, evenly spread over 0 .. n - 1."""
    return np.unique(np.linspace(0, n - 1, min(n, of)).round().astype(int))


def pairs(truth: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Views [n, size, size, 4], each before what was found for it [n, size, size, 3]: uint8 [2n, size, size, 3]."""
    return np.stack([data_on_white(truth), drawn], axis=1).reshape(-1, *drawn.shape[1:])


def picture(network: "ChairsGenerator", data: ImageData, n: int, seed: int = 0) -> np.ndarray:
    """Held-out views, at most n / 2 of them, eight columns: the truth, and on its right what the network makes."""
    at = spread(len(data.test.images), n // 2)
    drawn = on_white(network.generate(*columns(data.test.labels[at])))
    return pictures.grid(pairs(data.test.images[at], drawn), columns=8)


def measure(network: "ChairsGenerator", data: ImageData, preset: Any, seed: int = 0) -> dict[str, float]:
    """The error of the mask, beside that of colour."""
    test = data.test.images[: preset.test_images], data.test.labels[: preset.test_images]
    return {MASK: 1e3 * float(network.mask_error(*test))}


def at_elevations(labels: np.ndarray, errors: np.ndarray) -> dict[str, float]:
    """{"at 40 degrees, x 1e-3": mean error} of images with labels [n, 3] and squared errors [n]."""
    by_elevation = {elevation: errors[labels[:, 2] == elevation] for elevation in np.unique(labels[:, 2])}
    return {
        f"at {elevation:g} degrees, x 1e-3": 1e3 * float(selected.mean())
        for elevation, selected in by_elevation.items()
    }


def squared_error(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared error per RGB value, in [0, 1], of uint8 images [n, size, size, 3 or 4]: float64 [n]."""
    difference = (predicted[..., :3].astype("float32") - truth[..., :3]) / 255.0
    return np.mean(np.square(difference), axis=(1, 2, 3), dtype="float64")
