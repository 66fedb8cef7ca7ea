"""GatedSampler: a Gated PixelCNN with the methods of models/pixelcnn/raster.py, one row, pixel and colour at a time.

Rows. The vertical stack depends only on the rows above, so it is computed for a whole row at a time, from cached rows.

Pixels. Within a row only the horizontal stack remains, and between two gates it is linear. Let h_s be the input of
block s and g_s the output of its gate, both at the current pixel; V is the block's 1x1 and W the centre tap of the
next block's horizontal convolution (both masked). With the residual connection

    h_{s+1} = h_s + g_s V + ...            y_{s+1} = h_{s+1} W + ...            g_{s+1} = gate(y_{s+1})

and one matrix product takes the pair (h, g) of one block to the next:

    [y_{s+1}, h_{s+1}] = [h_s, g_s] [[W, I], [V W, V]] + context                                             (step s)

The context is the sum of all terms known before: those of the vertical stack, the condition, biases, earlier pixels of
the row and earlier colours of the pixel; the last two are batched products over all steps. The masks make every matrix
block triangular in the colours: the step of one colour multiplies a third of the rows and a third of the columns.

Shapes: n images, W columns, C colours, p filters, g = p / C maps of one colour, S = depth steps. A pair is [h, g], 2g
columns; the result of a step is [tanh half of y, sigmoid half of y, h], 3g columns. Columns of an image come before
images, [W, n, ...], so that a pixel is one slice. After the last block no gate follows: W is zero there.
"""

from keras import ops

from image_generators.layers.convolutions import pointwise
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE
from image_generators.models.pixelcnn.fixed_point import Float32


