"""Stored images made as small as models here want them, by area averaging: whole numbers, the same on every machine."""

import numpy as np

from image_generators.data.compose import centre_crops

CHARACTER = 28
# Of 255. At half, thin strokes break; at a third, small loops fill.
INKED = 102
FACE, FACE_IN_PHOTOGRAPH = 32, 128


def area_average(images: np.ndarray, size: int) -> np.ndarray:
    """Each new pixel is the mean of the area that it covers; pixels cut by its border count in part. Half rounds up.

    Args:
        images: uint8 `[n, height, width, channels]`.
        size: the new height and width, at least 1, at most the old ones.

    Returns:
        uint8 `[n, size, size, channels]`.

    Raises:
        ValueError: `size` is no such integer.
    """
    n, height, width, channels = images.shape
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= min(height, width):
        raise ValueError(f"size is {size!r}; accepted: integers from 1 to {min(height, width)}")
    down, across = _overlaps(height, size), _overlaps(width, size)
    rows = down @ images.reshape(n, height, width * channels)  # float64 [n, size, width * channels]
    sums = across @ rows.reshape(n, size, width, channels)  # [n, size, size, channels], whole numbers below 2**53
    area = height * width
    return ((2 * sums.astype(np.int64) + area) // (2 * area)).astype(np.uint8)


def characters(images: np.ndarray) -> np.ndarray:
    """Omniglot's black strokes on white, uint8 `[n, 105, 105, 3]`, as 1 (ink) on 0, uint8 `[n, 28, 28, 1]`.

    A pixel is ink where strokes cover 40% of it (`INKED`).
    """
    return (area_average(255 - images[..., :1], CHARACTER) >= INKED).astype(np.uint8)


def faces(images: np.ndarray) -> np.ndarray:
    """LFW's photographs, uint8 `[n, 250, 250, 3]`: the 128x128 pixels in the middle, the face, at 32x32."""
    return area_average(centre_crops(images, FACE_IN_PHOTOGRAPH), FACE)


def _overlaps(old, new):
    """How much of each old pixel lies in each new one, float64 `[new, old]`, in units of 1 / new of an old pixel."""
    starts, ends = np.arange(new)[:, None] * old, (np.arange(new)[:, None] + 1) * old
    pixels = np.arange(old) * new
    return np.clip(np.minimum(ends, pixels + new) - np.maximum(starts, pixels), 0, None).astype(np.float64)
