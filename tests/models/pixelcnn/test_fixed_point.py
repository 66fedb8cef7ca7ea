"""Fixed point: sums that do not depend on their order, close to what float32 gives."""

import decimal
import os
import pathlib
import subprocess
import sys
from decimal import Decimal

import keras
import numpy as np
import pytest
from keras import ops
from numpy._core import _multiarray_umath

from image_generators.layers.gated_block import gate
from image_generators.models.pixelcnn import fixed_point
from image_generators.models.pixelcnn.fixed_point import FixedPoint

ROOT = pathlib.Path(__file__).parents[2]

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


def test_gate_equals_equation_2(arithmetic):
    features = np.random.default_rng(2).normal(size=(7, 40)) * 6
    found = ops.convert_to_numpy(arithmetic.gate(features))
    np.testing.assert_allclose(found, ops.convert_to_numpy(gate(features)), atol=2.0**-10)


def test_gate_saturates_for_large_inputs(arithmetic):
    found = ops.convert_to_numpy(arithmetic.gate(np.array([[1e9, -1e9, 1e9, 1e9]])))  # contents, then openings
    np.testing.assert_array_equal(found, [[1.0, -1.0]])


def test_probabilities_are_a_softmax(arithmetic):
    logits = np.random.default_rng(3).normal(size=(5, 256)) * 3
    found = arithmetic.probabilities(logits)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-7)
    assert (found.max(axis=1) == 1).all()


def exact_exponentials():
    """exp(0), exp(-1/1024) ... exp(-16), of 40 digits."""
    with decimal.localcontext(prec=40):
        return [(Decimal(-i) / 1024).exp() for i in range(16 * 1024 + 1)]


def test_exponentials_are_the_same_whatever_the_last_bits_of_exp(arithmetic):
    """Of values five ulps too large or too small each is still rounded to the same step. NumPy's are within one."""
    exact = exact_exponentials()
    for error in (-10, 10):
        wrong = [value * (1 + error * Decimal(2) ** -53) / Decimal(fixed_point._EXPONENTIAL_STEP) for value in exact]
        steps = [float(value.to_integral_value(decimal.ROUND_HALF_EVEN)) for value in wrong]
        np.testing.assert_array_equal(arithmetic.exponentials, np.array(steps) * fixed_point._EXPONENTIAL_STEP)


def test_tables_are_the_same_on_all_code_paths_of_numpy(arithmetic):
    """Without the features of the processor that NumPy looks for: tanh takes another path on AVX2, exp on AVX-512."""
    code = "from image_generators.models.pixelcnn.fixed_point import FixedPoint; print(FixedPoint().fingerprint.hex())"
    features = " ".join(_multiarray_umath.__cpu_dispatch__)
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": features, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == arithmetic.fingerprint.hex()


@pytest.mark.parametrize("weight", [65.0, np.nan, -np.inf])
def test_a_weight_out_of_range_is_refused(arithmetic, weight):
    with pytest.raises(ValueError, match="weights"):
        arithmetic.weight(np.array([0.5, weight]))
