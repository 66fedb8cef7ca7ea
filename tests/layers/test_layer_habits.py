"""What every Keras layer here does: survive a file, follow a dtype policy, train under XLA."""

import json
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.conv_encoder import ConvEncoder
from image_generators.layers.diagonal_bilstm import DiagonalBiLSTM
from image_generators.layers.draw_cell import DrawCell, DrawDecoderCell
from image_generators.layers.gated_block import GatedBlock
from image_generators.layers.gaussian_attention import GaussianAttention
from image_generators.layers.image_stream import ImageStream
from image_generators.layers.line_lstm import InputToState, LineLSTM
from image_generators.layers.map_network import MapNetwork
from image_generators.layers.masked_conv import MaskedConv2D
from image_generators.layers.row_lstm import RowLSTM
from image_generators.layers.up_conv import UpConv
from image_generators.layers.wide_dense import WideDense

ROOT = pathlib.Path(__file__).parents[2]
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(3, 4, 5, 3)).astype("float32")
VECTORS = RANDOM.normal(size=(3, 2)).astype("float32")
LAYERS = [
    (MaskedConv2D, {"filters": 6, "kernel_size": (3, 5), "mask_type": "A", "colours": 3, "use_bias": False}),
    (GatedBlock, {"filters": 6, "kernel_size": 5, "mask_type": "A", "colours": 3, "dropout": 0.5}),
    (GaussianAttention, {"size": 2, "image_shape": (4, 5, 3), "initial_gamma": 0.25}),
    (ConvEncoder, {"bottleneck": 3, "filters": 2, "halvings": 1, "levels": 4}),
    (MapNetwork, {"size": (4, 5), "filters": 3, "depth": 1, "halvings": 1, "levels": 256}),
    (InputToState, {"units": 6, "kernel_size": 3, "colours": 3}),
    (LineLSTM, {"units": 6, "before": 1, "after": 0, "walks": 2}),
    (RowLSTM, {"units": 6, "kernel_size": 5, "colours": 3}),
    (DiagonalBiLSTM, {"units": 6, "colours": 3}),
    (WideDense, {"units": 6, "use_bias": False}),
    (UpConv, {"filters": 6, "kernel_size": 3, "activation": keras.activations.relu}),
    (ImageStream, {"filters": (4, 3, 2), "deep": True}),
    (DrawDecoderCell, {"canvas_shape": (4, 5, 3), "units": 6, "write_size": None}),
    (DrawCell, {"image_shape": (4, 5, 3), "units": 6, "latent": 2, "read_size": None, "write_size": 4}),
]


def small_network(**options):
    """The layers of a PixelCNN, as it would use them, with random weights; an image and a vector in, one map out."""
    image, vector = keras.Input((4, 5, 3)), keras.Input((2,))
    vertical, horizontal = GatedBlock(6, 3, "A", 3, **options)(image, image, condition=vector)
    _, horizontal = GatedBlock(6, 5, "B", 3, dropout=0.2, **options)(vertical, horizontal)
    maps = MaskedConv2D(6, 3, "B", colours=3, activation="relu", **options)(horizontal)
    outputs = MaskedConv2D(3, 1, "B", colours=3, **options)(maps)
    model = keras.Model([image, vector], outputs)
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=weight.shape) * 0.3 for weight in model.weights])
    return model


