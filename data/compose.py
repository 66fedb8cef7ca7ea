"""Pictures made of others: a digit in clutter, two on one canvas, random binarisation; crops.

The numbers drawn do not depend on how they are used: equal generators give equal pictures, on any machine.
"""

import numpy as np

CLUTTERED_SIZE = 100
PIECES = 8
PIECE_SIZE = 8
TWO_DIGIT_SIZE = 60


def cluttered(digits: np.ndarray, sources: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cluttered translated digits as DeepMind's generator makes them (github.com/google-deepmind/mnist-cluttered).

    On black, 8 windows of 8x8 pixels, each from anywhere in a random one of `sources`, are added anywhere; then the
    whole digit is added anywhere. Every position at which a piece lies wholly inside is equally likely. Sums beyond
    white are white.

    Args:
        digits: uint8 `[n, 28, 28, 1]`, one for each picture.
        sources: uint8 `[m, 28, 28, 1]`, what the clutter is cut from; at least one.
        rng: decides everything else.

    Returns:
        uint8 `[n, 100, 100, 1]`.

    Raises:
        ValueError: images of another type or shape, or no `sources`.
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
    """Two digits on one black canvas, each anywhere inside it; where they overlap, sums beyond white are white.

    Args:
        first: uint8 `[n, 28, 28, 1]`, one for each picture.
        sources: uint8 `[m, 28, 28, 1]`, from which the second is drawn; at least one.
        rng: decides everything else.

    Returns:
        uint8 `[n, 60, 60, 1]`.

    Raises:
        ValueError: images of another type or shape, or no `sources`.
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
    """Each pixel 1 with its grey value as probability: black never, white always; else 0.

    Args:
        grey: uint8, any shape.

    Returns:
        uint8 of the same shape.
    """
    return (rng.integers(255, size=grey.shape, dtype=np.uint8) < grey).astype(np.uint8)


def random_crops(images: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A square of `size` pixels from anywhere in each of `images` `[n, height, width, channels]`."""
    n, height, width, _ = images.shape
    top, left = rng.integers(height - size + 1, size=n), rng.integers(width - size + 1, size=n)
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return np.ascontiguousarray(np.moveaxis(windows[np.arange(n), top, left], 1, -1))


def centre_crops(images: np.ndarray, size: int) -> np.ndarray:
    """The square of `size` pixels in the middle of each of `images` `[n, height, width, channels]`."""
    top, left = ((extent - size) // 2 for extent in images.shape[1:3])
    return images[:, top : top + size, left : left + size]


def _check(**images):
    for name, value in images.items():
        if value.dtype != np.uint8 or value.ndim != 4 or value.shape[1:] != (28, 28, 1):
            raise ValueError(f"{name} is {value.dtype} of shape {value.shape}; accepted: uint8 of shape (n, 28, 28, 1)")
    if not len(images["sources"]):
        raise ValueError("sources is empty; accepted: at least one image")


def _add(canvas, patches, top, left):
    """Adds patch i `[height, width]` to canvas i with its corner at `top[i]`, `left[i]`."""
    n, height, width = patches.shape
    rows = top[:, None, None] + np.arange(height)[:, None]
    columns = left[:, None, None] + np.arange(width)
    canvas[np.arange(n)[:, None, None], rows, columns] += patches


def _clip(canvas):
    """One clip at the end is as good as one after each piece, because nothing is subtracted."""
    return np.minimum(canvas, 255).astype(np.uint8)[..., np.newaxis]
