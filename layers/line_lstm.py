"""LineLSTM: an LSTM that walks through an image line by line, all pixels of a line at once.

What RowLSTM and DiagonalBiLSTM of arXiv 1601.06759 share: their lines are rows and diagonals. Eq. 3 there, with `*` a
convolution along the line before, K_ss its kernel, and `inputs` what InputToState makes of the maps:

    o, f, i = sigmoid, g = tanh of their quarters of  K_ss * h_before + inputs
    c = f . c_before + i . g
    h = o . tanh(c)

Outside of the image stands a learned state: c is the weight `outside`, h is tanh(c).
"""

import keras
import numpy as np
from keras import ops

from layers.convolutions import pad, pointwise, valid_conv
from layers.masked_conv import check_colour_groups, colour_mask, colours_of

GATES = 4  # o, f, i, g


def lstm_step(gates, memory):
    """(h, c) of Eq. 3: gates [..., 4h] before their activations, memory c_before [..., h]."""
    units = memory.shape[-1]
    opened = ops.sigmoid(gates[..., : 3 * units])
    leave, keep, enter = ops.split(opened, 3, axis=-1)
    memory = keep * memory + enter * ops.tanh(gates[..., 3 * units :])
    return leave * ops.tanh(memory), memory


def check_units(units, colours, kernel_size=1):
    """Raises ValueError for maps that do not split into colour groups, or an even kernel."""
    check_colour_groups(colours, units=units)
    if isinstance(kernel_size, bool) or not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be an odd integer. Received: kernel_size={kernel_size!r}")


@keras.saving.register_keras_serializable(package="layers")
class InputToState(keras.layers.Layer):
    """What the maps, and a condition, say to the four gates: a 1 x k convolution along the rows, mask B.

    Args:
        units: h, of the LSTM; a multiple of `colours`. The split into colours is the same in each gate.
        kernel_size: k, odd.
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.

    Call arguments:
        maps: `[batch, height, width, channels]`.
        condition: None, a vector `[batch, features]` or a map `[batch, height, width, features]`, of which an unmasked
            1x1 is added (Section 3.6 of arXiv 1601.06759, for an image of lower resolution).

    Returns: `[batch, height, width, 4 * units]`.
    """

    def __init__(self, units, kernel_size=1, colours=1, **kwargs):
        super().__init__(**kwargs)
        check_units(units, colours, kernel_size)
        self.units = units
        self.kernel_size = kernel_size
        self.colours = colours
        self.reach = kernel_size // 2  # how many pixels to the left it sees

    def build(self, maps_shape, condition_shape=None):
        channels, filters = maps_shape[-1], GATES * self.units
        check_colour_groups(self.colours, channels=channels)
        self.kernel = self.add_weight(name="kernel", shape=(1, self.reach + 1, channels, filters))
        self.bias = self.add_weight(name="bias", shape=(filters,), initializer="zeros")
        self.takes_condition = condition_shape is not None
        if self.takes_condition:
            self.condition_kernel = self.add_weight(name="condition_kernel", shape=(condition_shape[-1], filters))

    def call(self, maps, condition=None):
        kernel = self.masked_kernel()
        gates = valid_conv(pad(maps, left=self.reach), kernel[None]) if self.reach else pointwise(maps, kernel[0])
        return gates + self.of_condition(condition)

    def of_condition(self, condition):
        """What does not depend on the maps: bias and condition, to be added to [B, H, W, 4h]."""
        if condition is None:
            return ops.convert_to_tensor(self.bias)
        if not self.takes_condition:
            raise ValueError("condition must be None: the layer was built without one. Received: a condition")
        if len(condition.shape) not in (2, 4):
            raise ValueError(
                "condition must be a vector [batch, features] or a map [batch, height, width, features]. "
                f"Received: condition of shape {tuple(condition.shape)}"
            )
        added = pointwise(condition, self.condition_kernel) + self.bias
        return added[:, None, None] if len(condition.shape) == 2 else added

    def masked_kernel(self):
        """[reach + 1, channels, 4h]: taps from left to right, the last one the pixel itself, masked."""
        kernel = ops.convert_to_tensor(self.kernel)[0]
        target = np.tile(colours_of(self.units, self.colours), GATES)
        mask = colour_mask(colours_of(kernel.shape[1], self.colours), target, "B", kernel.dtype)
        return ops.concatenate([kernel[:-1], (kernel[-1] * mask)[None]], axis=0)

    def compute_output_shape(self, maps_shape, condition_shape=None):
        return (*maps_shape[:-1], GATES * self.units)

    def get_config(self):
        names = ("units", "kernel_size", "colours")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="layers")
class LineLSTMCell(keras.layers.Layer):
    """One line, a step of keras.layers.RNN.

    Call arguments: inputs `[batch, length * 4h]`, before the activations; states `[h, c]`, `[batch, length * h]` each.
    Returns: h of the line, `[h, c]`.

    Args:
        units: h.
        length: pixels of a line.
        before, after: how many pixels of the line before K_ss sees on either side of a pixel's own place: 1 and 1 for
            rows; 1 and 0 for diagonals, where they are the pixel above and the one to the left.
    """

    def __init__(self, units, length, before=1, after=1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.length = length
        self.before = before
        self.after = after
        self.state_size = [length * units, length * units]
        self.output_size = length * units

    def build(self, input_shape):
        taps = self.before + 1 + self.after
        shape = (taps * self.units, GATES * self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape)  # taps in the order of the line
        self.outside = self.add_weight(name="outside", shape=(self.units,), initializer="zeros")

    def get_initial_state(self, batch_size=None):
        """The state outside, along the line: [h, c]."""
        memory = ops.cast(self.outside, self.compute_dtype)
        lines = [ops.broadcast_to(state, (batch_size, self.length, self.units)) for state in (ops.tanh(memory), memory)]
        return [ops.reshape(line, (-1, self.length * self.units)) for line in lines]

    def call(self, inputs, states):
        hidden, memory = (ops.reshape(state, (-1, self.length, self.units)) for state in states)
        gates = ops.reshape(inputs, (-1, self.length, GATES * self.units))
        gates = gates + pointwise(self.neighbours(hidden), ops.cast(self.kernel, self.compute_dtype))
        hidden, memory = (ops.reshape(state, (-1, self.length * self.units)) for state in lstm_step(gates, memory))
        return hidden, [hidden, memory]

    def neighbours(self, hidden):
        """A line [B, length, h] -> what K_ss sees of it at each place, [B, length, taps * h]."""
        outside = ops.tanh(ops.cast(self.outside, hidden.dtype))
        edge = ops.broadcast_to(outside, (ops.shape(hidden)[0], 1, self.units))
        line, length = ops.concatenate([edge] * self.before + [hidden] + [edge] * self.after, axis=1), hidden.shape[1]
        return ops.concatenate([line[:, j : j + length] for j in range(self.before + 1 + self.after)], axis=-1)

    def get_config(self):
        names = ("units", "length", "before", "after")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class LineLSTM:
    """A LineLSTMCell and the loop over it: gates [batch, lines, length, 4h] -> h [batch, lines, length, h]."""

    def __init__(self, cell):
        self.length, self.units = cell.length, cell.units
        # The cell is a layer of its owner; the loop over it is none, so that it is saved once.
        self.loop = keras.layers.RNN(cell, return_sequences=True, dtype=cell.dtype_policy)

    def __call__(self, gates):
        lines = gates.shape[1]
        flat = ops.reshape(gates, (-1, lines, self.length * GATES * self.units))
        return ops.reshape(self.loop(flat), (-1, lines, self.length, self.units))
