"""Checks of a ChairsGenerator's arguments; see models/checks.py."""

import numpy as np

from image_generators.models import checks
from image_generators.models.chairs.transformations import NAMES


def check_size(image_shape: tuple[int, int, int], smallest: int):
    """Raises ValueError unless height and width are equal, and `smallest` doubled at least once."""
    height, width, _ = image_shape
    doublings = height // smallest
    if height != width or height % smallest or doublings < 2 or doublings & (doublings - 1):
        raise ValueError(
            f"image_shape must be square, {2 * smallest}, {4 * smallest}, {8 * smallest} ... pixels wide. "
            f"Received: image_shape={image_shape!r}"
        )


def check_styles(style, num_styles: int) -> np.ndarray:
    """Numbers or vectors of styles -> float32 `[n, num_styles]`, n = 1 for a single style."""
    style = checks.as_array("style", style)
    if np.issubdtype(style.dtype, np.integer) and style.ndim < 2:
        numbers = np.atleast_1d(style)
        return np.eye(num_styles, dtype="float32")[checks.check_labels("style", numbers, num_styles, len(numbers))]
    if not np.issubdtype(style.dtype, np.floating):
        raise ValueError(
            f"style must be integers, 0 to {num_styles - 1}, or float vectors of {num_styles}. "
            f"Received: style of dtype {style.dtype}, shape {list(style.shape)}"
        )
    return checks.check_features("style", style, (num_styles,), len(style) if style.ndim == 2 else 1)


def check_views(style, azimuth, elevation, num_styles: int) -> tuple[np.ndarray, np.ndarray]:
    """(styles float32 `[n, num_styles]`, views float32 `[n, 2]`: azimuth and elevation), each with one row or n."""
    styles = check_styles(style, num_styles)
    azimuth, elevation = _check_degrees("azimuth", azimuth), _check_degrees("elevation", elevation)
    if elevation.size and np.abs(elevation).max() > 90:
        raise ValueError(
            f"elevation must be -90 to 90 degrees. Received: elevations from {elevation.min():g} to {elevation.max():g}"
        )
    lengths = {"style": len(styles), "azimuth": len(azimuth), "elevation": len(elevation)}
    n = _agreed(lengths)
    views = np.stack([spread(azimuth, n), spread(elevation, n)], axis=-1)
    return styles, views


def check_labels(labels, num_styles: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a data set, `[n, 3]` -> (numbers of styles int32 `[n]`, views float32 `[n, 2]`)."""
    labels = checks.as_array("labels", labels)
    if labels.shape != (n, 3) or labels.dtype.kind not in "iuf":
        raise ValueError(
            f"labels must have shape [{n}, 3]: style, azimuth, elevation. Received: labels of shape "
            f"{list(labels.shape)}, dtype {labels.dtype}"
        )
    styles = labels[:, 0]
    if not np.array_equal(styles, np.round(styles)):
        raise ValueError(f"labels must have whole numbers of styles. Received: {styles[styles != np.round(styles)][0]}")
    _, views = check_views(0, labels[:, 1], labels[:, 2], num_styles)  # one style: n vectors would take much memory
    return checks.check_labels("style", styles.astype("int64"), num_styles, n), views


def check_transformation(transformation, length: int | None) -> np.ndarray | None:
    """float32 `[n, length]`; one row of zeros for None. For a model without transformations (length None): None."""
    if length is None:
        if transformation is not None:
            raise ValueError(
                f"transformation must be None: the model was made with transformations=False. "
                f"Received: {transformation!r}"
            )
        return None
    if transformation is None:
        return np.zeros((1, length), "float32")
    transformation = checks.as_array("transformation", transformation)
    if transformation.shape[-1:] != (length,) or transformation.ndim not in (1, 2):
        raise ValueError(
            f"transformation must have shape [n, {length}]: {', '.join(NAMES)}. "
            f"Received: transformation of shape {list(transformation.shape)}"
        )
    n = len(transformation) if transformation.ndim == 2 else 1
    return checks.check_features("transformation", transformation, (length,), n)


def spread(array: np.ndarray, n: int) -> np.ndarray:
    """`array` with n rows; a single row is repeated."""
    return array if len(array) == n else np.repeat(array, n, axis=0)


def agree(**arrays: np.ndarray) -> int:
    """The common number of rows; arrays with a single row suit any number. Raises ValueError if they differ."""
    return _agreed({name: len(array) for name, array in arrays.items()})


def _agreed(lengths):
    distinct = {n for n in lengths.values() if n != 1} or {1}
    if len(distinct) > 1:
        raise ValueError(f"{', '.join(lengths)} must have as many rows, or one. Received: rows {lengths}")
    return distinct.pop()


def _check_degrees(name, degrees):
    degrees = checks.as_array(name, degrees)
    if degrees.ndim > 1 or degrees.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be degrees, a number or [n]. Received: {name} of shape {list(degrees.shape)}, "
            f"dtype {degrees.dtype}"
        )
    degrees = np.atleast_1d(degrees).astype("float64")
    if not np.isfinite(degrees).all():
        raise ValueError(f"{name} must be finite. Received: {np.sum(~np.isfinite(degrees))} values that are not")
    return (degrees % 360 if name == "azimuth" else degrees).astype("float32")
