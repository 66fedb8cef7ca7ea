"""GatedPixelCNN: Section 2 of arXiv 1606.05328.

image -> first GatedBlock (mask A) -> GatedBlocks (mask B) -> horizontal map -> ReLU, 1x1 -> ReLU, 1x1 -> softmax.
"""

import functools

from image_generators.layers.gated_block import GatedBlock
from image_generators.layers.serialization import serializable
from image_generators.models.pixelcnn.gated_pixel_cnn_sampling import GatedSampler
from image_generators.models.pixelcnn.pixel_network import PixelNetwork


@serializable("models")
class GatedPixelCNN(PixelNetwork):
    """Gated PixelCNN of arXiv 1606.05328, unconditional or conditional on classes, vectors (Eq. 4) or maps (Eq. 5).

    Args:
        image_shape: (height, width, colours).
        levels: 256, or 2 for binary images.
        num_classes: None, or how many classes it is conditioned on (Eq. 4, one-hot).
        condition_shape: None, or what else it is conditioned on: (features,), a vector that acts alike on every pixel
            (Eq. 4), or (height, width, features), a map as high and wide as the image (Eq. 5). What the features are
            scaled to is the caller's.
        filters: p, maps of each stack; a multiple of the colours.
        depth: number of GatedBlocks, the first included.
        kernel_size: n of Figure 2, odd.
        first_kernel_size: the same for the first block.
        head_filters: maps between the two 1x1 convolutions of the head; default `filters`.
        dropout: rate, on the gates' outputs.

    The number of blocks, the first kernel and the head on CIFAR-10 are not given in the paper.

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or another argument out of range.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        levels=256,
        num_classes=None,
        condition_shape=None,
        filters=66,
        depth=8,
        kernel_size=3,
        first_kernel_size=7,
        head_filters=None,
        dropout=0.0,
        **kwargs,
    ):
        sizes = (filters, depth, kernel_size, first_kernel_size, head_filters, dropout)
        super().__init__(image_shape, levels, num_classes, condition_shape, *sizes, **kwargs)
        options = {"colours": self.colours, "dtype": self.dtype_policy}
        self.blocks = [
            GatedBlock(
                filters,
                kernel_size=kernel_size if i else first_kernel_size,
                mask_type="B" if i else "A",
                dropout=dropout,
                name=f"gated_block_{i}",
                **options,
            )
            for i in range(self.depth)
        ]
        self.make_head()

    def build_network(self):
        height, width, colours = self.image_shape
        shape = (None, height, width, colours)
        for block in self.blocks:
            block.build(shape, shape, self.batch_features_shape)
            shape = (None, height, width, self.filters)
        if self.is_conditional:
            block.vertical_condition.trainable = False  # nothing follows the last vertical map: it has no gradient
        self.build_head()

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] (or {"images", "condition"}) -> logits float32 [B, H, W, colours, levels]."""
        images, condition = self.network_inputs(inputs)
        vertical = horizontal = images
        given = [] if condition is None else [condition]
        for block in self.blocks:
            vertical, horizontal = self.through(
                functools.partial(block, training=training), vertical, horizontal, *given
            )
        return self.head(horizontal)

    def incremental(self, condition=None):
        return GatedSampler(self, condition)
