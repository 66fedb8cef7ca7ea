"""DrawClassifier: differentiable RAM, Section 4.1 of arXiv 1502.04623.

An LSTM reads an image through a few glimpses. The window of each glimpse is a linear function of the LSTM's previous
output. A softmax after the last glimpse gives the class.
"""

import keras
from keras import ops

from image_generators.layers.gaussian_attention import GaussianAttention
from image_generators.layers.padded_lstm import PaddedLSTMCell
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.draw.classifier import Classifier


@serializable("models")
class DrawClassifier(Classifier):
    """A classifier with DRAW's attention.

    Args:
        image_shape: (height, width, colours).
        num_classes: number of classes, at least 2.
        glimpses: number of glimpses; 4 or 8 in the paper.
        units: size of the LSTM.
        glimpse_size: N of the read windows.
        levels: number of values of a sub-pixel, 0 .. levels - 1.

    Raises:
        ValueError: if a size is not an integer in its range.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (100, 100, 1),
        num_classes: int = 10,
        glimpses: int = 8,
        units: int = 256,
        glimpse_size: int = 12,
        levels: int = 256,
        **kwargs,
    ):
        super().__init__(image_shape, num_classes, levels, **kwargs)
        self.glimpses = checks.check_integer("glimpses", glimpses, 1)
        self.units = checks.check_integer("units", units, 1)
        self.glimpse_size = checks.check_integer("glimpse_size", glimpse_size, 1, min(self.image_shape[:2]))
        options = {"dtype": self.dtype_policy}
        self.attention = GaussianAttention(self.glimpse_size, self.image_shape, name="attention", **options)
        self.lstm = PaddedLSTMCell(self.units, name="lstm", **options)
        self.classes = keras.layers.Dense(self.num_classes, name="classes", **options)

    def build_network(self):
        self.attention.build((None, self.units))
        self.lstm.build((None, self.glimpse_size**2 * self.colours))
        self.classes.build((None, self.units))
        self.initial = [
            self.add_weight(shape=(self.units,), initializer="zeros", name=f"initial_{name}")
            for name in ("hidden", "memory")
        ]

    def look(self, inputs):
        batch_size = ops.shape(inputs)[0]
        hidden, cell = (
            ops.broadcast_to(ops.cast(value, self.compute_dtype), (batch_size, self.units)) for value in self.initial
        )
        windows = []
        with self.lstm.padded():
            for _ in range(self.glimpses):
                windows.append(self.attention(hidden))
                glimpse = self.attention.read(inputs, windows[-1])  # [B, N, N, colours]
                glimpse = ops.reshape(glimpse, (-1, self.glimpse_size**2 * self.colours))
                _, (hidden, cell) = self.lstm(glimpse, [hidden, cell])
        return self.classes(hidden), ops.stack(windows, axis=1)

    def get_config(self):
        names = ("glimpses", "units", "glimpse_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
