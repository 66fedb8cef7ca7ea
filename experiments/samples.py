"""What a record shows of a network, where its table does not say otherwise."""

from typing import TYPE_CHECKING

import numpy as np

from image_generators.data.image_data import ImageData
from image_generators.evaluation import pictures, windows

if TYPE_CHECKING:
    import keras

SAMPLES = 64  # images in a record's grid


def default_picture(network: "keras.Model", data: ImageData, n: int, seed: int = 0) -> np.ndarray:
    """What a network can do: a grid of samples; of a classifier, where it looks on validation images."""
    if network.needs_labels:
        return windows.glimpses(network, data.validation.images[: n // 8])
    return pictures.grid(network.sample(n, seed=seed), scale=2, levels=data.levels)
