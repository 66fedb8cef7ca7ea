"""PixelRNN: Section 3 of arXiv 1601.06759, recurrent where PixelCNN is convolutional.

image -> 7x7, mask A -> residual LSTM blocks (Figure 5 there, right) -> 2 x (ReLU, 1x1, mask B) -> softmax.

A block: 2h maps -> RowLSTM or DiagonalBiLSTM, h maps -> 1x1, mask B, 2h maps -> plus what came in.
"""

import functools

import keras

from image_generators.layers.diagonal_bilstm import DiagonalBiLSTM
from image_generators.layers.row_lstm import RowLSTM
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.pixel_network import PixelNetwork
from image_generators.models.pixelcnn.pixel_rnn_sampling import DiagonalBiLSTMSampler, RowLSTMSampler

SAMPLERS = {"row_lstm": RowLSTMSampler, "diagonal_bilstm": DiagonalBiLSTMSampler}


@serializable("models")
class PixelRNN(PixelNetwork):
    """PixelRNN of arXiv 1601.06759; maps are 2h wide between blocks, h inside.

    Args:
        image_shape: (height, width, colours).
        levels: 256, or 2 for binary images.
        num_classes: None, or how many classes it is conditioned on.
        condition_shape: None, or what else: (features,), or (height, width, features), a map as high and wide as the
            image. Each LSTM's four gates see it through a 1x1 of their own (Section 3.6).
        recurrence: "row_lstm" or "diagonal_bilstm".
        filters: h; a multiple of the colours.
        depth: number of LSTM blocks (the paper: 12 on CIFAR-10, 1 or 7 on MNIST).
        kernel_size: odd, of RowLSTM's input-to-state convolution.
        first_kernel_size: odd, of the first convolution.
        head_filters: maps between the two 1x1 convolutions of the head (the paper: 1024; MNIST 32); default 2h.
        dropout: rate, before the last convolution of each block (not in the paper).

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or another argument out of range.
    """

    widening = 2

    def __init__(
        self,
        image_shape=(32, 32, 3),
        levels=256,
        num_classes=None,
        condition_shape=None,
        recurrence="diagonal_bilstm",
        filters=66,
        depth=4,
        kernel_size=3,
        first_kernel_size=7,
        head_filters=None,
        dropout=0.0,
        **kwargs,
    ):
        sizes = (filters, depth, kernel_size, first_kernel_size, head_filters, dropout)
        super().__init__(image_shape, levels, num_classes, condition_shape, *sizes, **kwargs)
        checks.check_choice("recurrence", recurrence, SAMPLERS)
        self.recurrence = recurrence
        self.first = self.conv(2 * filters, first_kernel_size, "first", mask_type="A")
        self.blocks = [
            (self._recurrent(f"block_{i}_lstm"), self.conv(2 * filters, 1, f"block_{i}_expand"))
            for i in range(self.depth)
        ]
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.make_head()

    def _recurrent(self, name):
        options = {"colours": self.colours, "dtype": self.dtype_policy, "name": name}
        if self.recurrence == "row_lstm":
            return RowLSTM(self.filters, self.kernel_size, **options)
        return DiagonalBiLSTM(self.filters, **options)

    def build_network(self):
        height, width, colours = self.image_shape
        self.first.build((None, height, width, colours))
        for recurrent, expand in self.blocks:
            recurrent.build((None, height, width, 2 * self.filters), self.batch_features_shape)
            expand.build((None, height, width, self.filters))
        self.drop.build((None, height, width, self.filters))
        self.build_head()

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] (or {"images", "condition"}) -> logits float32 [B, H, W, colours, levels]."""
        images, condition = self.network_inputs(inputs)
        maps = self.first(images)  # [B, H, W, 2h]; no residual round mask A: the image must not leak through
        given = [] if condition is None else [condition]
        for layers in self.blocks:
            maps = self.through(functools.partial(self._block, layers, training), maps, *given)
        return self.head(maps)

    def _block(self, layers, training, maps, condition=None):
        recurrent, expand = layers
        return maps + expand(self.drop(recurrent(maps, condition), training=training))

    def incremental(self, condition=None):
        return SAMPLERS[self.recurrence](self, condition)

    def get_config(self):
        return {**super().get_config(), "recurrence": self.recurrence}
