"""Noise from seeds, inside a graph: a stream of random numbers for every image of a request.

The generator is Philox, counter-based and the same on every host; it has no state, so a server keeps none, and what an
image gets depends on its own seed and not on who else is in its batch. DRAW needs two kinds of numbers for an image,
hence `stream`.
"""

import tensorflow as tf

PIXELS, LATENTS = 0, 1  # streams


def uniforms(seeds, shape, stream):
    """int64 [n] -> float32 [n, *shape], uniform in [0, 1)."""
    return _each(tf.random.stateless_uniform, seeds, shape, stream)


def normals(seeds, shape, stream):
    """int64 [n] -> float32 [n, *shape], standard normal."""
    return _each(tf.random.stateless_normal, seeds, shape, stream)


def _each(draw, seeds, shape, stream):
    return tf.map_fn(
        lambda seed: draw(shape, tf.stack([seed, stream]), alg="philox"),
        seeds,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )
