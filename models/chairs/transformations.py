"""Transformations of image and mask in training, which are also an input of the network; Section 3 of arXiv 1411.5928.

A transformation is a vector of eight numbers, in this order; all zeros is the identity:

    log_zoom         logarithm of the factor of the object's size
    log_stretch      logarithm of the factor of its width; its height is divided by it
    shift_x, _y      fraction of the image's size, to the right and down
    rotation         radians, counter-clockwise on the screen
    log_brightness   logarithm of the factor of V of HSV; V is at most 1
    log_saturation   logarithm of the factor of S of HSV; S is at most 1
    hue              radians on the HSV circle, from red through yellow to green

The order is stretch, zoom, rotation, shift: p' = zoom R diag(stretch, 1 / stretch) p + shift, with p from the centre.
The first five, the spatial part, apply to the mask too. XLA compiles the functions, which takes a third of the time.
"""

import keras
import numpy as np
from keras import ops

from image_generators.models.compiled import fused

NAMES = ("log_zoom", "log_stretch", "shift_x", "shift_y", "rotation", "log_brightness", "log_saturation", "hue")
SPATIAL = 5  # the number of spatial parameters
RANGES = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.7, 0.7, 1.5], "float32")  # uniform in -RANGES .. RANGES

# The paper draws the spatial part again while a corner of the transformed image falls outside of its source, which is
# larger than the network's image. It does not say how much larger; here the source is padded with black to 1.5 times
# the image's size.
SOURCE = 1.5
CANDIDATES = 16  # drawn at once; the first valid one is used


def draw(n, seed, spread=1.0):
    """Random transformations, float32 `[n, 8]`.

    Args:
        n: number of transformations, an integer or a scalar tensor.
        seed: integer or keras.random.SeedGenerator.
        spread: factor of RANGES, 0 to 1, a number or a scalar tensor.
    """
    uniforms = keras.random.uniform((n, CANDIDATES, len(NAMES)), -1.0, 1.0, dtype="float32", seed=seed)
    return choose(uniforms * RANGES * spread)


def choose(candidates):
    """The first valid candidate of each row, `[n, candidates, 8]` -> `[n, 8]`.

    If no candidate is valid, the spatial part is the identity.
    """
    count = candidates.shape[1]
    fits = ops.cast(_fits(candidates), candidates.dtype)  # [n, candidates]
    first = ops.argmax(fits * ops.arange(count, 0, -1, dtype=fits.dtype), axis=1)  # distinct numbers: argmax of ties
    first = ops.one_hot(first, count, dtype=candidates.dtype)
    chosen = ops.sum(candidates * first[..., None], axis=1)
    spatial = chosen[:, :SPATIAL] * ops.max(fits, axis=1, keepdims=True)
    return ops.concatenate([spatial, chosen[:, SPATIAL:]], axis=1)


def _fits(transformations):
    """Whether the corners of the transformed image lie inside its source: bool [...]."""
    corner = 0.5
    points = [_source(transformations, x, y) for x in (-corner, corner) for y in (-corner, corner)]
    furthest = ops.max(ops.abs(ops.stack([axis for point in points for axis in point])), axis=0)
    return furthest <= SOURCE / 2


def _source(transformations, x, y):
    """The source of the point (x, y) of a transformed image; both from the centre, in units of the image's size.

    Args:
        transformations: [..., 8].
        x, y: numbers, or tensors with as many axes as transformations[..., 0].
    """
    zoom, stretch = ops.exp(transformations[..., 0]), ops.exp(transformations[..., 1])
    x, y = x - transformations[..., 2], y - transformations[..., 3]
    cos, sin = ops.cos(transformations[..., 4]), ops.sin(transformations[..., 4])
    return (cos * x - sin * y) / (zoom * stretch), (sin * x + cos * y) * (stretch / zoom)


def apply(rgba, transformations):
    """Transforms images.

    Args:
        rgba: float `[batch, size, size, 4]`, 0 to 1: the colours times the mask, and the mask.
        transformations: float `[batch, 8]`.

    Returns: float `[batch, size, size, 4]`, 0 to 1; zeros where the source lies outside of the image.
    """
    return recolour(resample(rgba, transformations), transformations)


@fused
def resample(maps, transformations):
    """The spatial part: bilinear resampling of maps `[batch, size, size, channels]`, with zeros outside."""
    size, channels = maps.shape[1], maps.shape[-1]
    pixels = (ops.arange(size, dtype="float32") + 0.5) / size - 0.5
    x, y = _source(transformations[:, None, None], pixels[None, None, :], pixels[None, :, None])  # [B, H, W]
    padded = ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    (left, right_share), (top, bottom_share) = _neighbours(x, size), _neighbours(y, size)
    row = size + 2
    images = ops.arange(ops.shape(maps)[0], dtype="int32")[:, None, None]
    corner = (images * row + top) * row + left  # flat index of the top left neighbour among all padded pixels
    values = ops.reshape(padded, (-1, channels))
    upper, lower = (
        _between(ops.take(values, first, axis=0), ops.take(values, first + 1, axis=0), right_share)
        for first in (corner, corner + row)
    )
    return _between(upper, lower, bottom_share)


def _neighbours(positions, size):
    """Positions in units of the image's size -> (index of the previous pixel, with padding; weight of the next one)."""
    positions = ops.clip((positions + 0.5) * size + 0.5, 0.0, size + 1.0)
    before = ops.minimum(ops.floor(positions), size)
    return ops.cast(before, "int32"), (positions - before)[..., None]


def _between(first, second, share):
    return first + (second - first) * share


@fused
def recolour(rgba, transformations):
    """Brightness, saturation and hue, in HSV.

    Colours are multiplied by the mask, so they are darker at edges. Hue and saturation do not depend on that factor,
    and the largest possible value is the mask.
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
    """The hue of HSV in sixths of its circle, -1 to 5; 0 for grey."""
    divisor = ops.maximum(chroma, 1e-6)
    near_red, near_green = (green - blue) / divisor, (blue - red) / divisor + 2.0
    near_blue = (red - green) / divisor + 4.0
    return ops.where(value == red, near_red, ops.where(value == green, near_green, near_blue))


def _lack(sixths):
    """How far a colour is below the brightest colour, as a fraction of the chroma, 0 to 1."""
    sixths = sixths - 6.0 * ops.floor(sixths / 6.0)
    return ops.clip(ops.minimum(sixths, 4.0 - sixths), 0.0, 1.0)
