"""ConvClassifier: the two-layer convolutional baseline of Table 1 of arXiv 1502.04623.

The paper takes its number from Mnih et al. 2014 (arXiv 1406.6247): 8 filters of 10x10 with a stride of 5, a layer of
256 units, ReLU after each. Their paper is quoted from memory.
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
        num_classes: at least 2.
        filters: of the convolution.
        kernel_size, strides: in pixels.
        units: of the fully connected layer.
        levels: values of a sub-pixel, 0 .. levels - 1.

    Raises:
        ValueError: for a size that is no integer of its range.
    """

    def __init__(
        self,
        image_shape=(100, 100, 1),
        num_classes=10,
        filters=8,
        kernel_size=10,
        strides=5,
        units=256,
        levels=256,
        **kwargs,
    ):
        super().__init__(image_shape, num_classes, levels, **kwargs)
        self.filters = checks.check_integer("filters", filters, 1)
        self.kernel_size = checks.check_integer("kernel_size", kernel_size, 1, min(self.image_shape[:2]))
        self.strides = checks.check_integer("strides", strides, 1)
        self.units = checks.check_integer("units", units, 1)
        options = {"dtype": self.dtype_policy}
        of_images = {"data_format": "channels_last", **options}
        sizes = self.filters, self.kernel_size, self.strides
        self.convolution = keras.layers.Conv2D(*sizes, activation="relu", **of_images)
        self.flatten = keras.layers.Flatten(**of_images)
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
