"""Three likelihoods D(X | c_T) of an image given DRAW's last canvas, Eq. 9 of arXiv 1502.04623.

bernoulli              for binary pixels; the paper's choice for binarised MNIST. Nats per image.
cross_entropy          for grey or colour intensities, treated as probabilities; the paper's choice for SVHN and
                       CIFAR-10. As the paper says, it is not a compression cost: its nats compare with no likelihood.
discretized_logistic   for 8-bit values: a distribution over 0 .. 255 with one component of arXiv 1701.05517, Section
                       2.1, in bits/dim. Departure: the paper has no likelihood of such values.

Each uses `channels` channels of the canvas per colour. The first one is the logit of the mean in [0, 1].
"""

from keras import ops

from image_generators.models import checks
from image_generators.models.distributions import tfb, tfd


class Bernoulli:
    """x_i ~ Bernoulli(sigmoid(c_i)) for binary images."""

    channels = 1
    unit = "nats"
    levels = (2,)

    def distribution(self, canvas, levels: int):
        """The distribution over values 0 .. levels - 1 (or, for intensities, 0 to 1): event `[H, W, colours]`."""
        # dtype float32: TFP casts NumPy arrays to a distribution's dtype, and intensities are not integers.
        return tfd.Independent(tfd.Bernoulli(logits=canvas, dtype="float32"), reinterpreted_batch_ndims=3)

    def log_prob(self, canvas, values, levels: int):
        """Log-likelihood in nats, `[batch]`, of `values` 0 .. levels - 1, float `[batch, H, W, colours]`."""
        return self.distribution(canvas, levels).log_prob(values / (levels - 1))

    def draw(self, canvas, uniforms, levels: int):
        """Draws images from uniform numbers `[batch, H, W, colours]`: values 0 .. levels - 1."""
        return ops.cast(uniforms < ops.sigmoid(canvas), "float32")


class CrossEntropy(Bernoulli):
    """-sum x log p + (1 - x) log(1 - p) of intensities x in [0, 1]. `draw` returns the mean."""

    unit = "cross_entropy_nats"
    levels = range(2, 257)

    def draw(self, canvas, uniforms, levels: int):
        return ops.round(ops.sigmoid(canvas) * (levels - 1))


class DiscretizedLogistic:
    """A logistic distribution around the mean, discretized to the levels; the outermost levels include the tails."""

    channels = 2
    unit = "bits_per_dim"
    levels = range(3, 257)

    def _logistic(self, canvas, levels: int):
        mean, log_scale = ops.split(canvas, 2, axis=-1)
        # 1/20 of the range for a canvas of 0, down to far less than a level.
        scale = (levels - 1) * ops.exp(ops.clip(log_scale, -6.0, 3.0)) / 20.0
        return (levels - 1) * ops.sigmoid(mean), scale

    def distribution(self, canvas, levels: int):
        location, scale = self._logistic(canvas, levels)
        rounded = tfd.TransformedDistribution(tfd.Logistic(location, scale), tfb.Shift(-0.5))  # TFP rounds up
        return tfd.Independent(tfd.QuantizedDistribution(rounded, low=0.0, high=levels - 1.0), 3)

    def log_prob(self, canvas, values, levels: int):
        return self.distribution(canvas, levels).log_prob(values)

    def draw(self, canvas, uniforms, levels: int):
        location, scale = self._logistic(canvas, levels)
        logits = ops.log(uniforms + 1e-12) - ops.log1p(-uniforms)  # the inverse CDF
        return ops.clip(ops.ceil(location + scale * logits - 0.5), 0.0, levels - 1.0)


LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "cross_entropy": CrossEntropy(),
    "discretized_logistic": DiscretizedLogistic(),
}


def find(name: str | None, levels: int):
    """(name, likelihood). None selects the one for `levels`. Raises ValueError if it does not exist or fit `levels`."""
    if name is None:
        name = "bernoulli" if levels == 2 else "discretized_logistic"
    checks.check_choice("likelihood", name, LIKELIHOODS)
    if levels not in LIKELIHOODS[name].levels:
        accepted = LIKELIHOODS[name].levels
        raise ValueError(
            f"likelihood {name!r} is for {accepted[0]} to {accepted[-1]} levels. Received: levels={levels}"
        )
    return name, LIKELIHOODS[name]
