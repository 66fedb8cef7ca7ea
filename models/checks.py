"""Checks of models' arguments. Every message names the argument, states the rule and shows what was received."""

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import check_flag, check_integer, is_integer, sizes_of

# For a tf.data pipeline of images, with or without labels.
TO_UINT8 = "dataset.map(lambda x, *y: (tf.cast(tf.round(x), tf.uint8), *y))"
__all__ = ["check_flag", "check_integer"]  # re-exported from layers/checks.py


def as_array(name: str, values) -> np.ndarray:
    """`values` as a NumPy array. Raises ValueError for nested lists with rows of different lengths."""
    try:
        return np.asarray(values)
    except ValueError as error:
        received = f"a {type(values).__name__} with rows of different lengths"
        raise ValueError(f"{name} must be an array. Received: {received}") from error


def check_absent(model, options: dict, *names: str):
    """Removes `names` from a constructor's keyword arguments; raises ValueError if one of them is not None.

    For arguments of a base class that the class itself sets.
    """
    for name in names:
        value = options.pop(name, None)
        if value is not None:
            raise ValueError(f"{name} must not be given to {type(model).__name__}. Received: {name}={value!r}")


class NotFinite(ValueError):
    """A network has NaN or infinite weights, or computes such numbers, so that its answer would be meaningless."""


