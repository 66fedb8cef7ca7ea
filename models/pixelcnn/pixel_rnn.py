"""PixelRNN: Section 3 of arXiv 1601.06759, with LSTM layers instead of PixelCNN's masked convolutions.

image -> 7x7, mask A -> residual LSTM blocks (Figure 5 there, right) -> 2 x (ReLU, 1x1, mask B) -> softmax.

A block: 2h maps -> RowLSTM or DiagonalBiLSTM, h maps -> 1x1, mask B, 2h maps -> plus the block's input.
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
    """PixelRNN of arXiv 1601.06759, with 2h maps between blocks and h inside.

    Args:
        image_shape: (height, width, colours).
        levels: 256, or 2 for binary images.
        num_classes: None, or the number of classes that the model is conditioned on.
        condition_shape: None, or the shape of another condition: (features,), or (height, width, features), as high and
            wide as the image. It enters the four gates of each LSTM through a 1x1 convolution (Section 3.6).
        recurrence: "row_lstm" or "diagonal_bilstm".
        filters: h; a multiple of the colours.
        depth: number of LSTM blocks (12 on CIFAR-10, 1 or 7 on MNIST in the paper).
        kernel_size: kernel size of RowLSTM's input-to-state convolution, odd.
        first_kernel_size: kernel size of the first convolution, odd.
        head_filters: number of maps between the two 1x1 convolutions of the head (1024, on MNIST 32, in the paper).
            None: 2h.
        dropout: rate before the last convolution of each block (not in the paper).

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or another argument out of range.
    """

    widening = 2

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        levels: int = 256,
        num_classes: int | None = None,
        condition_shape: tuple[int, ...] | None = None,
        recurrence: str = "diagonal_bilstm",
        filters: int = 66,
        depth: int = 4,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        head_filters: int | None = None,
        dropout: float = 0.0,
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
        maps = self.first(images)  # [B, H, W, 2h]; with mask A, a residual would let an output see its own pixel
        conditions = [] if condition is None else [condition]
        for layers in self.blocks:
            maps = self.through(functools.partial(self._block, layers, training), maps, *conditions)
        return self.head(maps)

    def _block(self, layers, training, maps, condition=None):
        recurrent, expand = layers
        return maps + expand(self.drop(recurrent(maps, condition), training=training))

    def incremental(self, condition=None):
        return SAMPLERS[self.recurrence](self, condition)

    def get_config(self):
        return {**super().get_config(), "recurrence": self.recurrence}
