"""The uniform density is 8 bits/dim; the Gaussian is SciPy's, and 4.64 bits/dim on CIFAR-10."""

import math
import os
import pathlib
import pickle

import numpy as np
import pytest
from scipy import stats

from image_generators.data import images as data_sets
from image_generators.models.pixelcnn.density_baselines import MultivariateGaussian, Uniform

SHAPE = (2, 2, 3)
RANDOM = np.random.default_rng(0)
MIXING = RANDOM.normal(size=(12, 12)) * 12  # sub-pixels that depend on each other
IMAGES = np.clip(RANDOM.normal(size=(500, 12)) @ MIXING + 128, 0, 255).astype("uint8").reshape(500, *SHAPE)


@pytest.fixture(scope="module")
def gaussian():
    return MultivariateGaussian(SHAPE).fit(IMAGES, batch_size=150)


def test_uniform_is_8_bits_per_dim():
    model = Uniform(SHAPE)
    np.testing.assert_allclose(model.bits_per_dim(IMAGES), np.full(500, 8), rtol=1e-6)
    np.testing.assert_allclose(model.log_prob(IMAGES), -12 * math.log(256), rtol=1e-6)


def test_uniform_samples_every_value_alike():
    samples = Uniform(SHAPE).sample(5000, seed=1)
    assert samples.shape == (5000, *SHAPE) and samples.dtype == np.uint8
    assert stats.chisquare(np.bincount(samples.ravel(), minlength=256)).pvalue > 0.01
    np.testing.assert_array_equal(samples, Uniform(SHAPE).sample(5000, seed=1))
    assert (samples != Uniform(SHAPE).sample(5000, seed=2)).any()


def test_gaussian_equals_scipy_with_moments_of_dequantised_images(gaussian):
    """Uniform noise in [0, 1) adds 1/2 to the mean and 1/12 to the variance; the fit is maximum likelihood."""
    flat = IMAGES.reshape(500, 12).astype("float64")
    covariance = np.cov(flat, rowvar=False, bias=True) + np.eye(12) / 12
    reference = stats.multivariate_normal(flat.mean(axis=0) + 0.5, covariance)
    noise = np.random.default_rng(3).random((500, 12), dtype="float32")
    expected = reference.logpdf(flat + noise)
    np.testing.assert_allclose(gaussian.log_prob(IMAGES, seed=3), expected, rtol=1e-4)
    bits = -expected / (12 * math.log(2))
    np.testing.assert_allclose(gaussian.bits_per_dim(IMAGES, seed=3), bits, rtol=1e-4)


def test_images_in_a_plane_leave_the_variance_of_the_noise():
    """Of all directions but two. Products summed up in float32 would err by more than that variance."""
    random = np.random.default_rng(0)
    factors, patterns = random.integers(0, 6, (2000, 2)), random.integers(0, 26, (2, 768))
    images = (factors @ patterns).astype("uint8")
    fitted = MultivariateGaussian((16, 16, 3)).fit(images.reshape(-1, 16, 16, 3)).distribution()
    covariance = np.cov(images, rowvar=False, bias=True) + np.eye(768) / 12
    found = 2 * float(fitted.scale.log_abs_determinant())
    assert found == pytest.approx(np.linalg.slogdet(covariance).logabsdet, abs=1e-2)


def test_gaussian_does_not_depend_on_the_batch(gaussian):
    expected = gaussian.log_prob(IMAGES)
    np.testing.assert_allclose(gaussian.log_prob(IMAGES, batch_size=7), expected, rtol=1e-5)
    assert (gaussian.log_prob(IMAGES, seed=1) != expected).any()


def test_gaussian_beats_uniform_on_what_it_was_fitted_to(gaussian):
    assert gaussian.bits_per_dim(IMAGES).mean() < 8


