"""PixelCNNSampler: a PixelCNN with the methods of models/pixelcnn/raster.py, one row, pixel and colour at a time.

A masked convolution sees rows above, pixels to the left and its own pixel. The first part is computed for a whole row
at a time from cached rows, the second once per pixel from cached pixels, the third once per colour. When a row is
finished, its activations are computed again, all columns at once, and added to the cached rows.
"""

from keras import ops

from image_generators.layers.convolutions import pad, pointwise, valid_conv
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE


class Taps:
    """The parts of a masked convolution's kernel: above [rows, columns, c, f], left [columns * c, f], centre [c, f]."""

    def __init__(self, layer):
        rows, columns = layer.kernel_size
        kernel = ops.cast(layer.masked_kernel(), "float32")  # under every dtype policy
        channels, self.filters = kernel.shape[2:]
        self.rows, self.reach, self.channels = rows // 2, columns // 2, channels
        self.above = kernel[: self.rows]
        self.left = ops.reshape(kernel[self.rows, : self.reach], (self.reach * channels, self.filters))
        self.centre = kernel[self.rows, self.reach]
        self.row = kernel[self.rows : self.rows + 1, : self.reach + 1]  # left and centre, for a whole row at once
        self.bias = ops.cast(layer.bias, "float32")

    def start_rows(self, batch, width):
        return ops.zeros((batch, self.rows, width, self.channels), dtype="float32")

    def from_above(self, rows):
        """Cached rows [n, rows, W, c] -> their term in the next row, with bias, [n, 1, W, f]."""
        if not self.rows:
            shape = (ops.shape(rows)[0], 1, ops.shape(rows)[2], self.filters)
            return ops.broadcast_to(self.bias, shape)
        return valid_conv(pad(rows, left=self.reach, right=self.reach), self.above) + self.bias

    def from_row(self, row):
        """A finished row [n, 1, W, c] -> its own term, from pixels to the left and the pixel itself, [n, 1, W, f]."""
        return valid_conv(pad(row, left=self.reach), self.row)

    def push_row(self, rows, row):
        return ops.concatenate([rows, row], axis=1)[:, 1:]

    def push_pixel(self, pixels, pixel):
        return ops.concatenate([pixels, pixel], axis=-1)[:, self.channels :]


class PixelCNNSampler:
    """The four methods of models/pixelcnn/raster.py, for one model."""

    def __init__(self, model):
        self.colours, self.levels = model.colours, model.levels
        self.spatial = [Taps(model.first), *(Taps(conv) for _, conv, _ in model.blocks)]
        self.reduce = [Taps(reduce) for reduce, _, _ in model.blocks]
        self.expand = [Taps(expand) for _, _, expand in model.blocks]
        self.hidden, self.logits = Taps(model.hidden), Taps(model.logits)

    def start_image(self, batch, width):
        return [taps.start_rows(batch, width) for taps in self.spatial]

    def start_row(self, rows, row_index):
        batch = ops.shape(rows[0])[0]
        context = [
            ops.transpose(taps.from_above(r)[:, 0], (1, 0, 2)) for taps, r in zip(self.spatial, rows, strict=True)
        ]
        pixels = [ops.zeros((batch, taps.reach * taps.channels), dtype="float32") for taps in self.spatial]
        return rows, context, pixels

    def end_row(self, rows, pixels, row, row_index):
        inputs = self._inputs(
            ops.transpose(row, (1, 0, 2))[:, None],
            lambda i, x: self.spatial[i].from_above(rows[i]) + self.spatial[i].from_row(x),
        )
        return [taps.push_row(r, x) for taps, r, x in zip(self.spatial, rows, inputs, strict=True)]

    def pixel(self, pixels, context, choose):
        earlier = [
            c + ops.matmul(p, t.left) if t.reach else c for c, p, t in zip(context, pixels, self.spatial, strict=True)
        ]
        convolve = lambda i, x: earlier[i] + ops.matmul(x, self.spatial[i].centre)  # noqa: E731
        # Colours that are not drawn yet are zero; masks hide them.
        values = [
            ops.zeros_like(pixels[0][:, :1]) if pixels[0].shape[-1] else ops.zeros_like(context[0][:, :1])
        ] * self.colours
        for colour in range(self.colours):
            maps = self._maps(ops.concatenate(values, axis=-1), convolve)
            hidden = ops.relu(pointwise(ops.relu(maps), self.hidden.centre) + self.hidden.bias)
            columns = slice(colour * self.levels, (colour + 1) * self.levels)
            logits = ops.matmul(hidden, self.logits.centre[:, columns]) + self.logits.bias[columns]
            values[colour] = choose(colour, LOGIT_SCALE * logits)
        inputs = self._inputs(ops.concatenate(values, axis=-1), convolve)
        return [taps.push_pixel(p, x) for taps, p, x in zip(self.spatial, pixels, inputs, strict=True)]

    def _inputs(self, values, convolve):
        """The inputs of all spatial convolutions, given `convolve(i, input)`."""
        inputs = [values]
        self._maps(values, lambda i, x: (inputs.append(x) if i else None, convolve(i, x))[1])
        return inputs

    def _maps(self, values, convolve):
        """The network up to its head: values [..., colours] -> maps [..., 2h]."""
        maps = convolve(0, values)
        for i, (reduce, expand) in enumerate(zip(self.reduce, self.expand, strict=True)):
            inner = ops.relu(pointwise(ops.relu(maps), reduce.centre) + reduce.bias)
            maps = maps + pointwise(ops.relu(convolve(i + 1, inner)), expand.centre) + expand.bias
        return maps
