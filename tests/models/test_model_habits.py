"""What every Keras model here does: learn by plain compile and fit, with or without XLA, and survive a file."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN

ROOT = pathlib.Path(__file__).parents[2]
BOTH = pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])
OPTIONS = {
    "image_shape": (4, 5, 3),
    "levels": 8,
    "filters": 6,
    "depth": 2,
    "kernel_size": 5,
    "first_kernel_size": 3,
    "head_filters": 9,
    "dropout": 0.25,
}


DRAW_OPTIONS = {
    "image_shape": (4, 5, 3),
    "levels": 8,
    "steps": 2,
    "units": 6,
    "latent": 3,
    "read_size": 3,
    "write_size": None,
    "likelihood": "cross_entropy",
}


CHAIRS_OPTIONS = {
    "image_shape": (16, 16, 4),
    "num_styles": 3,
    "streams": 1,
    "deep": True,
    "mask_loss": "softmax",
    "width": 0.02,
    "growth_steps": 10,
}


def stripes(n, levels):
    """Images to learn: each column is of one value, its right neighbour of the next."""
    starts = np.random.default_rng(0).integers(0, levels, n)
    values = (starts[:, None] + np.arange(5)) % levels  # [n, 5]
    return np.broadcast_to(values[:, None, :, None], (n, 4, 5, 1)).astype("uint8")


@pytest.mark.parametrize(
    "model_class, options",
    [
        (PixelCNN, OPTIONS),
        (GatedPixelCNN, OPTIONS),
        (GatedPixelCNN, {**OPTIONS, "num_classes": 3}),
        (Draw, DRAW_OPTIONS),
        (ChairsGenerator, CHAIRS_OPTIONS),
    ],
)
def test_config_round_trip_gives_the_same_network(model_class, options):
    model = model_class(**options)
    config = json.loads(json.dumps(model.get_config()))  # as a file keeps it
    again = model_class.from_config(config)
    assert {name: getattr(again, name) for name in options} == options
    assert again.get_config() == model.get_config()
    model.build()
    again.build()
    names = [[(weight.path, weight.shape) for weight in each.weights] for each in (model, again)]
    assert names[0] == names[1]


@pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN, Draw, ChairsGenerator])
def test_models_are_registered_under_the_import_name(model_class):
    assert keras.saving.get_registered_name(model_class) == f"image_generators>{model_class.__name__}"


def test_saved_models_are_the_same_in_a_fresh_process(tmp_path, make_model, make_draw, random_images):
    """A plain and a conditional model, a Draw and a ChairsGenerator, saved after a step of training with its state."""
    expected = {}
    for name, model_class, condition in (("plain", PixelCNN, None), ("gated", GatedPixelCNN, [2, 0, 1])):
        classes = {} if condition is None else {"num_classes": 3}
        model = make_model(model_class, dropout=0.25, **classes)
        images = random_images(model, 3)
        model.compile("adam", run_eagerly=True)
        model.train_on_batch(join_inputs(images, None if condition is None else np.array(condition)))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = model.log_prob(images, condition), model.sample(3, condition, seed=3) if condition else ()
    model = make_draw(image_shape=(4, 5, 3), levels=4)
    model.compile("adam", run_eagerly=True)
    model.train_on_batch(images)
    model.save(tmp_path / "draw.keras")
    expected["draw"] = model.elbo(images).total, model.sample(3, seed=3)
    chairs = ChairsGenerator(**CHAIRS_OPTIONS)
    chairs.compile("adam", run_eagerly=True)
    views = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 4)).astype("uint8")
    labels = np.array([[0, 0, 20], [1, 90, 20], [2, 180, 30]], "float32")
    chairs.train_on_batch({"images": views, "condition": labels})
    chairs.save(tmp_path / "chairs.keras")
    np.savez(tmp_path / "views.npz", images=views, labels=labels)
    expected["chairs"] = chairs.errors(views, labels)[0], chairs.generate([0, 1, 2], 45, 30).images
    np.save(tmp_path / "images.npy", images)
    code = (
        "import image_generators, keras, numpy as np\n"
        "images = np.load('images.npy')\n"
        "for name, condition in (('plain', None), ('gated', [2, 0, 1])):\n"
        "    model = keras.saving.load_model(name + '.keras')\n"
        "    samples = model.sample(3, condition, seed=3) if condition else ()\n"
        "    log_prob, steps = model.log_prob(images, condition), model.optimizer.iterations\n"
        "    np.savez(name, log_prob=log_prob, samples=samples, steps=steps)\n"
        "model = keras.saving.load_model('draw.keras')\n"
        "elbo, samples = model.elbo(images).total, model.sample(3, seed=3)\n"
        "np.savez('draw', log_prob=elbo, samples=samples, steps=model.optimizer.iterations)\n"
        "model = keras.saving.load_model('chairs.keras')\n"
        "errors, samples = model.errors(**np.load('views.npz'))[0], model.generate([0, 1, 2], 45, 30).images\n"
        "np.savez('chairs', log_prob=errors, samples=samples, steps=model.optimizer.iterations)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    for name, (log_prob, samples) in expected.items():
        found = np.load(tmp_path / f"{name}.npz")
        np.testing.assert_allclose(found["log_prob"], log_prob, rtol=1e-5)
        np.testing.assert_array_equal(found["samples"], samples)
        assert found["steps"] == 1


@BOTH
def test_weights_survive_a_weights_file(tmp_path, make_model, random_images, model_class):
    model, other = make_model(model_class, seed=0), make_model(model_class, seed=1)
    images = random_images(model, 3)
    assert (model.log_prob(images) != other.log_prob(images)).all()
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(model.log_prob(images), other.log_prob(images))


def test_weights_of_draw_survive_a_weights_file(tmp_path, make_draw, random_images):
    model, other = make_draw(seed=0), make_draw(seed=1)
    images = random_images(model, 3)
    assert (model.elbo(images).total != other.elbo(images).total).all()  # compiled before the weights change
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(model.elbo(images).total, other.elbo(images).total)


@BOTH
def test_training_lowers_the_loss_and_xla_does_not_change_it(model_class):
    images = stripes(32, levels=4)
    histories = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = model_class(image_shape=(4, 5, 1), levels=4, filters=8, depth=1, first_kernel_size=3)
        model.compile(keras.optimizers.Adam(0.03), jit_compile=jit_compile)
        histories.append(model.fit(images, batch_size=16, epochs=8, shuffle=False, verbose=0).history)
    plain, jitted = histories
    assert plain["loss"][-1] < 0.8 * plain["loss"][0]
    assert plain["bits_per_dim"] == plain["loss"]
    np.testing.assert_allclose(plain["loss"], jitted["loss"], rtol=1e-3)


def test_training_on_labels_makes_them_matter():
    """Two classes that differ in brightness: after training an image is likelier under its own label."""
    random, labels = np.random.default_rng(0), np.arange(32) % 2
    images = (random.integers(0, 2, (32, 3, 4, 1)) + 2 * labels[:, None, None, None]).astype("uint8")
    keras.utils.set_random_seed(0)
    model = GatedPixelCNN((3, 4, 1), levels=4, num_classes=2, filters=6, depth=1, first_kernel_size=3)
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit({"images": images, "condition": labels}, batch_size=16, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert (model.log_prob(images, labels) > model.log_prob(images, 1 - labels) + 5).all()
    for label in (0, 1):
        samples = model.sample(50, label)
        assert np.mean((samples >= 2) == bool(label)) > 0.9


@BOTH
def test_every_weight_learns(make_model, random_images, model_class):
    """One step of gradient descent moves each of them, but one: nothing follows the last vertical map."""
    classes = {"num_classes": 3} if model_class is GatedPixelCNN else {}
    model = make_model(model_class, **classes)
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    model.train_on_batch(join_inputs(random_images(model, 6), np.arange(6) % 3 if classes else None))
    moved = {
        weight.path.split("/", 1)[1]: (ops.convert_to_numpy(weight.value) != old).any()
        for weight, old in zip(model.weights, before, strict=True)
    }
    assert {path for path, has_moved in moved.items() if not has_moved} == (
        {"gated_block_1/vertical_condition"} if classes else set()
    )
    assert classes == {} or not model.blocks[-1].vertical_condition.trainable


@BOTH
def test_predict_gives_logits(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 3)
    logits = model.predict(images, verbose=0)
    assert logits.shape == (3, 4, 5, 3, 4) and logits.dtype == np.float32
    np.testing.assert_allclose(logits, model(images), rtol=1e-4, atol=1e-5)


@BOTH
def test_dropout_acts_in_training_alone(make_model, random_images, model_class):
    model, without = (make_model(model_class, dropout=rate) for rate in (0.5, 0.0))
    images = random_images(model, 2)
    np.testing.assert_allclose(model(images, training=False), without(images), rtol=1e-5, atol=1e-6)
    noisy = [ops.convert_to_numpy(model(images, training=True)) for _ in range(2)]
    assert (noisy[0] != noisy[1]).any() and np.isfinite(noisy).all()


def test_weight_count_equals_a_hand_count():
    """Counted by hand for 6 maps, 3 colours, 4 levels: kernels and biases."""
    model = GatedPixelCNN((4, 5, 3), levels=4, num_classes=10, filters=6, depth=2, kernel_size=3, first_kernel_size=5)
    model.build()
    stacks = 12 * 12 + 6 * 6 + 6 + 2 * 10 * 12  # vertical to horizontal; 1x1 and its bias; two conditions
    first = 3 * 5 * 3 * 12 + 12 + 3 * 3 * 12 + 12 + stacks
    second = 2 * 3 * 6 * 12 + 12 + 2 * 6 * 12 + 12 + stacks
    head = 6 * 6 + 6 + 6 * 12 + 12
    assert model.count_params() == first + second + head
    plain = PixelCNN((4, 5, 3), levels=4, filters=6, depth=1, first_kernel_size=7)
    plain.build()
    block = 12 * 6 + 6 + 9 * 6 * 6 + 6 + 6 * 12 + 12
    assert plain.count_params() == 49 * 3 * 12 + 12 + block + 12 * 12 + 12 + 12 * 12 + 12


@pytest.mark.parametrize(
    "model_class, options",
    [(ConvClassifier, {"kernel_size": 3}), (EmbeddingNetwork, {}), (MapRegression, {"condition_shape": (8, 8, 3)})],
)
def test_channels_last_whatever_keras_image_data_format(model_class, options):
    def outputs():
        model, images = model_class((8, 8, 3), **options), np.zeros((2, 8, 8, 3), "uint8")
        return model(join_inputs(images, images if model.takes_condition else None)).shape, model.count_params()

    expected = outputs()
    keras.config.set_image_data_format("channels_first")
    try:
        assert outputs() == expected
    finally:
        keras.config.set_image_data_format("channels_last")