@pytest.mark.parametrize("layer_class, options", [pair for pair in LAYERS if pair[0] is not WideDense])  # Keras' own
def test_numpy_integers_are_accepted_and_serialise_to_json(layer_class, options):
    """A config of them is JSON all the same."""
    of_numpy = {name: np.int64(value) if type(value) is int else value for name, value in options.items()}
    layer, plain = layer_class(**of_numpy, name="mine"), layer_class(**options, name="mine")
    assert json.loads(json.dumps(layer.get_config())) == json.loads(json.dumps(plain.get_config()))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: GaussianAttention(2, (4, 5)), "image_shape.*Received"),
        (lambda: GaussianAttention(2, (4, 5, 1), "1"), "initial_gamma.*Received: initial_gamma="),
        (lambda: DrawCell(28), "image_shape.*Received: image_shape=28"),
        (lambda: DrawCell((4, 5, 3), canvas_channels=2), "canvas_channels.*Received: canvas_channels=2"),
        (lambda: DrawDecoderCell((4.0, 5, 3)), "canvas_shape.*Received"),
        (lambda: MapNetwork(32), "size.*Received: size=32"),
        (lambda: MapNetwork((0, 32)), r"size.*Received: size=\(0, 32\)"),
        (lambda: ImageStream(4), "filters.*Received: filters=4"),
        (lambda: GatedBlock(6, dropout="0.1"), r"dropout.*Received: dropout='0\.1'"),
    ],
)
def test_bad_shapes_and_rates_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("layer_class, options", LAYERS)
def test_config_round_trip_gives_the_same_layer(layer_class, options):
    layer = layer_class(**options, name="mine")
    again = layer_class.from_config(layer.get_config())
    assert {name: getattr(again, name) for name in options} == options
    assert again.get_config() == layer.get_config() and again.name == "mine"


@pytest.mark.parametrize("layer_class, options", LAYERS)
def test_a_layer_is_registered_under_the_import_name(layer_class, options):
    assert keras.saving.get_registered_name(layer_class) == f"image_generators>{layer_class.__name__}"
    assert keras.saving.get_registered_object(f"layers>{layer_class.__name__}") is layer_class  # of older files
    layer = layer_class(**options)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is layer_class and again.get_config() == layer.get_config()


@pytest.mark.parametrize("layer", [ConvEncoder(2), MapNetwork((16, 16), levels=256)])
def test_all_256_pixel_values_stay_distinct_in_half_precision(monkeypatch, layer):
    """Each rounded but once: by 2**-9 of itself at most."""
    layer = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    pixels = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    layer.build(pixels.shape)
    seen, call = [], layer.first.call
    monkeypatch.setattr(layer.first, "call", lambda maps: seen.append(maps) or call(maps))
    layer(pixels)
    found = np.ravel(ops.convert_to_numpy(ops.cast(seen[0], "float32")))
    np.testing.assert_allclose(found, np.linspace(-1, 1, 256), rtol=2**-8)
    assert len(np.unique(found)) == 256


def test_weights_survive_a_weights_file(tmp_path):
    model, other = small_network(), small_network()
    other.set_weights([weight * 0 for weight in other.get_weights()])
    model.save_weights(tmp_path / "network.weights.h5")
    other.load_weights(tmp_path / "network.weights.h5")
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "policy, variables, tolerance",
    [("mixed_bfloat16", "float32", 0.1), ("mixed_float16", "float32", 0.02), ("float16", "float16", 0.02)],
)
def test_dtype_policy_sets_compute_and_variable_dtypes(policy, variables, tolerance):
    model = small_network(dtype=policy)
    outputs = model([IMAGES, VECTORS])
    compute = keras.DTypePolicy(policy).compute_dtype
    assert keras.backend.standardize_dtype(outputs.dtype) == compute
    kept = {weight.dtype for layer in model.layers for weight in layer.weights if "seed" not in weight.path}
    assert kept == {variables}
    expected = small_network()([IMAGES, VECTORS])
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(outputs, "float32")), expected, atol=tolerance, rtol=0.1)


def test_layers_train_under_xla():
    model = small_network()
    targets = RANDOM.normal(size=(3, 4, 5, 3)).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=True)
    losses = model.fit([IMAGES, VECTORS], targets, batch_size=3, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < 0.95 * losses[0]


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    "layer_class, options, shape",
    [
        (ConvEncoder, {"bottleneck": 3, "filters": 2, "halvings": 1}, (2, 8, 8, 3)),
        (MapNetwork, {"size": (16, 16), "filters": 3, "depth": 1}, (2, 8, 8, 3)),
        (UpConv, {"filters": 6}, (2, 8, 8, 3)),
        (ImageStream, {"filters": (4, 3, 2), "deep": True}, (2, 5)),
    ],
)
def test_channels_last_whatever_keras_image_data_format(channels_first, layer_class, options, shape):
    layer = layer_class(**options)
    assert layer(np.zeros(shape, "uint8" if layer_class is ConvEncoder else "float32")).shape == (
        layer.compute_output_shape(shape)
    )
