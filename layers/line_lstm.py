"""LineLSTM: an LSTM over the lines of an image, all pixels of a line at once.

RowLSTM and DiagonalBiLSTM of arXiv 1601.06759 share it: their lines are rows and diagonals. It computes Eq. 3 there,
where `*` is a convolution along the previous line, K_ss its kernel, and `inputs` the output of InputToState:

    o, f, i = sigmoid, g = tanh of their quarters of  K_ss * h_before + inputs
    c = f . c_before + i . g
    h = o . tanh(c)

Outside of the image, the state is learned: c is the weight `outside`, and h is tanh(c).
"""

import math

import keras
from keras import ops

from image_generators.layers.checks import check_integer, check_odd
from image_generators.layers.convolutions import pad, pointwise, valid_conv
from image_generators.layers.line_walk import walk_through
from image_generators.layers.masked_conv import check_colour_groups, mask_last_tap
from image_generators.layers.serialization import serializable

GATES = 4  # o, f, i, g


def _forget_gate_ones(shape, dtype=None):
    """Initial biases: 1 for the forget gate, as is usual, and 0 for the others."""
    return ops.repeat(ops.cast([0.0, 1.0, 0.0, 0.0], dtype), shape[0] // GATES)


@serializable("layers")
class InputToState(keras.layers.Layer):
    """The input-to-state part of the four gates: a 1 x k convolution along the rows, mask B, and a condition.

    Args:
        units: h of the LSTM; a multiple of `colours`. Each gate is split into colours in the same way.
        kernel_size: k, odd.
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.

    Call arguments:
        maps: `[batch, height, width, channels]`.
        condition: None, a vector `[batch, features]` or a map `[batch, height, width, features]`. It is added through
            an unmasked 1x1 convolution (Section 3.6 of arXiv 1601.06759, for an image of lower resolution).

    Returns: `[batch, height, width, 4 * units]`.

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or a condition of another rank.
    """

    def __init__(self, units: int, kernel_size: int = 1, colours: int = 1, **kwargs):
        super().__init__(**kwargs)
        check_colour_groups(colours, units=units)
        self.units = int(units)
        self.kernel_size = check_odd("kernel_size", kernel_size)
        self.colours = int(colours)
        self.reach = self.kernel_size // 2  # pixels to the left

    def build(self, maps_shape, condition_shape=None):
        channels, filters = maps_shape[-1], GATES * self.units
        check_colour_groups(self.colours, channels=channels)
        self.kernel = self.add_weight(name="kernel", shape=(1, self.reach + 1, channels, filters))
        self.bias = self.add_weight(name="bias", shape=(filters,), initializer=_forget_gate_ones)
        self.takes_condition = condition_shape is not None
        if self.takes_condition:
            self.condition_kernel = self.add_weight(name="condition_kernel", shape=(condition_shape[-1], filters))

    def call(self, maps, condition=None):
        kernel = self.masked_kernel()
        gates = valid_conv(pad(maps, left=self.reach), kernel[None]) if self.reach else pointwise(maps, kernel[0])
        return gates + self.bias_and_condition(condition)

    def bias_and_condition(self, condition):
        """The terms that do not depend on the maps, to be added to `[B, H, W, 4h]`."""
        if condition is None:
            return ops.convert_to_tensor(self.bias)
        if not self.takes_condition:
            raise ValueError("condition must be None: the layer was built without one. Received: a condition")
        if len(condition.shape) not in (2, 4):
            raise ValueError(
                "condition must be a vector [batch, features] or a map [batch, height, width, features]. "
                f"Received: condition of shape {tuple(condition.shape)}"
            )
        terms = pointwise(condition, self.condition_kernel) + self.bias
        return terms[:, None, None] if len(condition.shape) == 2 else terms

    def masked_kernel(self):
        """`[reach + 1, channels, 4h]`: taps from left to right; the last one, the pixel itself, is masked."""
        return mask_last_tap(ops.convert_to_tensor(self.kernel)[0], "B", self.colours, GATES)

    def compute_output_shape(self, maps_shape, condition_shape=None):
        return (*maps_shape[:-1], GATES * self.units)

    def get_config(self):
        names = ("units", "kernel_size", "colours")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@serializable("layers")
class LineLSTM(keras.layers.Layer):
    """Eq. 3 for one line after another.

    Args:
        units: length of h and of c.
        before, after: how many pixels K_ss sees on either side of a pixel's own place in the previous line: 1 and 1 for
            rows; 1 and 0 for diagonals, where it sees the pixel above and the pixel to the left.
        walks: number of LSTMs that run side by side, with separate weights, each on its part of the batch.

    Input shape: `[lines, walks * batch, length, 4 * units]`, the output of InputToState with lines first.
    Output shape: `[lines, walks * batch, length, units]`, h.

    Raises:
        ValueError: if an argument is not an integer in its range.
    """

    def __init__(self, units: int, before: int = 1, after: int = 1, walks: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.units = check_integer("units", units, 1)
        self.before = check_integer("before", before, 0)
        self.after = check_integer("after", after, 0)
        self.walks = check_integer("walks", walks, 1)

    def build(self, gates_shape=None):
        shape = ((self.before + 1 + self.after) * self.units, GATES * self.units)  # taps in the order of the line
        limit = math.sqrt(6.0 / sum(shape))  # Glorot's limit, for each walk
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(self.walks, *shape), initializer=start)
        self.outside = self.add_weight(name="outside", shape=(self.walks, self.units), initializer="zeros")

    def call(self, gates):
        lines, _, length, width = gates.shape
        gates = ops.reshape(gates, (lines, self.walks, -1, length, width))
        kernel, outside = (ops.cast(weight, self.compute_dtype) for weight in (self.kernel, self.outside))
        hidden = walk_through(gates, kernel, outside, self.before, self.after)
        return ops.reshape(hidden, (lines, -1, length, self.units))

    def compute_output_shape(self, gates_shape):
        return (*gates_shape[:-1], self.units)

    def get_config(self):
        names = ("units", "before", "after", "walks")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
