"""DrawCell and DrawDecoderCell: one step of DRAW, Section 2 of arXiv 1502.04623, as cells of keras.layers.RNN.

Inference and training (DrawCell), t = 1 .. T:

    x_hat_t = x - sigmoid(c_{t-1})                          Eq. 3
    r_t = read(x, x_hat_t, h_dec_{t-1})                     Eq. 4
    h_enc_t = RNN_enc(h_enc_{t-1}, [r_t, h_dec_{t-1}])      Eq. 5
    z_t ~ Q(Z_t | h_enc_t)                                  Eq. 6; Eq. 1, 2: mu + sigma * noise_t
    h_dec_t = RNN_dec(h_dec_{t-1}, z_t)                     Eq. 7
    c_t = c_{t-1} + write(h_dec_t)                          Eq. 8

Generation (DrawDecoderCell) consists of the last two lines, with z_t ~ N(0, I). The noise of all T steps is drawn
before the loop and is the RNN's input sequence, so that a step is a pure function.
"""

import contextlib
import math

import keras
from keras import ops

from image_generators.layers.checks import check_integer, check_sizes
from image_generators.layers.gaussian_attention import GaussianAttention, tiling_gamma
from image_generators.layers.padded_lstm import PaddedLSTMCell
from image_generators.layers.serialization import serializable


@serializable("layers")
class DrawDecoderCell(keras.layers.Layer):
    """Decoder and canvas, Eq. 7 and 8.

    Input of a step: z_t `[batch, latent]`. States: canvas `[batch, B * A * channels]`; h and c of the LSTM, each
    `[batch, units]`. Their initial values are learned. Output of a step: canvas and h, concatenated.

    Args:
        canvas_shape: (B, A, channels): height, width and channels.
        units: size of the LSTM.
        write_size: N of the write window, or None to write the whole canvas at once (Eq. 18).

    Raises:
        ValueError: if a size is not a positive integer, or the window is larger than the image.
    """

    def __init__(self, canvas_shape: tuple[int, int, int], units: int = 256, write_size: int | None = 5, **kwargs):
        super().__init__(**kwargs)
        canvas_shape = self.canvas_shape = check_sizes("canvas_shape", canvas_shape, ("height", "width", "channels"))
        units = self.units = check_integer("units", units, 1)
        options = {"dtype": self.dtype_policy}
        self.lstm = PaddedLSTMCell(units, name="lstm", **options)
        self.write_size, self.attention = write_size, None
        if write_size is not None:
            write_size = self.write_size = check_integer("write_size", write_size, 1, min(canvas_shape[:2]))
            gamma = tiling_gamma(write_size, canvas_shape)
            self.attention = GaussianAttention(write_size, canvas_shape, gamma, name="attention", **options)
        patch = math.prod(canvas_shape) if write_size is None else write_size * write_size * canvas_shape[-1]
        self.patch = keras.layers.Dense(patch, name="patch", **options)
        self.state_size = [math.prod(canvas_shape), units, units]
        self.output_size = math.prod(canvas_shape) + units

    def build(self, latent_shape, states_shape=None):
        self.lstm.build((None, latent_shape[-1]))
        self.patch.build((None, self.units))
        if self.attention:
            self.attention.build((None, self.units))
        self.initial = [
            self.add_weight(shape=(size,), initializer="zeros", name=f"initial_{name}")
            for name, size in zip(("canvas", "hidden", "memory"), self.state_size, strict=True)
        ]
        self.built = True

    def write(self, hidden):
        """Eq. 18, or 28 and 29: h_dec `[batch, units]` -> the term added to the canvas, `[batch, B * A * channels]`."""
        patch = self.patch(hidden)
        if not self.attention:
            return patch
        patch = ops.reshape(patch, (-1, self.write_size, self.write_size, self.canvas_shape[-1]))
        written = self.attention.write(patch, self.attention(hidden))
        return ops.reshape(written, (-1, self.state_size[0]))

    def call(self, latent, states, training=None):
        canvas, hidden, cell = states
        _, (hidden, cell) = self.lstm(latent, [hidden, cell])  # Eq. 7
        canvas = canvas + self.write(hidden)  # Eq. 8
        return ops.concatenate([canvas, hidden], axis=-1), [canvas, hidden, cell]

    def padded(self):
        """A context for a loop of steps; see PaddedLSTMCell."""
        return self.lstm.padded()

    def get_initial_state(self, batch_size=None):
        return [
            ops.broadcast_to(ops.cast(value, self.compute_dtype), (batch_size, *value.shape)) for value in self.initial
        ]

    def compute_output_shape(self, latent_shape, states_shape=None):
        return (*latent_shape[:-1], self.output_size)

    def get_config(self):
        config = {"canvas_shape": list(self.canvas_shape), "units": self.units, "write_size": self.write_size}
        return {**super().get_config(), **config}


