"""MultiScalePixelRNN: Section 3.6 of arXiv 1601.06759, a model of a small image and of the full image given the small.

    every k-th pixel of every k-th row, the small image   -> PixelRNN -> p(small)
    the small image -> deconvolutional network, a map as large as the large image -> all gates of a second PixelRNN
    -> p(the other pixels | small)

The likelihood is exact: p(image) = p(small) p(the others | small). Sub-pixels of the small image come first, all
others follow in raster order.
"""

from keras import ops

from image_generators.layers.map_network import MapNetwork
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import AutoregressiveModel, split_inputs
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN
from image_generators.models.pixelcnn.raster import sample_raster


@serializable("models")
class MultiScalePixelRNN(AutoregressiveModel):
    """Two PixelRNNs, trained together.

    Args:
        image_shape: (height, width, colours); height and width are multiples of `factor`.
        levels: 256, or 2 for binary images.
        factor: k, at least 2: the small image has a k-th of the height and width.
        map_filters: channels of the map that the second network is conditioned on.
        map_depth: number of residual blocks of the network that computes the map.
        **kwargs: as for PixelRNN, used for both; and dtype, name and trainable of the model.

    Raises:
        ValueError: if `factor` is not a power of two that divides height and width, or as for PixelRNN.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        levels: int = 256,
        factor: int = 4,
        map_filters: int = 32,
        map_depth: int = 1,
        **kwargs,
    ):
        checks.check_absent(self, kwargs, "num_classes", "condition_shape")
        model_options = {name: kwargs.pop(name) for name in ("dtype", "name", "trainable") if name in kwargs}
        super().__init__(image_shape, levels, **model_options)
        self.factor = checks.check_integer("factor", factor, 2)
        if any(size % factor for size in self.image_shape[:2]) or factor & (factor - 1):
            raise ValueError(
                "factor must be a power of two that divides the height and the width. "
                f"Received: factor={factor}, image_shape={self.image_shape}"
            )
        self.map_filters = checks.check_integer("map_filters", map_filters, 1)
        self.map_depth = checks.check_integer("map_depth", map_depth, 0)
        height, width, colours = self.image_shape
        options = {"levels": levels, "dtype": self.dtype_policy, **kwargs}
        self.small = PixelRNN((height // factor, width // factor, colours), name="small", **options)
        self.network_options = {name: getattr(self.small, name) for name in kwargs}
        map_shape = (height, width, self.map_filters)
        self.large = PixelRNN(self.image_shape, condition_shape=map_shape, name="large", **options)
        self.map_network = MapNetwork(
            (height, width),
            self.map_filters,
            self.map_depth,
            levels=levels,
            dtype=self.dtype_policy,
            name="map_network",
        )

    def build_network(self):
        self.small.build()
        self.large.build()
        self.map_network.build((None, *self.small.image_shape))

    @property
    def logits(self):
        """The last layer of the second network."""
        return self.large.logits

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> logits float32 [B, H, W, colours, levels]."""
        images, _ = split_inputs(inputs)
        checks.check_network_images(images, self.image_shape)
        small = self.subsampled(images)
        small_logits = self.small(small, training=training)
        large_logits = self.large({"images": images, "condition": self.map_network(small)}, training=training)
        return ops.where(self._is_small()[..., None], self._spread(small_logits), large_logits)

    def subsampled(self, images):
        """The pixels of the small image: `[B, H, W, ...]` -> `[B, H / factor, W / factor, ...]`."""
        return images[:, :: self.factor, :: self.factor]

    def _spread(self, small):
        """Values of the small image at their places in the large one, repeated in between."""
        return ops.repeat(ops.repeat(small, self.factor, axis=1), self.factor, axis=2)

    def _is_small(self):
        """bool [1, H, W, 1]: which pixels belong to the small image."""
        rows, columns = (ops.arange(size) % self.factor == 0 for size in self.image_shape[:2])
        return ops.logical_and(rows[:, None], columns[None])[None, :, :, None]

    def generate(self, uniforms, images, known, temperature, condition=None):
        small_arguments = [self.subsampled(tensor) for tensor in (uniforms, images, known)]
        small = sample_raster(self.small.incremental(), self.scale, *small_arguments, temperature)
        condition = self.large.condition_features(self.map_network(small))
        images = ops.where(self._is_small(), self._spread(small), images)
        known = ops.where(self._is_small(), 1.0, known)
        return sample_raster(self.large.incremental(condition), self.scale, uniforms, images, known, temperature)

    def get_config(self):
        config = super().get_config()
        del config["num_classes"], config["condition_shape"]
        names = ("factor", "map_filters", "map_depth")
        return {**config, **{name: getattr(self, name) for name in names}, **self.network_options}
