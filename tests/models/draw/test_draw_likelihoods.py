"""What DRAW's canvas says of an image: NumPy's numbers, sums of one, and draws as probable as they should be."""

import numpy as np
import pytest
from keras import ops

from image_generators.models.draw import likelihoods as draw_likelihoods
from image_generators.models.draw.likelihoods import LIKELIHOODS

RANDOM = np.random.default_rng(0)
SHAPE = (3, 2, 4, 3)  # [batch, height, width, colours]
LOGISTICS = [(0.0, 0.0), (2.0, -2.0), (-8.0, -1.0), (8.0, 3.0), (0.3, -6.0), (-50.0, 50.0)]  # mean, log scale


def canvas_of(likelihood):
    return RANDOM.normal(0, 2, (*SHAPE[:-1], SHAPE[-1] * likelihood.channels)).astype("float32")


def cross_entropies(canvas, x):
    """sum x log p + (1 - x) log(1 - p) of each image."""
    p = 1 / (1 + np.exp(-canvas.astype("float64")))
    return (x * np.log(p) + (1 - x) * np.log1p(-p)).sum(axis=(1, 2, 3))


def probabilities(mean, log_scale, levels=256):
    """Of every value of one sub-pixel, by log_prob of as many images."""
    canvas = np.broadcast_to(np.float32([mean, log_scale]), (levels, 1, 1, 2))
    values = np.arange(levels, dtype="float32").reshape(-1, 1, 1, 1)
    log_prob = ops.convert_to_numpy(LIKELIHOODS["discretized_logistic"].log_prob(canvas, values, levels))
    assert np.isfinite(log_prob).all()
    return np.exp(log_prob.astype("float64"))


def test_bernoulli_equals_numpy():
    canvas, values = canvas_of(LIKELIHOODS["bernoulli"]), RANDOM.integers(0, 2, SHAPE).astype("float32")
    found = LIKELIHOODS["bernoulli"].log_prob(canvas, values, 2)
    np.testing.assert_allclose(found, cross_entropies(canvas, values), rtol=1e-5)


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_cross_entropy_treats_pixel_values_as_probabilities(levels):
    canvas = canvas_of(LIKELIHOODS["cross_entropy"])
    values = RANDOM.integers(0, levels, SHAPE).astype("float32")
    found = LIKELIHOODS["cross_entropy"].log_prob(canvas, values, levels)
    np.testing.assert_allclose(found, cross_entropies(canvas, values / (levels - 1)), rtol=1e-5)


@pytest.mark.parametrize("mean, log_scale", LOGISTICS)
@pytest.mark.parametrize("levels", [3, 256])
def test_the_discretized_logistic_sums_to_one_over_all_values(mean, log_scale, levels):
    assert probabilities(mean, log_scale, levels).sum() == pytest.approx(1, abs=1e-4)


def test_the_discretized_logistic_is_differences_of_a_cdf_at_half_values():
    """Scale 255 e^-1 / 20 round 255 sigmoid(0.5); the outer values take the tails."""
    location, scale = 255 / (1 + np.exp(-0.5)), 255 * np.exp(-1) / 20
    inner = 1 / (1 + np.exp(-(np.arange(255) + 0.5 - location) / scale))
    expected = np.diff(np.concatenate([[0], inner, [1]]))
    np.testing.assert_allclose(probabilities(0.5, -1.0), expected, rtol=1e-3, atol=1e-7)


def test_the_discretized_logistic_of_an_image_is_a_sum_over_its_sub_pixels():
    """The first half of the channels are the means of R, G and B, the second their scales."""
    likelihood = LIKELIHOODS["discretized_logistic"]
    canvas, values = canvas_of(likelihood), RANDOM.integers(0, 256, SHAPE).astype("float32")
    each = [
        likelihood.log_prob(canvas[..., [colour, 3 + colour]], values[..., colour : colour + 1], 256)
        for colour in range(3)
    ]
    np.testing.assert_allclose(likelihood.log_prob(canvas, values, 256), sum(map(np.array, each)), rtol=1e-5)


