"""Checks inside the graph: an invalid request fails with a readable message before anything is computed.

The server itself checks names and dtypes. Shapes, numbers of images and values are left to the graph.
"""

import tensorflow as tf

from image_generators.serving.limits import MAX_ROWS


def checked(fields: tuple, inputs: dict[str, tf.Tensor], max_rows: int = MAX_ROWS) -> dict[str, tf.Tensor]:
    """Returns the inputs with checks attached: nothing can be computed from them unless all checks pass.

    Args:
        fields: resolved `Field`s of signatures.py.
        inputs: tensors by name.
        max_rows: the most images per request.
    """
    # EnsureShape compares shapes when it runs. A Shape op would not do: the server's optimiser replaces it with the
    # shape in the signature, and the check would compare the signature with itself.
    inputs = {
        field.name: tf.raw_ops.EnsureShape(input=inputs[field.name], shape=(None, *field.shape), name=field.name)
        for field in fields
    }
    checks = _count_checks(inputs, max_rows)
    for field in fields:
        checks += _value_checks(field, inputs[field.name])
    with tf.control_dependencies(checks):
        return {name: tf.identity(tensor) for name, tensor in inputs.items()}


def _count_checks(inputs, max_rows):
    (first, tensor), *others = inputs.items()
    n = tf.shape(tensor)[0]
    accepted = tf.logical_and(n >= 1, n <= max_rows)
    checks = [_require(accepted, f"{first} must have 1 to {max_rows} entries, one per image. Received:", n)]
    for name, other in others:
        received = tf.shape(other)[0]
        message = f"{name} must have as many entries as {first}, one per image. Received:"
        checks.append(_require(received == n, message, received, n))
    return checks


def _value_checks(field, values):
    checks = []

    def require(accepted, rule):
        checks.append(_require_for_every_image(accepted, f"{field.name} must {rule}."))

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


def _require_for_every_image(accepted, rule):
    """Requires all of bool `accepted` [n, ...]; the message states the rule and the first image that breaks it.

    It shows no values: the server sends the same message to all joined requests, which may come from strangers.
    """
    good = tf.reduce_all(accepted, axis=list(range(1, len(accepted.shape))))  # [n]
    first, n = tf.where(tf.logical_not(good))[:1, 0], tf.shape(good)[0]
    where = (first, "of", n, "in the batch, which may join several requests")
    return _require(tf.reduce_all(good), f"{rule} Received: another value for image, counted from 0,", *where)


def _require(condition, message, *received):
    return tf.debugging.Assert(condition, [message, *received], summarize=8)
