"""Checks inside the graph: a request that a model cannot answer gets a readable error before anything is computed.

A server checks names and dtypes by itself; shapes, numbers of rows and values it leaves to the graph.
"""

import tensorflow as tf

from image_generators.serving.limits import MAX_ROWS


def checked(fields, inputs, max_rows=MAX_ROWS):
    """The inputs, once they are what the fields say.

    Args:
        fields: resolved Fields of signatures.py.
        inputs: {name: tensor}.
        max_rows: the most images in one request.

    Returns: {name: tensor}, of which nothing can be computed unless all checks pass.
    """
    # An op that compares shapes when it runs: from a Shape op a server's optimiser would fold what the signature
    # promises, and compare the promise with itself.
    inputs = {
        field.name: tf.raw_ops.EnsureShape(input=inputs[field.name], shape=(None, *field.shape), name=field.name)
        for field in fields
    }
    checks = _row_checks(inputs, max_rows)
    for field in fields:
        checks += _value_checks(field, inputs[field.name])
    with tf.control_dependencies(checks):
        return {name: tf.identity(tensor) for name, tensor in inputs.items()}


def _row_checks(inputs, max_rows):
    (first, tensor), *others = inputs.items()
    rows = tf.shape(tensor)[0]
    accepted = tf.logical_and(rows >= 1, rows <= max_rows)
    checks = [_require(accepted, f"{first} must have 1 to {max_rows} rows, one an image. Received:", rows)]
    for name, other in others:
        received = tf.shape(other)[0]
        message = f"{name} must have as many rows as {first}. Received:"
        checks.append(_require(received == rows, message, received, rows))
    return checks


def _value_checks(field, values):
    checks = []

    def require(accepted, rule):
        checks.append(_require_in_every_row(accepted, f"{field.name} must {rule}."))

    if field.below and field.below <= values.dtype.max:
        limit = tf.constant(field.below, values.dtype)
        require(tf.logical_and(values >= 0, values < limit), f"have values 0 to {field.below - 1}")
    if values.dtype.is_floating:
        finite = tf.math.is_finite(values)
        if field.positive:
            require(tf.logical_and(finite, values > 0), "be finite numbers above zero")
        else:
            require(finite, "be finite numbers")
        if field.limit:
            require(tf.abs(values) <= field.limit, f"be {-field.limit:g} to {field.limit:g}")
    return checks


def _require_in_every_row(accepted, rule):
    """Requires bool `accepted` [n, ...] throughout; the message says what is accepted, and in which row it is not.

    It shows no value: all requests that a server joined get the same message, and they may be of strangers.
    """
    good = tf.reduce_all(accepted, axis=list(range(1, len(accepted.shape))))  # [n]
    first, rows = tf.where(tf.logical_not(good))[:1, 0], tf.shape(good)[0]
    where = (first, "of", rows, "in the batch, which may join several requests")
    return _require(tf.reduce_all(good), f"{rule} Received: something else in row, counted from 0,", *where)


def _require(condition, message, *received):
    return tf.debugging.Assert(condition, [message, *received], summarize=8)