class GatedSampler:
    """The four methods of models/pixelcnn/raster.py.

    Args:
        model: a built GatedPixelCNN.
        condition: None, a vector [n, features] or a map [n, height, width, features].
        arithmetic: Float32 or a FixedPoint of models/pixelcnn/fixed_point.py.
    """

    def __init__(self, model, condition=None, arithmetic=Float32):
        self.dtype, self.weight = arithmetic.dtype, arithmetic.weight
        self.activation, self.gate = arithmetic.activation, arithmetic.gate
        self.blocks = model.blocks
        self.colours, self.filters, self.depth = model.colours, model.filters, model.depth
        self.group = self.filters // self.colours
        self._prepare_rows(condition)
        self._prepare_first_gate()
        self._prepare_steps()
        self._prepare_head(model.hidden, model.logits)

    # Rows: the vertical stack.

    def start_image(self, batch, width):
        """The cached rows of each block's vertical convolution, zeros at first: [rows, W, n, channels]."""
        first, *others = self.blocks
        image_rows = self._zeros(first.reach + 1, width, batch, self.colours)
        return [image_rows, *(self._zeros(block.reach, width, batch, self.filters) for block in others)]

    def start_row(self, rows, row_index):
        image_rows, *caches = rows
        inputs, contexts = image_rows, []
        condition_terms = self._condition_of_row(row_index)
        for i in range(self.depth):
            above = self._vertical_features(i, inputs)  # [W, n, 2p]
            to_vertical, to_horizontal = condition_terms[i]  # Eq. 4, 5
            context = pointwise(above, self.taps[i]) + self.context_biases[i] + to_horizontal
            contexts.append(self._columns_by_colour(context))  # [W, n, C, 2g]
            if i + 1 < self.depth:
                inputs = ops.concatenate([caches[i], self.gate(above + to_vertical)[None]], axis=0)
                caches[i] = inputs[1:]
        first, *steps = contexts
        steps = ops.stack([*steps, ops.zeros_like(first)], axis=1)  # [W, S, n, C, 2g]
        return [image_rows, *caches], [first, steps], self._start_pixels(ops.shape(image_rows)[2])

    def end_row(self, rows, pixels, row, row_index):
        image_rows, *caches = rows
        return [ops.concatenate([image_rows[1:], row[None]], axis=0), *caches]

    def _vertical_features(self, i, rows):
        """The vertical convolution of one row, as one matrix product: [reach + 1, W, n, channels] -> [W, n, 2p]."""
        reach, width = self.blocks[i].reach, rows.shape[1]
        padded = ops.pad(rows, [[0, 0], [reach, reach], [0, 0], [0, 0]])
        taps = [padded[row, j : j + width] for row in range(reach + 1) for j in range(2 * reach + 1)]
        features = pointwise(_join(taps), self.vertical_kernels[i]) + self.vertical_biases[i]
        return self.activation(features)

    def _prepare_rows(self, condition):
        self.vertical_kernels = [
            ops.reshape(self.weight(block.vertical_kernel), (-1, 2 * self.filters)) for block in self.blocks
        ]
        self.vertical_biases = [self.weight(block.vertical_bias) for block in self.blocks]
        self.taps = [self.weight(block.vertical_to_horizontal) for block in self.blocks]
        self.context_biases = [self.weight(block.horizontal_bias) for block in self.blocks]
        self.condition_terms = self.condition_map = None
        condition = None if condition is None else self.weight(condition)
        if condition is not None and len(condition.shape) == 2:  # a vector: the same for all rows
            self.condition_terms = self._condition_terms_of(condition[None])
        elif condition is not None:  # a map: computed row by row
            self.condition_map = ops.transpose(condition, (1, 2, 0, 3))  # [H, W, n, features]

    def _condition_terms_of(self, condition):
        """The terms of a condition [1 or W, n, features] in both stacks of each block, 2p columns each: Eq. 4, 5."""
        return [
            tuple(pointwise(condition, self.weight(k)) for k in (block.vertical_condition, block.horizontal_condition))
            for block in self.blocks
        ]

    def _condition_of_row(self, row_index):
        """The terms of the condition in both stacks of each block, for this row."""
        if self.condition_map is not None:
            return self._condition_terms_of(self.condition_map[row_index])
        return self.condition_terms or [(0.0, 0.0)] * self.depth

    # Pixels: the horizontal stack.

    def _start_pixels(self, batch):
        """Earlier pixels of the row, oldest first: values [n, reach * C] and h of all steps [S, n, reach * p]."""
        values = self._zeros(batch, self.blocks[0].reach * self.colours)
        return [values, self._zeros(self.depth, batch, self.blocks[-1].reach * self.filters)]

    def pixel(self, pixels, context, choose):
        earlier_values, earlier_h = pixels
        first = context[0] + self._by_colour(ops.matmul(earlier_values, self.first_past))  # [n, C, 2g]
        steps = context[1] + self._by_colour(ops.matmul(earlier_h, self.past))  # [S, n, C, 2g]
        values, pairs, outputs, top, hidden = [], [], [], [], []
        for colour in range(self.colours):
            y = first[:, colour]
            from_colours = [0.0] * self.depth
            if colour:
                y = y + ops.matmul(_join(values), self.first_colours[colour])
                from_colours = ops.unstack(ops.matmul(_join(pairs), self.earlier_colours[colour]))  # S x [n, 3g]
            colour_pairs, h = self._steps_of_colour(colour, y, steps[:, :, colour], from_colours)
            pairs.append(colour_pairs)
            outputs.append(h)
            top.append(ops.relu(h[-1]))
            inner = ops.matmul(_join(top), self.hidden_kernel[colour]) + self.hidden_bias[colour]
            hidden.append(ops.relu(self.activation(inner)))
            logits = ops.matmul(_join(hidden), self.logits_kernel[colour]) + self.logits_bias[colour]
            values.append(choose(colour, logits))
        values = _join([earlier_values, *values])[:, self.colours :]
        return [values, _join([earlier_h, *outputs])[..., self.filters :]]

    def _steps_of_colour(self, colour, y, contexts, from_colours):
        """The chain of gates, from the first y [n, 2g].

        `contexts` [S, n, 2g] and `from_colours` S x [n, 3g] are added in each step. Returns the pairs [S, n, 2g] and h
        after each step [S, n, g].
        """
        group = self.group
        h = ops.zeros_like(y[:, :group])
        pairs, outputs = [], []
        for step in range(self.depth):
            pairs.append(_join([h, self.gate(y)]))
            result = ops.matmul(pairs[-1], self.steps[colour][step]) + from_colours[step] + self.biases[colour][step]
            y, h = result[:, : 2 * group] + contexts[step], self.activation(result[:, 2 * group :])
            outputs.append(h)
        return ops.stack(pairs), ops.stack(outputs)

    def _by_colour(self, columns):
        """[..., 2p], ordered by colour already -> [..., C, 2g]."""
        return ops.reshape(columns, (*ops.shape(columns)[:-1], self.colours, 2 * self.group))

    def _columns_by_colour(self, y):
        """[..., 2p] as the layers order it, halves before colours -> [..., C, 2g]."""
        shape = ops.shape(y)[:-1]
        y = ops.swapaxes(ops.reshape(y, (*shape, 2, self.colours, self.group)), -3, -2)
        return ops.reshape(y, (*shape, self.colours, 2 * self.group))

    # Kernels, cut by colour once for an image.

    def _prepare_first_gate(self):
        kernel = self.weight(self.blocks[0].masked_horizontal_kernel())
        kernel = self._columns_by_colour(kernel)  # [reach + 1, C, C, 2g]
        self.first_past = ops.reshape(kernel[:-1], (-1, 2 * self.filters))  # from earlier pixels, [reach * C, C * 2g]
        self.first_colours = [kernel[-1, :c, c] for c in range(self.colours)]  # from earlier colours, [c, 2g]

    def _prepare_steps(self):
        self.steps, self.earlier_colours, self.biases = [], [], []
        kernels = ops.stack([self._step_kernel(step) for step in range(self.depth)])  # [S, C, 2g, C, 3g]
        biases = ops.stack([self._step_bias(step) for step in range(self.depth)])  # [S, C, 3g]
        for c in range(self.colours):
            self.steps.append(ops.unstack(kernels[:, c, :, c]))  # S x [2g, 3g]
            self.earlier_colours.append(ops.reshape(kernels[:, :c, :, c], (self.depth, -1, 3 * self.group)))
            self.biases.append(ops.unstack(biases[:, c]))  # S x [3g]
        self.past = ops.stack([self._past_kernel(step) for step in range(self.depth)])  # [S, reach * p, C * 2g]

    def _centre_tap(self, step):
        """W of a step, [p, 2p]."""
        if step + 1 < self.depth:
            return self.weight(self.blocks[step + 1].masked_horizontal_kernel())[-1]
        return self._zeros(self.filters, 2 * self.filters)

    def _past_kernel(self, step):
        """Taps left of the centre, [reach * p, C * 2g]."""
        if step + 1 < self.depth:
            taps = self.weight(self.blocks[step + 1].masked_horizontal_kernel())[:-1]
            return ops.reshape(self._columns_by_colour(taps), (-1, 2 * self.filters))
        return self._zeros(self.blocks[-1].reach * self.filters, 2 * self.filters)

    def _step_kernel(self, step):
        """[[W, I], [V W, V]] from the pairs into the results of all colours: [C, 2g, C, 3g]."""
        w, v = self._centre_tap(step), self.weight(self.blocks[step].masked_output_kernel())
        from_h, from_g = [w, ops.eye(self.filters, dtype=self.dtype)], [self.weight(ops.matmul(v, w)), v]
        kernel = ops.concatenate([_join(from_h), _join(from_g)], axis=0)
        kernel = ops.reshape(kernel, (2, self.colours, self.group, 3, self.colours, self.group))
        kernel = ops.transpose(kernel, (1, 0, 2, 4, 3, 5))
        return ops.reshape(kernel, (self.colours, 2 * self.group, self.colours, 3 * self.group))

    def _step_bias(self, step):
        """The bias of the block's 1x1, which enters h and through it y: [C, 3g]."""
        bias = self.weight(self.blocks[step].output_bias)[None]
        bias = _join([self.weight(ops.matmul(bias, self._centre_tap(step))), bias])
        bias = ops.reshape(bias, (3, self.colours, self.group))
        return ops.reshape(ops.swapaxes(bias, 0, 1), (self.colours, 3 * self.group))

    def _prepare_head(self, hidden, logits):
        self.hidden_kernel, self.hidden_bias = self._cut_head(hidden)
        self.logits_kernel, self.logits_bias = self._cut_head(logits, LOGIT_SCALE)

    def _cut_head(self, layer, scale=1.0):
        """A masked 1x1 of the head: for each colour the kernel from groups up to its own, and the bias."""
        kernel = scale * self.weight(layer.masked_kernel())[0, 0]
        bias = scale * ops.reshape(self.weight(layer.bias), (self.colours, -1))
        rows, columns = (size // self.colours for size in kernel.shape)
        kernels = [kernel[: (c + 1) * rows, c * columns : (c + 1) * columns] for c in range(self.colours)]
        return kernels, ops.unstack(bias)

    def _zeros(self, *shape):
        return ops.zeros(shape, dtype=self.dtype)


def _join(parts):
    """Side by side along the last axis."""
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
