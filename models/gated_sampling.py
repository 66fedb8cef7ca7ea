"""GatedSampler: a Gated PixelCNN as models/raster.py wants it, one row, one pixel and one colour at a time.

Rows. The vertical stack needs only the rows above, so it advances a whole row at a time, over cached rows.

Pixels. Within a row only the horizontal stack is left, and between two gates it is linear. Write h_s for what enters
block s and g_s for the output of its gate, both at the current pixel; V is the block's 1x1 and W the centre tap of the
next block's horizontal convolution (both masked). Then, with the residual connection,

    h_{s+1} = h_s + g_s V + ...            y_{s+1} = h_{s+1} W + ...            g_{s+1} = gate(y_{s+1})

so that one matrix product takes the pair (h, g) of one block to the next:

    [y_{s+1}, h_{s+1}] = [past, h_s, g_s] [[P, 0], [W, I], [V W, V]] + context                               (step s)

where past are the h_{s+1} of the pixels to the left, P are the taps left of the centre, and the context is what the
vertical stack, the condition and the biases give. The masks make the matrix block triangular in the colours: the step
of one colour needs the rows of its own and earlier colours, and gives one third of the columns. Many tiny operations in
a row cost their number, not their size: this form has the fewest (seven a step).

Shapes: n images, C colours, p filters, g = p / C maps of one colour, S = depth steps. A pair is [h, g], 2g columns; the
result of a step is [tanh half of y, sigmoid half of y, h], 3g columns.
"""

from keras import ops


