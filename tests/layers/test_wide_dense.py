"""WideDense is Dense, in values and in gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from image_generators.layers.wide_dense import WideDense

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(3, 5)).astype("float32")
UPSTREAM = RANDOM.normal(size=(3, 7)).astype("float32")


def values_and_gradients(layer, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def both(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            outputs = layer(features)
        weights = [weight.value for weight in layer.weights]
        return outputs, *tape.gradient(outputs, [features, *weights], output_gradients=UPSTREAM)

    return both(tf.constant(FEATURES))


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("options", [{"activation": "relu"}, {"use_bias": False}])
def test_output_equals_keras_dense(options, jit_compile):
    plain, wide = keras.layers.Dense(7, **options), WideDense(7, **options)
    for layer in (plain, wide):
        layer.build((None, 5))
    wide.set_weights([RANDOM.normal(size=weight.shape) for weight in plain.weights])
    plain.set_weights(wide.get_weights())
    expected, found = (values_and_gradients(layer, jit_compile) for layer in (plain, wide))
    assert len(found) == 2 + len(plain.weights)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
        assert np.abs(theirs).max() > 0.5
