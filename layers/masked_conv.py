"""MaskedConv2D: a convolution whose outputs see only earlier pixels, and only earlier colours of their own pixel.

Section 2 of arXiv 1606.05328 and Section 3.4 of arXiv 1601.06759. Pixels are ordered row by row, and inside a pixel
R comes before G before B. The channels of every map are split into as many contiguous groups as there are colours; a
channel of group c holds features of colour c. With the kernel centred on a pixel, an output of group c sees

* all channels of the pixels above, and of those to the left in the same row;
* of its own pixel, the groups before c (mask A, for the first layer, whose input is the image to be predicted), or the
  groups up to and including c (mask B, for all later layers);
* nothing else.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.checks import is_integer
from image_generators.layers.convolutions import pad, pointwise, valid_conv
from image_generators.layers.serialization import serializable


def check_colour_groups(colours: int, **channels: int):
    """Raises ValueError unless every named number of channels divides into `colours` equal groups."""
    if not is_integer(colours) or colours < 1:
        raise ValueError(f"colours must be a positive integer: 3 for RGB, 1 for grey. Received: colours={colours!r}")
    for name, count in channels.items():
        if not is_integer(count) or count < 1 or count % colours:
            raise ValueError(
                f"{name} must be a positive multiple of colours, so that its maps split into {colours} equal groups. "
                f"Received: {name}={count!r}, colours={colours}"
            )


def check_mask_type(mask_type: str):
    """Raises ValueError unless `mask_type` is "A" or "B"."""
    if mask_type not in ("A", "B"):
        raise ValueError(
            f'mask_type must be "A" (first layer) or "B" (later layers). Received: mask_type={mask_type!r}'
        )


def colours_of(channels: int, colours: int) -> np.ndarray:
    """The colour of each channel, int `[channels]`: contiguous groups, 0 .. colours - 1."""
    return np.arange(channels) * colours // channels


def colour_mask(source: np.ndarray, target: np.ndarray, mask_type: str, dtype="float32"):
    """The mask of a kernel's centre: `[in_channels, filters]`, 1 where an output sees an input, else 0.

    `source` and `target` are the colours of input and output channels (see `colours_of`). The mask is computed in the
    graph, not stored as a constant, which would make an exported graph as large as the weights.
    """
    compare = ops.less if mask_type == "A" else ops.less_equal
    return ops.cast(compare(source[:, None], target), dtype)


def kernel_mask(
    kernel_size: tuple[int, int], in_channels: int, filters: int, mask_type: str, colours: int, dtype="float32"
):
    """The mask of a whole kernel, literally: a tensor `[rows, columns, in_channels, filters]` of 0 and 1."""
    rows, columns = kernel_size
    order = np.arange(rows * columns).reshape(rows, columns, 1, 1)  # raster order
    centre = rows // 2 * columns + columns // 2
    own_pixel = colour_mask(colours_of(in_channels, colours), colours_of(filters, colours), mask_type, dtype)
    return ops.cast(order < centre, dtype) + ops.cast(order == centre, dtype) * own_pixel


def mask_last_tap(kernel, mask_type: str, colours: int, gates: int):
    """Masks a kernel along the row whose last tap is the pixel itself; no tap lies to the right of it.

    Args:
        kernel: `[taps, channels, gates * filters]`, taps from left to right.
        mask_type: "A" or "B".
        colours: colour groups of the channels, and of the filters of each gate.
        gates: how many gates the outputs hold side by side; each is split into colours alike.

    Returns: the masked kernel, of the same shape.
    """
    _, channels, outputs = kernel.shape
    target = np.tile(colours_of(outputs // gates, colours), gates)
    mask = colour_mask(colours_of(channels, colours), target, mask_type, kernel.dtype)
    return ops.concatenate([kernel[:-1], (kernel[-1] * mask)[None]], axis=0)


@serializable("layers")
class MaskedConv2D(keras.layers.Conv2D):
    """Convolution of arXiv 1601.06759, Section 3.4, with mask A or B; padding "same", stride 1.

    Rows of the kernel that the mask hides entirely are skipped: a 3x3 kernel costs as much as its upper 2x3 part.

    Args:
        filters: number of output maps; a multiple of `colours`.
        kernel_size: odd integer, or two odd integers (rows, columns).
        mask_type: "A" for the first layer, "B" for every later one.
        colours: colour groups of the maps: 3 for RGB images, 1 for grey or binary ones.
        **kwargs: as of keras.layers.Conv2D, except strides, padding, dilation_rate, groups and data_format.

    Input shape: `[batch, height, width, channels]`, channels a multiple of `colours`.
    Output shape: `[batch, height, width, filters]`.

    Raises:
        ValueError: for an even kernel, an unknown mask, maps that do not split into colour groups, or an option of
            Conv2D that would break the order of pixels.
    """

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], mask_type: str, colours: int = 1, **kwargs):
        check_mask_type(mask_type)
        check_colour_groups(colours, filters=filters)
        for name in ("strides", "dilation_rate", "groups"):
            value = kwargs.pop(name, 1)
            if np.any(np.asarray(value) != 1):
                raise ValueError(
                    f"MaskedConv2D needs {name}=1, or its masks would not line up. Received: {name}={value}"
                )
        padding = kwargs.pop("padding", "same")
        if padding != "same":
            raise ValueError(
                f'MaskedConv2D needs padding="same", or its masks would not line up. Received: padding={padding!r}'
            )
        if kwargs.pop("data_format", None) not in (None, "channels_last"):
            raise ValueError("MaskedConv2D takes images with channels last. Received: data_format='channels_first'")
        size = int(kernel_size) if is_integer(kernel_size) else kernel_size
        super().__init__(int(filters), size, padding="same", data_format="channels_last", **kwargs)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size must be odd, to have a centre. Received: kernel_size={kernel_size!r}")
        self.mask_type = mask_type
        self.colours = int(colours)

    def build(self, input_shape):
        channels = input_shape[-1]
        check_colour_groups(self.colours, channels=channels)
        super().build(input_shape)

    def masked_kernel(self):
        """The kernel with its hidden taps set to zero, `[rows, columns, channels, filters]`."""
        return self._masked(self.kernel)

    def _masked(self, kernel):
        channels = kernel.shape[2]
        return kernel * kernel_mask(
            self.kernel_size, channels, self.filters, self.mask_type, self.colours, kernel.dtype
        )

    def convolution_op(self, inputs, kernel):
        rows, columns = self.kernel_size
        visible = self._masked(kernel)[: rows // 2 + 1]  # rows below the centre are all zeros
        if rows == columns == 1:
            return pointwise(inputs, visible[0, 0])
        if rows == 1:  # so are the columns to the right of the centre
            return valid_conv(pad(inputs, left=columns // 2), visible[:, : columns // 2 + 1])
        return valid_conv(pad(inputs, top=rows // 2, left=columns // 2, right=columns // 2), visible)

    def get_config(self):
        config = super().get_config()
        for name in ("strides", "padding", "dilation_rate", "groups", "data_format"):
            del config[name]
        return {**config, "mask_type": self.mask_type, "colours": self.colours}
