"""GatedBlock: one layer of the Gated PixelCNN, Figure 2 of arXiv 1606.05328, without a blind spot.

Two stacks walk through the network side by side. At a pixel (row r, column c)

* the vertical map holds what is known of the rows above r, all columns;
* the horizontal map holds that, and what is known of row r left of c and of the pixel's own earlier colours.

The vertical stack is a ceil(n/2) x n convolution over rows; the horizontal one a 1 x ceil(n/2) convolution along the
row, to which the vertical stack's 2p maps are added through a 1x1, before the gate. Both stacks end in the gate

    y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)       Eq. 2; with a condition h: Eq. 4 (vector), 5 (map)

and the horizontal stack in a 1x1 and a residual connection.

Wiring: the figure shifts the vertical tap down by one row. The same function without a shift in every layer: the
vertical convolution of the first block (mask A) sees only rows above, those of later blocks (mask B) see rows up to
their own.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import check_odd, check_rate
from image_generators.layers.convolutions import pad, pointwise, valid_conv
from image_generators.layers.masked_conv import check_colour_groups, check_mask_type, colour_mask, colours_of
from image_generators.layers.serialization import serializable


def gate(features):
    """Eq. 2: tanh of the first half of the maps times sigmoid of the second; [..., 2p] -> [..., p]."""
    content, opening = ops.split(features, 2, axis=-1)
    return ops.tanh(content) * ops.sigmoid(opening)


@serializable("layers")
class GatedBlock(keras.layers.Layer):
    """Figure 2 of arXiv 1606.05328.

    Args:
        filters: p, the maps of each stack; a multiple of `colours`.
        kernel_size: n, odd: the vertical kernel is ceil(n/2) x n, the horizontal one 1 x ceil(n/2).
        mask_type: "A" for the first block, whose inputs are the image itself (no residual there); else "B".
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.
        dropout: rate at which outputs of the two gates are dropped in training.

    Call arguments:
        vertical: `[batch, height, width, channels]`.
        horizontal: `[batch, height, width, channels]`; with mask B it has `filters` channels.
        condition: None, a vector `[batch, features]` (Eq. 4) or a map `[batch, height, width, features]` (Eq. 5).

    Returns: the pair (vertical, horizontal), each `[batch, height, width, filters]`.

    Raises:
        ValueError: for an even kernel, an unknown mask, or maps that do not split into colour groups.
    """

    def __init__(self, filters, kernel_size=3, mask_type="B", colours=1, dropout=0.0, **kwargs):
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
        above = self.vertical_features(self._pad_rows(vertical))  # [B, H, W, 2p]
        features = self._horizontal_features(horizontal) + self.horizontal_context(above, condition)
        output = pointwise(self.drop_horizontal(gate(features), training=training), self.masked_output_kernel())
        output = output + self.output_bias  # [B, H, W, p]
        if self.mask_type == "B":  # no residual round mask A: the image must not leak through
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

    # The parts that incremental sampling (models/) shares with `call`.

    def vertical_features(self, rows):
        """W * x of the vertical stack: padded rows [B, reach + H, W, channels] -> [B, H, W, 2p]."""
        return valid_conv(pad(rows, left=self.reach, right=self.reach), self.vertical_kernel) + self.vertical_bias

    def vertical_output(self, above, condition=None):
        """The vertical stack's gate: [B, H, W, 2p] -> [B, H, W, p]."""
        if condition is not None:
            above = above + self._spread(pointwise(condition, self.vertical_condition))
        return gate(above)

    def horizontal_context(self, above, condition=None):
        """What the horizontal stack adds before its gate besides its own convolution: [B, H, W, 2p] -> the same."""
        context = pointwise(above, self.vertical_to_horizontal) + self.horizontal_bias
        if condition is not None:
            context = context + self._spread(pointwise(condition, self.horizontal_condition))
        return context

    def masked_horizontal_kernel(self):
        """[reach + 1, channels, 2p]: taps from left to right, the last one the pixel itself, masked."""
        kernel = ops.convert_to_tensor(self.horizontal_kernel)[0]
        # The split into colours is the same in both halves of a gate.
        target = np.tile(colours_of(self.filters, self.colours), 2)
        mask = colour_mask(colours_of(kernel.shape[1], self.colours), target, self.mask_type, kernel.dtype)
        return ops.concatenate([kernel[:-1], (kernel[-1] * mask)[None]], axis=0)

    def masked_output_kernel(self):
        """[p, p]: the 1x1 at the end of the horizontal stack, masked."""
        kernel = ops.convert_to_tensor(self.output_kernel)
        group = colours_of(self.filters, self.colours)
        return kernel * colour_mask(group, group, "B", kernel.dtype)

    def _horizontal_features(self, horizontal):
        return valid_conv(pad(horizontal, left=self.reach), self.masked_horizontal_kernel()[None])

    def _pad_rows(self, vertical):
        if self.mask_type == "A":  # the rows above, without the pixel's own
            return pad(vertical, top=self.reach + 1)[:, :-1]
        return pad(vertical, top=self.reach)

    @staticmethod
    def _spread(condition):
        """A vector [B, 2p] acts alike on every pixel: [B, 1, 1, 2p]; a map stays."""
        return condition[:, None, None] if len(condition.shape) == 2 else condition

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
