"""FusedAdam is Adam and Muon is Keras' Muon, for convolutions too; in a graph with and without XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from image_generators.training.optimizers import FusedAdam, Muon

RANDOM = np.random.default_rng(0)
START = RANDOM.normal(size=(3, 4)).astype("float32"), RANDOM.normal(size=5).astype("float32")
GRADIENTS = [[RANDOM.normal(0, 3, part.shape).astype("float32") for part in START] for _ in range(4)]


def weights_after(optimizer, jit_compile):
    """Weights and the optimiser's averages after the steps of GRADIENTS."""
    variables = [keras.Variable(part) for part in START]
    optimizer.build(variables)
    step = tf.function(lambda *g: optimizer.apply(list(g), variables), autograph=False, jit_compile=jit_compile)
    for gradients in GRADIENTS:
        step(*map(tf.constant, gradients))
    return [variable.numpy() for variable in (*variables, *optimizer.variables[1:])]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("options", [{}, {"global_clipnorm": 1.0, "use_ema": True, "epsilon": 0.1}])
def test_fused_adam_takes_the_steps_of_adam(options, jit_compile):
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    expected = weights_after(keras.optimizers.Adam(rate, beta_1=0.8, **options), False)
    found = weights_after(FusedAdam(rate, beta_1=0.8, **options), jit_compile)
    assert len(found) == len(expected) > 4
    for mine, adams in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, adams, rtol=1e-5, atol=1e-6)
    assert all(np.abs(after - before).max() > 0.005 for after, before in zip(found, START, strict=False))


def test_optimizer_state_transfers_to_and_from_adam():
    """A checkpoint of the one is one of the other: the same variables in the same order."""
    variables = [keras.Variable(part) for part in START]
    adam, fused = keras.optimizers.Adam(0.1), FusedAdam(0.1)
    for optimizer in (adam, fused):
        optimizer.build(variables)
    adam.apply([tf.constant(g) for g in GRADIENTS[0]], variables)
    stored = {}
    adam.save_own_variables(stored)
    fused.load_own_variables(stored)
    for mine, adams in zip(fused.variables, adam.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), adams.numpy())


def test_two_accumulated_parts_give_the_step_of_their_mean():
    """Weights, their average and the rate: as if the parts had come as one batch."""
    rate = keras.optimizers.schedules.CosineDecay(0.1, 3)
    options = {"global_clipnorm": 1.0, "use_ema": True, "ema_momentum": 0.5}
    whole, in_parts = FusedAdam(rate, **options), FusedAdam(rate, gradient_accumulation_steps=2, **options)
    weights, found = ([keras.Variable(part) for part in START] for _ in range(2))
    for optimizer, variables in ((whole, weights), (in_parts, found)):
        optimizer.build(variables)
    for _ in range(2):  # four parts, twice
        for first, second in zip(GRADIENTS[::2], GRADIENTS[1::2], strict=True):
            whole.apply([tf.constant((one + other) / 2) for one, other in zip(first, second, strict=True)], weights)
            in_parts.apply(list(map(tf.constant, first)), found)
            between = [variable.numpy() for variable in found]
            in_parts.apply(list(map(tf.constant, second)), found)
            for mine, expected, before in zip(found, weights, between, strict=True):
                np.testing.assert_allclose(mine.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
                assert (mine.numpy() != before).any() or int(in_parts.iterations) > 3  # where the rate is zero
            pairs = zip(in_parts._model_variables_moving_average, whole._model_variables_moving_average, strict=True)
            for mine, expected in pairs:
                np.testing.assert_allclose(mine.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


# Muon.


def moved(optimizer, start, gradient, name="kernel", jit_compile=False):
    """How a weight has moved after two steps of the same gradient."""
    variable = keras.Variable(start, name=name)
    optimizer.build([variable])
    step = tf.function(lambda g: optimizer.apply([g], [variable]), autograph=False, jit_compile=jit_compile)
    for _ in range(2):
        step(tf.constant(gradient))
    return variable.numpy() - start


@pytest.mark.parametrize("jit_compile", [False, True])
def test_muon_step_of_a_matrix_equals_keras(jit_compile):
    start, gradient = RANDOM.normal(size=(2, 6, 4)).astype("float32")
    no_decay = {"weight_decay": None, "adam_weight_decay": None}
    expected = moved(keras.optimizers.Muon(0.1, **no_decay), start, gradient)
    np.testing.assert_allclose(moved(Muon(0.1), start, gradient, jit_compile=jit_compile), expected, rtol=1e-4)


def test_muon_moves_a_convolution_along_an_orthogonal_matrix():
    """All singular values of a step are about 1, times 0.2 of the root of the larger side and the rate."""
    shape = (3, 2, 5, 8)
    start, gradient = RANDOM.normal(size=(2, *shape)).astype("float32")
    gradient *= np.geomspace(0.01, 1.0, 8)  # as convolutions' have them: of very different sizes
    step = moved(Muon(0.1), start, gradient).reshape(30, 8) / (2 * 0.1 * 0.2 * 30**0.5)
    assert np.ptp(np.linalg.svd(gradient.reshape(30, 8))[1]) > 4
    assert ((np.linalg.svd(step)[1] > 0.6) & (np.linalg.svd(step)[1] < 1.3)).all()
    expected = moved(Muon(0.1), start.reshape(30, 8), gradient.reshape(30, 8)).reshape(shape)
    np.testing.assert_allclose(moved(Muon(0.1), start, gradient), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name, shape", [("bias", (5,)), ("logits", (1, 1, 3, 4))])
def test_muon_leaves_biases_and_the_last_layer_to_adam(name, shape):
    start, gradient = RANDOM.normal(size=(2, *shape)).astype("float32")
    expected = moved(keras.optimizers.Adam(0.1), start, gradient, name)
    np.testing.assert_allclose(moved(Muon(0.3), start, gradient, name), expected, rtol=1e-4)


def test_weight_decay_shrinks_the_kernels_that_muon_trains_and_no_others():
    """Decoupled: each step multiplies a kernel by 1 - rate x decay before it moves it."""
    start, no_gradient = RANDOM.normal(size=(3, 4)).astype("float32"), np.zeros((3, 4), "float32")
    step = moved(Muon(0.1, weight_decay=0.5), start, no_gradient)
    np.testing.assert_allclose(step, start * (0.95**2 - 1), rtol=1e-5, atol=1e-6)
    for name, shape in (("bias", 5), ("logits", (3, 4))):
        start = RANDOM.normal(size=shape).astype("float32")
        assert (moved(Muon(0.1, weight_decay=0.5), start, np.zeros_like(start), name) == 0).all()


def test_muon_state_survives_saving():
    muon = Muon(0.3, adam_lr_ratio=0.5, exclude_layers=("head",), global_clipnorm=2.0)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(muon))
    assert type(again) is Muon and again.get_config() == muon.get_config()
    assert again.exclude_layers == ["head"] and again.weight_decay is None and again.adam_lr_ratio == 0.5
