"""Samplers of PixelRNNs with the methods of models/pixelcnn/raster.py: one row, pixel and colour at a time.

All blocks have the same sizes, so the terms from earlier rows and pixels are batched products over blocks; only the
chain from block to block is computed step by step. Row LSTMs cache the states of the row above. The forward half of a
Diagonal BiLSTM caches those of the row above and of the pixel to the left. The mirrored half depends on finished rows
only, so it runs at the end of each row, from right to left, for all blocks at once.

Shapes: n images, W columns, L blocks, h units. States of a row [L, W, n, h], of a pixel [L, n, h].
"""

from keras import ops

from image_generators.layers.convolutions import pointwise
from image_generators.layers.line_lstm import GATES
from image_generators.layers.line_walk import lstm_step
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE
from image_generators.models.pixelcnn.pixel_cnn_sampling import Taps
from image_generators.models.pixelcnn.raster import shift_in


def _stack(weights):
    return ops.stack([ops.cast(weight, "float32") for weight in weights])  # under every dtype policy


def _product(states, kernels):
    """[L, ..., a] x [L, a, b] -> [L, ..., b]."""
    blocks, *others, size = states.shape
    flat = ops.reshape(states, (blocks, -1, size))
    return ops.reshape(ops.matmul(flat, kernels), (*ops.shape(states)[:-1], kernels.shape[-1]))


def _columns_first(tensor):
    return ops.swapaxes(tensor, 0, 1)  # [L, W, ...] <-> [W, L, ...]


class _Inputs:
    """The InputToState layers of all blocks."""

    def __init__(self, layers, condition):
        kernels = _stack([layer.masked_kernel() for layer in layers])  # [L, reach + 1, 2h, 4h]
        blocks, taps, channels, gates = kernels.shape
        self.reach = taps - 1
        self.left = ops.reshape(kernels[:, :-1], (blocks, self.reach * channels, gates))
        self.own = kernels[:, -1]
        self.bias = _stack([layer.bias for layer in layers])[:, None, None]
        self.condition = None if condition is None else ops.cast(condition, "float32")
        self.condition_kernels = None if condition is None else [layer.condition_kernel for layer in layers]

    def bias_and_condition(self, row_index):
        """Their terms in the gates of a row: [L, 1 or W, 1 or n, 4h]."""
        if self.condition is None:
            return self.bias
        is_map = len(self.condition.shape) == 4
        features = ops.swapaxes(self.condition[:, row_index], 0, 1) if is_map else self.condition[None]
        # features: [1 or W, n, f]
        return self.bias + ops.stack([pointwise(features, ops.cast(k, "float32")) for k in self.condition_kernels])


class _Cells:
    """One of the LSTMs inside the LineLSTM layers of all blocks."""

    def __init__(self, layers, walk=0):
        self.kernels = _stack([layer.walk.kernel for layer in layers])[:, walk]  # [L, taps * h, 4h]
        self.cell = _stack([layer.walk.outside for layer in layers])[:, walk]  # c outside of the image, [L, h]
        self.hidden = ops.tanh(self.cell)

    def outside(self, state, *sizes):
        """A learned state outside of the image, broadcast: [L, h] -> [L, *sizes, h]."""
        blocks, units = state.shape
        return ops.broadcast_to(ops.reshape(state, (blocks, *[1] * len(sizes), units)), (blocks, *sizes, units))


class _PixelRNNSampler:
    """The four methods of raster.py. Subclasses define the caches and the terms computed from them.

    Lines are cached activations of the row above, states those of the pixel to the left. `cached_size` numbers per
    block and pixel are collected along a row, to compute the next lines.
    """

    def __init__(self, model, condition):
        recurrent, expand = zip(*model.blocks, strict=True)
        self.colours, self.levels, self.units, self.depth = model.colours, model.levels, model.filters, model.depth
        self.inputs = _Inputs([layer.input_to_state for layer in recurrent], condition)
        self.cells = _Cells(recurrent)
        self.first, self.expand = Taps(model.first), [Taps(layer) for layer in expand]
        self.hidden, self.logits = Taps(model.hidden), Taps(model.logits)

    def start_image(self, batch, width):
        return [self.first.start_rows(batch, width), *self.start_lines(batch, width)]

    def start_row(self, rows, row_index):
        image_rows, *lines = rows
        first = ops.swapaxes(self.first.from_above(image_rows)[:, 0], 0, 1)  # [W, n, 2h]
        width, batch = first.shape[0], ops.shape(first)[1]
        values = ops.zeros((batch, self.first.reach * self.first.channels), dtype="float32")
        row_cache = ops.zeros((width, self.depth, batch, self.cached_size), dtype="float32")
        return rows, [first, *self.from_lines(lines, row_index)], [values, *self.start_pixels(batch), row_cache]

    def pixel(self, pixels, context, choose):
        earlier_values, *states, row_cache = pixels
        first = context[0] + (ops.matmul(earlier_values, self.first.left) if self.first.reach else 0.0)
        block_inputs = self.from_earlier(context[1:], states)
        values = [ops.zeros_like(first[:, :1])] * self.colours  # colours that are not drawn yet are hidden by masks
        for colour in range(self.colours):
            maps, _ = self._blocks(first, values, *block_inputs)
            hidden = ops.relu(pointwise(ops.relu(maps), self.hidden.centre) + self.hidden.bias)
            columns = slice(colour * self.levels, (colour + 1) * self.levels)
            logits = ops.matmul(hidden, self.logits.centre[:, columns]) + self.logits.bias[columns]
            values[colour] = choose(colour, LOGIT_SCALE * logits)
        _, block_outputs = self._blocks(first, values, *block_inputs)
        states, cached = self.update(states, *block_outputs)
        values = self.first.push_pixel(earlier_values, ops.concatenate(values, axis=-1))
        return [values, *states, shift_in(row_cache, cached)]

    def end_row(self, rows, pixels, row, row_index):
        image_rows, *lines = rows
        image_rows = self.first.push_row(image_rows, ops.swapaxes(row, 0, 1)[:, None])
        return [image_rows, *self.next_lines(lines, _columns_first(pixels[-1]), row_index)]

    def _blocks(self, first, values, gates, cells, mirrored=None):
        """The colours of a pixel -> the last maps [n, 2h], and (input maps, h, c) of all blocks.

        `gates` [L, n, 4h] and `cells` [L, n, h] come from earlier pixels; `mirrored` [L, n, h] is added to h.
        """
        maps = first + ops.matmul(ops.concatenate(values, axis=-1), self.first.centre)
        inputs, hiddens, new_cells = [], [], []
        for i, expand in enumerate(self.expand):
            inputs.append(maps)
            hidden, cell = lstm_step(gates[i] + ops.matmul(maps, self.inputs.own[i]), cells[i])
            hiddens.append(hidden)
            new_cells.append(cell)
            output = hidden if mirrored is None else hidden + mirrored[i]
            maps = maps + ops.matmul(output, expand.centre) + expand.bias
        return maps, tuple(map(ops.stack, (inputs, hiddens, new_cells)))


