"""Functions of tensors: compiled by the active backend, with a model's weights or without; spread over the cores."""

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import keras


def compiled(model, function, jit_compile=False):
    """Compiles `function(*tensors)`, once for each combination of shapes, without baking the weights in.

    TensorFlow: a graph, which can also be exported and served; by XLA with `jit_compile`. JAX: `jax.jit`, which is XLA
    in any case, with the weights as arguments, since it would otherwise keep those of the first call.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, jit_compile=jit_compile)
    import jax

    @jax.jit
    def with_weights(values, *tensors):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return function(*tensors)

    return lambda *tensors: with_weights([variable.value for variable in model.variables], *tensors)


def fused(function):
    """`function(*tensors)` as one program of XLA in any graph: for long chains of small operations on large tensors.

    Decorates pure functions. JAX: the function itself, since everything there is XLA's. XLA compiles once a shape.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return functools.wraps(function)(tf.function(function, autograph=False, jit_compile=True))


def with_gradient(function):
    """`function(*tensors)`, a scalar -> function giving it and its gradient with respect to the first tensor."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def value_and_gradient(first, *others):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(first)
                value = function(first, *others)
            return value, tape.gradient(value, first)

        return value_and_gradient
    import jax

    return jax.value_and_grad(function)


def over_cores(function, arrays):
    """`function` of slices of the arrays along their first axis, one slice a CPU core, side by side; a list of results.

    A sampler is one long chain of small operations, which keeps one core busy and no more. The slices are of one size,
    so that XLA compiles once; where there is an accelerator, the whole is one slice.
    """
    parts = 1 if _has_accelerator() else math.gcd(len(arrays[0]), os.cpu_count() or 1)
    size = len(arrays[0]) // parts
    slices = [[array[i * size : (i + 1) * size] for array in arrays] for i in range(parts)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(lambda part: keras.ops.convert_to_numpy(function(*part)), slices))


def _has_accelerator():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    import jax

    return jax.default_backend() != "cpu"
