"""The two densities that open Table 1 of arXiv 1606.05328: Uniform (8.00 bits/dim) and MultivariateGaussian (4.70).

They answer the questions that every model here answers, and nothing of them is trained by gradient. The Gaussian is a
check of data and metric: fitted to the 50,000 training images of CIFAR-10 it gives 4.64 bits/dim on the test images.
"""

import math

import numpy as np

from image_generators.models import checks
from image_generators.models.distributions import tfd


class Density:
    """What the baselines share: checked input, the unit, sampling by seed."""

    levels = 256

    def __init__(self, image_shape=(32, 32, 3)):
        self.image_shape = checks.check_image_shape(image_shape)
        self.dimensions = math.prod(self.image_shape)

    def bits_per_dim(self, images, **options):
        """Cost in bits per sub-pixel, float32 [n]."""
        return -self.log_prob(images, **options) / (self.dimensions * math.log(2.0))

    def _checked(self, images):
        return checks.check_images(images, self.image_shape, self.levels)


class Uniform(Density):
    """Every image is as likely as any other: log2(256) = 8 bits/dim."""

    parameters = 0

    def distribution(self):
        """TFP Independent(Categorical) over the sub-pixels, event [height, width, colours]."""
        return tfd.Independent(tfd.Categorical(logits=np.zeros((*self.image_shape, self.levels), "float32")), 3)

    def log_prob(self, images):
        """Nats, float32 [n], of uint8 images [n, height, width, colours]."""
        images = self._checked(images)
        each = np.asarray(self.distribution().log_prob(images[:1].astype("int32")))
        return np.broadcast_to(each, (len(images),)).astype("float32")

    def sample(self, n, seed=0):
        """uint8 [n, height, width, colours]."""
        n, seed = checks.check_integer("n", n, 1), checks.check_integer("seed", seed, 0)
        return np.random.default_rng(seed).integers(0, self.levels, (n, *self.image_shape)).astype("uint8")


class MultivariateGaussian(Density):
    """One Gaussian over all sub-pixels, fitted by maximum likelihood to images with uniform noise on top.

    A density over real numbers gives no probability of an integer image. With noise u, uniform in [0, 1), added to
    every value, log p(x + u) averages to a lower bound of the log-probability of x (Theis et al., arXiv 1511.01844,
    Section 3.1), which is what such models are compared by.
    """

    def __init__(self, image_shape=(32, 32, 3)):
        super().__init__(image_shape)
        self.parameters = self.dimensions + self.dimensions * (self.dimensions + 1) // 2
        self._fitted = None  # mean and scale

    def fit(self, images, batch_size=1024):
        """Mean and covariance of uint8 images [n, height, width, colours], plus those of the noise. Returns self.

        Images lie near a plane, so that rounding makes a covariance indefinite. Sums of up to 1024 products of values
        -128 .. 127 are exact in float32, which is twice as fast as float64; larger batches give that away.

        Raises:
            ValueError: other images, or not more of them than an image has sub-pixels.
        """
        images = self._checked(images)
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        if len(images) <= self.dimensions:
            raise ValueError(
                f"images must be more than the {self.dimensions} dimensions of an image, or the covariance is singular "
                f"but for the noise. Received: {len(images)} images"
            )
        flat = images.reshape(len(images), -1)
        mean = flat.mean(axis=0, dtype="float64")
        covariance = np.zeros((self.dimensions, self.dimensions))
        for start in range(0, len(flat), batch_size):
            part = flat[start : start + batch_size].astype("float32") - 128
            covariance += part.T @ part
        covariance = covariance / len(flat) - np.outer(mean - 128, mean - 128) + np.eye(self.dimensions) / 12
        self._fitted = (mean + 0.5).astype("float32"), np.linalg.cholesky(covariance).astype("float32")
        return self

    def distribution(self):
        """TFP MultivariateNormalTriL over flattened values + noise, event [height * width * colours]."""
        if self._fitted is None:
            raise ValueError("MultivariateGaussian has not seen any images: call fit(images) first")
        return tfd.MultivariateNormalTriL(*self._fitted)  # made anew: it cannot be copied or pickled

    def log_prob(self, images, seed=0, batch_size=1000):
        """Nats of a lower bound, float32 [n]: the density at images + uniform noise of `seed`.

        Raises:
            ValueError: other images, a seed or batch_size that is no such integer, or `fit` has not been called.
        """
        flat = self._checked(images).reshape(len(images), self.dimensions)
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        seed = checks.check_integer("seed", seed, 0)
        noise = np.random.default_rng(seed)
        parts = [
            self._log_density(part + noise.random(part.shape, dtype="float32"))
            for part in (flat[i : i + batch_size] for i in range(0, len(flat), batch_size))
        ]
        return np.concatenate(parts) if parts else np.zeros(0, "float32")

    def _log_density(self, values):
        """distribution().log_prob of [n, dimensions], as one triangular system: six times faster."""
        distribution = self.distribution()
        white = distribution.scale.solve((values - np.asarray(distribution.loc)).T)
        log_prob = np.asarray(tfd.Normal(0.0, 1.0).log_prob(white)).sum(axis=0)
        return log_prob - np.asarray(distribution.scale.log_abs_determinant())

    def sample(self, n, seed=0):
        """uint8 [n, height, width, colours]: draws of the Gaussian, rounded down and clipped to 0..255."""
        n, seed = checks.check_integer("n", n, 1), checks.check_integer("seed", seed, 0)
        distribution = self.distribution()
        normal = np.random.default_rng(seed).standard_normal((n, self.dimensions)).astype("float32")
        values = np.asarray(distribution.loc) + normal @ np.asarray(distribution.scale_tril).T
        return np.clip(np.floor(values), 0, 255).astype("uint8").reshape(n, *self.image_shape)
