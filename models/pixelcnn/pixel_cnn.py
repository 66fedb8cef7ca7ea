"""PixelCNN: the convolutional baseline of arXiv 1601.06759, Section 3.3 to 3.5.

image -> 7x7, mask A -> residual blocks (Figure 5 there, left), mask B -> 2 x (ReLU, 1x1, mask B) -> softmax.

A stack of masked convolutions has a blind spot: pixels above and to the right that are outside of its receptive field
for any number of layers (Figure 1 of arXiv 1606.05328). GatedPixelCNN has no blind spot.
"""

import functools

import keras
from keras import ops

from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.pixel_cnn_sampling import PixelCNNSampler
from image_generators.models.pixelcnn.pixel_network import PixelNetwork


@serializable("models")
class PixelCNN(PixelNetwork):
    """PixelCNN of arXiv 1601.06759, with 2h maps between blocks and h inside.

    Args:
        image_shape: (height, width, colours).
        levels: 256, or 2 for binary images.
        filters: h; a multiple of the colours.
        depth: number of residual blocks (15 in the paper).
        kernel_size: kernel size of the blocks' middle convolution, odd.
        first_kernel_size: kernel size of the first convolution, odd.
        head_filters: number of maps between the two 1x1 convolutions of the head (1024 in the paper). None: 2h.
        dropout: rate before the last convolution of each block (not in the paper).

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or another argument out of range.
    """

    widening = 2

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        levels: int = 256,
        filters: int = 66,
        depth: int = 8,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        head_filters: int | None = None,
        dropout: float = 0.0,
        **kwargs,
    ):
        sizes = (filters, depth, kernel_size, first_kernel_size, head_filters, dropout)
        checks.check_absent(self, kwargs, "num_classes", "condition_shape")
        super().__init__(image_shape, levels, None, None, *sizes, **kwargs)
        self.first = self.conv(2 * filters, first_kernel_size, "first", mask_type="A")
        self.blocks = [
            (
                self.conv(filters, 1, f"block_{i}_reduce"),
                self.conv(filters, kernel_size, f"block_{i}_conv"),
                self.conv(2 * filters, 1, f"block_{i}_expand"),
            )
            for i in range(self.depth)
        ]
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.make_head()

    def build_network(self):
        height, width, colours = self.image_shape
        self.first.build((None, height, width, colours))
        for reduce, conv, expand in self.blocks:
            reduce.build((None, height, width, 2 * self.filters))
            conv.build((None, height, width, self.filters))
            expand.build((None, height, width, self.filters))
        self.drop.build((None, height, width, self.filters))
        self.build_head()

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> logits float32 [B, H, W, colours, levels]."""
        images, _ = self.network_inputs(inputs)
        maps = self.first(images)  # [B, H, W, 2h]; with mask A, a residual would let an output see its own pixel
        for layers in self.blocks:
            maps = self.through(functools.partial(self._block, layers, training), maps)
        return self.head(maps)

    def _block(self, layers, training, maps):
        reduce, conv, expand = layers
        inner = conv(ops.relu(reduce(ops.relu(maps))))  # [B, H, W, h]
        return maps + expand(self.drop(ops.relu(inner), training=training))

    def incremental(self, condition=None):
        return PixelCNNSampler(self)

    def get_config(self):
        config = super().get_config()
        del config["num_classes"], config["condition_shape"]
        return config
