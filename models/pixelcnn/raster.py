"""Raster-order sampling: row by row, pixel by pixel, colour by colour, on cached activations.

The loops here know the order of sub-pixels and nothing of any network. A network takes part by an object with four
methods, each a pure function of tensors:

    start_image(batch, width) -> rows              what is remembered of earlier rows; zeros, as padding is
    start_row(rows, row_index) -> rows, context, pixels
                                                   context: list of tensors, first axis the columns of this row;
                                                   pixels: what is remembered of earlier pixels of the row; zeros
    pixel(pixels, context, choose) -> pixels       context of this pixel; calls choose(colour, logits) for each colour
                                                   in turn and gets the chosen value, [batch, 1], scaled
    end_row(rows, pixels, row, row_index) -> rows  pixels: as the last pixel left them; the finished row, scaled:
                                                   [width, batch, colours]

What is remembered grows with the width of the image and not with its area.

No random numbers are drawn inside: a sample is a function of one uniform number per sub-pixel (inverse CDF), so the
same noise gives the same image, whoever computes it.
"""

from keras import ops

PARTS = 2.0**23  # in which probabilities are counted: up to 2^24 all whole numbers are float32
COLDEST = 1e-30  # temperature; divided by one near the least float32, logits would overflow


def inverse_cdf(logits, uniform, temperature=1.0):
    """The value whose step of the cumulative distribution holds `uniform`.

    `logits` [..., levels], `uniform` [..., 1] in [0, 1), `temperature` > 0 (1: the model's distribution; towards 0: its
    mode). Returns values 0 .. levels - 1, float32 [..., 1].

    Probabilities are rounded to whole parts of 2^-23: float32 adds these up exactly, in whatever order, so that a value
    without probability has no step of its own, not even one of rounding. By products with a triangular matrix, sampling
    without XLA would be up to a tenth faster on a CPU, but GPUs round what they multiply.

    Logits that are not finite give NaN; the logits of all later sub-pixels are NaN then, and so are their values.
    """
    logits = logits / temperature
    cdf = ops.cumsum(ops.round(ops.softmax(logits, axis=-1) * PARTS), axis=-1)
    reached = uniform * cdf[..., -1:]  # which rounding leaves a little beside PARTS
    steps_below = ops.sum(ops.cast(cdf <= reached, "float32"), axis=-1, keepdims=True)
    finite = ops.isfinite(ops.sum(logits, axis=-1, keepdims=True))  # one reduction: this is done for every sub-pixel
    return ops.where(finite, ops.minimum(steps_below, logits.shape[-1] - 1.0), float("nan"))


def shift_in(sequence, item):
    """Drops the first of `sequence` [length, ...] and appends `item` [...]."""
    return ops.concatenate([sequence[1:], item[None]], axis=0)


def sample_raster(network, scale, uniforms, images, known, temperature):
    """Draws every sub-pixel that is not known, in order, given all that come before it.

    Args:
        network: the four methods above.
        scale: maps values 0 .. levels - 1 to what the network sees.
        uniforms: float32 [batch, height, width, colours] in [0, 1).
        images: float32 of the same shape, values 0 .. levels - 1 where known, anything elsewhere.
        known: float32 of the same shape, 1 where the value of `images` is kept and 0 where it is drawn.
        temperature: float32 scalar, or [batch, 1]: one for each image. Below COLDEST it counts as that: the mode.

    Returns: float32 [batch, height, width, colours], values 0 .. levels - 1; NaN from logits that are not finite on.
    """
    temperature = ops.maximum(temperature, COLDEST)
    # All in one, rows first, then columns, so that a step takes one slice; [height, width, batch, 3 * colours].
    given = ops.transpose(ops.concatenate([uniforms, images * known, 1.0 - known], axis=-1), (1, 2, 0, 3))
    colours = uniforms.shape[-1]

    def value_of(r, c, colour, logits):
        here = given[r, c]
        noise, kept, free = (here[:, i : i + 1] for i in range(colour, 3 * colours, colours))
        return inverse_cdf(logits, noise, temperature) * free + kept

    return walk(network, scale, ops.shape(uniforms)[0], uniforms.shape[1:], value_of)


def walk(network, scale, batch, image_shape, value_of, dtype="float32"):
    """Through images in raster order.

    Args:
        network: the four methods above.
        scale: maps values 0 .. levels - 1 to what the network sees.
        batch: number of images that are walked side by side.
        image_shape: (height, width, colours).
        value_of: function of (row, column, colour, logits [batch, levels]) that gives the values [batch, 1].
        dtype: of values and of what the network computes in.

    Returns: [batch, height, width, colours], the values.
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
