"""Raster-order sampling: row by row, pixel by pixel, colour by colour, on cached activations.

The loops here determine the order of sub-pixels and do not depend on the network. A network is an object with four
methods, each a pure function of tensors:

    start_image(batch, width) -> rows              rows: cached activations of earlier rows; zeros, like padding
    start_row(rows, row_index) -> rows, context, pixels
                                                   context: list of tensors, first axis the columns of this row;
                                                   pixels: cached activations of earlier pixels of the row; zeros
    pixel(pixels, context, choose) -> pixels       context: of this pixel; for each colour in turn, it calls
                                                   choose(colour, logits), which returns the value, [batch, 1], scaled
    end_row(rows, pixels, row, row_index) -> rows  pixels: after the last pixel; row: the finished row, scaled:
                                                   [width, batch, colours]

The caches grow with the width of the image, not with its area.

No random numbers are drawn here: a sample is a function of one uniform number per sub-pixel (inverse CDF), so the same
noise gives the same image with every implementation.
"""

from keras import ops

PARTS = 2.0**23  # probabilities are multiples of 1 / PARTS; float32 represents all integers up to 2^24
COLDEST = 1e-30  # least temperature: divided by numbers near the smallest float32, logits would overflow


def inverse_cdf(logits, uniform, temperature=1.0):
    """Draws values by the inverse of the cumulative distribution.

    `logits` `[..., levels]`, `uniform` `[..., 1]` in [0, 1), `temperature` > 0 (1: the model's distribution; towards 0:
    its mode). Returns values 0 .. levels - 1, float32 `[..., 1]`.

    Probabilities are rounded to multiples of 2^-23, which float32 adds up exactly in any order. So a value of
    probability 0 is never drawn because of rounding errors. With products by a triangular matrix, sampling without XLA
    would be up to 10 % faster on a CPU, but GPUs round the factors of matrix products.

    If logits are not finite, the result is NaN, and so are all later sub-pixels of the image.
    """
    logits = logits / temperature
    cdf = ops.cumsum(ops.round(ops.softmax(logits, axis=-1) * PARTS), axis=-1)
    threshold = uniform * cdf[..., -1:]  # the last value is PARTS, up to rounding
    steps_below = ops.sum(ops.cast(cdf <= threshold, "float32"), axis=-1, keepdims=True)
    finite = ops.isfinite(ops.sum(logits, axis=-1, keepdims=True))  # one reduction, since it runs for every sub-pixel
    return ops.where(finite, ops.minimum(steps_below, logits.shape[-1] - 1.0), float("nan"))


def shift_in(sequence, item):
    """Drops the first item of `sequence` `[length, ...]` and appends `item` `[...]`."""
    return ops.concatenate([sequence[1:], item[None]], axis=0)


def sample_raster(network, scale, uniforms, images, known, temperature):
    """Draws every sub-pixel that is not known, in raster order, given all sub-pixels before it.

    Args:
        network: object with the four methods above.
        scale: function from values 0 .. levels - 1 to the network's inputs.
        uniforms: float32 `[batch, height, width, colours]` in [0, 1).
        images: float32 of the same shape, values 0 .. levels - 1 where known, any numbers elsewhere.
        known: float32 of the same shape, 1 where the value of `images` is kept and 0 where it is drawn.
        temperature: float32 scalar, or `[batch, 1]`, one for each image. Values below COLDEST are raised to it, which
            gives the mode.

    Returns: float32 `[batch, height, width, colours]`, values 0 .. levels - 1. Where logits are not finite, the value
        and all later values of the image are NaN.
    """
    temperature = ops.maximum(temperature, COLDEST)
    # One tensor, rows and columns first, so that each step takes one slice: [height, width, batch, 3 * colours].
    arguments = ops.transpose(ops.concatenate([uniforms, images * known, 1.0 - known], axis=-1), (1, 2, 0, 3))
    colours = uniforms.shape[-1]

    def value_of(r, c, colour, logits):
        pixel = arguments[r, c]
        noise, known_value, is_free = (pixel[:, i : i + 1] for i in range(colour, 3 * colours, colours))
        return inverse_cdf(logits, noise, temperature) * is_free + known_value

    return walk(network, scale, ops.shape(uniforms)[0], uniforms.shape[1:], value_of)


def walk(network, scale, batch, image_shape: tuple[int, int, int], value_of, dtype: str = "float32"):
    """Visits the sub-pixels of a batch of images in raster order.

    Args:
        network: object with the four methods above.
        scale: function from values 0 .. levels - 1 to the network's inputs.
        batch: number of images, computed side by side.
        image_shape: (height, width, colours).
        value_of: function of (row, column, colour, logits `[batch, levels]`) that returns the values `[batch, 1]`.
        dtype: dtype of the values and of the network's computations.

    Returns: the values, `[batch, height, width, colours]`.
    """
    height, width, colours = image_shape

    def walk_row(r, rows, result):
        rows, context, pixels = network.start_row(rows, r)

        def walk_pixel(c, pixels, row):
            values = []

            def choose(colour, logits):
                values.append(value_of(r, c, colour, logits))
                return scale(values[-1])

            pixels = network.pixel(pixels, [tensor[c] for tensor in context], choose)
            return c + 1, pixels, shift_in(row, ops.concatenate(values, axis=-1))

        row = ops.zeros((width, batch, colours), dtype=dtype)
        _, pixels, row = ops.while_loop(lambda c, *_: c < width, walk_pixel, (0, pixels, row), maximum_iterations=width)
        return r + 1, network.end_row(rows, pixels, scale(row), r), shift_in(result, row)

    rows = network.start_image(batch, width)
    result = ops.zeros((height, width, batch, colours), dtype=dtype)
    _, _, result = ops.while_loop(lambda r, *_: r < height, walk_row, (0, rows, result), maximum_iterations=height)
    return ops.transpose(result, (2, 0, 1, 3))
