"""A SavedModel from a network: its weights once, its signatures as plain graphs, and nothing of Keras.

No XLA: stock servers refuse what must be compiled. No Python and no ops but TensorFlow's own: any loader of TensorFlow
takes it.
"""

import keras
import tensorflow as tf

from image_generators.serving import validation
from image_generators.serving.signatures import kind_of, signatures_of

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def save(model, folder, max_rows=validation.MAX_ROWS):
    """Writes the SavedModel of a built model into `folder`.

    Args:
        model: of a class that signatures.py knows.
        folder: path; made if absent.
        max_rows: the most images in one request.

    Raises:
        ValueError: Keras runs on another backend than TensorFlow; weights are not finite.
        TypeError: serving/signatures.py does not say what such a model answers.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"export needs KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()!r}")
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
    """What is answered, of the field's type; a NaN or an infinity fails the request."""
    values = tf.debugging.check_numerics(values, f"{field.name} must be finite: the model's weights are too large.")
    # A batch must be parted again: what a server gets has all its rows.
    return tf.ensure_shape(tf.cast(values, field.dtype), (None, *field.shape))
