"""Composes images from others: a digit in clutter, two digits on a canvas, random binarisation, crops.

Equal generators give equal images on every machine.
"""

import numpy as np

CLUTTERED_SIZE = 100
PIECES = 8
PIECE_SIZE = 8
TWO_DIGIT_SIZE = 60


def cluttered(digits: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cluttered translated digits, as DeepMind's generator makes them (github.com/google-deepmind/mnist-cluttered).

    On a black canvas, 8 patches of 8x8 pixels, each cut at a random position from a random image of `sources`, are
    added at random positions. Then the whole digit is added at a random position. All positions at which a patch or
    digit lies inside the canvas are equally likely. Sums above 255 become 255.

    Args:
        digits: uint8 `[n, 28, 28, 1]`, one for each output image.
        sources: uint8 `[m, 28, 28, 1]`, from which the clutter is cut; at least one.
        rng: random generator.

    Returns:
        uint8 `[n, 100, 100, 1]`.

    Raises:
        ValueError: images have another dtype or shape, or `sources` is empty.
    """
    _check(digits=digits, sources=sources)
    n, size = len(digits), digits.shape[1]
    source = rng.integers(len(sources), size=(PIECES, n))
    cut_top, cut_left = rng.integers(size - PIECE_SIZE + 1, size=(2, PIECES, n))
    top, left = rng.integers(CLUTTERED_SIZE - PIECE_SIZE + 1, size=(2, PIECES, n))
    digit_top, digit_left = rng.integers(CLUTTERED_SIZE - size + 1, size=(2, n))

    canvas = np.zeros((n, CLUTTERED_SIZE, CLUTTERED_SIZE), np.uint16)
    windows = np.lib.stride_tricks.sliding_window_view(sources[..., 0], (PIECE_SIZE, PIECE_SIZE), axis=(1, 2))
    for i in range(PIECES):
        _add(canvas, windows[source[i], cut_top[i], cut_left[i]], top[i], left[i])
    _add(canvas, digits[..., 0], digit_top, digit_left)
    return _clip(canvas)


def two_digits(first: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two digits at random positions on a black canvas. Where they overlap, sums above 255 become 255.

    Args:
        first: uint8 `[n, 28, 28, 1]`, one for each output image.
        sources: uint8 `[m, 28, 28, 1]`, from which the second digit is drawn; at least one.
        rng: random generator.

    Returns:
        uint8 `[n, 60, 60, 1]`.

    Raises:
        ValueError: images have another dtype or shape, or `sources` is empty.
    """
    _check(first=first, sources=sources)
    n, size = len(first), first.shape[1]
    second = sources[rng.integers(len(sources), size=n)]
    top, left = rng.integers(TWO_DIGIT_SIZE - size + 1, size=(2, 2, n))

    canvas = np.zeros((n, TWO_DIGIT_SIZE, TWO_DIGIT_SIZE), np.uint16)
    for i, digits in enumerate((first, second)):
        _add(canvas, digits[..., 0], top[i], left[i])
    return _clip(canvas)


def binarise(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sets each pixel to 1 with probability grey / 255, otherwise to 0.

    Args:
        grey: uint8, any shape.

    Returns:
        uint8 of the same shape.
    """
    return (rng.integers(255, size=grey.shape, dtype=np.uint8) < grey).astype(np.uint8)


def random_crops(images: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Random square crops, `[n, size, size, channels]`, one of each of `images` `[n, height, width, channels]`."""
    n, height, width, _ = images.shape
    top, left = rng.integers(height - size + 1, size=n), rng.integers(width - size + 1, size=n)
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return np.ascontiguousarray(np.moveaxis(windows[np.arange(n), top, left], 1, -1))


def centre_crops(images: np.ndarray, size: int) -> np.ndarray:
    """Central square crops, `[n, size, size, channels]`, of `images` `[n, height, width, channels]`."""
    top, left = ((extent - size) // 2 for extent in images.shape[1:3])
    return images[:, top : top + size, left : left + size]


def _check(**images):
    for name, value in images.items():
        if value.dtype != np.uint8 or value.ndim != 4 or value.shape[1:] != (28, 28, 1):
            raise ValueError(f"{name} must be uint8 of shape (n, 28, 28, 1). Received: {value.dtype} {value.shape}")
    if not len(images["sources"]):
        raise ValueError("sources must have at least one image. Received: an empty array")


def _add(canvas, patches, top, left):
    """Adds patch i, `[height, width]`, to canvas i with its upper left corner at `top[i]`, `left[i]`."""
    n, height, width = patches.shape
    rows = top[:, None, None] + np.arange(height)[:, None]
    columns = left[:, None, None] + np.arange(width)
    canvas[np.arange(n)[:, None, None], rows, columns] += patches


def _clip(canvas):
    """Clips once at the end, which equals clipping after each patch: nothing is subtracted."""
    return np.minimum(canvas, 255).astype(np.uint8)[..., np.newaxis]
