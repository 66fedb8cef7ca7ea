"""ELBO <= importance-weighted bound <= log-likelihood, which tiny models have by integration over a grid of latents."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

COPIES = 3000  # of each image: as many draws of the latents
TINY = {"image_shape": (3, 3, 1), "latent": 1, "units": 4, "read_size": 2, "write_size": 2}
SETTINGS = {
    "one_step_without_attention": {**TINY, "steps": 1, "read_size": None, "write_size": None},
    "two_steps": {**TINY, "steps": 2},
}
GRIDS = {1: np.linspace(-7, 7, 281), 2: np.linspace(-6, 6, 61)}  # by steps


def exact(model, images):
    """log p(x) = log of the integral of D(x | c_T(z)) N(z; 0, I), by the decoder alone, float64 [n]."""
    grid = GRIDS[model.steps]
    latents = np.array(list(itertools.product(grid, repeat=model.steps)), "float32")[..., None]  # [points, steps, 1]
    log_prior = stats.norm.logpdf(latents).sum(axis=(1, 2)) + model.steps * np.log(grid[1] - grid[0])
    canvases = np.array(model.generate(latents, np.zeros((len(latents), 3, 3, 1), "float32"))[1])
    p = canvases[:, -1].reshape(len(latents), -1).astype("float64")  # [points, pixels]
    flat = images.reshape(len(images), -1).astype("float64")
    return np.array([logsumexp(log_prior + (np.log(p) * x + np.log1p(-p) * (1 - x)).sum(axis=1)) for x in flat])


@pytest.fixture(scope="module", params=SETTINGS)
def measured(request, shared_draw, random_images):
    """(model, exact log-likelihoods [3], ELBOs and log weights of one draw of the latents [3, copies])."""
    model = shared_draw(**SETTINGS[request.param])
    images = random_images(model, 3)
    copies = np.repeat(images, COPIES, axis=0)
    elbo = model.elbo(copies, batch_size=len(copies)).total.reshape(3, -1)
    weights = model.log_prob_bound(copies, 1, batch_size=len(copies)).reshape(3, -1)
    return model, images, exact(model, images), elbo, weights


def assert_zero_in_the_mean(values):
    """To four standard errors; values [3, copies]."""
    error = values.std(axis=1) / np.sqrt(values.shape[1])
    assert (np.abs(values.mean(axis=1)) < 4 * error).all(), (values.mean(axis=1), error)


def test_the_exact_probabilities_of_all_images_sum_to_one(measured, every_image):
    model = measured[0]
    assert np.exp(exact(model, every_image(model))).sum() == pytest.approx(1, abs=1e-4)


def test_the_mean_elbo_is_a_lower_bound(measured):
    _, _, log_prob, elbo, _ = measured
    assert (elbo.mean(axis=1) < log_prob - 0.05).all()


def test_importance_weights_average_to_the_likelihood(measured):
    """E[D(x | z) P(z) / Q(z | x)] = p(x), whatever Q."""
    _, _, log_prob, _, weights = measured
    assert_zero_in_the_mean(np.exp(weights - log_prob[:, None]) - 1)


def test_one_sample_bound_equals_the_elbo_on_average(measured):
    _, _, _, elbo, weights = measured
    assert_zero_in_the_mean(elbo - weights)
    assert (elbo != weights).any()  # one has the KL in closed form


def test_bound_rises_to_the_likelihood_with_more_samples(measured):
    """Each to four standard errors."""
    model, images, log_prob, elbo, _ = measured
    copies = np.repeat(images, 300, axis=0)
    few, many = (model.log_prob_bound(copies, k, seed=1, batch_size=900).reshape(3, -1) for k in (4, 64))
    assert few.dtype == np.float64
    error = 4 * few.std(axis=1) / np.sqrt(300)
    elbo, few, many = (bounds.mean(axis=1) for bounds in (elbo, few, many))
    assert (elbo < few + error).all() and (few < many + error).all() and (many < log_prob + error).all()
    assert elbo.mean() < few.mean() < many.mean()
    np.testing.assert_allclose(many, log_prob, atol=0.1)
