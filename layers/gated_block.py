"""GatedBlock: one layer of the Gated PixelCNN, Figure 2 of arXiv 1606.05328, without a blind spot.

A network has two stacks of maps. At a pixel (row r, column c)

* the vertical map depends on all pixels of the rows above r;
* the horizontal map depends on these, on the pixels of row r to the left of c, and on the pixel's own earlier colours.

The vertical stack is a ceil(n/2) x n convolution over rows. The horizontal stack is a 1 x ceil(n/2) convolution along
the row, to which the vertical stack's 2p maps are added through a 1x1 convolution before the gate. Both stacks end in
the gate

    y = tanh(W_f * x) . sigmoid(W_g * x)                       Eq. 2
    y = tanh(W_f * x + V_f^T h) . sigmoid(W_g * x + V_g^T h)   Eq. 4, with a vector h as condition
    y = tanh(W_f * x + V_f * s) . sigmoid(W_g * x + V_g * s)   Eq. 5, with a map s as condition

and the horizontal stack continues with a 1x1 convolution and a residual connection.

Wiring: the figure shifts the vertical stack's maps down by one row before they enter the horizontal stack. We get the
same function with one shift in the first block: its vertical convolution (mask A) sees only the rows above, and those
of later blocks (mask B) see rows up to their own.

The block stores and multiplies visible taps only. `gated_block_reference` computes the same with whole n x n kernels
and their masks.
"""

import functools

import keras
from keras import ops

from image_generators.layers.checks import check_odd, check_rate
from image_generators.layers.convolutions import pad, pointwise, valid_conv
from image_generators.layers.masked_conv import check_colour_groups, check_mask_type, kernel_mask, mask_last_tap
from image_generators.layers.serialization import serializable

GATES = 2  # f and g of Eq. 2


def gate(features):
    """Eq. 2: tanh of the first half of the maps times sigmoid of the second; `[..., 2p]` -> `[..., p]`."""
    f, g = ops.split(features, 2, axis=-1)
    return ops.tanh(f) * ops.sigmoid(g)  # Eq. 2


@serializable("layers")
class GatedBlock(keras.layers.Layer):
    """Figure 2 of arXiv 1606.05328.

    Args:
        filters: p, the number of maps of each stack; a multiple of `colours`.
        kernel_size: n, odd: the vertical kernel is ceil(n/2) x n, the horizontal one 1 x ceil(n/2).
        mask_type: "A" for the first block, whose inputs are the image itself (it has no residual connection); else "B".
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.
        dropout: rate at which the outputs of both gates are dropped in training.

    Call arguments:
        vertical: `[batch, height, width, channels]`.
        horizontal: `[batch, height, width, channels]`; with mask B it has `filters` channels.
        condition: None, a vector `[batch, features]` (Eq. 4) or a map `[batch, height, width, features]` (Eq. 5).

    Returns: the pair (vertical, horizontal), each `[batch, height, width, filters]`.

    Raises:
        ValueError: for an even kernel, an unknown mask, or maps that do not split into colour groups.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        mask_type: str = "B",
        colours: int = 1,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_mask_type(mask_type)
        check_colour_groups(colours, filters=filters)
        self.filters = int(filters)
        self.kernel_size = check_odd("kernel_size", kernel_size)
        self.mask_type = mask_type
        self.colours = int(colours)
        self.dropout = check_rate("dropout", dropout)
        self.reach = self.kernel_size // 2  # how far a kernel looks to the left, to the right and, with mask B, up
        self.drop_vertical = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.drop_horizontal = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, vertical_shape, horizontal_shape, condition_shape=None):
        n, reach, p = self.kernel_size, self.reach, self.filters
        channels = horizontal_shape[-1]
        check_colour_groups(self.colours, channels=channels)
        if self.mask_type == "B" and channels != p:
            raise ValueError(
                f"horizontal must have as many channels as the block has filters, for the residual connection. "
                f"Received: channels={channels}, filters={p}"
            )

        def kernel(name, *shape):
            return self.add_weight(name=name, shape=shape, initializer="glorot_uniform")

        def bias(name, size):
            return self.add_weight(name=name, shape=(size,), initializer="zeros")

        self.vertical_kernel = kernel("vertical_kernel", reach + 1, n, vertical_shape[-1], 2 * p)
        self.vertical_bias = bias("vertical_bias", 2 * p)
        self.vertical_to_horizontal = kernel("vertical_to_horizontal", 2 * p, 2 * p)
        self.horizontal_kernel = kernel("horizontal_kernel", 1, reach + 1, channels, 2 * p)
        self.horizontal_bias = bias("horizontal_bias", 2 * p)
        self.output_kernel = kernel("output_kernel", p, p)
        self.output_bias = bias("output_bias", p)
        self.takes_condition = condition_shape is not None
        if self.takes_condition:
            self.vertical_condition = kernel("vertical_condition", condition_shape[-1], 2 * p)
            self.horizontal_condition = kernel("horizontal_condition", condition_shape[-1], 2 * p)
        self.drop_vertical.build(None)
        self.drop_horizontal.build(None)

    def call(self, vertical, horizontal, condition=None, training=None):
        self._check_condition(condition)
        above = self.vertical_features(self._pad_rows(vertical))  # W * x of the vertical stack, [B, H, W, 2p]
        features = self._horizontal_features(horizontal) + self.horizontal_context(above, condition)
        output = pointwise(self.drop_horizontal(gate(features), training=training), self.masked_output_kernel())
        output = output + self.output_bias  # [B, H, W, p]
        if self.mask_type == "B":  # with mask A, a residual connection would let an output see its own pixel
            output = output + horizontal
        return self.drop_vertical(self.vertical_output(above, condition), training=training), output

    def _check_condition(self, condition):
        if condition is None:
            return
        if len(condition.shape) not in (2, 4):
            raise ValueError(
                "condition must be a vector [batch, features] or a map [batch, height, width, features]. "
                f"Received: condition of shape {tuple(condition.shape)}"
            )
        if not self.takes_condition:
            raise ValueError("condition must be None: the block was built without one. Received: a condition")

    # Incremental sampling (models/) uses these parts too.

    def vertical_features(self, rows):
        """W * x of the vertical stack: padded rows `[B, reach + H, W, channels]` -> `[B, H, W, 2p]`."""
        return valid_conv(pad(rows, left=self.reach, right=self.reach), self.vertical_kernel) + self.vertical_bias

    def vertical_output(self, above, condition=None):
        """The vertical stack's gate, Eq. 2, 4 or 5: `[B, H, W, 2p]` -> `[B, H, W, p]`."""
        if condition is not None:
            above = above + condition_term(condition, self.vertical_condition)  # Eq. 4, 5
        return gate(above)

    def horizontal_context(self, above, condition=None):
        """The terms inside the horizontal gate that are not its own convolution: `[B, H, W, 2p]` -> the same shape."""
        context = pointwise(above, self.vertical_to_horizontal) + self.horizontal_bias
        if condition is not None:
            context = context + condition_term(condition, self.horizontal_condition)  # Eq. 4, 5
        return context

    def masked_horizontal_kernel(self):
        """`[reach + 1, channels, 2p]`: taps from left to right; the last one, the pixel itself, is masked."""
        kernel = ops.convert_to_tensor(self.horizontal_kernel)[0]
        return mask_last_tap(kernel, self.mask_type, self.colours, GATES)

    def masked_output_kernel(self):
        """`[p, p]`: the 1x1 convolution at the end of the horizontal stack, mask B."""
        kernel = ops.convert_to_tensor(self.output_kernel)
        return mask_last_tap(kernel[None], "B", self.colours, gates=1)[0]

    def _horizontal_features(self, horizontal):
        return valid_conv(pad(horizontal, left=self.reach), self.masked_horizontal_kernel()[None])

    def _pad_rows(self, vertical):
        if self.mask_type == "A":  # rows above the pixel, without its own
            return pad(vertical, top=self.reach + 1)[:, :-1]
        return pad(vertical, top=self.reach)

    def compute_output_shape(self, vertical_shape, horizontal_shape, condition_shape=None):
        shape = (*horizontal_shape[:-1], self.filters)
        return shape, shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "colours": self.colours,
            "dropout": self.dropout,
        }


