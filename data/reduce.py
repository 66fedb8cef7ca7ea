"""Downsamples stored images by area averaging, in integer arithmetic: the result is the same on every machine."""

import numpy as np

from image_generators.data.compose import centre_crops

CHARACTER = 28
INKED = 102  # of 255. At a half, thin strokes would break; at a third, small loops would fill.
FACE, FACE_IN_PHOTOGRAPH = 32, 128


def area_average(images: np.ndarray, size: int) -> np.ndarray:
    """Downsamples: each new pixel is the mean over its area, weighted by overlap. Halves are rounded up.

    Args:
        images: uint8 `[n, height, width, channels]`.
        size: the new height and width, from 1 to the smaller of the old ones.

    Returns:
        uint8 `[n, size, size, channels]`.

    Raises:
        ValueError: `size` is not such an integer.
    """
    n, height, width, channels = images.shape
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= min(height, width):
        raise ValueError(f"size must be an integer from 1 to {min(height, width)}. Received: size={size!r}")
    down, across = _overlaps(height, size), _overlaps(width, size)
    rows = down @ images.reshape(n, height, width * channels)  # float64 [n, size, width * channels]
    sums = across @ rows.reshape(n, size, width, channels)  # [n, size, size, channels], whole numbers below 2**53
    area = height * width
    return ((2 * sums.astype(np.int64) + area) // (2 * area)).astype(np.uint8)


def characters(images: np.ndarray) -> np.ndarray:
    """Converts Omniglot's black strokes on white, uint8 `[n, 105, 105, 3]`, to uint8 `[n, 28, 28, 1]`, 1 for ink.

    A pixel is ink if strokes cover at least 40% of it (`INKED`).
    """
    return (area_average(255 - images[..., :1], CHARACTER) >= INKED).astype(np.uint8)


def faces(images: np.ndarray) -> np.ndarray:
    """The central 128x128 pixels of LFW's photographs, uint8 `[n, 250, 250, 3]`, downsampled to 32x32."""
    return area_average(centre_crops(images, FACE_IN_PHOTOGRAPH), FACE)


def _overlaps(old, new):
    """The overlap of each new pixel with each old one, float64 `[new, old]`, in units of 1 / new of an old pixel."""
    starts, ends = np.arange(new)[:, None] * old, (np.arange(new)[:, None] + 1) * old
    pixels = np.arange(old) * new
    return np.clip(np.minimum(ends, pixels + new) - np.maximum(starts, pixels), 0, None).astype(np.float64)