@serializable("layers")
class DrawCell(keras.layers.Layer):
    """A whole step, Eq. 3-8.

    Input of a step: noise `[batch, latent]`, standard normal. States: the image x `[batch, B * A * channels]`, values 0
    to 1, constant over all steps; h and c of the encoder; the decoder cell's states. Output of a step: mu and log sigma
    of Q(Z_t), concatenated: `[batch, 2 * latent]`.

    Args:
        image_shape: (B, A, channels): height, width and channels.
        units: size of each LSTM.
        latent: size of z_t.
        read_size: N of the read window, or None to read the whole image (Eq. 17).
        write_size: N of the write window, or None to write the whole canvas (Eq. 18).
        canvas_channels: channels of the canvas; the first ones are the logits of the image. None: as many as the image
            has.

    Raises:
        ValueError: if a size is not a positive integer, or a window is larger than the image.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        units: int = 256,
        latent: int = 100,
        read_size: int | None = 2,
        write_size: int | None = 5,
        canvas_channels: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        image_shape = self.image_shape = check_sizes("image_shape", image_shape, ("height", "width", "channels"))
        height, width, channels = image_shape
        units = self.units = check_integer("units", units, 1)
        latent = self.latent = check_integer("latent", latent, 1)
        canvas_channels = channels if canvas_channels is None else canvas_channels
        self.canvas_channels = check_integer("canvas_channels", canvas_channels, channels)
        options = {"dtype": self.dtype_policy}
        canvas_shape = (height, width, self.canvas_channels)
        self.decoder = DrawDecoderCell(canvas_shape, units, write_size, name="decoder", **options)
        self.write_size = self.decoder.write_size
        self.encoder = PaddedLSTMCell(units, name="encoder", **options)
        self.read_size, self.attention = read_size, None
        if read_size is not None:
            self.read_size = check_integer("read_size", read_size, 1, min(height, width))
            self.attention = GaussianAttention(read_size, image_shape, name="attention", **options)
        self.posterior = keras.layers.Dense(2 * latent, name="posterior", **options)
        self.state_size = [math.prod(image_shape), units, units, *self.decoder.state_size]
        self.output_size = 2 * latent

    def build(self, noise_shape, states_shape=None):
        self.decoder.build((None, self.latent))
        read = 2 * (self.state_size[0] if self.read_size is None else self.read_size**2 * self.image_shape[-1])
        self.encoder.build((None, read + self.units))
        self.posterior.build((None, self.units))
        if self.attention:
            self.attention.build((None, self.units))
        self.initial = [
            self.add_weight(shape=(self.units,), initializer="zeros", name=f"initial_encoder_{name}")
            for name in ("hidden", "memory")
        ]
        self.built = True

    def read(self, images, canvas, hidden):
        """Eq. 3 and 4, with 17 or 27: r_t, the image and the error image as the encoder reads them.

        images `[batch, B * A * channels]`, canvas `[batch, B * A * canvas_channels]`, hidden `[batch, units]` ->
        `[batch, 2 * B * A * channels]`, or `[batch, 2 * N * N * channels]` through a window.
        """
        height, width, channels = self.image_shape
        images = ops.reshape(images, (-1, *self.image_shape))
        canvas = ops.reshape(canvas, (-1, *self.decoder.canvas_shape))
        if self.canvas_channels > channels:
            canvas = canvas[..., :channels]
        error = images - ops.sigmoid(canvas)  # Eq. 3
        if not self.attention:
            pair = ops.concatenate([images, error], axis=2)  # Eq. 17
            return ops.reshape(pair, (-1, 2 * self.state_size[0]))
        rows = [ops.reshape(image, (-1, height, width * channels)) for image in (images, error)]
        pair = ops.reshape(ops.concatenate(rows, axis=2), (-1, height, 2, width, channels))
        patches = self.attention.read(pair, self.attention(hidden))  # Eq. 27: [batch, N, 2, N, channels]
        return ops.reshape(patches, (-1, math.prod(patches.shape[1:])))

    def call(self, noise, states, training=None):
        images, encoder_hidden, encoder_cell, canvas, hidden, cell = states
        glimpse = self.read(images, canvas, hidden)  # Eq. 3, 4
        _, (encoder_hidden, encoder_cell) = self.encoder(
            ops.concatenate([glimpse, hidden], axis=-1), [encoder_hidden, encoder_cell]
        )  # Eq. 5
        posterior = self.posterior(encoder_hidden)
        mean, log_sigma = ops.split(posterior, 2, axis=-1)  # Eq. 1, 2
        latent = mean + ops.exp(log_sigma) * noise  # Eq. 6
        _, decoder_states = self.decoder(latent, [canvas, hidden, cell])  # Eq. 7, 8
        return posterior, [images, encoder_hidden, encoder_cell, *decoder_states]

    @contextlib.contextmanager
    def padded(self):
        """A context for a loop of steps; see PaddedLSTMCell."""
        with self.encoder.padded(), self.decoder.padded():
            yield

    def initial_state(self, images):
        """The states before step 1, for images `[batch, B, A, channels]` with values 0 to 1."""
        batch_size = ops.shape(images)[0]
        encoder = [ops.broadcast_to(ops.cast(v, self.compute_dtype), (batch_size, self.units)) for v in self.initial]
        flat = ops.reshape(images, (-1, self.state_size[0]))
        return [flat, *encoder, *self.decoder.get_initial_state(batch_size)]

    def compute_output_shape(self, noise_shape, states_shape=None):
        return (*noise_shape[:-1], self.output_size)

    def get_config(self):
        names = ("units", "latent", "read_size", "write_size", "canvas_channels")
        config = {"image_shape": list(self.image_shape), **{name: getattr(self, name) for name in names}}
        return {**super().get_config(), **config}