def test_gaussian_samples_have_its_moments(gaussian):
    samples = gaussian.sample(20_000, seed=1)
    assert samples.shape == (20_000, *SHAPE) and samples.dtype == np.uint8
    np.testing.assert_allclose(samples.mean(axis=0), IMAGES.mean(axis=0), atol=1.5)
    flat = [images.reshape(len(images), -1) for images in (samples, IMAGES)]
    np.testing.assert_allclose(*(np.cov(each, rowvar=False) for each in flat), atol=150)  # of variances near 2000
    np.testing.assert_array_equal(gaussian.sample(3, seed=1), gaussian.sample(3, seed=1))
    assert (gaussian.sample(3, seed=1) != gaussian.sample(3, seed=2)).any()


def test_parameters_are_mean_and_half_of_a_symmetric_matrix():
    assert MultivariateGaussian(SHAPE).parameters == 12 + 12 * 13 // 2
    assert Uniform(SHAPE).parameters == 0


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="images.*Received: 12 images"):
        MultivariateGaussian(SHAPE).fit(IMAGES[:12])


@pytest.mark.parametrize("ask", [lambda model: model.log_prob(IMAGES), lambda model: model.sample(1)])
def test_an_unfitted_gaussian_is_refused(ask):
    with pytest.raises(ValueError, match=r"MultivariateGaussian has not seen any images: call fit\(images\) first"):
        ask(MultivariateGaussian(SHAPE))


@pytest.mark.parametrize("ask", [Uniform(SHAPE).log_prob, MultivariateGaussian(SHAPE).fit])
def test_bad_images_are_refused(ask):
    with pytest.raises(ValueError, match="images.*Received: .*float64"):
        ask(IMAGES / 255)
    with pytest.raises(ValueError, match="images.*Received"):
        ask(IMAGES[:, :1])


@pytest.mark.parametrize("batch_size", [0, -1])
def test_bad_batch_sizes_are_refused(gaussian, batch_size):
    with pytest.raises(ValueError, match=f"batch_size.*Received: .*={batch_size}"):
        gaussian.log_prob(IMAGES, batch_size=batch_size)
    with pytest.raises(ValueError, match=f"batch_size.*Received: .*={batch_size}"):
        MultivariateGaussian(SHAPE).fit(IMAGES, batch_size=batch_size)


@pytest.mark.parametrize("seed", [-1, 0.5, None, True])
def test_bad_seeds_are_refused(gaussian, seed):
    for ask in (Uniform(SHAPE).sample, gaussian.sample, lambda n, seed: gaussian.log_prob(IMAGES[:n], seed=seed)):
        with pytest.raises(ValueError, match=f"seed.*Received: seed={seed}"):
            ask(2, seed=seed)


def test_likelihoods_of_no_images_are_empty(gaussian):
    assert gaussian.log_prob(IMAGES[:0]).shape == Uniform(SHAPE).log_prob(IMAGES[:0]).shape == (0,)


@pytest.fixture(scope="module")
def cifar10():
    beside = pathlib.Path(__file__).parents[4] / "shared" / "tensorflow_datasets"
    for place in (os.environ.get("TFDS_DATA_DIR"), beside):
        if place and pathlib.Path(place, "cifar10").is_dir():
            return data_sets.load("cifar10", data_dir=place, download=False, allow_fallback=False)
    pytest.skip("CIFAR-10 is neither in TFDS_DATA_DIR nor in ../shared/tensorflow_datasets")


def test_gaussian_on_cifar_10_is_4_64_bits_per_dim(cifar10):
    """Fitted to the 50,000 training images; measured on the test images."""
    training = np.concatenate([cifar10.train.images, cifar10.validation.images])
    assert len(training) == 50_000
    bits = MultivariateGaussian().fit(training).bits_per_dim(cifar10.test.images)
    assert bits.shape == (10_000,)
    assert bits.mean() == pytest.approx(4.64, abs=0.005)


def test_a_fitted_gaussian_can_be_pickled(gaussian):
    again = pickle.loads(pickle.dumps(gaussian))
    np.testing.assert_array_equal(again.log_prob(IMAGES), gaussian.log_prob(IMAGES))
