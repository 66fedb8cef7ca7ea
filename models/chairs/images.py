"""What a ChairsGenerator draws, and how it is put on white: colours on black, and a mask."""

from typing import NamedTuple

import numpy as np


class Generated(NamedTuple):
    """Pictures of n views."""

    images: np.ndarray  # uint8 [n, size, size, 3]: colours on black, as the network gives them, cut to 0 .. 255
    masks: np.ndarray  # uint8 [n, size, size]: how much of each pixel is covered, 255 for all of it


def on_white(generated):
    """Generated -> uint8 [n, size, size, 3]: rgb * mask + 1 - mask, as the authors compose their figures.

    The colours are those of the loss, x * mask, so that an edge is darker than what it stands for; what the network
    leaves outside of the mask disappears.
    """
    images, masks = np.asarray(generated.images), np.asarray(generated.masks)[..., None] / 255.0
    return np.round(images * masks + 255.0 * (1.0 - masks)).astype("uint8")


def data_on_white(rgba):
    """uint8 [n, size, size, 4], data (colours times the mask, and the mask) -> uint8 [n, size, size, 3], exactly."""
    rgba = np.asarray(rgba).astype("int32")
    return np.minimum(rgba[..., :3] + 255 - rgba[..., 3:], 255).astype("uint8")
