"""Two convolutions that every layer here is made of: a valid one over a padded map, and a 1x1 as one matrix product.

Both are what a plain "same" convolution with zeros in its kernel would compute, without multiplying by these zeros:
the taps that a mask would hide are cropped away, and the map is padded on the side that the kernel looks at.
"""

from keras import ops


def pad(maps, top=0, left=0, right=0):
    """Zeros round `maps`: [batch, height, width, channels] -> [batch, top + height, left + width + right, channels]."""
    if top == left == right == 0:
        return maps
    return ops.pad(maps, [[0, 0], [top, 0], [left, right], [0, 0]])


def valid_conv(maps, kernel):
    """Convolution (cross-correlation) without padding.

    `maps` [batch, height, width, channels], `kernel` [rows, columns, channels, filters] ->
    [batch, height - rows + 1, width - columns + 1, filters].
    """
    return ops.conv(maps, kernel, strides=1, padding="valid", data_format="channels_last")


def pointwise(maps, kernel):
    """A 1x1 convolution as one matrix product, which is faster than a convolution on a CPU.

    `maps` [..., channels], `kernel` [channels, filters] -> [..., filters].
    """
    if len(maps.shape) == 2:
        return ops.matmul(maps, kernel)
    channels, filters = kernel.shape
    outputs = ops.matmul(ops.reshape(maps, (-1, channels)), kernel)
    return ops.reshape(outputs, (*ops.shape(maps)[:-1], filters))
