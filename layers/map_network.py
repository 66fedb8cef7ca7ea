"""MapNetwork: m of Eq. 5 of arXiv 1606.05328, a deconvolutional network from a condition h to a map s = m(h).

    vector -> dense, a small map             -> residual blocks -> transposed convolutions, each twice as high and wide
    or map -> convolution (-> halved)                           -> convolution -> s

The map is as high and wide as the image and says at each pixel what the condition says of that place. The paper gives
no sizes. Where a map is halved first, to see further, each of its sizes on the way down is added to that on the way up.
"""

import keras
from keras import ops

from image_generators.layers.checks import check_integer, check_sizes
from image_generators.layers.pixels import scaled
from image_generators.layers.serialization import serializable

SMALLEST = 8  # pixels: what a vector becomes first is the image's size, halved until it is no larger than this

# He's, so that s is of the size of what the condition holds from the first step on: what enters the gates as hundredths
# is heard late. Of the inputs of a transposed convolution with stride 2 three quarters are zeros.
_GAINS = {keras.layers.Conv2D: 2.0, keras.layers.Conv2DTranspose: 8.0}


@serializable("layers")
class MapNetwork(keras.layers.Layer):
    """s = m(h) of Eq. 5.

    Args:
        size: (height, width) of the output.
        filters: channels of the output, and of all maps inside.
        depth: residual blocks, of two 3x3 convolutions each, at the smallest size.
        halvings: of maps alone: how often height and width are halved before they are doubled again.
        levels: None for features as they are; or that the input are pixels 0 .. levels - 1, scaled here to -1 .. 1.

    Input shape: `[batch, features]`, or `[batch, height / 2**k, width / 2**k, features]` for some k from 0 on.
    Output shape: `[batch, height, width, filters]`.

    Raises:
        ValueError: a size that is no such integer; an input that does not reach `size` by doublings, or cannot be
            halved so often, as no vector can.
    """

    def __init__(self, size, filters=32, depth=2, halvings=0, levels=None, **kwargs):
        super().__init__(**kwargs)
        self.size = check_sizes("size", size, ("height", "width"))
        self.filters = check_integer("filters", filters, 1)
        self.depth = check_integer("depth", depth, 0)
        self.halvings = check_integer("halvings", halvings, 0)
        self.levels = None if levels is None else check_integer("levels", levels, 2, 256)

    def build(self, input_shape):
        shape = tuple(input_shape[1:])
        if self.halvings and len(shape) != 3:
            raise ValueError(
                f"halvings must be 0 of vectors, of which there is no larger map. Received: halvings={self.halvings}"
            )
        start = shape[:2] if len(shape) == 3 else self._start_of_vectors()
        self.start = tuple(size // 2**self.halvings for size in start)
        doublings = self._doublings(start) + self.halvings

        def layer(kind, name, channels, *arguments):
            start = keras.initializers.VarianceScaling(_GAINS[kind], "fan_in")
            options = {"padding": "same", "kernel_initializer": start, "dtype": self.dtype_policy, "name": name}
            made = kind(self.filters, *arguments, data_format="channels_last", **options)
            made.build((None, *self.start, channels))
            return made

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
        """Height and width of a vector's first map; an odd size is not halved."""
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
                f"size must be that of the input, doubled some times, and the input's a multiple of 2**halvings. "
                f"Received: size={self.size}, halvings={self.halvings}, an input of {start[0]}x{start[1]}"
            )
        return doublings

    def call(self, condition):
        if self.levels is not None:
            condition = scaled(condition, self.levels)
        maps = self.first(ops.cast(condition, self.compute_dtype))
        if len(condition.shape) == 2:
            maps = ops.reshape(maps, (-1, *self.start, self.filters))
        larger = []
        for conv in self.down:
            larger.append(maps)
            maps = conv(ops.relu(maps))
        for first, second in self.blocks:
            maps = maps + second(ops.relu(first(ops.relu(maps))))
        for up in self.up:
            maps = up(ops.relu(maps))
            maps = maps + larger.pop() if larger else maps
        return self.last(ops.relu(maps))  # [B, H, W, filters]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, self.filters)

    def get_config(self):
        names = ("filters", "depth", "halvings", "levels")
        return {**super().get_config(), "size": list(self.size), **{name: getattr(self, name) for name in names}}
