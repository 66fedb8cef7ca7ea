"""A user's own image files: of any size, of any mode that Pillow reads, turned as their EXIF orientation says."""

import pathlib

import numpy as np
from PIL import Image, ImageOps

from image_generators.data.sources.catalogue import DataError

# What Pillow raises for a file that is no image, cut short, overwritten, or too large to be one.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def read_square(path, side):
    """The middle square of an image file, `side` pixels high and wide: uint8 [side, side, 3]. Else as `read_image`."""
    return np.asarray(ImageOps.fit(read_image(path), (side, side), Image.Resampling.LANCZOS))


def read_image(path):
    """An image file as a Pillow image of mode RGB, turned as its EXIF orientation says.

    What is transparent lies on white; 16 bits become 8. Of grey in 32 bits, or in floats, the brightest pixel tells
    whether white is 1, 255 or 65535.

    Raises:
        DataError: there is no such file, or it is no image that Pillow can read whole.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise DataError(f"images must be image files. Received: '{path}', which is no file")
    try:
        with Image.open(path) as image:
            return _rgb(ImageOps.exif_transpose(image))
    except UNREADABLE as error:
        raise DataError(f"images must be image files. Received: '{path}' ({error})") from error


def _rgb(image):
    if image.mode.startswith(("I", "F")):  # 16 bits and more: Pillow would cut them off at 255
        values = np.asarray(image, "float64")
        image = Image.fromarray(np.clip(values * (255.0 / _white(image.mode, values)), 0, 255).round().astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _white(mode, values):
    """The value that is white: known of 16 bits, guessed of modes that do not say how many bits the file had."""
    if mode.startswith("I;16"):
        return 65535.0
    highest = values.max()
    return 1.0 if mode == "F" and highest <= 1 else 255.0 if highest <= 255 else 65535.0
