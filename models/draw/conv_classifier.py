"""ConvClassifier: the two-layer convolutional baseline of Table 1 of arXiv 1502.04623.

The paper takes its number from Mnih et al. 2014 (arXiv 1406.6247): 8 filters of 10x10 pixels with stride 5, then a
layer of 256 units, each with ReLU. We quote these sizes from memory.
"""

import keras
from keras import ops

from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.draw.classifier import Classifier


@serializable("models")
class ConvClassifier(Classifier):
    """Convolution, fully connected layer, softmax.

    Args:
        image_shape: (height, width, colours).
        num_classes: number of classes, at least 2.
        filters: maps of the convolution.
        kernel_size, strides: of the convolution, in pixels.
        units: size of the fully connected layer.
        levels: number of values of a sub-pixel, 0 .. levels - 1.

    Raises:
        ValueError: if a size is not an integer in its range.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (100, 100, 1),
        num_classes: int = 10,
        filters: int = 8,
        kernel_size: int = 10,
        strides: int = 5,
        units: int = 256,
        levels: int = 256,
        **kwargs,
    ):
        super().__init__(image_shape, num_classes, levels, **kwargs)
        self.filters = checks.check_integer("filters", filters, 1)
        self.kernel_size = checks.check_integer("kernel_size", kernel_size, 1, min(self.image_shape[:2]))
        self.strides = checks.check_integer("strides", strides, 1)
        self.units = checks.check_integer("units", units, 1)
        options = {"dtype": self.dtype_policy}
        image_options = {"data_format": "channels_last", **options}
        sizes = self.filters, self.kernel_size, self.strides
        self.convolution = keras.layers.Conv2D(*sizes, activation="relu", **image_options)
        self.flatten = keras.layers.Flatten(**image_options)
        self.hidden = keras.layers.Dense(self.units, activation="relu", **options)
        self.classes = keras.layers.Dense(self.num_classes, **options)

    def build_network(self):
        shape = (None, *self.image_shape)
        for layer in (self.convolution, self.flatten, self.hidden, self.classes):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def look(self, inputs):
        maps = self.flatten(self.convolution(inputs))
        return self.classes(self.hidden(maps)), ops.zeros((ops.shape(inputs)[0], 0, 5))

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "units")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
