"""What DRAW's last canvas says of the image, D(X | c_T) of Eq. 9 of arXiv 1502.04623: three likelihoods.

bernoulli              of binary pixels: the paper's, for binarised MNIST. Nats per image.
cross_entropy          of grey or colour intensities, taken as probabilities: the paper's, for SVHN and CIFAR-10. The
                       paper says that it is no compression cost: nats that compare with no likelihood.
discretized_logistic   of 8-bit values: a distribution over 0 .. 255, scored in bits/dim (arXiv 1701.05517, Section 2.1,
                       of one component). Departure: ours, for the paper gives no likelihood of such values.

Each has `channels` of the canvas for one colour, the first of which is the logit of the mean in [0, 1].
"""

from keras import ops

from image_generators.models import checks
from image_generators.models.distributions import tfb, tfd


class Bernoulli:
    """x_i ~ Bernoulli(sigmoid(c_i)) for binary images."""

    channels = 1
    unit = "nats"
    levels = (2,)

    def distribution(self, canvas, levels):
        """The distribution over values 0 .. levels - 1 (or, for intensities, 0 to 1): event [H, W, colours]."""
        # Of dtype float32: TFP takes NumPy arrays to a distribution's own dtype, and intensities are no integers.
        return tfd.Independent(tfd.Bernoulli(logits=canvas, dtype="float32"), reinterpreted_batch_ndims=3)

    def log_prob(self, canvas, values, levels):
        """Nats [batch] of `values`, float 0 .. levels - 1, [batch, H, W, colours]."""
        return self.distribution(canvas, levels).log_prob(values / (levels - 1))

    def draw(self, canvas, uniforms, levels):
        """An image from uniform numbers [batch, H, W, colours]; values 0 .. levels - 1."""
        return ops.cast(uniforms < ops.sigmoid(canvas), "float32")


class CrossEntropy(Bernoulli):
    """-sum x log p + (1 - x) log(1 - p) of intensities x in [0, 1]; what is drawn is the mean."""

    unit = "cross_entropy_nats"
    levels = range(2, 257)

    def draw(self, canvas, uniforms, levels):
        return ops.round(ops.sigmoid(canvas) * (levels - 1))


class DiscretizedLogistic:
    """A logistic distribution round the mean, cut into the levels; the outer ones take the tails."""

    channels = 2
    unit = "bits_per_dim"
    levels = range(3, 257)

    def _logistic(self, canvas, levels):
        mean, log_scale = ops.split(canvas, 2, axis=-1)
        # From 1/20 of the range at the start (canvas 0) down to far less than a level.
        scale = (levels - 1) * ops.exp(ops.clip(log_scale, -6.0, 3.0)) / 20.0
        return (levels - 1) * ops.sigmoid(mean), scale

    def distribution(self, canvas, levels):
        location, scale = self._logistic(canvas, levels)
        rounded = tfd.TransformedDistribution(tfd.Logistic(location, scale), tfb.Shift(-0.5))  # TFP's takes ceilings
        return tfd.Independent(tfd.QuantizedDistribution(rounded, low=0.0, high=levels - 1.0), 3)

    def log_prob(self, canvas, values, levels):
        return self.distribution(canvas, levels).log_prob(values)

    def draw(self, canvas, uniforms, levels):
        location, scale = self._logistic(canvas, levels)
        logits = ops.log(uniforms + 1e-12) - ops.log1p(-uniforms)  # the inverse CDF
        return ops.clip(ops.ceil(location + scale * logits - 0.5), 0.0, levels - 1.0)


LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "cross_entropy": CrossEntropy(),
    "discretized_logistic": DiscretizedLogistic(),
}


def find(name, levels):
    """The likelihood `name`, or for None the one that suits; ValueError where it does not exist or fit `levels`."""
    if name is None:
        name = "bernoulli" if levels == 2 else "discretized_logistic"
    checks.check_choice("likelihood", name, LIKELIHOODS)
    if levels not in LIKELIHOODS[name].levels:
        accepted = LIKELIHOODS[name].levels
        raise ValueError(
            f"likelihood {name!r} is for {accepted[0]} to {accepted[-1]} levels. Received: levels={levels}"
        )
    return name, LIKELIHOODS[name]
