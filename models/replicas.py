"""Replicas of tf.distribute: each computes a part of the batch, and together they take the same step as one device.

Keras adds up the gradients of all replicas, so each replica's loss is divided by their number. On JAX there is nothing
to do: keras.distribution shards one computation of the whole batch.
"""

import contextlib

import keras
from keras import ops


def count() -> int:
    """The number of replicas; 1 without tf.distribute."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def scope_of(model):
    """The strategy scope in which `model` was created, for creating its weights; a null context without a strategy."""
    strategy = getattr(model, "_distribute_strategy", None)
    if strategy is None:
        return contextlib.nullcontext()
    import tensorflow as tf

    return contextlib.nullcontext() if tf.distribute.has_strategy() else strategy.scope()


def share(loss):
    """The mean over this replica's part of a batch -> its share of the mean over the batch, as Keras expects a loss."""
    return loss / count() if count() > 1 else loss


def draw(random, n):
    """Random numbers for this replica's `n` images, the same as one device would draw for them.

    Args:
        random: function of a number of images that returns random numbers, first axis the images.
        n: number of images of this replica, an integer or a scalar tensor.
    """
    if count() == 1:
        return random(n)
    context = _context()
    start = 0 if context is None else n * context.replica_id_in_sync_group
    return random(n * count())[start : start + n]  # all replicas have the same seed


def whole_batch(tensor):
    """The rows of all replicas, in order, for losses that are not sums over images. Gradients flow to each replica."""
    context = _context() if count() > 1 else None
    return tensor if context is None else context.all_gather(ops.convert_to_tensor(tensor), axis=0)


def _context():
    """tf.distribute's replica context; None while the model is being built."""
    import tensorflow as tf

    return tf.distribute.get_replica_context()
