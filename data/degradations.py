"""What is left of an image when something is taken from it, and simple ways to guess what that was.

The tasks of image processing that Section 1 of arXiv 1606.05328 names; their conditions say what is where (Eq. 5). Each
is a pure function of uint8 images [n, height, width, 3] and a generator: what remains, uint8, is the condition that a
model is given.

colourise      grey values, [n, height, width, 1]
super_resolve  means of squares of 4x4 pixels, [n, height / 4, width / 4, 3]
inpaint        the image with holes of zeros, and a channel more: 255 where a pixel is known, [n, height, width, 4]
denoise        the image under normal noise of standard deviation 25, clipped
deblur         the image under a Gaussian filter of standard deviation 1.5 pixels
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


def grey(images, rng=None):
    """Luma, [n, height, width, 1]."""
    return _bytes((images @ _GREY)[..., None])


def shrink(images, rng=None):
    """Means of squares; ValueError where the sides are no multiples of 4."""
    n, height, width, channels = images.shape
    if height % SHRINK or width % SHRINK:
        raise ValueError(
            f"images must be a multiple of {SHRINK} high and wide to be shrunk. Received: {height}x{width}"
        )
    squares = images.reshape(n, height // SHRINK, SHRINK, width // SHRINK, SHRINK, channels)
    return _bytes(squares.mean(axis=(2, 4)))


def hide(images, known):
    """Images without what is not known (bool [n, height, width]), and the mask as one channel more."""
    known = np.asarray(known)
    if known.dtype != bool or known.shape != images.shape[:-1]:
        raise ValueError(
            f"known must be bool {list(images.shape[:-1])}. Received: {known.dtype} of shape {list(known.shape)}"
        )
    mask = known[..., None].astype("uint8")
    return np.concatenate([images * mask, 255 * mask], axis=-1)


def holes(n, height, width, rng):
    """Masks of all kinds in turn, bool [n, height, width], True where known.

    The lower half hidden; a rectangle of up to two thirds of each side; most single pixels; strokes of a brush.
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


def hide_parts(images, rng):
    """`hide`, with `holes`."""
    return hide(images, holes(*images.shape[:3], rng))


def add_noise(images, rng):
    return _bytes(images + rng.normal(0, NOISE, images.shape))


def _gaussian_filter(images, sigmas, mode):
    from scipy import ndimage  # here: flags and tables need the names of the tasks alone

    return ndimage.gaussian_filter(images, sigmas, mode=mode)


def blur(images, rng=None):
    return _bytes(_gaussian_filter(images.astype("float32"), (0, BLUR, BLUR, 0), mode="nearest"))


# Simple guesses: uint8 [n, height, width, 3] from what remains.


def enlarge(small):
    """Bicubic, by Pillow."""
    size = small.shape[2] * SHRINK, small.shape[1] * SHRINK
    large = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small]
    return np.array(large, "uint8").reshape(len(small), size[1], size[0], small.shape[3])


def fill_holes(hidden):
    """Each hidden pixel as the mean of known ones, the nearer the more, by a Gaussian filter that widens until it finds
    some."""
    images, known = hidden[..., :-1].astype("float32"), (hidden[..., -1:] == 255).astype("float32")
    filled, weight = images, known
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0):
        spread = (0, sigma, sigma, 0)
        near = _gaussian_filter(known, spread, mode="constant")
        mean = _gaussian_filter(images * known, spread, mode="constant") / np.maximum(near, 1e-9)
        found = (weight == 0) & (near > 1e-3)
        filled, weight = np.where(found, mean, filled), np.maximum(weight, found)
    return _bytes(filled)


def smooth(noisy):
    """A Gaussian filter of one pixel."""
    return _bytes(_gaussian_filter(noisy.astype("float32"), (0, 1, 1, 0), mode="nearest"))


class Task(NamedTuple):
    """What is taken, and the simple guess beside which a model has to stand."""

    take: Callable  # of images and a generator: what remains
    guess: Callable  # of what remains: images
    guess_name: str


TASKS = {
    "colourise": Task(grey, lambda remains: np.repeat(remains, 3, axis=-1), "grey as it is"),
    "super_resolve": Task(shrink, enlarge, "bicubic"),
    "inpaint": Task(hide_parts, fill_holes, "mean of the nearest known"),
    "denoise": Task(add_noise, smooth, "Gaussian filter"),
    "deblur": Task(blur, lambda remains: remains, "blurred as it is"),
}


def task_data(data: ImageData, task: str) -> ImageData:
    """`data` with what remains of each image in the place of its label: uint8 [n, ...], the same every time."""

    def without(split):
        images = getattr(data, split).images
        rng = np.random.Generator(np.random.Philox(_SEEDS[split]))
        return Split(images, TASKS[task].take(images, rng))

    return dataclasses.replace(
        data,
        name=f"{data.name}-{task}",
        title=f"{data.title}, {task}",
        **{split: without(split) for split in _SEEDS},
        class_names=(),
    )


def _bytes(values):
    return np.clip(np.rint(values), 0, 255).astype("uint8")
