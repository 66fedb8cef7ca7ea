"""The first two rows of Table 1 of arXiv 1606.05328: Uniform (8.00 bits/dim) and MultivariateGaussian (4.70).

They have the methods of every model here, but are not trained by gradient descent. The Gaussian checks data and metric:
fitted to the 50,000 training images of CIFAR-10, it gives 4.64 bits/dim on the test images.
"""

import math

import numpy as np

from image_generators.models import checks
from image_generators.models.distributions import tfd


class Density:
    """Base class of the two: checked input and bits per dimension."""

    levels = 256

    def __init__(self, image_shape: tuple[int, int, int] = (32, 32, 3)):
        self.image_shape = checks.check_image_shape(image_shape)
        self.dimensions = math.prod(self.image_shape)

    def bits_per_dim(self, images: np.ndarray, **options) -> np.ndarray:
        """Cost in bits per sub-pixel, float32 `[n]`. `options`: as for `log_prob`."""
        return -self.log_prob(images, **options) / (self.dimensions * math.log(2.0))

    def _checked(self, images):
        return checks.check_images(images, self.image_shape, self.levels)


class Uniform(Density):
    """All images are equally likely: log2(256) = 8 bits/dim."""

    parameters = 0

    def distribution(self) -> tfd.Independent:
        """TFP Independent(Categorical) over the sub-pixels, event [height, width, colours]."""
        return tfd.Independent(tfd.Categorical(logits=np.zeros((*self.image_shape, self.levels), "float32")), 3)

    def log_prob(self, images: np.ndarray) -> np.ndarray:
        """Log-likelihood in nats, float32 `[n]`, of uint8 images `[n, height, width, colours]`."""
        images = self._checked(images)
        log_prob = np.asarray(self.distribution().log_prob(images[:1].astype("int32")))  # the same for all images
        return np.broadcast_to(log_prob, (len(images),)).astype("float32")

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws images, uint8 `[n, height, width, colours]`."""
        n, seed = checks.check_integer("n", n, 1), checks.check_integer("seed", seed, 0)
        return np.random.default_rng(seed).integers(0, self.levels, (n, *self.image_shape)).astype("uint8")


class MultivariateGaussian(Density):
    """One Gaussian over all sub-pixels, fitted by maximum likelihood to images plus uniform noise.

    A density over real numbers does not define the probability of an integer image. With noise u, uniform in [0, 1),
    the mean of log p(x + u) is a lower bound of the log-probability of x (Theis et al., arXiv 1511.01844, Section 3.1).
    Such models are compared by this bound.
    """

    def __init__(self, image_shape: tuple[int, int, int] = (32, 32, 3)):
        super().__init__(image_shape)
        self.parameters = self.dimensions + self.dimensions * (self.dimensions + 1) // 2
        self._fitted = None  # mean and scale

    def fit(self, images: np.ndarray, batch_size: int = 1024) -> "MultivariateGaussian":
        """Computes mean and covariance of uint8 images `[n, height, width, colours]` plus noise. Returns self.

        Images lie near a plane, so rounding errors can make the covariance indefinite. Sums of up to 1024 products of
        values -128 .. 127 are exact in float32, which is twice as fast as float64; those of larger batches are not.

        Raises:
            ValueError: if images have another dtype, shape or range, or are not more than an image has sub-pixels.
        """
        images = self._checked(images)
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        if len(images) <= self.dimensions:
            raise ValueError(
                f"images must be more than the {self.dimensions} dimensions of an image: with fewer, their covariance "
                f"is singular. Received: {len(images)} images"
            )
        flat = images.reshape(len(images), -1)
        mean = flat.mean(axis=0, dtype="float64")
        covariance = np.zeros((self.dimensions, self.dimensions))
        for start in range(0, len(flat), batch_size):
            batch = flat[start : start + batch_size].astype("float32") - 128
            covariance += batch.T @ batch
        covariance = covariance / len(flat) - np.outer(mean - 128, mean - 128) + np.eye(self.dimensions) / 12
        self._fitted = (mean + 0.5).astype("float32"), np.linalg.cholesky(covariance).astype("float32")
        return self

    def distribution(self) -> tfd.MultivariateNormalTriL:
        """TFP MultivariateNormalTriL over flattened values + noise, event [height * width * colours]."""
        if self._fitted is None:
            raise ValueError("MultivariateGaussian has not seen any images: call fit(images) first")
        return tfd.MultivariateNormalTriL(*self._fitted)  # not stored: it cannot be copied or pickled

    def log_prob(self, images: np.ndarray, seed: int = 0, batch_size: int = 1000) -> np.ndarray:
        """A lower bound of the log-likelihood in nats, float32 `[n]`: the log-density at images + noise of `seed`.

        Raises:
            ValueError: if an argument has another dtype, shape or range, or `fit` has not been called.
        """
        flat = self._checked(images).reshape(len(images), self.dimensions)
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        seed = checks.check_integer("seed", seed, 0)
        noise = np.random.default_rng(seed)
        batches = (flat[i : i + batch_size] for i in range(0, len(flat), batch_size))
        log_probs = [self._log_density(batch + noise.random(batch.shape, dtype="float32")) for batch in batches]
        return np.concatenate(log_probs) if log_probs else np.zeros(0, "float32")

    def _log_density(self, values):
        """`distribution().log_prob` of `[n, dimensions]` by one triangular system, which is six times faster."""
        distribution = self.distribution()
        white = distribution.scale.solve((values - np.asarray(distribution.loc)).T)
        log_prob = np.asarray(tfd.Normal(0.0, 1.0).log_prob(white)).sum(axis=0)
        return log_prob - np.asarray(distribution.scale.log_abs_determinant())

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws images, uint8 `[n, height, width, colours]`: the Gaussian's, rounded down and clipped to 0..255."""
        n, seed = checks.check_integer("n", n, 1), checks.check_integer("seed", seed, 0)
        distribution = self.distribution()
        normal = np.random.default_rng(seed).standard_normal((n, self.dimensions)).astype("float32")
        values = np.asarray(distribution.loc) + normal @ np.asarray(distribution.scale_tril).T
        return np.clip(np.floor(values), 0, 255).astype("uint8").reshape(n, *self.image_shape)