def condition_term(condition, kernel):
    """What a condition adds to W * x inside a gate: V^T h of Eq. 4, or V * s of Eq. 5.

    `condition` `[B, features]` -> `[B, 1, 1, 2p]`, alike at every pixel; `[B, H, W, features]` -> `[B, H, W, 2p]`.
    """
    if len(condition.shape) == 2:
        return pointwise(condition, kernel)[:, None, None]  # Eq. 4: V^T h
    return pointwise(condition, kernel)  # Eq. 5: V * s, a 1x1 convolution


def gated_block_reference(block: GatedBlock, vertical, horizontal, condition=None):
    """Figure 2 literally, as `block(vertical, horizontal, condition)` computes it without dropout.

    Kernels are whole, n x n and 1 x n; taps that the block does not store are zeros, and masks hide the others.
    """
    n, p, reach, colours = block.kernel_size, block.filters, block.reach, block.colours
    conv = functools.partial(ops.conv, padding="same", data_format="channels_last")
    vertical_kernel = ops.pad(block.vertical_kernel, [[0, reach], [0, 0], [0, 0], [0, 0]])  # n x n, lower rows zero
    horizontal_kernel = ops.pad(block.horizontal_kernel, [[0, 0], [0, reach], [0, 0], [0, 0]])  # 1 x n
    mask = ops.tile(kernel_mask((1, n), horizontal.shape[-1], p, block.mask_type, colours), (1, 1, 1, GATES))
    output_mask = kernel_mask((1, 1), p, p, "B", colours)[0, 0]
    if block.mask_type == "A":
        vertical = pad(vertical, top=1)[:, :-1]  # the shift: row r gets row r - 1
    above = conv(vertical, vertical_kernel) + block.vertical_bias
    features = conv(horizontal, horizontal_kernel * mask) + block.horizontal_bias
    features = features + ops.matmul(above, block.vertical_to_horizontal)
    if condition is not None:
        above = above + condition_term(condition, block.vertical_condition)
        features = features + condition_term(condition, block.horizontal_condition)
    output = ops.matmul(gate(features), block.output_kernel * output_mask) + block.output_bias
    return gate(above), output + horizontal if block.mask_type == "B" else output
