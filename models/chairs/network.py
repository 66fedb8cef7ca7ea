"""ChairsNetwork: from a style, a view and a transformation to an image and a mask; arXiv 1411.5928.

    style           one-hot   -> 512 -> 512 \\
    view            sin, cos  -> 512 -> 512  > 1536 -> 1024 -> 1024 -> image 8x8x256 -> ... -> size x size x 3
    transformation  8 numbers -> 512 -> 512 /                       -> mask  8x8x128 -> ... -> size x size x 1

Figure 2 and Section 3.1, with the sizes of the authors' release ("2s-E"); ReLU after every layer but the last.

Departure: the release's transformation has the 28 numbers of its augmentation tool; only these eight are used here.
"""

import math

import keras
import numpy as np
from keras import ops

from image_generators.layers.image_stream import START, ImageStream
from image_generators.layers.wide_dense import WideDense
from image_generators.models import checks
from image_generators.models.chairs import checks as chairs_checks
from image_generators.models.chairs.transformations import NAMES
from image_generators.models.image_model import ImageModel

MASK_LOSSES = ("squared", "softmax")
IMAGE_MAPS = (256, 256, 92)  # numbers of first maps and of up-convolutions' maps; the last one repeats for larger sizes
MASK_MAPS = (128, 92, 32)


class ChairsNetwork(ImageModel):
    """The layers of a ChairsGenerator, as functions of tensors. Arguments: see ChairsGenerator."""

    accepted_channels = (4,)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 4),
        num_styles: int = 843,
        streams: int = 2,
        deep: bool = False,
        mask_loss: str = "squared",
        width: float = 1.0,
        transformations: bool = True,
        growth_steps: float | None = None,
        levels: int = 256,
        **kwargs,
    ):
        super().__init__(image_shape, levels, **kwargs)
        chairs_checks.check_size(self.image_shape, START)
        self.levels = checks.check_integer("levels", levels, 256, 256)
        self.num_styles = checks.check_integer("num_styles", num_styles, 1)
        self.streams = checks.check_integer("streams", streams, 1, 2)
        self.deep = checks.check_flag("deep", deep)
        checks.check_choice("mask_loss", mask_loss, MASK_LOSSES)
        self.mask_loss = mask_loss
        checks.check_positive("width", width)
        self.width = float(width)
        self.transformations = checks.check_flag("transformations", transformations)
        if growth_steps is not None:
            checks.check_positive("growth_steps", growth_steps)
        self.growth_steps = growth_steps
        self._make_layers()

    def _make_layers(self):
        def dense(name, units, layer_class=keras.layers.Dense):
            return layer_class(
                self._scaled(units), "relu", kernel_initializer="he_normal", name=name, dtype=self.dtype_policy
            )

        def stream(name, maps, channels):
            between = [self._scaled(n) for n in (*maps, *[maps[-1]] * doublings)[:doublings]]
            return ImageStream((*between, channels), self.deep, name=name, dtype=self.dtype_policy)

        doublings = int(math.log2(self.image_shape[0] // START))
        self.style_layers = [dense("style1", 512), dense("style2", 512)]
        self.view_layers = [dense("view1", 512), dense("view2", 512)]
        self.transformation_layers = []
        if self.transformations:
            self.transformation_layers = [dense("transformation1", 512), dense("transformation2", 512)]
        self.fc3, self.fc4 = (dense(name, 1024, WideDense) for name in ("fc3", "fc4"))
        self.image_streams = [stream("image", IMAGE_MAPS, 3 if self.streams == 2 else 4)]
        if self.streams == 2:
            self.image_streams.append(stream("mask", MASK_MAPS, 1))

    def _scaled(self, units):
        return max(1, round(units * self.width))

    def build_network(self):
        inputs = [(self.style_layers, self.num_styles), (self.view_layers, 4)]
        inputs += [(self.transformation_layers, self.transformation_length)] if self.transformations else []
        for (first, second), features in inputs:
            first.build((None, features))
            second.build((None, first.units))
        self.fc3.build((None, len(inputs) * self._scaled(512)))
        self.fc4.build((None, self.fc3.units))
        for stream in self.image_streams:
            stream.build((None, self.fc4.units))
        if self.growth_steps is not None:
            self.steps_seen = self.add_weight(  # float32 under every policy: bfloat16 cannot count beyond 256
                name="steps_seen", shape=(), initializer="zeros", dtype="float32", trainable=False, autocast=False
            )

    @property
    def transformation_length(self) -> int | None:
        """8, or None for a network without transformations."""
        return len(NAMES) if self.transformations else None

    # The network, layer by layer: functions of tensors.

    def style_features(self, styles, layer: str = "style2"):
        """Style vectors, float `[B, num_styles]` -> features of layer "style1" or "style2", `[B, units]`."""
        first = self.style_layers[0](ops.cast(styles, self.compute_dtype))
        return first if layer == "style1" else self.style_layers[1](first)

    def joint_features(self, style_features, views, transformation=None, layer: str = "fc4"):
        """Features of layer "fc3" or "fc4".

        Args:
            style_features: features of "style2", `[B, units]`.
            views: azimuth and elevation in degrees, `[B, 2]`.
            transformation: `[B, 8]`, or None for a network without transformations.
            layer: "fc3" or "fc4".
        """
        azimuth, elevation = ops.unstack(ops.cast(views, "float32"), 2, axis=-1)
        azimuth = azimuth - 360.0 * ops.floor(azimuth / 360.0)
        angles = ops.stack([elevation, azimuth], axis=-1) * (np.pi / 180.0)
        sin_cos = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)  # [B, 2, 2]
        inputs = [(self.view_layers, ops.reshape(sin_cos, (-1, 4)))]
        inputs += [(self.transformation_layers, transformation)] if self.transformations else []
        streams = [second(first(ops.cast(x, self.compute_dtype))) for (first, second), x in inputs]
        joint = self.fc3(ops.concatenate([style_features, *streams], axis=-1))
        return joint if layer == "fc3" else self.fc4(joint)

    def first_maps(self, features):
        """Features of "fc4" -> features of "fc5": the first maps of all streams, flat, with the image's first."""
        return ops.concatenate([stream.first(features) for stream in self.image_streams], axis=-1)

    def pictures(self, maps):
        """Features of "fc5" -> (rgb `[B, size, size, 3]`, mask or its logit `[B, size, size, 1]`), float32."""
        sizes = np.cumsum([START**2 * stream.filters[0] for stream in self.image_streams])
        ends = [int(size) for size in sizes[:-1]]
        first_maps = ops.split(maps, ends, axis=-1) if ends else [maps]
        outputs = [stream.expand(maps) for stream, maps in zip(self.image_streams, first_maps, strict=True)]
        return _separate(outputs)

    def draw(self, styles, views, transformation=None):
        """The whole network: `style_features`, `joint_features`, `first_maps` and `pictures`."""
        features = self.joint_features(self.style_features(styles), views, transformation)
        return _separate([stream(features) for stream in self.image_streams])

    def mask_of(self, mask):
        """The network's mask or logit -> the mask, 0 to 1 (only approximately for mask_loss "squared")."""
        return mask if self.mask_loss == "squared" else ops.sigmoid(mask)

    def get_config(self):
        names = ("num_styles", "streams", "deep", "mask_loss", "width", "transformations", "growth_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _separate(outputs):
    """The outputs of one stream or two -> (rgb [B, size, size, 3], mask [B, size, size, 1]), float32."""
    rgb, mask = outputs if len(outputs) == 2 else (outputs[0][..., :3], outputs[0][..., 3:])
    return ops.cast(rgb, "float32"), ops.cast(mask, "float32")
