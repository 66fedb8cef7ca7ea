"""Pictures: many small images in one; PNG and GIF files. All are uint8 `[height, width, channels]`, channels 1 or 3."""

import io
import math
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from image_generators.data import durable


def grid(
    images: np.ndarray,
    columns: int | None = None,
    padding: int = 1,
    scale: int = 1,
    background: int = 255,
    levels: int = 256,
) -> np.ndarray:
    """Put images side by side, row by row, in the order given.

    Args:
        images: uint8 `[n, height, width, channels]`, channels 1 or 3, at least one image.
        columns: images in a row; by default as many as make the grid about as wide as high.
        padding: pixels between images and round them all; not scaled.
        scale: each pixel becomes `scale x scale` pixels.
        background: what shows between images: one grey level, or one level for each channel, 0 to 255.
        levels: how many values a pixel can have. The highest, `levels - 1`, is shown as 255: 2 for binary images.

    Returns:
        uint8 `[rows * (scale * height + padding) + padding, columns * (scale * width + padding) + padding, channels]`.

    Raises:
        ValueError: an argument is not as said above; the message names it and what was received.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            "`images` must be uint8 [n, height, width, 1 or 3], none of them 0. "
            f"Received: {images.dtype} {list(images.shape)}"
        )
    columns = math.ceil(math.sqrt(len(images))) if columns is None else columns
    for name, value, least in (("columns", columns, 1), ("padding", padding, 0), ("scale", scale, 1)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f"`{name}` must be an integer of at least {least}. Received: {value!r}")
    if not isinstance(levels, int) or not 2 <= levels <= 256 or images.max() >= levels:
        raise ValueError(
            "`levels` must be an integer from 2 to 256, above every pixel. "
            f"Received: {levels!r}, and pixels up to {images.max()}"
        )
    n, height, width, channels = images.shape
    images = np.round(images * (255 / (levels - 1))).astype(np.uint8)  # [n, h, w, c]; the identity for 256 levels
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)  # [n, s*h, s*w, c]
    down, right = scale * height + padding, scale * width + padding  # from one image to the next
    picture = np.empty([math.ceil(n / columns) * down + padding, columns * right + padding, channels], np.uint8)
    picture[:] = _level(background, channels)
    for i, image in enumerate(images):
        top, left = padding + i // columns * down, padding + i % columns * right
        picture[top : top + scale * height, left : left + scale * width] = image
    return picture


def _level(background, channels):
    level = np.asarray(background)
    if level.dtype.kind != "i" or level.shape not in ((), (channels,)) or level.min() < 0 or level.max() > 255:
        raise ValueError(f"`background` must be 1 or {channels} integers from 0 to 255. Received: {background!r}")
    return level


def beside(grids: list[np.ndarray], gap: int = 8) -> np.ndarray:
    """Pictures of equal height and channels side by side, a white gap of so many pixels between them."""
    parts = [_checked("grids", grid) for grid in grids]
    white = np.full((len(parts[0]), gap, parts[0].shape[-1]), 255, np.uint8)
    return np.concatenate([part for grid in parts for part in (white, grid)][1:], axis=1)


def label_rows(picture: np.ndarray, labels: Sequence[str], size: int = 12) -> np.ndarray:
    """Write one label before each row of a picture that `grid` made, in a white margin on its left.

    Args:
        picture: uint8 `[height, width, channels]`, channels 1 or 3.
        labels: a string for each row of images, top row first; rows are of equal height.
        size: height of the letters in pixels.

    Returns:
        uint8 `[height, margin + width, channels]`: the margin is as wide as the longest label needs.

    Raises:
        ValueError: `picture` is no picture, or `labels` is empty.
    """
    picture = _checked("picture", picture)
    if isinstance(labels, str) or not labels:
        raise ValueError(f"`labels` must be a list of strings, one for each row. Received: {labels!r}")
    font = ImageFont.load_default(size)
    margin = Image.new("L", (math.ceil(max(map(font.getlength, labels))) + size, len(picture)), 255)
    draw = ImageDraw.Draw(margin)
    for i, label in enumerate(labels):
        middle = (i + 0.5) * len(picture) / len(labels)
        draw.text((size / 2, middle), label, fill=0, font=font, anchor="lm")
    margin = np.asarray(margin)[:, :, None].repeat(picture.shape[-1], axis=2)  # [height, margin, channels]
    return np.concatenate([margin, picture], axis=1)


def save_png(path: str | pathlib.Path, image: np.ndarray) -> pathlib.Path:
    """Write an image as a PNG file, whole or not at all, making its folder; returns the path.

    Args:
        path: where; must end with `.png`, in any case.
        image: uint8 `[height, width, channels]`, channels 1 (grey) or 3 (red, green, blue).

    Raises:
        ValueError: `path` ends otherwise, or `image` is no such array.
    """
    path = _ending(".png", path)
    file = io.BytesIO()
    _pillow(_checked("image", image)).save(file, "PNG")
    durable.write(path, file.getvalue())
    return path


def save_gif(path: str | pathlib.Path, frames: np.ndarray, milliseconds: int = 80, last: int = 2000) -> pathlib.Path:
    """Write an animation that runs again and again as a GIF file, whole or not at all, making its folder.

    A frame that is as the one before becomes part of it, which is shown longer. More than 256 colours are too many for
    a frame of a GIF: the nearest of 256 stand in for them.

    Args:
        path: where; must end with `.gif`.
        frames: uint8 `[steps, height, width, channels]`, channels 1 (grey) or 3 (red, green, blue), at least one step.
        milliseconds: how long each frame is shown; GIF counts in tens of them.
        last: how long the last one is.

    Returns: the path.

    Raises:
        ValueError: `path` ends otherwise, or `frames` is no such array.
    """
    path = _ending(".gif", path)
    if not len(frames):
        raise ValueError("`frames` must be at least one. Received: none")
    first, *others = (_pillow(_checked("frames", frame)) for frame in frames)
    file = io.BytesIO()
    durations = [milliseconds] * len(others) + [last]
    first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    durable.write(path, file.getvalue())
    return path


def _ending(suffix, path):
    path = pathlib.Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"`path` must end with {suffix!r}. Received: '{path}'")
    return path


def _pillow(image):
    return Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image)


def _checked(name, image):
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3) or 0 in image.shape:
        raise ValueError(f"`{name}` must be uint8 [height, width, 1 or 3]. Received: {image.dtype} {list(image.shape)}")
    return image
