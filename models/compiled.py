"""Functions of tensors: compiled by the active backend, differentiated, or run on several CPU cores."""

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import keras


def compiled(model: keras.Model, function, jit_compile: bool = False):
    """Compiles `function(*tensors)`, once per combination of shapes. The weights stay variable.

    TensorFlow: a graph, which can also be exported and served, compiled by XLA if `jit_compile`. JAX: `jax.jit`, always
    XLA, with the weights as arguments, since otherwise those of the first call would be constants.
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
    """Decorator that compiles a pure function by XLA inside any graph: for chains of small operations on large tensors.

    XLA compiles once per shape. On JAX it returns the function itself, which XLA compiles anyway.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return functools.wraps(function)(tf.function(function, autograph=False, jit_compile=True))


def with_gradient(function):
    """A function that returns the scalar `function(*tensors)` and its gradient with respect to the first tensor."""
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
    """Applies `function` to slices of the arrays along their first axis, one slice per CPU core; a list of results.

    A sampler is one long chain of small operations and keeps only one core busy. All slices have the same size, so that
    XLA compiles once. With an accelerator there is only one slice.
    """
    count = 1 if _has_accelerator() else math.gcd(len(arrays[0]), os.cpu_count() or 1)
    size = len(arrays[0]) // count
    slices = [[array[i * size : (i + 1) * size] for array in arrays] for i in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda arrays: keras.ops.convert_to_numpy(function(*arrays)), slices))


def _has_accelerator():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    import jax

    return jax.default_backend() != "cpu"
