"""Attention windows drawn over images: a square round the filters; the finer they see, the thicker its line.

As in Figure 1 of arXiv 1502.04623.
"""

from typing import TYPE_CHECKING

import numpy as np

from image_generators.evaluation import pictures

if TYPE_CHECKING:
    from image_generators.models.draw.classifier import Classifier

RED, GREEN = (230, 30, 30), (30, 200, 60)


def enlarge(images: np.ndarray, scale: int) -> np.ndarray:
    """Each pixel becomes scale x scale pixels: [..., height, width, channels] -> [..., scale * height, ...]."""
    return images.repeat(scale, axis=-3).repeat(scale, axis=-2)


def outline(
    images: np.ndarray, windows: np.ndarray, size: int, scale: int = 1, colour: tuple[int, int, int] = RED
) -> np.ndarray:
    """Draws a window over each image.

    The square goes from the pixel under the first filter to that under the last: round exactly the pixels of a patch
    whose stride is a pixel, and round the image where the stride is the largest that fits. Its line lies inside it and
    is as wide as the filters' precision: 1 / sigma of the image's pixels, but at least one of the picture's, so that
    it shows, and at most two of the image's.

    Args:
        images: uint8 [..., scale * height, scale * width, 1 or 3], enlarged `scale` times already.
        windows: [..., 5], as in layers/gaussian_attention.py, in pixels of the image before that. Leading axes
            broadcast: many windows over one image are many pictures.
        size: N, filters along a side.
        scale: an integer of at least 1.
        colour: of the line.

    Returns: uint8 [..., scale * height, scale * width, 3].

    Raises:
        ValueError: an argument is not as said above; the message names it and what was received.
    """
    images, windows = np.asarray(images), np.asarray(windows, "float32")
    if images.dtype != np.uint8 or images.ndim < 3 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`images` must be uint8 [..., height, width, 1 or 3]. Received: {images.dtype} {list(images.shape)}"
        )
    if windows.shape[-1:] != (5,) or not np.isfinite(windows).all() or (windows[..., 2:4] <= 0).any():
        raise ValueError(
            "`windows` must be finite [..., 5], strides and sigmas above 0. "
            f"Received: {windows if windows.size <= 5 else list(windows.shape)}"
        )
    for name, value in (("size", size), ("scale", scale)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be an integer of at least 1. Received: {value!r}")
    g_x, g_y, stride, sigma = np.moveaxis(windows, -1, 0)[:4, ..., None, None]
    # Pixels count from 1: the centre of the first, 1, is half a pixel from the border.
    across = np.abs(_centres(images.shape[-2]) - (g_x - 0.5) * scale)
    down = np.abs(_centres(images.shape[-3])[:, None] - (g_y - 0.5) * scale)
    distance = np.maximum(across, down)  # from the window's centre, in pixels of the picture
    reach = ((size - 1) * stride + 1) / 2 * scale
    line = np.clip(np.rint(scale / sigma), 1, 2 * scale)
    on_line = (reach - line < distance) & (distance <= reach)
    return np.where(on_line[..., None], np.array(colour, "uint8"), images)


def _centres(pixels):
    return np.arange(pixels, dtype="float32") + 0.5


def glimpses(network: "Classifier", images: np.ndarray, scale: int = 1) -> np.ndarray:
    """A classifier's windows: a row for each image, a column for each glimpse; uint8 [height, width, 3].

    Of a classifier without glimpses, the images.
    """
    windows = network.classify(images).windows  # [n, glimpses, 5]
    if not windows.shape[1]:
        return pictures.grid(images, scale=scale)
    cells = outline(enlarge(images, scale)[:, None], windows, network.glimpse_size, scale, GREEN)
    return pictures.grid(np.concatenate(cells), columns=windows.shape[1])
