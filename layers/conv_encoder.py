"""ConvEncoder: the convolutional encoder of an auto-encoder, image -> code; Section 3.4 of arXiv 1606.05328.

image -> 3x3 convolution -> `halvings` times (ReLU, 3x3 convolution of stride 2, twice as many maps) -> ReLU -> dense

The paper does not give the sizes; these are ours.
"""

import keras
from keras import ops

from image_generators.layers.checks import check_integer
from image_generators.layers.pixels import scaled
from image_generators.layers.serialization import serializable


@serializable("layers")
class ConvEncoder(keras.layers.Layer):
    """Encodes an image as a short vector.

    Args:
        bottleneck: length of the code.
        filters: maps of the first convolution; their number doubles with each halving.
        halvings: how often height and width are halved, rounding up.
        levels: number of values of a sub-pixel. The layer scales 0 .. levels - 1 to -1 .. 1.

    Input shape: `[batch, height, width, channels]`, values 0 .. levels - 1.
    Output shape: `[batch, bottleneck]`.

    Raises:
        ValueError: if an argument is not an integer in its range.
    """

    def __init__(self, bottleneck: int, filters: int = 32, halvings: int = 3, levels: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.bottleneck = check_integer("bottleneck", bottleneck, 1)
        self.filters = check_integer("filters", filters, 1)
        self.halvings = check_integer("halvings", halvings, 1)
        self.levels = check_integer("levels", levels, 2, 256)
        options = {"padding": "same", "data_format": "channels_last", "dtype": self.dtype_policy}
        self.first = keras.layers.Conv2D(self.filters, 3, name="first", **options)
        self.down = [
            keras.layers.Conv2D(self.filters * 2 ** (i + 1), 3, strides=2, name=f"down_{i}", **options)
            for i in range(self.halvings)
        ]
        self.code = keras.layers.Dense(self.bottleneck, dtype=self.dtype_policy, name="code")

    def build(self, input_shape):
        shape = (None, *input_shape[1:])
        for conv in (self.first, *self.down):
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
        self.code.build((None, shape[1] * shape[2] * shape[3]))

    def call(self, images):
        maps = self.first(ops.cast(scaled(images, self.levels), self.compute_dtype))
        for conv in self.down:
            maps = conv(ops.relu(maps))
        size = maps.shape[1] * maps.shape[2] * maps.shape[3]
        return self.code(ops.reshape(ops.relu(maps), (-1, size)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bottleneck)

    def get_config(self):
        names = ("bottleneck", "filters", "halvings", "levels")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
