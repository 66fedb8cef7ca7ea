"""Reads a user's own image files, of any size and mode that Pillow reads, with their EXIF orientation applied."""

import os
import pathlib

import numpy as np
from PIL import Image, ImageOps

from image_generators.data.sources.catalogue import DataError

# What Pillow raises for files that are not images, truncated, damaged or too large.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def read_square(path: str | os.PathLike, side: int) -> np.ndarray:
    """The central square of an image file, resized to uint8 [side, side, 3]. Otherwise as `read_image`."""
    return np.asarray(ImageOps.fit(read_image(path), (side, side), Image.Resampling.LANCZOS))


def read_image(path: str | os.PathLike) -> Image.Image:
    """Reads an image file as a Pillow image of mode RGB, with its EXIF orientation applied.

    Transparent images are put on white, and 16 bits become 8. For grey images with 32 bits or floats, the brightest
    pixel decides whether white is 1, 255 or 65535.

    Raises:
        DataError: the file does not exist, or Pillow cannot read it completely.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise DataError(f"images must be image files. Received: '{path}', which is not a file")
    try:
        with Image.open(path) as image:
            return _rgb(ImageOps.exif_transpose(image))
    except UNREADABLE as error:
        raise DataError(f"images must be image files. Received: '{path}' ({error})") from error


def _rgb(image):
    if image.mode.startswith(("I", "F")):  # 16 bits and more: Pillow would clip them at 255
        values = np.asarray(image, "float64")
        image = Image.fromarray(np.clip(values * (255.0 / _white(image.mode, values)), 0, 255).round().astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _white(mode, values):
    """The value of white: known for 16 bits, guessed for modes that do not tell the number of bits in the file."""
    if mode.startswith("I;16"):
        return 65535.0
    highest = values.max()
    return 1.0 if mode == "F" and highest <= 1 else 255.0 if highest <= 255 else 65535.0
