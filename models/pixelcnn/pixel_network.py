"""PixelNetwork: the common parts of PixelCNN, GatedPixelCNN and PixelRNN, which differ in their blocks.

image -> first layer, mask A -> blocks -> head: 2 x (ReLU, 1x1, mask B) -> softmax
"""

import keras
from keras import ops

from image_generators.layers.checks import check_odd, check_rate
from image_generators.layers.masked_conv import MaskedConv2D, check_colour_groups
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import AutoregressiveModel

SIZES = ("filters", "depth", "kernel_size", "first_kernel_size", "head_filters", "dropout")


class PixelNetwork(AutoregressiveModel):
    """Base class. A subclass creates its blocks and calls `make_head`, then builds them and calls `build_head`.

    Args:
        image_shape, levels, num_classes, condition_shape: as for AutoregressiveModel. Maps are as high and wide as the
            image.
        filters: number of maps inside a block; a multiple of the colours.
        depth: number of blocks, at least 1.
        kernel_size: kernel size of the blocks, odd.
        first_kernel_size: kernel size of the first layer, odd.
        head_filters: number of maps between the two 1x1 convolutions of the head. None: as many as between blocks.
        dropout: rate inside the blocks.
    """

    widening = 1  # number of maps between blocks / filters

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int,
        num_classes: int | None,
        condition_shape: tuple[int, ...] | None,
        filters: int,
        depth: int,
        kernel_size: int,
        first_kernel_size: int,
        head_filters: int | None,
        dropout: float,
        **kwargs,
    ):
        super().__init__(image_shape, levels, num_classes, condition_shape, **kwargs)
        check_colour_groups(self.colours, filters=filters)
        self.filters = int(filters)
        self.depth = checks.check_integer("depth", depth, 1)
        self.kernel_size = check_odd("kernel_size", kernel_size)
        self.first_kernel_size = check_odd("first_kernel_size", first_kernel_size)
        head_filters = self.widening * self.filters if head_filters is None else head_filters
        check_colour_groups(self.colours, head_filters=head_filters)
        self.head_filters = int(head_filters)
        self.dropout = check_rate("dropout", dropout)
        self._check_features_shape()
        self._rematerialises = False

    # Condition.

    @property
    def features_shape(self) -> tuple[int, ...] | None:
        """Shape of one image's `condition_features`: (features,), (height, width, features), or None without any."""
        return self.condition_shape if self.num_classes is None else (self.num_classes,)

    @property
    def batch_features_shape(self) -> tuple[int | None, ...] | None:
        """Shape of a batch of `condition_features`, for building layers; None without any."""
        return None if self.features_shape is None else (None, *self.features_shape)

    def _check_features_shape(self):
        shape = self.features_shape
        if shape is not None and len(shape) == 3 and shape[:2] != self.image_shape[:2]:
            raise ValueError(
                "condition_shape must be (features,) or as high and wide as image_shape. "
                f"Received: condition_shape={self.condition_shape}, image_shape={self.image_shape}"
            )

    # Layers.

    def conv(self, filters: int, kernel_size: int, name: str, mask_type: str = "B") -> MaskedConv2D:
        """A MaskedConv2D with this network's colours and dtype policy."""
        return MaskedConv2D(filters, kernel_size, mask_type, colours=self.colours, dtype=self.dtype_policy, name=name)

    def make_head(self):
        """Creates the last two layers, after all others."""
        self.hidden = self.conv(self.head_filters, 1, "hidden")
        self.logits = self.conv(self.colours * self.levels, 1, "logits")

    def build_head(self):
        """Builds the last two layers."""
        height, width, _ = self.image_shape
        self.hidden.build((None, height, width, self.widening * self.filters))
        self.logits.build((None, height, width, self.head_filters))

    def head(self, maps):
        """The last block's maps -> logits, float32 `[B, H, W, colours, levels]`."""
        return self.split_levels(self.logits(ops.relu(self.hidden(ops.relu(maps)))))

    # Memory.

    def through(self, block, *maps):
        """`block(*maps)`. After `rematerialise`, only the block's inputs are stored for the gradient."""
        return keras.remat(block)(*maps) if self._rematerialises else block(*maps)

    def rematerialise(self):
        """From now on, the activations inside blocks are recomputed for gradients instead of stored.

        Raises:
            ValueError: if dropout is not 0: recomputing would drop other units.
        """
        if self.dropout:
            raise ValueError(f"dropout must be 0: recomputing would drop other units. Received: dropout={self.dropout}")
        self._rematerialises = True

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in SIZES}}
