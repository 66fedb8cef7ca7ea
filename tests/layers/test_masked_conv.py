"""MaskedConv2D: masks as the papers draw them, and cropping that changes nothing."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from image_generators.layers.masked_conv import MaskedConv2D, kernel_mask

KERNELS = [(1, 1), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (5, 3)]

configurations = st.fixed_dictionaries(
    {
        "size": st.tuples(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5, 7])),
        "mask_type": st.sampled_from("AB"),
        "colours": st.sampled_from([1, 3]),
        "channels_of_a_colour": st.integers(1, 3),
        "filters_of_a_colour": st.integers(1, 3),
    }
)
images = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))


def arrays(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("float32") for shape in shapes]


def with_weights(layer, maps, seed=0):
    """The layer, built for `maps`, with a random kernel and bias, hidden taps included."""
    layer.build(maps.shape)
    layer.set_weights(arrays(seed, *(weight.shape for weight in layer.weights)))
    return layer


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", KERNELS)
def test_mask_equals_the_papers_definition(paper_mask, size, mask_type, colours):
    shape = (2 * colours, 3 * colours, mask_type, colours)
    np.testing.assert_array_equal(kernel_mask(size, *shape), paper_mask(*size, *shape))


def test_mask_a_hides_the_predicted_colour_and_later_ones():
    """R sees nothing of its own pixel, G sees R, B sees R and G."""
    np.testing.assert_array_equal(kernel_mask((1, 1), 3, 3, "A", 3)[0, 0], [[0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_mask_b_shows_the_colour_itself_and_hides_later_ones():
    np.testing.assert_array_equal(kernel_mask((1, 1), 3, 3, "B", 3)[0, 0], [[1, 1, 1], [0, 1, 1], [0, 0, 1]])


@settings(max_examples=30, deadline=None)
@given(configuration=configurations, image=images)
def test_output_is_a_plain_convolution_with_the_masked_kernel(paper_mask, plain_conv, configuration, image):
    colours, size, mask_type = (configuration[name] for name in ("colours", "size", "mask_type"))
    channels, filters = (colours * configuration[f"{name}_of_a_colour"] for name in ("channels", "filters"))
    *shape, seed = image
    (maps,) = arrays(seed, (*shape, channels))
    layer = with_weights(MaskedConv2D(filters, size, mask_type, colours), maps, seed)
    kernel, bias = layer.get_weights()
    masked = kernel * paper_mask(*size, channels, filters, mask_type, colours)
    np.testing.assert_allclose(layer(maps), plain_conv(maps, masked) + bias, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.masked_kernel()), masked.astype("float32"))


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", KERNELS)
def test_gradients_equal_those_of_the_full_convolution(paper_mask, gradient, size, mask_type, colours):
    channels, filters = 2 * colours, colours
    maps, weight = arrays(1, (2, 4, 5, channels), (2, 4, 5, filters))
    layer = with_weights(MaskedConv2D(filters, size, mask_type, colours), maps)
    mask = paper_mask(*size, channels, filters, mask_type, colours).astype("float32")

    def cropped(maps, kernel, bias):
        outputs, _ = layer.stateless_call([kernel, bias], [], maps)
        return ops.sum(outputs * weight)

    def full(maps, kernel, bias):
        return ops.sum((ops.conv(maps, kernel * mask, padding="same") + bias) * weight)

    found, expected = (gradient(f, maps, *layer.get_weights()) for f in (cropped, full))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert (found[1][mask == 0] == 0).all()  # hidden taps are never touched by training


def test_conv2d_options_still_work(plain_conv, paper_mask):
    (maps,) = arrays(2, (2, 4, 4, 3))
    layer = with_weights(MaskedConv2D(6, 3, "B", colours=3, use_bias=False, activation="relu"), maps)
    masked = layer.get_weights()[0] * paper_mask(3, 3, 3, 6, "B", 3)
    np.testing.assert_allclose(layer(maps), np.maximum(plain_conv(maps, masked), 0), rtol=1e-4, atol=1e-4)


def test_symbolic_and_eager_shapes_agree():
    (maps,) = arrays(3, (2, 4, 5, 3))
    layer = MaskedConv2D(6, (3, 5), "A", colours=3)
    assert layer(keras.Input((4, 5, 3))).shape == (None, 4, 5, 6)
    assert layer(maps).shape == layer.compute_output_shape(maps.shape) == (2, 4, 5, 6)


def test_height_and_width_may_be_unknown():
    assert MaskedConv2D(6, 3, "A", colours=3)(keras.Input((None, None, 3))).shape == (None, None, None, 6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mask_type": "C"}, "mask_type.*Received: mask_type='C'"),
        ({"mask_type": None}, "mask_type.*Received: mask_type=None"),
        ({"filters": 4}, "filters.*Received: filters=4, colours=3"),
        ({"filters": 0}, "filters.*Received: filters=0, colours=3"),
        ({"filters": True, "colours": 1}, "filters.*Received: filters=True, colours=1"),
        ({"colours": True}, "colours.*Received: colours=True"),
        ({"colours": 0}, "colours.*Received: colours=0"),
        ({"colours": 1.5}, r"colours.*Received: colours=1\.5"),
        ({"kernel_size": 4}, "kernel_size.*Received: kernel_size=4"),
        ({"kernel_size": (3, 2)}, r"kernel_size.*Received: kernel_size=\(3, 2\)"),
        ({"strides": 2}, "strides.*Received: strides=2"),
        ({"strides": (1, 2)}, r"strides.*Received: strides=\(1, 2\)"),
        ({"dilation_rate": 2}, "dilation_rate.*Received: dilation_rate=2"),
        ({"groups": 3}, "groups.*Received: groups=3"),
        ({"padding": "valid"}, "padding.*Received: padding='valid'"),
        ({"data_format": "channels_first"}, "Received: data_format='channels_first'"),
    ],
)
def test_arguments_that_break_the_pixel_order_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskedConv2D(**{"filters": 6, "kernel_size": 3, "mask_type": "A", "colours": 3, **arguments})


def test_kernel_size_may_be_a_numpy_integer():
    assert MaskedConv2D(6, np.int64(3), "A").kernel_size == (3, 3)


def test_default_values_of_forbidden_options_are_accepted():
    layer = MaskedConv2D(6, 3, "A", strides=(1, 1), padding="same", dilation_rate=1, groups=1)
    assert layer.strides == (1, 1)


def test_channels_must_split_into_colours():
    with pytest.raises(ValueError, match="channels.*Received: channels=4, colours=3"):
        MaskedConv2D(6, 3, "B", colours=3).build((None, 4, 4, 4))
