"""Image restoration tasks: functions that degrade images, and simple baselines that restore them.

Section 1 of arXiv 1606.05328 names such tasks. The degraded image is the condition of a model, with spatial information
(Eq. 5). Each degradation is a pure function of uint8 images [n, height, width, 3] and a random generator, and returns
uint8:

colourise      grey values, [n, height, width, 1]
super_resolve  means over squares of 4x4 pixels, [n, height / 4, width / 4, 3]
inpaint        the image with hidden pixels set to 0, and a mask channel, 255 for known pixels: [n, height, width, 4]
denoise        the image plus normal noise with a standard deviation of 25, clipped
deblur         the image after a Gaussian filter with a standard deviation of 1.5 pixels
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from image_generators.data.image_data import ImageData, Split

SHRINK = 4
NOISE = 25.0  # grey levels
BLUR = 1.5  # pixels
_SEEDS = {"train": 0, "validation": 1, "test": 2}
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def grey(images: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Luma, [n, height, width, 1]."""
    return _bytes((images @ _GREY)[..., None])


def shrink(images: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Means over squares of 4x4 pixels. ValueError: height or width is not a multiple of 4."""
    n, height, width, channels = images.shape
    if height % SHRINK or width % SHRINK:
        raise ValueError(
            f"images must have a height and width that are multiples of {SHRINK}. Received: {height}x{width}"
        )
    squares = images.reshape(n, height // SHRINK, SHRINK, width // SHRINK, SHRINK, channels)
    return _bytes(squares.mean(axis=(2, 4)))


def hide(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Sets pixels that are not `known`, bool [n, height, width], to 0, and appends the mask as a channel."""
    known = np.asarray(known)
    if known.dtype != bool or known.shape != images.shape[:-1]:
        raise ValueError(
            f"known must be bool {list(images.shape[:-1])}. Received: {known.dtype} of shape {list(known.shape)}"
        )
    mask = known[..., None].astype("uint8")
    return np.concatenate([images * mask, 255 * mask], axis=-1)


def holes(n: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Masks, bool [n, height, width], True for known pixels.

    Four kinds alternate: the lower half is hidden; a rectangle of up to two thirds of each side; 50% to 90% of the
    pixels; strokes of a brush.
    """
    known = np.ones((n, height, width), bool)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    for i in range(n):
        kind = i % 4
        if kind == 0:
            known[i, height // 2 :] = False
        elif kind == 1:
            sides = [rng.integers(side // 4, 2 * side // 3 + 1) for side in (height, width)]
            top, left = rng.integers(height - sides[0] + 1), rng.integers(width - sides[1] + 1)
            known[i, top : top + sides[0], left : left + sides[1]] = False
        elif kind == 2:
            known[i] = rng.random((height, width)) > rng.uniform(0.5, 0.9)
        else:
            for _ in range(rng.integers(1, 5)):
                (y, x), (v, u) = rng.uniform(0, (height, width)), rng.uniform(0, (height, width))
                length = np.hypot(v - y, u - x) + 1e-9
                along = np.clip(((rows - y) * (v - y) + (columns - x) * (u - x)) / length**2, 0, 1)
                far = np.hypot(rows - y - along * (v - y), columns - x - along * (u - x))
                known[i] &= far > rng.uniform(1, 3)
    return known


def hide_parts(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`hide`, with `holes`."""
    return hide(images, holes(*images.shape[:3], rng))


def add_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds normal noise."""
    return _bytes(images + rng.normal(0, NOISE, images.shape))


def _gaussian_filter(images, sigmas, mode):
    from scipy import ndimage  # here: flags and tables need the names of the tasks alone

    return ndimage.gaussian_filter(images, sigmas, mode=mode)


def blur(images: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Applies a Gaussian filter."""
    return _bytes(_gaussian_filter(images.astype("float32"), (0, BLUR, BLUR, 0), mode="nearest"))


# Baselines: from a degraded image to uint8 [n, height, width, 3].


def enlarge(small: np.ndarray) -> np.ndarray:
    """Bicubic upsampling by Pillow."""
    size = small.shape[2] * SHRINK, small.shape[1] * SHRINK
    large = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small]
    return np.array(large, "uint8").reshape(len(small), size[1], size[0], small.shape[3])


def fill_holes(hidden: np.ndarray) -> np.ndarray:
    """Fills hidden pixels with weighted means of known ones, by Gaussian filters of growing width."""
    images, known = hidden[..., :-1].astype("float32"), (hidden[..., -1:] == 255).astype("float32")
    filled, weight = images, known
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0):
        spread = (0, sigma, sigma, 0)
        near = _gaussian_filter(known, spread, mode="constant")
        mean = _gaussian_filter(images * known, spread, mode="constant") / np.maximum(near, 1e-9)
        reached = (weight == 0) & (near > 1e-3)
        filled, weight = np.where(reached, mean, filled), np.maximum(weight, reached)
    return _bytes(filled)


def smooth(noisy: np.ndarray) -> np.ndarray:
    """Applies a Gaussian filter with a standard deviation of one pixel."""
    return _bytes(_gaussian_filter(noisy.astype("float32"), (0, 1, 1, 0), mode="nearest"))


class Task(NamedTuple):
    """A degradation, and the baseline that models are compared with."""

    take: Callable[[np.ndarray, np.random.Generator], np.ndarray]  # images and a generator to degraded images
    guess: Callable[[np.ndarray], np.ndarray]  # degraded images to images
    guess_name: str  # part of the names of metrics in records


TASKS = {
    "colourise": Task(grey, lambda remains: np.repeat(remains, 3, axis=-1), "grey as it is"),
    "super_resolve": Task(shrink, enlarge, "bicubic"),
    "inpaint": Task(hide_parts, fill_holes, "mean of the nearest known"),
    "denoise": Task(add_noise, smooth, "Gaussian filter"),
    "deblur": Task(blur, lambda remains: remains, "blurred as it is"),
}


def task_data(data: ImageData, task: str) -> ImageData:
    """`data` with degraded images, uint8 [n, ...], as labels. They are the same in every call.

    Args:
        data: images `[n, height, width, 3]`.
        task: a key of TASKS.
    """

    def degraded(split):
        images = getattr(data, split).images
        rng = np.random.Generator(np.random.Philox(_SEEDS[split]))
        return Split(images, TASKS[task].take(images, rng))

    return dataclasses.replace(
        data,
        name=f"{data.name}-{task}",
        title=f"{data.title}, {task}",
        **{split: degraded(split) for split in _SEEDS},
        class_names=(),
    )


def _bytes(values):
    return np.clip(np.rint(values), 0, 255).astype("uint8")
