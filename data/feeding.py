"""Inputs for Keras' `fit` and `evaluate`.

On TensorFlow they are tf.data pipelines without autotuning, which those of Keras have (data/sources/pipelines.py). On
JAX they are the arrays and generators themselves.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from image_generators.data.sources.pipelines import without_autotuning


def endless(batches: Callable[[], Iterator]) -> Any:
    """An endless input for `fit`.

    Args:
        batches: function that returns an endless iterator of tuples of arrays, or of dicts of arrays.

    Returns:
        The first argument of `fit`.
    """
    if keras.backend.backend() != "tensorflow":
        return batches()
    import tensorflow as tf

    def described(array):
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    # This batch serves only to find shapes and dtypes: every iterator of the pipeline starts from the beginning.
    signature = keras.tree.map_structure(described, next(iter(batches())))
    return without_autotuning(tf.data.Dataset.from_generator(batches, output_signature=signature))


def once(examples: tuple, batch_size: int) -> tuple:
    """An input for `evaluate` that gives each example once, in order.

    Args:
        examples: tuple of arrays, or of dicts of arrays.
        batch_size: examples per batch. On JAX, Keras makes the batches, so pass `batch_size` to `evaluate` too.

    Returns:
        The first positional arguments of `evaluate`.
    """
    if keras.backend.backend() != "tensorflow":
        return examples
    import tensorflow as tf

    return (without_autotuning(tf.data.Dataset.from_tensor_slices(examples).batch(batch_size)),)
