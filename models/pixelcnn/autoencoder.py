"""Auto-encoders, Section 3.4 of arXiv 1606.05328: one encoder, and two ways to decode.

image -> ConvEncoder -> code -> m, deconvolutional -> map -> every gate of a Gated PixelCNN   PixelCNNAutoencoder
                                                          -> 1x1, the mean of each pixel      DeconvolutionalAutoencoder

Both are trained end to end, the first under likelihood, the second under squared error. The paper does not say how the
code enters its PixelCNN; through a map (Eq. 5) it can say what is where.
"""

from image_generators.layers.conv_encoder import ConvEncoder
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import join_inputs, split_inputs
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression


class _Encoding:
    """What an encoder adds to a model whose condition is a code: an image stands for its code.

    Args:
        image_shape: (height, width, colours).
        bottleneck: length of the code.
        encoder_filters: maps of the encoder's first convolution.
        **kwargs: of the decoder, but for what its condition is: the code.
    """

    takes_condition = False  # in training the code is the image's own

    def __init__(self, image_shape=(32, 32, 3), bottleneck=10, encoder_filters=32, levels=256, **kwargs):
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

    def encode(self, images, batch_size=64):
        """Codes, float32 [n, bottleneck], of uint8 images [n, height, width, colours]."""
        images = checks.check_images(images, self.image_shape, self.levels)
        return self._in_batches(self._compile_answer("encode", self.encoder), batch_size, images).astype("float32")

    def with_codes(self, inputs):
        """(images, codes): the codes given, or those of the images."""
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

    Trained on images alone. `log_prob(images)` is that of the images given their own codes: what the decoder leaves to
    say, without the cost of the codes themselves. `sample(n, codes)` decodes; the same codes give other images by
    another seed.
    """

    def network_inputs(self, inputs):
        return super().network_inputs(join_inputs(*self.with_codes(inputs)))

    def reconstruct(self, images, seed=0, temperature=1.0):
        """Images drawn given the codes of `images`, uint8 of the same shape; another seed, other ones."""
        return self.complete(images, rows=0, condition=self.encode(images), seed=seed, temperature=temperature)

    def _complete(self, images, known, condition, seed, temperature, jit_compile):
        if condition is None:
            raise ValueError(f"condition must be codes, {len(images)} x {self.bottleneck}. Received: None")
        return super()._complete(images, known, condition, seed, temperature, jit_compile)


@serializable("models")
class DeconvolutionalAutoencoder(_Encoding, MapRegression):
    """The mean of the image given its code, under squared error. Arguments: see `_Encoding` and MapRegression."""

    def condition_of(self, inputs):
        return self.with_codes(inputs)[1]

    def reconstruct(self, images):
        """What the decoder makes of the codes of `images`, uint8 of the same shape."""
        return self.mean(self.encode(images))