def test_gradients_are_finite_in_the_far_tails_and_pull_the_mean_to_the_value(gradient):
    likelihood = LIKELIHOODS["discretized_logistic"]
    canvas = np.float32(LOGISTICS).repeat(2, axis=0).reshape(-1, 1, 1, 2)
    values = np.tile(np.float32([0, 255]), len(LOGISTICS)).reshape(-1, 1, 1, 1)
    (found,) = gradient(lambda canvas: ops.sum(likelihood.log_prob(canvas, values, 256)), canvas)
    assert np.isfinite(found).all()
    for i in (0, 4):  # as at the start of training, and the sharpest there is
        assert found[2 * i, 0, 0, 0] < -1 and found[2 * i + 1, 0, 0, 0] > 1


@pytest.mark.parametrize("mean, log_scale", LOGISTICS)
def test_draws_of_the_discretized_logistic_are_as_frequent_as_probable(mean, log_scale):
    n = 20_000
    uniforms = ((np.arange(n) + 0.5) / n).astype("float32").reshape(1, 1, n, 1)
    canvas = np.broadcast_to(np.float32([mean, log_scale]), (1, 1, n, 2))
    drawn = ops.convert_to_numpy(LIKELIHOODS["discretized_logistic"].draw(canvas, uniforms, 256)).ravel()
    frequencies = np.bincount(drawn.astype(int), minlength=256) / n
    np.testing.assert_allclose(frequencies, probabilities(mean, log_scale), atol=1.5 / n)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
@pytest.mark.parametrize("name, levels", [("bernoulli", 2), ("cross_entropy", 256), ("discretized_logistic", 256)])
def test_uniform_numbers_near_0_and_1_give_valid_values(name, levels, uniform):
    likelihood = LIKELIHOODS[name]
    drawn = likelihood.draw(canvas_of(likelihood), np.full(SHAPE, uniform, "float32"), levels)
    drawn = ops.convert_to_numpy(drawn)
    assert drawn.shape == SHAPE and (drawn == np.round(drawn)).all()
    assert drawn.min() >= 0 and drawn.max() <= levels - 1


def test_a_bernoulli_pixel_is_one_as_often_as_its_probability_says():
    canvas = np.float32([-3, -0.5, 0, 2]).reshape(4, 1, 1, 1).repeat(1000, axis=1)
    uniforms = np.broadcast_to(((np.arange(1000) + 0.5) / 1000).astype("float32")[:, None, None], (4, 1000, 1, 1))
    drawn = ops.convert_to_numpy(LIKELIHOODS["bernoulli"].draw(canvas, uniforms, 2))
    np.testing.assert_allclose(drawn.mean(axis=(1, 2, 3)), 1 / (1 + np.exp([3, 0.5, 0, -2])), atol=1e-3)


def test_sampling_a_cross_entropy_returns_the_mean():
    canvas, uniforms = canvas_of(LIKELIHOODS["cross_entropy"]), RANDOM.random(SHAPE, "float32")
    drawn = LIKELIHOODS["cross_entropy"].draw(canvas, uniforms, 256)
    np.testing.assert_array_equal(drawn, np.round(255 / (1 + np.exp(-canvas))))


@pytest.mark.parametrize("levels, name", [(2, "bernoulli"), (3, "discretized_logistic"), (256, "discretized_logistic")])
def test_default_likelihood_follows_the_levels(levels, name):
    assert draw_likelihoods.find(None, levels) == (name, LIKELIHOODS[name])
    assert draw_likelihoods.find("cross_entropy", levels)[0] == "cross_entropy"


@pytest.mark.parametrize(
    "name, levels, message",
    [
        ("gaussian", 256, "likelihood.*Received: likelihood='gaussian'"),
        ("", 256, "likelihood.*Received: likelihood=''"),
        ("bernoulli", 256, "likelihood.*Received: levels=256"),
        ("discretized_logistic", 2, "likelihood.*Received: levels=2"),
    ],
)
def test_unknown_or_unsuitable_likelihood_is_refused(name, levels, message):
    with pytest.raises(ValueError, match=message):
        draw_likelihoods.find(name, levels)