def check_positive(name: str, value):
    """Raises ValueError unless `value` is a positive, finite number, also when it is cast to float32."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    with np.errstate(over="ignore"):
        if not is_number or not np.isfinite(np.float32(value)) or np.float32(value) <= 0:
            raise ValueError(f"{name} must be a finite number above zero. Received: {name}={value!r}")


def check_choice(name: str, value, choices):
    """Raises ValueError unless `value` is one of the strings `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}. Received: {name}={value!r}")


def check_network_images(images, image_shape):
    """Raises ValueError if the images that a network is called with are floats or have another shape.

    A graph cannot check values; `check_images` does that for arrays.
    """
    dtype = _dtype_of(images)
    if "int" not in dtype:
        hint = f"; convert values 0 to 255 with {TO_UINT8}" if "float" in dtype else ""
        raise ValueError(f"images must be uint8. Received: images of dtype {dtype}{hint}")
    if tuple(images.shape[1:]) != tuple(image_shape):
        expected = ", ".join(str(n) for n in image_shape)
        raise ValueError(f"images must have shape [n, {expected}]. Received: images of shape {list(images.shape)}")


def check_network_labels(name, labels):
    """Raises ValueError if the labels that a network is called with are floats or have another rank.

    Labels [n, 1] and predictions [n] would silently broadcast to [n, n].
    """
    dtype = _dtype_of(labels)
    if "int" not in dtype or labels.ndim != 1:
        raise ValueError(
            f"{name} must be integer labels of shape [n]. Received: {name} of shape {np.shape(labels)}, dtype {dtype}"
        )


def _dtype_of(tensor):
    """The name of a tensor's dtype, or of the type of anything else, such as a list."""
    dtype = getattr(tensor, "dtype", type(tensor))
    return str(getattr(dtype, "name", dtype))


def without_loss(integers):
    """Integers of any dtype as int32, or int64 if their dtype needs it (uint64: values below 2^63)."""
    is_wide = keras.backend.standardize_dtype(integers.dtype) in ("uint32", "int64", "uint64")
    return ops.cast(integers, "int64" if is_wide else "int32")


def nan_beyond(cost, values, count: int):
    """`cost` `[n]`, with NaN where one of `values` `[n, ...]` is not an integer from 0 to count - 1.

    A graph cannot raise errors about values.
    """
    if "int" in keras.backend.standardize_dtype(values.dtype):
        values = without_loss(values)
        is_valid = ops.logical_and(values >= 0, values < count)
    else:
        is_valid = ops.logical_and(ops.logical_and(values >= 0, values < count), values == ops.floor(values))
    return ops.where(ops.all(is_valid, axis=tuple(range(1, values.ndim))), cost, float("nan"))


def nan_unless_finite(values, computed):
    """`values` `[n, ...]`, with NaN where an example of `computed`, of the same rank, has a NaN or an infinity.

    A graph cannot raise errors about values, and comparisons, clipping and pooling turn NaN into plausible numbers.
    """
    finite = ops.all(ops.isfinite(computed), axis=tuple(range(1, len(computed.shape))), keepdims=True)
    return ops.where(finite, values, float("nan"))


def check_computed(values) -> np.ndarray:
    """A network's outputs as a NumPy array. Raises NotFinite if a value is NaN or infinite."""
    values = ops.convert_to_numpy(values)
    if not np.isfinite(values).all():
        raise NotFinite(
            "logits and outputs must be finite: weights have grown too large; load others, or train again at a lower "
            f"learning rate. Received: NaN or infinity in {np.sum(~np.isfinite(values))} of {values.size} outputs"
        )
    return values


def check_image_shape(image_shape, channels: tuple[int, ...] = (1, 3)) -> tuple[int, int, int]:
    """(height, width, colours) as a tuple of int. Raises ValueError for anything else.

    `channels`: the numbers of colours that are accepted.
    """
    shape = sizes_of(image_shape)
    if len(shape) != 3 or shape[-1] not in channels:
        accepted = "1 or 3 colours" if channels == (1, 3) else " or ".join(f"{n} channels" for n in channels)
        raise ValueError(f"image_shape must be (height, width, {accepted}). Received: image_shape={image_shape!r}")
    return shape


def check_images(
    images, image_shape: tuple[int, int, int], levels: int, name: str = "images", n: int | None = None
) -> np.ndarray:
    """`images` as uint8 `[n, height, width, colours]`. Raises ValueError for other shapes, dtypes and values.

    Integers of another dtype are accepted if all values are below `levels`. Floats are not: a model that expects 0..255
    would silently misread 0..1.

    Args:
        images: array or nested lists.
        image_shape: (height, width, colours).
        levels: number of values of a sub-pixel.
        name: name of the argument, for messages.
        n: required number of images; a single image of `image_shape` is then repeated n times. None: any number.
    """
    images = as_array(name, images)
    if not np.issubdtype(images.dtype, np.integer):
        is_float = np.issubdtype(images.dtype, np.floating)
        hint = f"; convert whole numbers with np.round({name}).astype('uint8')" if is_float else ""
        raise ValueError(
            f"{name} must be uint8, values 0 to {levels - 1}. Received: {name} of dtype {images.dtype}{hint}"
        )
    if n is not None and images.shape == tuple(image_shape):
        images = np.broadcast_to(images, (n, *image_shape))
    if images.ndim != 4 or images.shape[1:] != tuple(image_shape) or n not in (None, len(images)):
        expected = ", ".join(str(size) for size in ("n" if n is None else n, *image_shape))
        raise ValueError(f"{name} must have shape [{expected}]. Received: {name} of shape {list(images.shape)}")
    if images.size and (images.min() < 0 or images.max() >= levels):
        raise ValueError(
            f"{name} must have values 0 to {levels - 1}. Received: values from {images.min()} to {images.max()}"
        )
    return images.astype("uint8")


def check_some(images):
    """Raises ValueError if there are no images, since they have no mean."""
    if not len(images):
        raise ValueError(f"images must be at least one. Received: images of shape {list(np.shape(images))}")


def check_condition_shape(condition_shape, num_classes: int | None) -> tuple[int, ...] | None:
    """(features,) or (height, width, features) as a tuple of int, or None. Raises ValueError for anything else."""
    if condition_shape is None:
        return None
    if num_classes is not None:
        raise ValueError(
            "condition_shape must be None if num_classes is given: a condition is labels or features. "
            f"Received: condition_shape={condition_shape!r}, num_classes={num_classes}"
        )
    shape = tuple(condition_shape) if isinstance(condition_shape, (tuple, list)) else ()
    if len(shape) not in (1, 3) or not all(is_integer(size) and size > 0 for size in shape):
        raise ValueError(
            "condition_shape must be (features,) or (height, width, features), integers above 0. "
            f"Received: condition_shape={condition_shape!r}"
        )
    return tuple(int(size) for size in shape)


def check_condition(condition, num_classes: int | None, n: int) -> np.ndarray | None:
    """Labels as int32 `[n]`, or None for a model without classes. A single integer is repeated n times."""
    if num_classes is None:
        if condition is not None:
            raise ValueError(f"condition must be None: the model was made without num_classes. Received: {condition!r}")
        return None
    if condition is None:
        raise ValueError(f"condition must be labels, 0 to {num_classes - 1}: the model has num_classes. Received: None")
    condition = as_array("condition", condition)
    return check_labels(
        "condition", np.broadcast_to(condition, (n,)) if condition.ndim == 0 else condition, num_classes, n
    )


def check_labels(name: str, labels, num_classes: int | None, n: int) -> np.ndarray:
    """`labels` as int32 `[n]`, 0 to num_classes - 1; any integers if that is None. Raises ValueError for others."""
    labels = as_array(name, labels)
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != (n,):
        raise ValueError(
            f"{name} must be {n} integer labels. Received: shape {list(labels.shape)}, dtype {labels.dtype}"
        )
    if num_classes is None:
        return labels
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"{name} must be labels 0 to {num_classes - 1}. Received: labels from {labels.min()} to {labels.max()}"
        )
    return labels.astype("int32")


def check_features(name: str, features, shape: tuple[int, ...], n: int) -> np.ndarray:
    """`features` as float32 `[n, *shape]`. Raises ValueError for other shapes or dtypes, NaN and infinities.

    Features of a single example, of `shape`, are repeated n times.
    """
    features = as_array(name, features)
    expected = ", ".join(str(size) for size in (n, *shape))
    if not (np.issubdtype(features.dtype, np.floating) or np.issubdtype(features.dtype, np.integer)):
        raise ValueError(f"{name} must be numbers of shape [{expected}]. Received: {name} of dtype {features.dtype}")
    if features.shape == tuple(shape):
        features = np.broadcast_to(features, (n, *shape))
    if features.shape != (n, *shape):
        raise ValueError(f"{name} must have shape [{expected}]. Received: {name} of shape {list(features.shape)}")
    features = features.astype("float32")
    if not np.isfinite(features).all():
        raise ValueError(f"{name} must be finite. Received: {np.sum(~np.isfinite(features))} values that are not")
    return features


def check_known(known_mask, rows: int | None, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Which sub-pixels are known, bool of `shape` `[n, height, width, colours]`, from a mask or a number of rows."""
    n, height, width, _ = shape
    if (known_mask is None) == (rows is None):
        raise ValueError(f"give known_mask or rows, one of them. Received: known_mask={known_mask!r}, rows={rows!r}")
    if rows is not None:
        rows = check_integer("rows", rows, 0, height)
        known_mask = np.arange(height)[:, None] < np.full((1, width), rows)
    known = as_array("known_mask", known_mask)
    if known.dtype != bool:
        raise ValueError(f"known_mask must be bool, True where a pixel is known. Received: dtype {known.dtype}")
    if known.shape == (height, width):
        known = known[None, :, :, None]
    elif known.shape == (n, height, width):
        known = known[..., None]
    elif known.shape != tuple(shape):
        raise ValueError(
            f"known_mask must have shape [{height}, {width}], {[n, height, width]} or {list(shape)}. "
            f"Received: known_mask of shape {list(known.shape)}"
        )
    return np.broadcast_to(known, shape)
