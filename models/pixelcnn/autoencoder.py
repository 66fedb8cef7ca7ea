"""Auto-encoders, Section 3.4 of arXiv 1606.05328: one encoder and two decoders.

image -> ConvEncoder -> code -> m, deconvolutional -> map -> every gate of a Gated PixelCNN   PixelCNNAutoencoder
                                                          -> 1x1, the mean of each pixel      DeconvolutionalAutoencoder

Both are trained end to end, the first by maximum likelihood, the second with squared error. The paper does not say how
the code enters its PixelCNN. Here it enters through a map (Eq. 5), so that it can describe places in the image.
"""

import numpy as np

from image_generators.layers.conv_encoder import ConvEncoder
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import join_inputs, split_inputs
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression


class _Encoding:
    """Adds an encoder to a model that is conditioned on codes. Without a condition, the code is that of the image.

    Args:
        image_shape: (height, width, colours).
        bottleneck: length of the code.
        encoder_filters: maps of the encoder's first convolution.
        levels: number of values of a sub-pixel.
        **kwargs: as for the decoder, except its condition arguments.
    """

    takes_condition = False  # in training, the code is that of the image

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        bottleneck: int = 10,
        encoder_filters: int = 32,
        levels: int = 256,
        **kwargs,
    ):
        bottleneck = checks.check_integer("bottleneck", bottleneck, 1)
        checks.check_absent(self, kwargs, "num_classes", "condition_shape")
        if kwargs.get("condition_levels") is not None:
            raise ValueError(
                "condition_levels must be None: a code is not pixels. "
                f"Received: condition_levels={kwargs['condition_levels']!r}"
            )
        super().__init__(image_shape, condition_shape=(bottleneck,), levels=levels, **kwargs)
        self.bottleneck = bottleneck
        self.encoder_filters = checks.check_integer("encoder_filters", encoder_filters, 1)
        self.encoder = ConvEncoder(bottleneck, encoder_filters, levels=levels, dtype=self.dtype_policy)

    def build_network(self):
        self.encoder.build((None, *self.image_shape))
        super().build_network()

    def encode(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Codes, float32 `[n, bottleneck]`, of uint8 images `[n, height, width, colours]`."""
        images = checks.check_images(images, self.image_shape, self.levels)
        return self._in_batches(self._compile_answer("encode", self.encoder), batch_size, images).astype("float32")

    def with_codes(self, inputs):
        """The inputs of `call` -> (images, codes): the codes of the inputs, or those of the images."""
        images, codes = split_inputs(inputs)
        checks.check_network_images(images, self.image_shape)
        return images, self.encoder(images) if codes is None else codes

    def _check_condition(self, condition, n):
        return None if condition is None else super()._check_condition(condition, n)

    def get_config(self):
        config = super().get_config()
        del config["condition_shape"], config["condition_levels"]
        return {**config, "bottleneck": self.bottleneck, "encoder_filters": self.encoder_filters}


@serializable("models")
class PixelCNNAutoencoder(_Encoding, MapPixelCNN):
    """p(image | code of the image), a Gated PixelCNN. Arguments: see `_Encoding` and MapPixelCNN.

    Trained on images alone. `log_prob(images)` is the log-likelihood of images given their own codes; it does not
    include the cost of the codes. `sample(n, codes)` decodes; another seed gives other images for the same codes.
    """

    def network_inputs(self, inputs):
        return super().network_inputs(join_inputs(*self.with_codes(inputs)))

    def reconstruct(self, images: np.ndarray, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """Draws images given the codes of `images`, uint8 of the same shape. Another seed gives other images."""
        return self.complete(images, rows=0, condition=self.encode(images), seed=seed, temperature=temperature)

    def _complete(self, images, known, condition, seed, temperature, jit_compile):
        if condition is None:
            raise ValueError(f"condition must be codes, {len(images)} x {self.bottleneck}. Received: None")
        return super()._complete(images, known, condition, seed, temperature, jit_compile)


@serializable("models")
class DeconvolutionalAutoencoder(_Encoding, MapRegression):
    """The mean image given the code of the image, under squared error. See `_Encoding` and MapRegression."""

    def condition_of(self, inputs):
        return self.with_codes(inputs)[1]

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Decodes the codes of `images`, uint8 of the same shape."""
        return self.mean(self.encode(images))