class RowLSTMSampler(_PixelRNNSampler):
    """Lines: h and c of the row above. States: input maps of the blocks at the pixels to the left."""

    @property
    def cached_size(self):
        return 2 * self.units  # h and c

    def start_lines(self, batch, width):
        return [self.cells.outside(state, width, batch) for state in (self.cells.hidden, self.cells.cell)]

    def from_lines(self, lines, row_index):
        hidden, cell = lines
        width = hidden.shape[1]
        edge = self.cells.outside(self.cells.hidden, 1, ops.shape(hidden)[2])
        line = ops.concatenate([edge, hidden, edge], axis=1)
        neighbours = ops.concatenate([line[:, j : j + width] for j in range(3)], axis=-1)  # [L, W, n, 3h]
        gates = _product(neighbours, self.cells.kernels) + self.inputs.bias_and_condition(row_index)
        return [_columns_first(gates), _columns_first(cell)]

    def start_pixels(self, batch):
        return [ops.zeros((self.depth, batch, self.inputs.reach * 2 * self.units), dtype="float32")]

    def from_earlier(self, context, states):
        gates, cell = context
        return (gates + ops.matmul(states[0], self.inputs.left) if self.inputs.reach else gates), cell

    def update(self, states, inputs, hidden, cell):
        left = ops.concatenate([states[0], inputs], axis=-1)[..., 2 * self.units :]
        return [left], ops.concatenate([hidden, cell], axis=-1)

    def next_lines(self, lines, row_cache, row_index):
        return ops.split(row_cache, 2, axis=-1)


class DiagonalBiLSTMSampler(_PixelRNNSampler):
    """Lines: h of the row above in both halves. States: h and c of the pixel to the left."""

    def __init__(self, model, condition):
        super().__init__(model, condition)
        recurrent = [layer for layer, _ in model.blocks]
        self.mirrored_inputs = _Inputs([layer.input_to_mirrored for layer in recurrent], condition)
        self.mirrored = _Cells(recurrent, walk=1)

    @property
    def cached_size(self):
        return (1 + GATES) * self.units  # h, and the input term of the mirrored half's gates

    def start_lines(self, batch, width):
        return [cells.outside(cells.hidden, width, batch) for cells in (self.cells, self.mirrored)]

    def from_lines(self, lines, row_index):
        hidden, mirrored = lines
        gates = _product(hidden, self.cells.kernels[:, : self.units]) + self.inputs.bias_and_condition(row_index)
        shifted_down = mirrored * ops.cast(row_index > 0, "float32")  # the shift pads the first row with zeros
        return [_columns_first(gates), _columns_first(shifted_down)]

    def start_pixels(self, batch):
        return [self.cells.outside(state, batch) for state in (self.cells.hidden, self.cells.cell)]

    def from_earlier(self, context, states):
        (gates, mirrored), (hidden, cell) = context, states
        return gates + ops.matmul(hidden, self.cells.kernels[:, self.units :]), cell, mirrored

    def update(self, states, inputs, hidden, cell):
        return [hidden, cell], ops.concatenate([hidden, ops.matmul(inputs, self.mirrored_inputs.own)], axis=-1)

    def next_lines(self, lines, row_cache, row_index):
        hidden, gates = row_cache[..., : self.units], row_cache[..., self.units :]
        above = _product(lines[1], self.mirrored.kernels[:, : self.units])
        return [hidden, self._scan_from_right(gates + above + self.mirrored_inputs.bias_and_condition(row_index))]

    def _scan_from_right(self, gates):
        """The mirrored half along a finished row: gates [L, W, n, 4h] without the right neighbour's term -> h."""
        width, batch = gates.shape[1], ops.shape(gates)[2]
        gates = _columns_first(gates)
        kernels = self.mirrored.kernels[:, self.units :]

        def step(i, hidden, cell, line):
            hidden, cell = lstm_step(gates[width - 1 - i] + ops.matmul(hidden, kernels), cell)
            return i + 1, hidden, cell, ops.concatenate([hidden[None], line[:-1]], axis=0)

        start = [self.mirrored.outside(state, batch) for state in (self.mirrored.hidden, self.mirrored.cell)]
        line = ops.zeros((width, self.depth, batch, self.units), dtype="float32")
        *_, line = ops.while_loop(lambda i, *_: i < width, step, (0, *start, line), maximum_iterations=width)
        return _columns_first(line)
