"""SVHN's full numbers, prepared as for DRAW (arXiv 1502.04623, Section 4.4, after Goodfellow et al. 2013).

The archives hold photographs of house numbers, of various sizes, and a box for every digit in `digitStruct.mat` (HDF5).
"""

import pathlib
from collections.abc import Iterator

import numpy as np

SIZE = 64
GROWTH = 1.3
FIELDS = ("left", "top", "width", "height")


def numbers(folder: pathlib.Path) -> list[tuple[str, np.ndarray]]:
    """Reads `digitStruct.mat` in `folder`: pairs of an image's name and the boxes of its digits.

    Boxes are float64 `[digits, 4]`: left, top, width and height in pixels, from the top left corner.
    """
    import h5py

    with h5py.File(folder / "digitStruct.mat", "r") as file:
        listed = file["digitStruct"]
        names = ["".join(map(chr, file[reference][:, 0])) for reference in listed["name"][:, 0]]
        boxes = [_boxes(file, file[reference]) for reference in listed["bbox"][:, 0]]
    return list(zip(names, boxes, strict=True))


def crops(folder: pathlib.Path, listed: list[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and crop, uint8 `[64, 64, 3]`, of each image of `folder` in `listed`, which `numbers` returns."""
    from PIL import Image

    for name, boxes in listed:
        with Image.open(folder / name) as photograph:
            crop = photograph.convert("RGB").resize((SIZE, SIZE), Image.BILINEAR, box=window(boxes, photograph.size))
        yield name, np.asarray(crop)


def window(boxes: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The smallest box around all digits, enlarged by 30% in width and height and clipped to the image.

    Args:
        boxes: `[digits, 4]`, left, top, width, height in pixels.
        size: width and height of the image in pixels.

    Returns:
        Left, top, right and bottom in pixels; the box is at least one pixel wide and high.
    """
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    centre, reach = (low + high) / 2, GROWTH * (high - low) / 2
    low = np.clip(centre - reach, 0, np.subtract(size, 1))
    high = np.clip(centre + reach, low + 1, size)
    return (*low.tolist(), *high.tolist())


def _boxes(file, group):
    """Boxes of one image. MATLAB stores a single number as such, and several as references to numbers."""
    columns = []
    for field in FIELDS:
        values = group[field][:, 0]
        columns.append([file[value][0, 0] if values.dtype == object else value for value in values])
    return np.array(columns, np.float64).T
