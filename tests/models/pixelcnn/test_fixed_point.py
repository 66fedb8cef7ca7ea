"""Fixed point: sums that do not depend on their order, close to what float32 gives."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.gated_block import gate
from image_generators.models.pixelcnn.fixed_point import FixedPoint

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's alone: float64")


@pytest.fixture(scope="module")
def arithmetic():
    return FixedPoint()


def products(arithmetic, generator):
    """(activations [16, 900], weights [900, 5]), float64."""
    inputs, weights = generator.normal(size=(16, 900)) * 30, generator.normal(size=(900, 5))
    if arithmetic is not None:
        inputs, weights = arithmetic.activation(inputs), arithmetic.weight(weights)
    return ops.convert_to_numpy(inputs), ops.convert_to_numpy(weights)


@pytest.mark.parametrize("exact", [True, False])
def test_a_sum_does_not_depend_on_its_order(arithmetic, exact):
    generator = np.random.default_rng(0)
    inputs, weights = products(arithmetic if exact else None, generator)
    order = generator.permutation(inputs.shape[1])
    one, other = inputs @ weights, inputs[:, order] @ weights[order]
    assert (one == other).all() == exact  # in plain float64 it does: the test can tell


def test_rounding_is_to_the_nearest_4096th(arithmetic):
    values = np.random.default_rng(1).uniform(-50, 50, 1000)
    for rounded in (arithmetic.weight(values), arithmetic.activation(values)):
        rounded = ops.convert_to_numpy(rounded)
        assert rounded.dtype == np.float64
        np.testing.assert_array_equal(rounded * 4096, np.round(values * 4096))


def test_the_gate_is_that_of_equation_2(arithmetic):
    features = np.random.default_rng(2).normal(size=(7, 40)) * 6
    found = ops.convert_to_numpy(arithmetic.gate(features))
    np.testing.assert_allclose(found, ops.convert_to_numpy(gate(features)), atol=2.0**-10)


def test_the_gate_far_out_is_open_or_closed(arithmetic):
    found = ops.convert_to_numpy(arithmetic.gate(np.array([[1e9, -1e9, 1e9, 1e9]])))  # contents, then openings
    np.testing.assert_array_equal(found, [[1.0, -1.0]])


def test_probabilities_are_a_softmax(arithmetic):
    logits = np.random.default_rng(3).normal(size=(5, 256)) * 3
    found = arithmetic.probabilities(logits)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-7)
    assert (found.max(axis=1) == 1).all()


@pytest.mark.parametrize("weight", [65.0, np.nan, -np.inf])
def test_a_weight_that_does_not_fit_is_refused(arithmetic, weight):
    with pytest.raises(ValueError, match="weights must lie within -64 and 64"):
        arithmetic.weight(np.array([0.5, weight]))
