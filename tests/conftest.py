"""Gradients on the active backend; and TensorFlow and XLA without their optimisers.

Hundreds of graphs are made here and each is run a few times: to optimise one takes longer than it saves.
"""

import os

# Before anything imports TensorFlow or JAX; processes that a test starts have it too.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import keras
import numpy as np
import pytest

if keras.backend.backend() == "tensorflow":
    # Scripts that a test starts as a user does have this one.
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="session")
def gradient():
    """`gradient(f, *arrays)`: the derivatives of a scalar function, as NumPy arrays."""
    if keras.backend.backend() == "jax":
        import jax

        return lambda f, *arrays: [np.asarray(g) for g in jax.grad(f, argnums=tuple(range(len(arrays))))(*arrays)]
    import tensorflow as tf

    def gradient(f, *arrays):
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = f(*tensors)
        return [g.numpy() for g in tape.gradient(value, tensors, unconnected_gradients="zero")]

    return gradient
