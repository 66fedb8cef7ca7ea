"""`compiled(model, function)`: a function of tensors that reads the model's weights, compiled by the active backend."""

import keras


def compiled(model, function):
    """Compiles `function(*tensors)`, once for each combination of shapes, without baking the weights in.

    TensorFlow: a graph, not XLA, so that whatever runs here can also be exported and served. JAX: `jax.jit` with the
    weights as arguments, since jit would otherwise keep those of the first call.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False)
    import jax

    @jax.jit
    def with_weights(values, *tensors):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return function(*tensors)

    return lambda *tensors: with_weights([variable.value for variable in model.variables], *tensors)
