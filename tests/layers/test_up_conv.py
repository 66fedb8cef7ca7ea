"""UpConv is unpooling and a convolution, in values and in gradients; an ImageStream is a chain of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from image_generators.layers import up_conv
from image_generators.layers.image_stream import ImageStream
from image_generators.layers.up_conv import UpConv, up_conv_reference

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(2, 3, 4, 5)).astype("float32")


def unpool(maps):
    """Each value to the top left of 2x2."""
    batch, height, width, channels = maps.shape
    unpooled = np.zeros((batch, 2 * height, 2 * width, channels), maps.dtype)
    unpooled[:, ::2, ::2] = maps
    return unpooled


def built_layer(filters, kernel_size, **options):
    layer = UpConv(filters, kernel_size, **options)
    layer.build(MAPS.shape)
    layer.bias.assign(RANDOM.normal(size=filters))
    return layer


@pytest.fixture(params=["_transposed_convolution", "_sub_pixel_convolution"])
def form(request, monkeypatch):
    """Each of the two ways to compute it, whatever the backend."""
    chosen = getattr(up_conv, request.param)
    for name in ("_transposed_convolution", "_sub_pixel_convolution"):
        monkeypatch.setattr(up_conv, name, chosen)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_the_reference_is_unpooling_and_a_convolution(plain_conv, kernel_size):
    """A convolution turns its kernel round; `plain_conv` does not."""
    kernel = built_layer(6, kernel_size).kernel
    expected = plain_conv(unpool(MAPS), ops.convert_to_numpy(kernel)[::-1, ::-1])
    np.testing.assert_allclose(ops.convert_to_numpy(up_conv_reference(MAPS, kernel)), expected, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_both_forms_compute_what_the_reference_does(form, kernel_size):
    layer = built_layer(6, kernel_size)
    found = layer(MAPS)
    assert found.shape == (2, 6, 8, 6) == layer.compute_output_shape(MAPS.shape)
    expected = up_conv_reference(MAPS, layer.kernel) + layer.bias
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-5)


def test_one_input_value_reaches_a_5x5_square(form):
    """x[i] reaches y[2i + k - 2] by kernel[k]: the release's place, one pixel from that of Keras' "same"."""
    layer, maps = built_layer(1, 5), np.zeros((1, 4, 4, 5), "float32")
    maps[0, 1, 2, 3] = 1.0
    found = ops.convert_to_numpy(layer(maps) - layer.bias)[0, :, :, 0]
    expected = np.zeros((8, 8))
    expected[0:5, 2:7] = ops.convert_to_numpy(layer.kernel)[:, :, 3, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_gradients_are_those_of_the_reference(form):
    layer, weights = built_layer(6, 5), RANDOM.normal(size=(2, 6, 8, 6)).astype("float32")
    inputs = tf.constant(MAPS)

    def reference(maps):
        return up_conv_reference(maps, layer.kernel.value) + layer.bias.value

    gradients = []
    for function in (layer, reference):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            cost = tf.reduce_sum(function(inputs) * weights)
        gradients.append(tape.gradient(cost, [inputs, layer.kernel.value, layer.bias.value]))
    for mine, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-4)
        assert np.abs(expected).max() > 1


def test_initialisation_preserves_the_scale_of_activations():
    """He's initialisation for a quarter of the inputs: of ReLU's outputs the mean square stays."""
    maps = np.maximum(RANDOM.normal(size=(4, 16, 16, 64)), 0).astype("float32")
    layer = UpConv(64)
    inner = ops.convert_to_numpy(layer(maps))[:, 4:-4, 4:-4]
    assert 0.85 < np.mean(inner**2) / (2 * np.mean(maps**2)) < 1.15


@pytest.mark.parametrize("options", [{"filters": 0}, {"filters": 2.0}, {"filters": 2, "kernel_size": 4}])
def test_errors_name_the_bad_argument(options):
    name = "kernel_size" if "kernel_size" in options else "filters"
    with pytest.raises(ValueError, match=f"{name}.*Received: {name}={options[name]}"):
        UpConv(**options)


def test_each_layer_of_a_stream_doubles_the_size():
    """8x8 maps, doubled at each up-convolution; weights counted by hand."""
    stream, deep = ImageStream((4, 3, 2)), ImageStream((4, 3, 2), deep=True)
    features = RANDOM.normal(size=(2, 7)).astype("float32")
    assert stream(features).shape == deep(features).shape == (2, 32, 32, 2) == stream.compute_output_shape((2, 7))
    plain = (7 + 1) * 64 * 4 + (25 * 4 + 1) * 3 + (25 * 3 + 1) * 2
    assert stream.count_params() == plain and deep.count_params() == plain + (9 * 3 + 1) * 3
    np.testing.assert_allclose(stream.expand(stream.first(features)), stream(features), atol=1e-6)


def test_a_stream_needs_at_least_two_filters():
    with pytest.raises(ValueError, match=r"filters.*Received: filters=\(4,\)"):
        ImageStream((4,))
    assert isinstance(keras.saving.get_registered_object("layers>ImageStream"), type)
