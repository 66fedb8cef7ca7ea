"""RowLSTM: Section 3.1 of arXiv 1601.06759, an LSTM that goes down an image a row at a time.

The input-to-state convolution is 1 x k along the row, masked; the state-to-state one sees three pixels of the row
above. So a pixel sees a triangle above it, open upwards, and k // 2 pixels to its left for every layer.
"""

import keras
from keras import ops

from image_generators.layers.line_lstm import InputToState, LineLSTM
from image_generators.layers.serialization import serializable


@serializable("layers")
class RowLSTM(keras.layers.Layer):
    """Eq. 3 of arXiv 1601.06759 over rows: as many steps as the image is high, whatever its width.

    Args:
        units: h, maps that come out; a multiple of `colours`.
        kernel_size: k of the input-to-state convolution, odd (the paper: 3).
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.

    Call arguments:
        maps: `[batch, height, width, channels]`.
        condition: None, a vector `[batch, features]` or a map `[batch, height, width, features]`.

    Returns: `[batch, height, width, units]`.

    Raises:
        ValueError: for an even kernel, or maps that do not split into colour groups.
    """

    def __init__(self, units, kernel_size=3, colours=1, **kwargs):
        super().__init__(**kwargs)
        self.input_to_state = InputToState(units, kernel_size, colours, dtype=self.dtype_policy, name="input_to_state")
        self.units = int(units)
        self.kernel_size = int(kernel_size)
        self.colours = int(colours)
        self.walk = LineLSTM(self.units, before=1, after=1, dtype=self.dtype_policy, name="walk")

    def build(self, maps_shape, condition_shape=None):
        self.input_to_state.build(maps_shape, condition_shape)
        self.walk.build()

    def call(self, maps, condition=None):
        rows_first = ops.swapaxes(self.input_to_state(maps, condition), 0, 1)  # [H, B, W, 4h]
        return ops.swapaxes(self.walk(rows_first), 0, 1)

    def compute_output_shape(self, maps_shape, condition_shape=None):
        return (*maps_shape[:-1], self.units)

    def get_config(self):
        names = ("units", "kernel_size", "colours")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
