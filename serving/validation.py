"""Checks inside the graph: a request that a model cannot answer gets a readable error before anything is computed.

A server checks names and dtypes by itself; shapes, numbers of rows and values it leaves to the graph.
"""

import tensorflow as tf

MAX_ROWS = 64  # images in one request, and in one batch of requests: it bounds the memory


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
    checks = [_require(accepted, f"{first} must have 1 to {max_rows} rows, one an image.", rows)]
    for name, other in others:
        received = tf.shape(other)[0]
        checks.append(_require(received == rows, f"{name} must have as many rows as {first}.", received, rows))
    return checks


def _value_checks(field, values):
    checks = []
    if field.below and field.below <= values.dtype.max:
        limit = tf.constant(field.below, values.dtype)
        accepted = tf.reduce_all(tf.logical_and(values >= 0, values < limit))
        message = f"{field.name} must have values 0 to {field.below - 1}."
        checks.append(_require(accepted, message, tf.reduce_min(values), tf.reduce_max(values)))
    if values.dtype.is_floating:
        accepted = tf.math.is_finite(values)
        if field.positive:
            accepted = tf.logical_and(accepted, values > 0)
        kind = "finite numbers above zero" if field.positive else "finite numbers"
        checks.append(_require(tf.reduce_all(accepted), f"{field.name} must be {kind}.", values))
        if field.limit:
            inside = tf.reduce_all(tf.abs(values) <= field.limit)
            checks.append(_require(inside, f"{field.name} must be {-field.limit:g} to {field.limit:g}.", values))
    return checks


def _require(condition, message, *received):
    return tf.debugging.Assert(condition, [f"{message} Received:", *received], summarize=8)
