"""MapNetwork: m of Eq. 5 of arXiv 1606.05328, a deconvolutional network from a condition h to a map s = m(h).

    vector -> dense, a small map             -> residual blocks -> transposed convolutions, each twice as high and wide
    or map -> convolution (-> halved)                           -> convolution -> s

s is as high and wide as the image and holds, for each pixel, what the condition tells about that place. A map can be
halved first, to widen the receptive field; then the maps of each size on the way down are added to those on the way up.

The paper does not give the sizes; these are ours.
"""

import keras
from keras import ops

from image_generators.layers.checks import check_integer, check_sizes
from image_generators.layers.pixels import scaled
from image_generators.layers.serialization import serializable

SMALLEST = 8  # pixels: a vector's first map has the image's size, halved until it is at most this

# He's initialisation, so that s is as large as the condition from the first step on: with values of a few hundredths,
# the gates would take long to use it. With stride 2, a transposed convolution sees zeros in 3 of 4 inputs.
_GAINS = {keras.layers.Conv2D: 2.0, keras.layers.Conv2DTranspose: 8.0}


@serializable("layers")
class MapNetwork(keras.layers.Layer):
    """s = m(h) of Eq. 5.

    Args:
        size: (height, width) of the output.
        filters: channels of the output and of all maps inside.
        depth: number of residual blocks, of two 3x3 convolutions each, at the smallest size.
        halvings: how often height and width of a map are halved before they are doubled again; 0 for vectors.
        levels: None if the inputs are features. If they are pixels, their number of values: the layer scales
            0 .. levels - 1 to -1 .. 1.

    Input shape: `[batch, features]`, or `[batch, height / 2**k, width / 2**k, features]` for some k >= 0.
    Output shape: `[batch, height, width, filters]`.

    Raises:
        ValueError: if an argument is not an integer in its range, if no doublings of the input's size give `size`, or
            if the input cannot be halved so often.
    """

    def __init__(
        self,
        size: tuple[int, int],
        filters: int = 32,
        depth: int = 2,
        halvings: int = 0,
        levels: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = check_sizes("size", size, ("height", "width"))
        self.filters = check_integer("filters", filters, 1)
        self.depth = check_integer("depth", depth, 0)
        self.halvings = check_integer("halvings", halvings, 0)
        self.levels = None if levels is None else check_integer("levels", levels, 2, 256)

    def build(self, input_shape):
        shape = tuple(input_shape[1:])
        if self.halvings and len(shape) != 3:
            raise ValueError(f"halvings must be 0 for vector conditions. Received: halvings={self.halvings}")
        start = shape[:2] if len(shape) == 3 else self._start_of_vectors()
        self.start = tuple(size // 2**self.halvings for size in start)
        doublings = self._doublings(start) + self.halvings

        def layer(kind, name, channels, *arguments):
            start = keras.initializers.VarianceScaling(_GAINS[kind], "fan_in")
            options = {"padding": "same", "kernel_initializer": start, "dtype": self.dtype_policy, "name": name}
            convolution = kind(self.filters, *arguments, data_format="channels_last", **options)
            convolution.build((None, *self.start, channels))
            return convolution

        def conv(name, channels=self.filters, strides=1):
            return layer(keras.layers.Conv2D, name, channels, 3, strides)

        def up(name):
            return layer(keras.layers.Conv2DTranspose, name, self.filters, 4, 2)

        if len(shape) == 3:
            self.first = conv("first", channels=shape[-1])
        else:
            units = self.start[0] * self.start[1] * self.filters
            self.first = keras.layers.Dense(units, dtype=self.dtype_policy, name="first")
            self.first.build((None, *shape))
        self.down = [conv(f"down_{i}", strides=2) for i in range(self.halvings)]
        self.blocks = [(conv(f"block_{i}_first"), conv(f"block_{i}_second")) for i in range(self.depth)]
        self.up = [up(f"up_{i}") for i in range(doublings)]
        self.last = conv("last")

    def _start_of_vectors(self):
        """Height and width of a vector's first map. An odd size is not halved."""
        height, width = self.size
        while min(height, width) > SMALLEST and height % 2 == width % 2 == 0:
            height, width = height // 2, width // 2
        return height, width

    def _doublings(self, start):
        doublings = 0
        while start[0] << doublings < self.size[0]:
            doublings += 1
        reached = tuple(side << doublings for side in start)
        if reached != self.size or any(side % 2**self.halvings for side in start):
            raise ValueError(
                f"size must be the input's size times a power of two, and the input's a multiple of 2**halvings. "
                f"Received: size={self.size}, halvings={self.halvings}, an input of {start[0]}x{start[1]}"
            )
        return doublings

    def call(self, condition):
        if self.levels is not None:
            condition = scaled(condition, self.levels)
        maps = self.first(ops.cast(condition, self.compute_dtype))
        if len(condition.shape) == 2:
            maps = ops.reshape(maps, (-1, *self.start, self.filters))
        skips = []
        for conv in self.down:
            skips.append(maps)
            maps = conv(ops.relu(maps))
        for first, second in self.blocks:
            maps = maps + second(ops.relu(first(ops.relu(maps))))
        for up in self.up:
            maps = up(ops.relu(maps))
            maps = maps + skips.pop() if skips else maps
        return self.last(ops.relu(maps))  # [B, H, W, filters]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, self.filters)

    def get_config(self):
        names = ("filters", "depth", "halvings", "levels")
        return {**super().get_config(), "size": list(self.size), **{name: getattr(self, name) for name in names}}
