"""Replicas: the devices of tf.distribute, each with its part of a batch; together they take the step of one device.

Keras adds up the gradients of all replicas, so that each replica's loss must be divided by their number. On JAX, where
keras.distribution divides one computation of the whole batch, there is nothing to do.
"""

import contextlib

import keras
from keras import ops


def count():
    """How many replicas there are; 1 without tf.distribute."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def scope_of(model):
    """A context in which a model that was made under a strategy gets its weights, whoever asks for them first."""
    strategy = getattr(model, "_distribute_strategy", None)
    if strategy is None:
        return contextlib.nullcontext()
    import tensorflow as tf

    return contextlib.nullcontext() if tf.distribute.has_strategy() else strategy.scope()


def share(loss):
    """This replica's share of the mean over a batch, given the mean over its part: what Keras expects of a loss."""
    return loss / count() if count() > 1 else loss


def draw(random, n):
    """Random numbers for this replica's `n` images, those that one device would draw for them.

    Args:
        random: function of a number of images that draws for as many, first axis the images.
        n: images of this replica, a number or a scalar tensor.
    """
    if count() == 1:
        return random(n)
    context = _context()
    start = 0 if context is None else n * context.replica_id_in_sync_group
    return random(n * count())[start : start + n]  # seeds are the same on all replicas


def whole_batch(tensor):
    """The rows of all replicas, in order, for what is no sum over images. Gradients come back to each replica."""
    context = _context() if count() > 1 else None
    return tensor if context is None else context.all_gather(ops.convert_to_tensor(tensor), axis=0)


def _context():
    """tf.distribute's context of a replica; None where the model is only built."""
    import tensorflow as tf

    return tf.distribute.get_replica_context()
