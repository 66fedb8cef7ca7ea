"""DiagonalBiLSTM: Section 3.2 of arXiv 1601.06759, two LSTMs that scan an image along its diagonals.

    skew: row r moves r places to the right, so that a diagonal becomes a column

        a b c          a b c . .
        d e f    ->    . d e f .        the pixel e sees, in the column before its own, d in its own row and b above
        g h i          . . g h i

One LSTM starts in the upper left corner. The other is its mirror image and starts in the upper right corner; its map is
shifted down by one row before the two are added, because in its own row it has seen pixels to the right.

The receptive field is not quite complete. Because of mask A, no map contains the last colour of its own pixel. So the
mirrored LSTM misses the last colour of the last pixel it reads in the row above; only the first convolution sees it.
"""

import keras
from keras import ops

from image_generators.layers.convolutions import pad
from image_generators.layers.line_lstm import InputToState, LineLSTM
from image_generators.layers.serialization import serializable

# Outside of the image the gates, before their activations, give o = f = 1 and i = 0: the state does not change.
_ONE, _ZERO = 1e4, -1e4


def skew(maps, fill):
    """Moves row r by r places to the right and fills the new places with `fill` `[c]`.

    `[batch, H, W, c]` -> `[batch, H, W + H - 1, c]`.
    """
    # The gradient is the inverse. Automatic differentiation takes seven times as long.
    return ops.custom_gradient(lambda maps: (_to_diagonals(maps, fill), _to_rows))(maps)


def unskew(maps):
    """The inverse of `skew`: `[batch, H, W + H - 1, c]` -> `[batch, H, W, c]`."""
    return ops.custom_gradient(lambda maps: (_to_rows(maps), lambda upstream: _to_diagonals(upstream, [0.0])))(maps)


def _to_diagonals(maps, fill):
    _, height, width, channels = maps.shape
    filled = ops.broadcast_to(ops.cast(fill, maps.dtype), (ops.shape(maps)[0], height, height, channels))
    rows = ops.concatenate([maps, filled], axis=2)  # [B, H, W + H, c]; with rows one shorter, each moves one further
    flat = ops.reshape(rows, (-1, height * (width + height), channels))[:, :-height]
    return ops.reshape(flat, (-1, height, width + height - 1, channels))


def _to_rows(maps):
    _, height, columns, channels = maps.shape
    flat = ops.pad(ops.reshape(maps, (-1, height * columns, channels)), [[0, 0], [0, height], [0, 0]])
    return ops.reshape(flat, (-1, height, columns + 1, channels))[:, :, : columns - height + 1]


@serializable("layers")
class DiagonalBiLSTM(keras.layers.Layer):
    """Eq. 3 of arXiv 1601.06759 over diagonals, in both directions: height + width - 1 steps.

    Args:
        units: h, the number of output maps; a multiple of `colours`.
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.

    Call arguments:
        maps: `[batch, height, width, channels]`.
        condition: None, a vector `[batch, features]` or a map `[batch, height, width, features]`.

    Returns: `[batch, height, width, units]`.

    Raises:
        ValueError: for maps that do not split into colour groups.
    """

    def __init__(self, units: int, colours: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.input_to_state, self.input_to_mirrored = (
            InputToState(units, 1, colours, dtype=self.dtype_policy, name=name)
            for name in ("input_to_state", "input_to_mirrored")
        )
        self.units = int(units)
        self.colours = int(colours)
        self.walk = LineLSTM(self.units, before=1, after=0, walks=2, dtype=self.dtype_policy, name="walk")

    def build(self, maps_shape, condition_shape=None):
        self.input_to_state.build(maps_shape, condition_shape)
        self.input_to_mirrored.build(maps_shape, condition_shape)
        self.walk.build()

    def call(self, maps, condition=None):
        mirrored = ops.flip(self.input_to_mirrored(maps, condition), axis=2)
        gates = ops.concatenate([self.input_to_state(maps, condition), mirrored])  # [2B, H, W, 4h]
        from_left, from_right = ops.split(self._scan(gates), 2)
        return from_left + pad(ops.flip(from_right, axis=2), top=1)[:, :-1]

    def _scan(self, gates):
        """Both LSTMs, each from its upper left corner: [2B, H, W, 4h] -> h [2B, H, W, h]."""
        outside = ops.repeat(ops.convert_to_tensor([_ONE, _ONE, _ZERO, 0.0]), self.units)  # o, f, i, g
        columns = ops.transpose(skew(gates, outside), (2, 0, 1, 3))  # [W + H - 1, 2B, H, 4h]
        return unskew(ops.transpose(self.walk(columns), (1, 2, 0, 3)))

    def compute_output_shape(self, maps_shape, condition_shape=None):
        return (*maps_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "colours": self.colours}
