"""Transformations: what is done to image and mask in training, and told to the network; Section 3 of arXiv 1411.5928.

A transformation is a vector of eight numbers, in this order, all zero for none:

    log_zoom         times the size of what is shown
    log_stretch      times its width, and its height divided by it
    shift_x, _y      of the picture's size, to the right and down
    rotation         radians, counter-clockwise on the screen
    log_brightness   times V of HSV, at most 1
    log_saturation   times S of HSV, at most 1
    hue              radians on the circle of HSV, from red by yellow to green

Stretched first, then zoomed, rotated and shifted: p' = zoom R diag(stretch, 1 / stretch) p + shift, p from the centre.
The mask gets the first five, its spatial part. Everything is keras.ops, and compiled by XLA: a third of the time.
"""

import keras
import numpy as np
from keras import ops

from image_generators.models.compiled import fused

NAMES = ("log_zoom", "log_stretch", "shift_x", "shift_y", "rotation", "log_brightness", "log_saturation", "hue")
SPATIAL = 5  # how many of them move pixels
RANGES = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.7, 0.7, 1.5], "float32")  # uniform between minus and plus this

# The paper draws spatial parts again while a corner of the transformed picture falls outside its source, which is
# larger than what the network sees; how much larger we do not know. Here a source goes on, black, to 1.5 of its size.
SOURCE = 1.5
CANDIDATES = 16  # drawn at once, of which the first that fits is taken


def draw(n, seed, spread=1.0):
    """Random transformations, float32 [n, 8].

    Args:
        n: how many, a number or a scalar tensor.
        seed: integer or keras.random.SeedGenerator.
        spread: times RANGES, 0 to 1: a number or a scalar tensor.
    """
    uniforms = keras.random.uniform((n, CANDIDATES, len(NAMES)), -1.0, 1.0, dtype="float32", seed=seed)
    return choose(uniforms * RANGES * spread)


def choose(candidates):
    """The first of each row of candidates [n, candidates, 8] that fits, [n, 8]; where none does, one that stays put."""
    count = candidates.shape[1]
    fits = ops.cast(_fits(candidates), candidates.dtype)  # [n, candidates]
    first = ops.argmax(fits * ops.arange(count, 0, -1, dtype=fits.dtype), axis=1)  # of equals, argmax takes any
    first = ops.one_hot(first, count, dtype=candidates.dtype)
    chosen = ops.sum(candidates * first[..., None], axis=1)
    moved = chosen[:, :SPATIAL] * ops.max(fits, axis=1, keepdims=True)
    return ops.concatenate([moved, chosen[:, SPATIAL:]], axis=1)


def _fits(transformations):
    """Whether the corners of what is seen lie inside the source: bool [...]."""
    corner = 0.5
    places = [_source(transformations, x, y) for x in (-corner, corner) for y in (-corner, corner)]
    furthest = ops.max(ops.abs(ops.stack([axis for place in places for axis in place])), axis=0)
    return furthest <= SOURCE / 2


def _source(transformations, x, y):
    """Where the point (x, y) of a transformed picture was before; both from the centre, in sizes of the picture.

    Args:
        transformations: [..., 8].
        x, y: numbers, or tensors of as many axes as transformations[..., 0].
    """
    zoom, stretch = ops.exp(transformations[..., 0]), ops.exp(transformations[..., 1])
    x, y = x - transformations[..., 2], y - transformations[..., 3]
    cos, sin = ops.cos(transformations[..., 4]), ops.sin(transformations[..., 4])
    return (cos * x - sin * y) / (zoom * stretch), (sin * x + cos * y) * (stretch / zoom)


def apply(rgba, transformations):
    """Transforms pictures.

    Args:
        rgba: float [batch, size, size, 4], 0 to 1: the colours, times the mask, and the mask.
        transformations: float [batch, 8].

    Returns: float [batch, size, size, 4], 0 to 1; black, and mask 0, where nothing was.
    """
    return recolour(resample(rgba, transformations), transformations)


@fused
def resample(maps, transformations):
    """The spatial part: maps [batch, size, size, channels], bilinear, with zeros around."""
    size, channels = maps.shape[1], maps.shape[-1]
    pixels = (ops.arange(size, dtype="float32") + 0.5) / size - 0.5
    x, y = _source(transformations[:, None, None], pixels[None, None, :], pixels[None, :, None])  # [B, H, W]
    padded = ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    (left, right_share), (top, bottom_share) = _neighbours(x, size), _neighbours(y, size)
    row = size + 2
    images = ops.arange(ops.shape(maps)[0], dtype="int32")[:, None, None]
    corner = (images * row + top) * row + left  # the top left neighbour, counted over all padded pixels
    values = ops.reshape(padded, (-1, channels))
    upper, lower = (
        _between(ops.take(values, first, axis=0), ops.take(values, first + 1, axis=0), right_share)
        for first in (corner, corner + row)
    )
    return _between(upper, lower, bottom_share)


def _neighbours(places, size):
    """Places in sizes of the picture -> the pixel before each, counted with the padding, and the next one's share."""
    places = ops.clip((places + 0.5) * size + 0.5, 0.0, size + 1.0)
    before = ops.minimum(ops.floor(places), size)
    return ops.cast(before, "int32"), (places - before)[..., None]


def _between(first, second, share):
    return first + (second - first) * share


@fused
def recolour(rgba, transformations):
    """Brightness, saturation and hue, in HSV.

    Colours are times the mask, at an edge less than what they stand for; hue and saturation do not depend on that, and
    the brightest that there can be is the mask.
    """
    red, green, blue, mask = ops.unstack(rgba, 4, axis=-1)
    log_brightness, log_saturation, hue = (transformations[:, None, None, i] for i in range(SPATIAL, len(NAMES)))
    value = ops.maximum(ops.maximum(red, green), blue)
    chroma = value - ops.minimum(ops.minimum(red, green), blue)
    sixths = _sixths(red, green, blue, value, chroma) + hue * (3.0 / np.pi)
    brighter = ops.minimum(value * ops.exp(log_brightness), ops.maximum(mask, value))
    gain = ops.minimum(ops.exp(log_saturation), value / ops.maximum(chroma, 1e-6))  # saturation is at most 1
    chroma = chroma * gain * (brighter / ops.maximum(value, 1e-6))
    colours = [brighter - chroma * _lack(sixths + start) for start in (5.0, 3.0, 1.0)]
    return ops.stack([*colours, mask], axis=-1)


def _sixths(red, green, blue, value, chroma):
    """The hue of HSV in sixths of its circle, -1 to 5; of grey 0."""
    divisor = ops.maximum(chroma, 1e-6)
    of_red, of_green, of_blue = (green - blue) / divisor, (blue - red) / divisor + 2.0, (red - green) / divisor + 4.0
    return ops.where(value == red, of_red, ops.where(value == green, of_green, of_blue))


def _lack(sixths):
    """How far a colour is below the brightest one, 0 to 1 of the chroma."""
    sixths = sixths - 6.0 * ops.floor(sixths / 6.0)
    return ops.clip(ops.minimum(sixths, 4.0 - sixths), 0.0, 1.0)
