"""Saves a network as a SavedModel: its weights once, its signatures as plain graphs, and no Keras objects.

The graphs use neither XLA, which stock servers refuse, nor Python, nor custom ops: every TensorFlow loader reads them.
"""

import os

import keras
import tensorflow as tf

from image_generators.serving import validation
from image_generators.serving.signatures import kind_of, signatures_of

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def save(model: keras.Model, folder: str | os.PathLike, max_rows: int = validation.MAX_ROWS) -> None:
    """Writes a built model as a SavedModel.

    Args:
        model: an instance of a class in `signatures.KINDS`.
        folder: path to write to; created if it does not exist.
        max_rows: the most images per request.

    Raises:
        ValueError: the backend of Keras is not TensorFlow, or a weight is not finite.
        TypeError: `model` is not an instance of a class in `signatures.KINDS`.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"KERAS_BACKEND must be 'tensorflow' for export. Received: {keras.backend.backend()!r}")
    model.check_weights()
    answers = kind_of(type(model)).answers(model)
    functions = {signature.name: _graph(answers, signature, max_rows) for signature in signatures_of(model)}
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    first = next(iter(functions.values()))
    tf.saved_model.save(module, str(folder), signatures={**functions, DEFAULT: first})


def _graph(answers, signature, max_rows):
    def answer(**inputs):
        outputs = getattr(answers, signature.name)(**validation.checked(signature.inputs, inputs, max_rows))
        return {field.name: _output(field, outputs[field.name]) for field in signature.outputs}

    specs = {
        field.name: tf.TensorSpec((None, *field.shape), field.dtype, name=field.name) for field in signature.inputs
    }
    return tf.function(answer, autograph=False).get_concrete_function(**specs)


def _output(field, values):
    """`values` in the dtype and shape of `field`; a NaN or an infinity fails the request."""
    values = tf.debugging.check_numerics(values, f"{field.name} must be finite: the model's weights are too large.")
    # The server splits a batch along the first axis, so every output must have it.
    return tf.ensure_shape(tf.cast(values, field.dtype), (None, *field.shape))
