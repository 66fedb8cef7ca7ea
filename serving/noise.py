"""Noise from seeds, inside a graph: one stream of random numbers for each image of a request.

The generator is Philox: counter-based, without state, and equal on every host. The noise of an image depends on its own
seed only, not on the rest of the batch. DRAW needs two independent streams per image, hence `stream`.
"""

import tensorflow as tf

PIXELS, LATENTS = 0, 1  # streams


def uniforms(seeds: tf.Tensor, shape: tuple[int, ...], stream: int) -> tf.Tensor:
    """int64 [n] -> float32 [n, *shape], uniform in [0, 1)."""
    return _each(tf.random.stateless_uniform, seeds, shape, stream)


def normals(seeds: tf.Tensor, shape: tuple[int, ...], stream: int) -> tf.Tensor:
    """int64 [n] -> float32 [n, *shape], standard normal."""
    return _each(tf.random.stateless_normal, seeds, shape, stream)


def _each(draw, seeds, shape, stream):
    return tf.map_fn(
        lambda seed: draw(shape, tf.stack([seed, stream]), alg="philox"),
        seeds,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )
