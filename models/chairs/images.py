"""The images of a ChairsGenerator, colours on black and a mask, and how they are composed onto white."""

from typing import NamedTuple

import numpy as np


class Generated(NamedTuple):
    """Images of n views."""

    images: np.ndarray  # uint8 [n, size, size, 3]: the network's colours on black, clipped to 0 .. 255
    masks: np.ndarray  # uint8 [n, size, size]: coverage of each pixel, 255 for full coverage


def on_white(generated: Generated) -> np.ndarray:
    """Generated -> uint8 `[n, size, size, 3]`: rgb * mask + 1 - mask, as the authors compose their figures.

    Colours are those of the loss, already multiplied by the mask, so edges become darker than the object. Colours
    outside of the mask disappear.
    """
    images, masks = np.asarray(generated.images), np.asarray(generated.masks)[..., None] / 255.0
    return np.round(images * masks + 255.0 * (1.0 - masks)).astype("uint8")


def data_on_white(rgba: np.ndarray) -> np.ndarray:
    """Data (colours times the mask, and the mask) on white: uint8 `[n, size, size, 4]` -> `[n, size, size, 3]`."""
    rgba = np.asarray(rgba).astype("int32")
    return np.minimum(rgba[..., :3] + 255 - rgba[..., 3:], 255).astype("uint8")
