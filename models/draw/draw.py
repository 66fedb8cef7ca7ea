"""Draw: the Deep Recurrent Attentive Writer, arXiv 1502.04623.

    L = -log D(x | c_T) + sum_t KL(Q(Z_t | h_enc_t) || N(0, I))                       Eq. 9-12

keras.layers.RNN runs the cell of layers/draw_cell.py over the noise of all steps. The KL divergence is TFP's closed
form, summed over latent dimensions: the constant that the paper prints as T/2 is counted once per dimension.
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
    """A lower bound of the log-likelihood in nats per image, and its terms: total = reconstruction - kl.sum(1)."""

    total: np.ndarray  # float32 [n]
    reconstruction: np.ndarray  # float32 [n]: log D(x | c_T)
    kl: np.ndarray  # float32 [n, steps]


class Trace(NamedTuple):
    """Canvas and windows of every step. Windows are as in layers/gaussian_attention.py, or None without attention."""

    canvases: np.ndarray  # float32 [n, steps, height, width, colours]: sigmoid(c_t), 0 to 1
    write_windows: np.ndarray | None  # float32 [n, steps, 5]
    read_windows: np.ndarray | None  # float32 [n, steps, 5]; None in generation, where nothing is read


@serializable("models")
class Draw(ImageModel):
    """DRAW of arXiv 1502.04623, with or without attention.

    Args:
        image_shape: (height, width, colours).
        levels: 2 for binary images, or 256.
        steps: T, the number of glimpses.
        units: size of each LSTM.
        latent: size of z_t.
        read_size: N of the read window, or None to read the whole image, without attention (Eq. 17).
        write_size: N of the write window, or None to write the whole canvas, without attention (Eq. 18).
        likelihood: "bernoulli", "discretized_logistic" or "cross_entropy" (models/draw/likelihoods.py). None:
            "bernoulli" for 2 levels, "discretized_logistic" for more.

    Raises:
        ValueError: if a size is not an integer in its range, or the likelihood does not suit the levels.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        levels: int = 2,
        steps: int = 64,
        units: int = 256,
        latent: int = 100,
        read_size: int | None = 2,
        write_size: int | None = 5,
        likelihood: str | None = None,
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
        # In lists, so that Keras does not track the two loops as layers: the cell is saved once.
        options = {"return_sequences": True, "dtype": self.dtype_policy}
        self._inference = [keras.layers.RNN(self.cell, return_state=True, **options)]
        self._generation = [keras.layers.RNN(self.cell.decoder, **options)]

    def build_network(self):
        self.cell.build((None, self.latent))
        for loop in (*self._inference, *self._generation):
            loop.build((None, self.steps, self.latent))

    @property
    def unit(self) -> str:
        """'nats' per image, 'bits_per_dim', or 'cross_entropy_nats', which is not a likelihood."""
        return self._likelihood.unit

    # Training.

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> the result of `infer` with fresh noise."""
        noise = lambda n: keras.random.normal((n, self.steps, self.latent), dtype="float32", seed=self._noise)  # noqa: E731
        return self.infer(inputs, replicas.draw(noise, ops.shape(inputs)[0]))

    def infer(self, images, noise):
        """Eq. 3-8 for all steps.

        Args:
            images: uint8 `[batch, height, width, colours]`.
            noise: standard normal `[batch, steps, latent]`.

        Returns: a dict: "canvas", c_T `[batch, height, width, canvas channels]`; "mean" and "log_sigma" of Q,
            `[batch, steps, latent]`.
        """
        checks.check_network_images(images, self.image_shape)
        states = self.cell.initial_state(ops.cast(images, self.compute_dtype) / (self.levels - 1))
        with self.cell.padded():
            posterior, _, _, _, canvas, _, _ = self._inference[0](noise, initial_state=states)
        mean, log_sigma = ops.split(ops.cast(posterior, "float32"), 2, axis=-1)
        return {"canvas": self._as_canvas(ops.cast(canvas, "float32")), "mean": mean, "log_sigma": log_sigma}

    def elbo_parts(self, images, inferred):
        """(log D(x | c_T) `[batch]`, KL `[batch, steps]`) in nats: Eq. 9 and 10."""
        images = ops.cast(images, "float32")
        reconstruction = self._likelihood.log_prob(inferred["canvas"], images, self.levels)  # -Eq. 9
        kl = tfd.kl_divergence(self._posterior(inferred), self._prior())  # Eq. 10, 11
        return reconstruction, kl

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction, kl = self.elbo_parts(x, y_pred)
        return self.mean_cost(self.in_unit(reconstruction - ops.sum(kl, axis=-1)), x, sample_weight)  # Eq. 12

    def _posterior(self, inferred):
        return tfd.MultivariateNormalDiag(inferred["mean"], ops.exp(inferred["log_sigma"]))

    def _prior(self):
        return tfd.MultivariateNormalDiag(*(fill(self.latent, dtype="float32") for fill in (ops.zeros, ops.ones)))

    def _as_canvas(self, flat):
        return ops.reshape(flat, (-1, *self.cell.decoder.canvas_shape))

    # Likelihood: bounds.

    def elbo(self, images: np.ndarray, seed: int = 0, batch_size: int = 100) -> Elbo:
        """The evidence lower bound, estimated with one sample of the latents per image: Eq. 12.

        Args:
            images: uint8 `[n, height, width, colours]`.
            seed: seed of the noise, which NumPy draws, so that it does not depend on the backend.
            batch_size: number of images computed at a time; it bounds the memory.

        Returns: Elbo. For the likelihood "cross_entropy" it is not a bound of any likelihood.

        Raises:
            ValueError: if images have another dtype, shape or range, or seed or batch_size are not such integers.
        """

        def parts(images, noise):
            reconstruction, kl = self.elbo_parts(images, self.infer(images, noise))
            return reconstruction - ops.sum(kl, axis=-1), reconstruction, kl  # Eq. 12

        images = checks.check_images(images, self.image_shape, self.levels)
        seed = checks.check_integer("seed", seed, 0)
        function = self._compile("elbo", parts)
        return Elbo(*self._in_batches(function, batch_size, images, self._draw_noise(len(images), seed)))

    def log_prob_bound(
        self, images: np.ndarray, importance_samples: int = 100, seed: int = 0, batch_size: int = 100
    ) -> np.ndarray:
        """The importance-weighted bound log 1/K sum_k D(x | z_k) P(z_k) / Q(z_k | x) in nats, float64 `[n]`.

        Its expectation lies between the ELBO and the log-likelihood and increases with K (Burda et al., arXiv
        1509.00519).

        Args:
            images: uint8 `[n, height, width, colours]`.
            importance_samples: K, at least 1. The time is proportional to it.
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
        """Standard normal noise, float32 [n, steps, latent]."""
        return np.random.default_rng(seed).standard_normal((n, self.steps, self.latent), dtype="float32")

    # Generation and reconstruction.

    def sample(
        self, n: int, seed: int = 0, trace: bool = False, batch_size: int = 100
    ) -> np.ndarray | tuple[np.ndarray, Trace]:
        """Draws images, Eq. 13-16: the decoder alone, with z_t ~ N(0, I). The same seed gives the same images.

        Args:
            n: number of images.
            seed: seed of the noise.
            trace: whether to return a Trace too, which holds every canvas of every image.
            batch_size: number of images drawn at a time; it bounds the memory, except that of a Trace.

        Returns: uint8 `[n, height, width, colours]`; with `trace`, (images, Trace).

        Raises:
            ValueError: if an argument is out of range, or weights or canvases are not finite.
        """
        n = checks.check_integer("n", n, 1)
        seed = checks.check_integer("seed", seed, 0)
        uniforms = np.random.default_rng((seed, 1)).random((n, *self.image_shape), dtype="float32")
        return self._paint("generate", self.generate, trace, batch_size, self._draw_noise(n, seed), uniforms)

    def reconstruct(
        self, images: np.ndarray, seed: int = 0, trace: bool = False, batch_size: int = 100
    ) -> np.ndarray | tuple[np.ndarray, Trace]:
        """Draws images from latents inferred from `images`. These are reconstructions, not samples of the model.

        Args:
            images: uint8 `[n, height, width, colours]`.
            seed: seed of the noise.
            trace, batch_size: as for `sample`; the Trace has read windows.

        Returns: uint8, shaped as `images`; with `trace`, (images, Trace).

        Raises:
            ValueError: as for `elbo`.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        seed = checks.check_integer("seed", seed, 0)
        uniforms = np.random.default_rng((seed, 1)).random(images.shape, dtype="float32")
        noise = self._draw_noise(len(images), seed)

        def infer_and_generate(images, noise, uniforms):
            inferred = self.infer(images, noise)
            return self.generate(inferred["mean"] + ops.exp(inferred["log_sigma"]) * noise, uniforms)

        return self._paint("reconstruct", infer_and_generate, trace, batch_size, images, noise, uniforms)

    def generate(self, latents, uniforms):
        """The decoder as a pure function of tensors, to compile or export.

        Args:
            latents: z_t `[batch, steps, latent]`.
            uniforms: noise of the pixels in [0, 1), `[batch, height, width, colours]`.

        Returns: (image values `[batch, height, width, colours]`, canvases sigmoid(c_t), write windows, read windows),
            the last three as in Trace; without attention, windows are `[batch, steps, 0]`. The values of an image whose
            canvas is not finite are NaN: check before casting.
        """
        decoder = self.cell.decoder
        with decoder.padded():
            outputs = ops.cast(self._generation[0](latents), "float32")
        canvases, hidden = outputs[..., : decoder.state_size[0]], outputs[..., decoder.state_size[0] :]
        canvases = ops.reshape(canvases, (-1, self.steps, *decoder.canvas_shape))
        values = self._likelihood.draw(canvases[:, -1], uniforms, self.levels)
        for computed in (canvases[:, -1], latents[..., None]):  # gates turn infinite latents into finite numbers
            values = checks.nan_unless_finite(values, computed)
        first = ops.broadcast_to(decoder.initial[1], ops.shape(hidden[:, :1]))
        hidden_before = ops.concatenate([ops.cast(first, hidden.dtype), hidden[:, :-1]], axis=1)  # h_dec_{t-1}
        write = decoder.attention(hidden) if self.write_size else hidden[..., :0]
        read = self.cell.attention(hidden_before) if self.read_size else hidden[..., :0]
        return values, ops.sigmoid(canvases[..., : self.colours]), write, read

    def _paint(self, name, function, trace, batch_size, *arrays):
        if not checks.check_flag("trace", trace):
            paint = self._compile_answer(f"{name}_untraced", lambda *tensors: function(*tensors)[0], pixels=1)
            return self._in_batches(paint, batch_size, *arrays)
        paint = self._compile_answer(name, function, pixels=1)
        images, canvases, write, read = self._in_batches(paint, batch_size, *arrays)
        has_reads = name == "reconstruct" and self.read_size
        windows = write if self.write_size else None, read if has_reads else None
        return images, Trace(canvases, *windows)

    # Keras.

    def get_config(self):
        names = ("steps", "units", "latent", "read_size", "write_size", "likelihood")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
