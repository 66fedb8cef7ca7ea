"""Attention windows drawn over images: a rectangle round the filters; the finer they see, the thicker its line."""

import numpy as np
from PIL import Image, ImageDraw

from reproduce import pictures

RED, GREEN = (230, 30, 30), (30, 200, 60)


def outline(image, window, size, scale=2, colour=RED):
    """Draws one window over one image.

    Args:
        image: uint8 [height, width, 1 or 3].
        window: [5], as in layers/gaussian_attention.py.
        size: N, filters along a side; the rectangle goes round N strides.
        scale: each pixel becomes scale x scale pixels.
        colour: of the line.

    Returns: uint8 [scale * height, scale * width, 3].
    """
    image = np.broadcast_to(image, (*image.shape[:2], 3)).repeat(scale, axis=0).repeat(scale, axis=1)
    picture = Image.fromarray(np.ascontiguousarray(image))
    g_x, g_y, stride, sigma, _ = (float(value) for value in window)
    reach = size * stride / 2
    left, right, top, bottom = (
        float(np.clip((centre + side * reach - 0.5) * scale, -1e4, 1e4)) for centre in (g_x, g_y) for side in (-1, 1)
    )  # pixels count from 1, and the first one's centre is half a pixel from the border
    width = int(np.clip(round(2 * scale / sigma), 1, 3 * scale))  # the precision, 1 / sigma
    ImageDraw.Draw(picture).rectangle((left, top, max(right, left), max(bottom, top)), outline=colour, width=width)
    return np.asarray(picture)


def glimpses(network, images, scale=1):
    """A classifier's windows: a row for each image, a column for each glimpse; uint8 [height, width, 3]."""
    windows = network.classify(images).windows  # [n, glimpses, 5]
    if not windows.shape[1]:
        return pictures.grid(images, scale=scale)
    cells = [
        outline(image, window, network.glimpse_size, scale, GREEN)
        for image, of_image in zip(images, windows, strict=True)
        for window in of_image
    ]
    return pictures.grid(np.stack(cells), columns=windows.shape[1])
