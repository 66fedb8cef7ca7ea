"""SVHN's full numbers as DRAW had them (arXiv 1502.04623, Section 4.4, after Goodfellow et al. 2013).

The archives hold photographs of house numbers of all sizes and, in `digitStruct.mat` (HDF5), a box for every digit.
"""

import pathlib
from collections.abc import Iterator

import numpy as np

SIZE = 64
GROWTH = 1.3
FIELDS = ("left", "top", "width", "height")


def numbers(folder: pathlib.Path) -> list[tuple[str, np.ndarray]]:
    """The pictures that `digitStruct.mat` in `folder` lists: name, and boxes of the digits.

    A box is a row of left, top, width and height, in pixels from the top left corner.
    """
    import h5py

    with h5py.File(folder / "digitStruct.mat", "r") as file:
        listed = file["digitStruct"]
        names = ["".join(map(chr, file[reference][:, 0])) for reference in listed["name"][:, 0]]
        boxes = [_boxes(file, file[reference]) for reference in listed["bbox"][:, 0]]
    return list(zip(names, boxes, strict=True))


def pictures(folder: pathlib.Path, listed: list[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint8 image `[64, 64, 3]` of each of the listed pictures in `folder`."""
    from PIL import Image

    for name, boxes in listed:
        with Image.open(folder / name) as photograph:
            cut = photograph.convert("RGB").resize((SIZE, SIZE), Image.BILINEAR, box=window(boxes, photograph.size))
        yield name, np.asarray(cut)


def window(boxes: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The smallest box round all digits, grown by 30% in width and in height, as far as the picture goes.

    Args:
        boxes: rows of left, top, width, height.
        size: width and height of the picture.

    Returns:
        Left, top, right, bottom; at least one pixel wide and high.
    """
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    centre, reach = (low + high) / 2, GROWTH * (high - low) / 2
    low = np.clip(centre - reach, 0, np.subtract(size, 1))
    high = np.clip(centre + reach, low + 1, size)
    return (*low.tolist(), *high.tolist())


def _boxes(file, group):
    """MATLAB keeps one number as itself and several as references to numbers."""
    columns = []
    for field in FIELDS:
        values = group[field][:, 0]
        columns.append([file[value][0, 0] if values.dtype == object else value for value in values])
    return np.array(columns, np.float64).T
