"""Two building blocks of the layers here: a valid convolution over a padded map, and a 1x1 as one matrix product.

A masked convolution is a "same" convolution whose kernel holds zeros. These functions skip the zeros: the kernel is
cropped to its visible taps, and the map is padded only on the sides where the cropped kernel reaches beyond it.
"""

from keras import ops


def pad(maps, top: int = 0, left: int = 0, right: int = 0):
    """Zero padding: `[batch, height, width, channels]` -> `[batch, top + height, left + width + right, channels]`."""
    if top == left == right == 0:
        return maps
    return ops.pad(maps, [[0, 0], [top, 0], [left, right], [0, 0]])


def valid_conv(maps, kernel):
    """Convolution (cross-correlation) without padding.

    `maps` `[batch, height, width, channels]`, `kernel` `[rows, columns, channels, filters]` ->
    `[batch, height - rows + 1, width - columns + 1, filters]`.
    """
    return ops.conv(maps, kernel, strides=1, padding="valid", data_format="channels_last")


def pointwise(maps, kernel):
    """A 1x1 convolution as one matrix product, which is faster on a CPU.

    `maps` `[..., channels]`, `kernel` `[channels, filters]` -> `[..., filters]`.
    """
    if len(maps.shape) == 2:
        return ops.matmul(maps, kernel)
    channels, filters = kernel.shape
    outputs = ops.matmul(ops.reshape(maps, (-1, channels)), kernel)
    return ops.reshape(outputs, (*ops.shape(maps)[:-1], filters))
