"""What Keras' `fit` and `evaluate` take their batches from.

On TensorFlow a tf.data pipeline of ours, since Keras' own is autotuned: see data/sources/pipelines.py. On JAX the
arrays and generators themselves.
"""

import keras

from image_generators.data.sources.pipelines import untuned


def endless(batches):
    """Of `batches`, a function that gives an endless iterator of tuples of arrays, or of dicts of them."""
    if keras.backend.backend() != "tensorflow":
        return batches()
    import tensorflow as tf

    def described(array):
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    # A batch is made only to be described: each iterator of the pipeline begins anew.
    signature = keras.tree.map_structure(described, next(iter(batches())))
    return untuned(tf.data.Dataset.from_generator(batches, output_signature=signature))


def once(examples, batch_size):
    """Of a tuple of arrays, or of dicts of them: each example once, in order; a tuple too, Keras' first arguments.

    On JAX it is Keras that makes batches of them: its own argument must give the `batch_size` too.
    """
    if keras.backend.backend() != "tensorflow":
        return examples
    import tensorflow as tf

    return (untuned(tf.data.Dataset.from_tensor_slices(examples).batch(batch_size)),)
