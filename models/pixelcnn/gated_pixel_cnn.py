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
        num_classes: None, or the number of classes that the model is conditioned on (Eq. 4, one-hot).
        condition_shape: None, or the shape of another condition: (features,), a vector that acts alike on all pixels
            (Eq. 4), or (height, width, features), a map as high and wide as the image (Eq. 5). The model does not
            scale features.
        filters: p, the number of maps of each stack; a multiple of the colours.
        depth: number of GatedBlocks, including the first.
        kernel_size: n of Figure 2, odd.
        first_kernel_size: n of the first block, odd.
        head_filters: number of maps between the two 1x1 convolutions of the head. None: `filters`.
        dropout: rate on the gates' outputs.

    The paper does not give the number of blocks, the first kernel and the head for CIFAR-10.

    Raises:
        ValueError: for an even kernel, maps that do not split into colour groups, or another argument out of range.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        levels: int = 256,
        num_classes: int | None = None,
        condition_shape: tuple[int, ...] | None = None,
        filters: int = 66,
        depth: int = 8,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        head_filters: int | None = None,
        dropout: float = 0.0,
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
            block.vertical_condition.trainable = False  # the last vertical map is not used: no gradient
        self.build_head()

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] (or {"images", "condition"}) -> logits float32 [B, H, W, colours, levels]."""
        images, condition = self.network_inputs(inputs)
        vertical = horizontal = images
        conditions = [] if condition is None else [condition]  # h of Eq. 4 or s of Eq. 5
        for block in self.blocks:
            vertical, horizontal = self.through(
                functools.partial(block, training=training), vertical, horizontal, *conditions
            )
        return self.head(horizontal)

    def incremental(self, condition=None):
        return GatedSampler(self, condition)
