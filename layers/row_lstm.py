"""RowLSTM: Section 3.1 of arXiv 1601.06759, an LSTM that processes an image row by row, from top to bottom.

The input-to-state convolution is 1 x k along the row and masked; the state-to-state convolution sees three pixels of
the row above. So the receptive field is a triangle above the pixel that widens by one pixel per row on each side, and
k // 2 pixels to the left per layer.
"""

import keras
from keras import ops

from image_generators.layers.line_lstm import InputToState, LineLSTM
from image_generators.layers.serialization import serializable


@serializable("layers")
class RowLSTM(keras.layers.Layer):
    """Eq. 3 of arXiv 1601.06759 over rows, one step per row.

    Args:
        units: h, the number of output maps; a multiple of `colours`.
        kernel_size: k of the input-to-state convolution, odd (3 in the paper).
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.

    Call arguments:
        maps: `[batch, height, width, channels]`.
        condition: None, a vector `[batch, features]` or a map `[batch, height, width, features]`.

    Returns: `[batch, height, width, units]`.

    Raises:
        ValueError: for an even kernel, or maps that do not split into colour groups.
    """

    def __init__(self, units: int, kernel_size: int = 3, colours: int = 1, **kwargs):
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
