"""A PixelRNN as models/pixelcnn/raster.py wants it, one row, one pixel and one colour at a time, on cached states.

All blocks have the same sizes, so what they are told by earlier rows and pixels is one batched product over blocks;
only the chain from block to block goes step by step. Row LSTMs remember the states of the row above. Of a Diagonal
BiLSTM the forward half remembers those of the row above and of the pixel to the left; the mirrored half looks at
finished rows only, so it runs when a row ends, from right to left, for all blocks at once.

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
    return ops.stack([ops.cast(weight, "float32") for weight in weights])  # whatever the policy


def _product(states, kernels):
    """[L, ..., a] x [L, a, b] -> [L, ..., b]."""
    blocks, *others, size = states.shape
    flat = ops.reshape(states, (blocks, -1, size))
    return ops.reshape(ops.matmul(flat, kernels), (*ops.shape(states)[:-1], kernels.shape[-1]))


def _columns_first(tensor):
    return ops.swapaxes(tensor, 0, 1)  # [L, W, ...] <-> [W, L, ...]


class _Inputs:
    """The InputToState of all blocks: what they add to the gates."""

    def __init__(self, layers, condition):
        kernels = _stack([layer.masked_kernel() for layer in layers])  # [L, reach + 1, 2h, 4h]
        blocks, taps, channels, gates = kernels.shape
        self.reach = taps - 1
        self.left = ops.reshape(kernels[:, :-1], (blocks, self.reach * channels, gates))
        self.own = kernels[:, -1]
        self.bias = _stack([layer.bias for layer in layers])[:, None, None]
        self.condition = None if condition is None else ops.cast(condition, "float32")
        self.condition_kernels = None if condition is None else [layer.condition_kernel for layer in layers]

    def of_row(self, row_index):
        """Bias and condition: [L, 1 or W, 1 or n, 4h]."""
        if self.condition is None:
            return self.bias
        is_map = len(self.condition.shape) == 4
        told = ops.swapaxes(self.condition[:, row_index], 0, 1) if is_map else self.condition[None]  # [1 or W, n, f]
        return self.bias + ops.stack([pointwise(told, ops.cast(k, "float32")) for k in self.condition_kernels])


class _Cells:
    """One walk of the LineLSTM of all blocks."""

    def __init__(self, layers, walk=0):
        self.kernels = _stack([layer.walk.kernel for layer in layers])[:, walk]  # [L, taps * h, 4h]
        self.memory = _stack([layer.walk.outside for layer in layers])[:, walk]  # [L, h]
        self.hidden = ops.tanh(self.memory)

    def outside(self, state, *sizes):
        """The learned state where there is no pixel: [L, h] -> [L, *sizes, h]."""
        blocks, units = state.shape
        return ops.broadcast_to(ops.reshape(state, (blocks, *[1] * len(sizes), units)), (blocks, *sizes, units))


class _PixelRNNSampler:
    """The four methods of raster.py; a subclass says what the rows and pixels before tell the blocks."""

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
        kept = ops.zeros((width, self.depth, batch, self.kept_size), dtype="float32")
        return rows, [first, *self.from_lines(lines, row_index)], [values, *self.start_pixels(batch), kept]

    def pixel(self, pixels, context, choose):
        earlier_values, *before, kept = pixels
        first = context[0] + (ops.matmul(earlier_values, self.first.left) if self.first.reach else 0.0)
        told = self.from_earlier(context[1:], before)
        values = [ops.zeros_like(first[:, :1])] * self.colours  # those that are not drawn yet are hidden by masks
        for colour in range(self.colours):
            maps, _ = self._blocks(first, values, *told)
            hidden = ops.relu(pointwise(ops.relu(maps), self.hidden.centre) + self.hidden.bias)
            columns = slice(colour * self.levels, (colour + 1) * self.levels)
            logits = ops.matmul(hidden, self.logits.centre[:, columns]) + self.logits.bias[columns]
            values[colour] = choose(colour, LOGIT_SCALE * logits)
        _, states = self._blocks(first, values, *told)
        before, kept_here = self.remembered(before, *states)
        values = self.first.push_pixel(earlier_values, ops.concatenate(values, axis=-1))
        return [values, *before, shift_in(kept, kept_here)]

    def end_row(self, rows, pixels, row, row_index):
        image_rows, *lines = rows
        image_rows = self.first.push_row(image_rows, ops.swapaxes(row, 0, 1)[:, None])
        return [image_rows, *self.next_lines(lines, _columns_first(pixels[-1]), row_index)]

    def _blocks(self, first, values, gates, memories, added=None):
        """From the colours of a pixel to the last maps [n, 2h], and of each block: maps that enter, h and c.

        `gates` [L, n, 4h] and `memories` [L, n, h] are what is known before the pixel; `added` [L, n, h] goes to h.
        """
        maps = first + ops.matmul(ops.concatenate(values, axis=-1), self.first.centre)
        entering, hiddens, states = [], [], []
        for i, expand in enumerate(self.expand):
            entering.append(maps)
            hidden, state = lstm_step(gates[i] + ops.matmul(maps, self.inputs.own[i]), memories[i])
            hiddens.append(hidden)
            states.append(state)
            seen = hidden if added is None else hidden + added[i]
            maps = maps + ops.matmul(seen, expand.centre) + expand.bias
        return maps, tuple(ops.stack(each) for each in (entering, hiddens, states))


class RowLSTMSampler(_PixelRNNSampler):
    """Lines: h and c of the row above. Before a pixel: the maps that entered the blocks to its left."""

    @property
    def kept_size(self):
        return 2 * self.units

    def start_lines(self, batch, width):
        return [self.cells.outside(state, width, batch) for state in (self.cells.hidden, self.cells.memory)]

    def from_lines(self, lines, row_index):
        hidden, memory = lines
        width = hidden.shape[1]
        edge = self.cells.outside(self.cells.hidden, 1, ops.shape(hidden)[2])
        line = ops.concatenate([edge, hidden, edge], axis=1)
        seen = ops.concatenate([line[:, j : j + width] for j in range(3)], axis=-1)  # [L, W, n, 3h]
        gates = _product(seen, self.cells.kernels) + self.inputs.of_row(row_index)
        return [_columns_first(gates), _columns_first(memory)]

    def start_pixels(self, batch):
        return [ops.zeros((self.depth, batch, self.inputs.reach * 2 * self.units), dtype="float32")]

    def from_earlier(self, context, before):
        gates, memory = context
        return (gates + ops.matmul(before[0], self.inputs.left) if self.inputs.reach else gates), memory

    def remembered(self, before, entering, hidden, memory):
        left = ops.concatenate([before[0], entering], axis=-1)[..., 2 * self.units :]
        return [left], ops.concatenate([hidden, memory], axis=-1)

    def next_lines(self, lines, kept, row_index):
        return ops.split(kept, 2, axis=-1)


class DiagonalBiLSTMSampler(_PixelRNNSampler):
    """Lines: h of the row above in both halves. Before a pixel: h and c to its left."""

    def __init__(self, model, condition):
        super().__init__(model, condition)
        recurrent = [layer for layer, _ in model.blocks]
        self.mirrored_inputs = _Inputs([layer.input_to_mirrored for layer in recurrent], condition)
        self.mirrored = _Cells(recurrent, walk=1)

    @property
    def kept_size(self):
        return (1 + GATES) * self.units  # h, and what enters the mirrored half's gates

    def start_lines(self, batch, width):
        return [cells.outside(cells.hidden, width, batch) for cells in (self.cells, self.mirrored)]

    def from_lines(self, lines, row_index):
        hidden, mirrored = lines
        gates = _product(hidden, self.cells.kernels[:, : self.units]) + self.inputs.of_row(row_index)
        shifted_down = mirrored * ops.cast(row_index > 0, "float32")  # above the first row there is no map
        return [_columns_first(gates), _columns_first(shifted_down)]

    def start_pixels(self, batch):
        return [self.cells.outside(state, batch) for state in (self.cells.hidden, self.cells.memory)]

    def from_earlier(self, context, before):
        (gates, added), (hidden, memory) = context, before
        return gates + ops.matmul(hidden, self.cells.kernels[:, self.units :]), memory, added

    def remembered(self, before, entering, hidden, memory):
        return [hidden, memory], ops.concatenate([hidden, ops.matmul(entering, self.mirrored_inputs.own)], axis=-1)

    def next_lines(self, lines, kept, row_index):
        hidden, gates = kept[..., : self.units], kept[..., self.units :]
        above = _product(lines[1], self.mirrored.kernels[:, : self.units])
        return [hidden, self._from_right(gates + above + self.mirrored_inputs.of_row(row_index))]

    def _from_right(self, gates):
        """The mirrored half along a finished row: gates [L, W, n, 4h] but for the right neighbour's part -> h."""
        width, batch = gates.shape[1], ops.shape(gates)[2]
        gates = _columns_first(gates)
        kernels = self.mirrored.kernels[:, self.units :]

        def step(i, hidden, memory, line):
            hidden, memory = lstm_step(gates[width - 1 - i] + ops.matmul(hidden, kernels), memory)
            return i + 1, hidden, memory, ops.concatenate([hidden[None], line[:-1]], axis=0)

        start = [self.mirrored.outside(state, batch) for state in (self.mirrored.hidden, self.mirrored.memory)]
        line = ops.zeros((width, self.depth, batch, self.units), dtype="float32")
        *_, line = ops.while_loop(lambda i, *_: i < width, step, (0, *start, line), maximum_iterations=width)
        return _columns_first(line)