class GatedSampler:
    """The four methods of models/raster.py, for one model and one condition (None or a vector [n, features])."""

    def __init__(self, model, condition=None):
        self.condition = condition
        self.blocks = model.blocks
        self.colours, self.filters, self.depth = model.colours, model.filters, model.depth
        self.group = self.filters // self.colours
        self._prepare_pixel_kernels(model.hidden, model.logits)

    # Rows: the vertical stack.

    def start_image(self, batch, width):
        """The rows above that each block's vertical convolution looks at, zeros: [n, rows, width, channels]."""
        first, *others = self.blocks
        image_rows = ops.zeros((batch, first.reach + 1, width, self.colours))
        return [image_rows, *(ops.zeros((batch, block.reach, width, self.filters)) for block in others)]

    def start_row(self, rows, row_index):
        image_rows, *caches = rows
        condition = self._condition_of_row(row_index)
        above = self.blocks[0].vertical_features(image_rows)  # [n, 1, W, 2p]
        contexts = [self.blocks[0].horizontal_context(above, condition)]
        for i, block in enumerate(self.blocks[1:]):
            vertical = self.blocks[i].vertical_output(above, condition)  # [n, 1, W, p]
            cached = ops.concatenate([caches[i], vertical], axis=1)
            above = block.vertical_features(cached)
            contexts.append(block.horizontal_context(above, condition))
            caches[i] = cached[:, 1:]
        return [image_rows, *caches], self._contexts(contexts), self._start_pixels(ops.shape(image_rows)[0])

    def end_row(self, rows, row, row_index):
        image_rows, *caches = rows
        return [ops.concatenate([image_rows[:, 1:], row[:, None]], axis=1), *caches]

    def _condition_of_row(self, row_index):
        if self.condition is None or len(self.condition.shape) == 2:
            return self.condition
        return self.condition[:, row_index][:, None]  # a map: [n, 1, W, features]

    def _contexts(self, contexts):
        """Of the first gate [W, C, n, 2g], and of all steps [W, C, S, n, 3g]."""
        first, *others = contexts
        steps = []
        for step, block in enumerate(self.blocks):
            bias = ops.convert_to_tensor(block.output_bias)  # enters h, and through h the next y
            y = (
                others[step] + ops.matmul(bias[None], self._centre_tap(step))
                if others[step:]
                else ops.zeros_like(first)
            )
            h = ops.zeros_like(first[..., : self.filters]) + bias
            steps.append(self._columns_by_colour(ops.concatenate([y, h], axis=-1)))
        return [self._columns_by_colour(first), ops.stack(steps, axis=2)]

    def _columns_by_colour(self, maps):
        """[n, 1, W, parts * C * g] -> [W, C, n, parts * g]."""
        n, _, width, channels = ops.shape(maps)
        parts = channels // self.filters
        maps = ops.reshape(maps, (n, width, parts, self.colours, self.group))
        return ops.reshape(ops.transpose(maps, (1, 3, 0, 2, 4)), (width, self.colours, n, parts * self.group))

    # Pixels: the horizontal stack.

    def _start_pixels(self, batch):
        """Earlier pixels of the row, oldest first: values [n, reach * C] and h of all steps [S, n, reach * p]."""
        values = ops.zeros((batch, self.blocks[0].reach * self.colours))
        return [values, ops.zeros((self.depth, batch, self.blocks[-1].reach * self.filters))]

    def pixel(self, pixels, context, choose):
        earlier_values, earlier_h = pixels
        first_context = ops.unstack(context[0] + ops.matmul(earlier_values, self.first_past))  # C x [n, 2g]
        step_context = [ops.unstack(steps) for steps in ops.unstack(context[1])]  # C x S x [n, 3g]
        inputs = ops.unstack(earlier_h)  # of each step; the pairs of the colours join one by one
        values, top, hidden, outputs = [], [], [], []
        for colour in range(self.colours):
            y = first_context[colour]
            if colour:
                y = y + ops.matmul(_join(values), self.first_centre[colour])
            inputs, h = self._steps_of_colour(inputs, y, self.steps[colour], step_context[colour])
            outputs.append(h)
            top.append(ops.relu(h[-1]))
            hidden.append(ops.relu(ops.matmul(_join(top), self.hidden_kernel[colour]) + self.hidden_bias[colour]))
            logits = ops.matmul(_join(hidden), self.logits_kernel[colour]) + self.logits_bias[colour]
            values.append(choose(colour, logits))
        values = _join([earlier_values, *values])[:, self.colours :]
        h = ops.stack([_join(h_of_colours) for h_of_colours in zip(*outputs, strict=True)])  # [S, n, p]
        return [values, _join([earlier_h, h])[..., self.filters :]]

    @staticmethod
    def _steps_of_colour(inputs, y, kernels, contexts):
        """The chain of gates: y [n, 2g] of the first; inputs, kernels and contexts of each step.

        Returns the inputs with this colour's pairs joined to them, and h after each step, S x [n, g].
        """
        content, opening = ops.split(y, 2, axis=-1)
        h = ops.zeros_like(content)
        joined, outputs = [], []
        for earlier, kernel, context in zip(inputs, kernels, contexts, strict=True):
            joined.append(_join([earlier, h, ops.tanh(content) * ops.sigmoid(opening)]))
            content, opening, h = ops.split(ops.matmul(joined[-1], kernel) + context, 3, axis=-1)
            outputs.append(h)
        return joined, outputs

    # Kernels, cut by colour once for an image.

    def _centre_tap(self, step):
        """W of a step: the centre tap of the next block, [p, 2p]; zero after the last block, where no gate follows."""
        if step + 1 < self.depth:
            return self.blocks[step + 1].masked_horizontal_kernel()[-1]
        return ops.zeros((self.filters, 2 * self.filters))

    def _step_kernels(self, step):
        """The matrix of a step for each colour: C x [reach * p + (colour + 1) * 2g, 3g]."""
        colours, group, p = self.colours, self.group, self.filters
        w, v = self._centre_tap(step), self.blocks[step].masked_output_kernel()
        pair = ops.concatenate(
            [ops.concatenate([w, ops.eye(p)], axis=-1), ops.concatenate([ops.matmul(v, w), v], axis=-1)], axis=0
        )
        pair = ops.reshape(pair, (2, colours, group, 3, colours, group))
        pair = ops.transpose(pair, (4, 1, 0, 2, 3, 5))  # [C, C, 2, g, 3, g]: out of each colour, into each colour
        past = ops.reshape(self._past_taps(step), (-1, 2, colours, group))
        past = ops.transpose(ops.pad(past, [[0, 0], [0, 1], [0, 0], [0, 0]]), (2, 0, 1, 3))  # nothing is added to h
        return [
            ops.concatenate([ops.reshape(rows, (-1, 3 * group)) for rows in (past[c], pair[c, : c + 1])], axis=0)
            for c in range(colours)
        ]

    def _past_taps(self, step):
        """P of a step: taps left of the centre, [reach, p, 2p]; zero after the last block."""
        if step + 1 < self.depth:
            return self.blocks[step + 1].masked_horizontal_kernel()[:-1]
        return ops.zeros((self.blocks[-1].reach, self.filters, 2 * self.filters))

    def _prepare_pixel_kernels(self, hidden, logits):
        first = self.blocks[0].masked_horizontal_kernel()  # [reach + 1, C, 2p]
        first = ops.reshape(first, (-1, 2, self.colours, self.group))
        first = ops.reshape(ops.transpose(first, (2, 0, 1, 3)), (self.colours, -1, 2 * self.group))
        self.first_past, centre = ops.split(first, [first.shape[1] - self.colours], axis=1)  # [C, reach * C, 2g]
        self.first_centre = [centre[c, :c] for c in range(self.colours)]  # from earlier colours, [c, 2g]
        self.steps = list(zip(*(self._step_kernels(step) for step in range(self.depth)), strict=True))  # C x S
        self.hidden_kernel, self.hidden_bias = self._head(hidden)
        self.logits_kernel, self.logits_bias = self._head(logits)

    def _head(self, layer):
        """A masked 1x1 of the head: for each colour the kernel from groups up to its own, and the bias."""
        kernel = layer.masked_kernel()[0, 0]
        rows, columns = (size // self.colours for size in kernel.shape)
        bias = ops.reshape(ops.convert_to_tensor(layer.bias), (self.colours, columns))
        kernels = [kernel[: (c + 1) * rows, c * columns : (c + 1) * columns] for c in range(self.colours)]
        return kernels, ops.unstack(bias)


def _join(parts):
    """Side by side along the last axis."""
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
