"""Draw: the Deep Recurrent Attentive Writer, arXiv 1502.04623.

    L = -log D(x | c_T) + sum_t KL(Q(Z_t | h_enc_t) || N(0, I))                       Eq. 9-12

The recurrence is layers/draw_cell.py, run by keras.layers.RNN over the noise of all steps. The second term is TFP's
closed form, summed over latent dimensions: the constant that the paper prints as T/2 is one for each of them.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from image_generators.layers.draw_cell import DrawCell
from image_generators.layers.serialization import serializable
from image_generators.models import checks, replicas
from image_generators.models.distributions import tfd
from image_generators.models.draw import likelihoods as draw_likelihoods
from image_generators.models.image_model import ImageModel


class Elbo(NamedTuple):
    """A lower bound of the log-likelihood in nats per image, and its parts: total = reconstruction - kl.sum(1)."""

    total: np.ndarray  # float32 [n]
    reconstruction: np.ndarray  # float32 [n]: log D(x | c_T)
    kl: np.ndarray  # float32 [n, steps]


class Trace(NamedTuple):
    """What there was to see at every step; windows as in layers/gaussian_attention.py, None without attention."""

    canvases: np.ndarray  # float32 [n, steps, height, width, colours]: sigmoid(c_t), 0 to 1
    write_windows: np.ndarray | None  # float32 [n, steps, 5]
    read_windows: np.ndarray | None  # float32 [n, steps, 5]; None in generation, where nothing is read


@serializable("models")
class Draw(ImageModel):
    """DRAW of arXiv 1502.04623, with or without attention.

    Args:
        image_shape: (height, width, colours).
        levels: 2 for binary images, or 256.
        steps: T, glimpses.
        units: of each LSTM.
        latent: size of z_t.
        read_size: N of the read window; None: no attention, the whole image is read (Eq. 17).
        write_size: N of the write window; None: no attention, the whole canvas is written (Eq. 18).
        likelihood: "bernoulli" (default for 2 levels), "discretized_logistic" (default for more) or "cross_entropy";
            see models/draw/likelihoods.py.

    Raises:
        ValueError: for a size that is no integer of its range, or a likelihood that does not suit the levels.
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        levels=2,
        steps=64,
        units=256,
        latent=100,
        read_size=2,
        write_size=5,
        likelihood=None,
        **kwargs,
    ):
        super().__init__(image_shape, levels, **kwargs)
        self.steps = checks.check_integer("steps", steps, 1)
        self.units = checks.check_integer("units", units, 1)
        self.latent = checks.check_integer("latent", latent, 1)
        smallest = min(self.image_shape[:2])
        self.read_size = None if read_size is None else checks.check_integer("read_size", read_size, 1, smallest)
        self.write_size = None if write_size is None else checks.check_integer("write_size", write_size, 1, smallest)
        self.likelihood, self._likelihood = draw_likelihoods.find(likelihood, self.levels)
        self.cell = DrawCell(
            self.image_shape,
            units,
            latent,
            self.read_size,
            self.write_size,
            canvas_channels=self.colours * self._likelihood.channels,
            dtype=self.dtype_policy,
            name="cell",
        )
        self._noise = keras.random.SeedGenerator(0)
        # The cell is this model's; the two loops over it are no layers of their own, so that it is saved once.
        options = {"return_sequences": True, "dtype": self.dtype_policy}
        self._inference = [keras.layers.RNN(self.cell, return_state=True, **options)]
        self._generation = [keras.layers.RNN(self.cell.decoder, **options)]

    def build_network(self):
        self.cell.build((None, self.latent))
        for loop in (*self._inference, *self._generation):
            loop.build((None, self.steps, self.latent))

    @property
    def unit(self):
        """'nats' per image, 'bits_per_dim', or 'cross_entropy_nats', which is no likelihood."""
        return self._likelihood.unit

    # Training.

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> what `infer` gives, with fresh noise."""
        noise = lambda n: keras.random.normal((n, self.steps, self.latent), dtype="float32", seed=self._noise)  # noqa: E731
        return self.infer(inputs, replicas.draw(noise, ops.shape(inputs)[0]))

    def infer(self, images, noise):
        """Eq. 3-8 for all steps.

        Args:
            images: uint8 [batch, height, width, colours].
            noise: standard normal [batch, steps, latent].

        Returns:
            {"canvas": c_T [batch, height, width, canvas channels], "mean" and "log_sigma" of Q: [batch, steps, latent]}
        """
        checks.check_network_images(images, self.image_shape)
        states = self.cell.initial_state(ops.cast(images, self.compute_dtype) / (self.levels - 1))
        with self.cell.padded():
            posterior, _, _, _, canvas, _, _ = self._inference[0](noise, initial_state=states)
        mean, log_sigma = ops.split(ops.cast(posterior, "float32"), 2, axis=-1)
        return {"canvas": self._as_canvas(ops.cast(canvas, "float32")), "mean": mean, "log_sigma": log_sigma}

    def elbo_parts(self, images, inferred):
        """(log D(x | c_T) [batch], KL [batch, steps]) in nats: Eq. 9 and 10."""
        reconstruction = self._likelihood.log_prob(inferred["canvas"], ops.cast(images, "float32"), self.levels)
        return reconstruction, tfd.kl_divergence(self._posterior(inferred), self._prior())

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction, kl = self.elbo_parts(x, y_pred)
        return self.mean_cost(self.in_unit(reconstruction - ops.sum(kl, axis=-1)), x, sample_weight)

    def _posterior(self, inferred):
        return tfd.MultivariateNormalDiag(inferred["mean"], ops.exp(inferred["log_sigma"]))

    def _prior(self):
        return tfd.MultivariateNormalDiag(*(fill(self.latent, dtype="float32") for fill in (ops.zeros, ops.ones)))

    def _as_canvas(self, flat):
        return ops.reshape(flat, (-1, *self.cell.decoder.canvas_shape))

    # Likelihood: bounds.

    def elbo(self, images, seed=0, batch_size=100):
        """The evidence lower bound, by one sample of the latents an image: Eq. 12.

        Args:
            images: uint8 [n, height, width, colours].
            seed: of the noise (NumPy's, so that it does not depend on the backend).
            batch_size: images computed at a time; it bounds the memory.

        Returns: Elbo. For the likelihood "cross_entropy" it bounds no likelihood.

        Raises:
            ValueError: images of another type, shape or range; a seed or batch_size that is no such integer.
        """

        def parts(images, noise):
            reconstruction, kl = self.elbo_parts(images, self.infer(images, noise))
            return reconstruction - ops.sum(kl, axis=-1), reconstruction, kl

        images = checks.check_images(images, self.image_shape, self.levels)
        seed = checks.check_integer("seed", seed, 0)
        function = self._compile("elbo", parts)
        return Elbo(*self._in_batches(function, batch_size, images, self._draw_noise(len(images), seed)))

    def log_prob_bound(self, images, importance_samples=100, seed=0, batch_size=100):
        """The importance-weighted bound log 1/K sum_k D(x | z_k) P(z_k) / Q(z_k | x) in nats, float64 [n].

        It lies between the ELBO and the log-likelihood, and rises to it with K (Burda et al., arXiv 1509.00519).

        Args:
            images: uint8 [n, height, width, colours].
            importance_samples: K, at least 1; the time grows with it.
            seed, batch_size: as for `elbo`.

        Raises:
            ValueError: as for `elbo`.
        """

        def log_weight(images, noise):
            inferred = self.infer(images, noise)
            latents = inferred["mean"] + ops.exp(inferred["log_sigma"]) * noise
            reconstruction = self._likelihood.log_prob(inferred["canvas"], ops.cast(images, "float32"), self.levels)
            ratios = self._prior().log_prob(latents) - self._posterior(inferred).log_prob(latents)
            return reconstruction + ops.sum(ratios, axis=-1)

        images = checks.check_images(images, self.image_shape, self.levels)
        count = checks.check_integer("importance_samples", importance_samples, 1)
        seed = checks.check_integer("seed", seed, 0)
        function = self._compile("log_weight", log_weight)
        bound = np.full(len(images), -np.inf)
        for k in range(count):
            noise = self._draw_noise(len(images), (seed, k))
            bound = np.logaddexp(bound, self._in_batches(function, batch_size, images, noise))
        return bound - np.log(count)

    def _draw_noise(self, n, seed):
        """Standard normal float32 [n, steps, latent]: different numbers for every image, step and dimension."""
        return np.random.default_rng(seed).standard_normal((n, self.steps, self.latent), dtype="float32")

    # Generation and reconstruction.

    def sample(self, n, seed=0, trace=False, batch_size=100):
        """Draws images, Eq. 13-16: the decoder alone, on z_t ~ N(0, I). The same seed gives the same images.

        Args:
            n: how many.
            seed: of the noise.
            trace: whether to return a Trace too, which holds every canvas of every image.
            batch_size: images drawn at a time; but for a Trace it bounds the memory.

        Returns: uint8 [n, height, width, colours]; with `trace` also a Trace.

        Raises:
            ValueError: n, seed or batch_size is no such integer; weights or canvases are not finite.
        """
        n = checks.check_integer("n", n, 1)
        seed = checks.check_integer("seed", seed, 0)
        uniforms = np.random.default_rng((seed, 1)).random((n, *self.image_shape), dtype="float32")
        return self._paint("generate", self.generate, trace, batch_size, self._draw_noise(n, seed), uniforms)

    def reconstruct(self, images, seed=0, trace=False, batch_size=100):
        """Images from latents that were inferred from `images`. Not samples: the model has seen what it paints.

        Args:
            images: uint8 [n, height, width, colours].
            seed: of the noise.
            trace, batch_size: as for `sample`; the Trace has read windows.

        Returns: uint8 as `images`; with `trace` also a Trace.

        Raises:
            ValueError: as for `elbo`.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        seed = checks.check_integer("seed", seed, 0)
        uniforms = np.random.default_rng((seed, 1)).random(images.shape, dtype="float32")
        noise = self._draw_noise(len(images), seed)

        def repaint(images, noise, uniforms):
            inferred = self.infer(images, noise)
            return self.generate(inferred["mean"] + ops.exp(inferred["log_sigma"]) * noise, uniforms)

        return self._paint("reconstruct", repaint, trace, batch_size, images, noise, uniforms)

    def generate(self, latents, uniforms):
        """The decoder as a pure function of tensors, to compile or export.

        Args:
            latents: z_t [batch, steps, latent].
            uniforms: in [0, 1), [batch, height, width, colours]: the noise of the pixels.

        Returns:
            (image values [batch, height, width, colours], canvases sigmoid(c_t), write windows, read windows), the last
            three as in Trace; without attention the windows have no columns. Of an image whose canvas is not finite the
            values are NaN: check before casting.
        """
        decoder = self.cell.decoder
        with decoder.padded():
            outputs = ops.cast(self._generation[0](latents), "float32")
        canvases, hidden = outputs[..., : decoder.state_size[0]], outputs[..., decoder.state_size[0] :]
        canvases = ops.reshape(canvases, (-1, self.steps, *decoder.canvas_shape))
        values = self._likelihood.draw(canvases[:, -1], uniforms, self.levels)
        for computed in (canvases[:, -1], latents[..., None]):  # gates make finite numbers of infinite latents
            values = checks.nan_unless_finite(values, computed)
        first = ops.broadcast_to(decoder.initial[1], ops.shape(hidden[:, :1]))
        before = ops.concatenate([ops.cast(first, hidden.dtype), hidden[:, :-1]], axis=1)  # h_dec_{t-1}
        write = decoder.attention(hidden) if self.write_size else hidden[..., :0]
        read = self.cell.attention(before) if self.read_size else hidden[..., :0]
        return values, ops.sigmoid(canvases[..., : self.colours]), write, read

    def _paint(self, name, function, trace, batch_size, *arrays):
        if not checks.check_flag("trace", trace):
            images = self._compile_answer(f"{name}_untraced", lambda *given: function(*given)[0], pixels=1)
            return self._in_batches(images, batch_size, *arrays)
        traced = self._compile_answer(name, function, pixels=1)
        images, canvases, write, read = self._in_batches(traced, batch_size, *arrays)
        reads = name == "reconstruct" and self.read_size
        windows = write if self.write_size else None, read if reads else None
        return images, Trace(canvases, *windows)

    # Keras.

    def get_config(self):
        names = ("steps", "units", "latent", "read_size", "write_size", "likelihood")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
