"""ImageStream: from features to an image by up-convolutions; one of the two streams of Figure 2 of arXiv 1411.5928.

    features -> dense, 8x8 maps -> ReLU -> up-convolution -> ReLU -> ... -> up-convolution -> image

Each up-convolution doubles height and width. The output of the last one is the image. In a deep stream, a 3x3
convolution with ReLU follows each of the others.
"""

import keras
from keras import ops

from image_generators.layers.checks import check_flag, sizes_of
from image_generators.layers.serialization import serializable
from image_generators.layers.up_conv import UpConv
from image_generators.layers.wide_dense import WideDense

START = 8  # pixels: height and width of the first maps


@serializable("layers")
class ImageStream(keras.layers.Layer):
    """A dense layer, then up-convolutions.

    Args:
        filters: number of maps of the dense layer, of each up-convolution, and of the image: two numbers or more. The
            image is 8 * 2**(len(filters) - 1) pixels high and wide.
        deep: whether a 3x3 convolution follows each up-convolution but the last.

    Input shape: `[batch, features]`. Output shape: `[batch, size, size, filters[-1]]`, unbounded.

    Raises:
        ValueError: if `filters` are not two or more positive integers, or `deep` is not True or False.
    """

    def __init__(self, filters: tuple[int, ...], deep: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.filters = sizes_of(filters)
        if len(self.filters) < 2:
            raise ValueError(f"filters must be two or more integers above zero. Received: filters={filters!r}")
        self.deep = check_flag("deep", deep)
        self.size = START * 2 ** (len(self.filters) - 1)
        options = {"dtype": self.dtype_policy}
        self.first = WideDense(
            START**2 * self.filters[0], "relu", kernel_initializer="he_normal", name="first", **options
        )
        self.stack = []
        *between, last = self.filters[1:]
        for i, maps in enumerate(between):
            self.stack.append(UpConv(maps, activation="relu", name=f"up_{i}", **options))
            if deep:
                self.stack.append(
                    keras.layers.Conv2D(
                        maps, 3, padding="same", data_format="channels_last", activation="relu",
                        kernel_initializer="he_normal", name=f"convolution_{i}", **options,
                    )
                )  # fmt: skip
        self.stack.append(UpConv(last, name="picture", **options))

    def build(self, input_shape):
        self.first.build(input_shape)
        shape = (None, START, START, self.filters[0])
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, features):
        return self.expand(self.first(features))

    def expand(self, maps):
        """The first maps after their ReLU, flat: `[batch, 64 * filters[0]]` -> the image."""
        maps = ops.reshape(maps, (-1, START, START, self.filters[0]))
        for layer in self.stack:
            maps = layer(maps)
        return maps

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, self.filters[-1])

    def get_config(self):
        return {**super().get_config(), "filters": list(self.filters), "deep": self.deep}
