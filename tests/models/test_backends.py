"""TensorFlow and JAX: the same file gives the same likelihoods, the same images from a seed, and learns the same."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from image_generators.models.chairs import transformations
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN

ROOT = pathlib.Path(__file__).parents[2]
NO_TFP = 77  # exit status of a JAX process that has no TensorFlow Probability to run on
CODES = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
LABELS = np.array([2, 0, 1, 2])
CONDITIONS = {"plain": None, "gated": LABELS, "map": CODES, "rows": LABELS, "diagonals": None}

ON_JAX = f"""
import sys
try:
    import tensorflow_probability.substrates.jax
except Exception as error:
    print(error, file=sys.stderr)
    sys.exit({NO_TFP})
import keras, numpy as np
import image_generators
from image_generators.models.chairs import generator as chairs_generator
from image_generators.models.chairs import transformations
from image_generators.models.pixelcnn.autoregressive import join_inputs
assert keras.backend.backend() == "jax"
labels, codes = np.array([2, 0, 1, 2]), np.load("codes.npy")
for name, given in {{"plain": None, "gated": labels, "map": codes, "rows": labels, "diagonals": None}}.items():
    model, images = keras.saving.load_model(name + ".keras"), np.load(name + ".npy")
    found = {{"log_prob": model.log_prob(images, given), "samples": model.sample(4, given, seed=3)}}
    found["completed"] = model.complete(images, rows=2, condition=given, seed=4, temperature=0.7)
    model.compile(keras.optimizers.SGD(1e-3))
    found["losses"] = model.fit(join_inputs(images, given), epochs=3, verbose=0).history["loss"]
    np.savez(name, **found)
for name in ("draw", "draw_colour"):
    model, images = keras.saving.load_model(name + ".keras"), np.load(name + ".npy")
    found = model.elbo(images, seed=2)._asdict()
    found["bound"] = model.log_prob_bound(images, 3, seed=2)
    found["samples"], found["reconstructions"] = model.sample(4, seed=3), model.reconstruct(images, seed=3)
    if name == "draw":
        model.compile(keras.optimizers.Adam(0.01))
        found["losses"] = model.fit(images, epochs=10, verbose=0).history["loss"]
    np.savez(name, **found)
model, views = keras.saving.load_model("chairs.keras"), np.load("views.npz")
found = model.generate([0, 1], [0, 90], 20, views["theta"][:2])._asdict()
found["errors"] = np.stack(model.errors(views["images"], views["labels"]))
found["style"] = model.fit_style(views["images"][:1], 0, 20, steps=5)
found["transformed"] = transformations.apply(views["images"] / np.float32(255), views["theta"])
model.compile(keras.optimizers.Adam(1e-3))
batch = join_inputs(views["images"], views["labels"])
found["losses"] = model.fit(batch, epochs=15, verbose=0).history["loss"]
found["state"] = model._theta.state
np.savez("chairs", **found)
"""
VIEWS = {
    "images": np.random.default_rng(1).integers(0, 256, (4, 16, 16, 4)).astype("uint8"),
    "labels": np.array([[0, 0, 20], [1, 90, 20], [2, 180, 30], [0, 270, 30]], "float32"),
    "theta": (np.random.default_rng(2).uniform(-1, 1, (4, 8)) * transformations.RANGES).astype("float32"),
}


def jax_python():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the comparison starts from TensorFlow")
    if os.environ.get("JAX_PYTHON"):
        return os.environ["JAX_PYTHON"]
    if importlib.util.find_spec("jax"):
        return sys.executable
    pytest.skip("JAX is not installed here, and JAX_PYTHON names no interpreter that has it")


@pytest.fixture(scope="module")
def models(make_model, make_draw, random_images):
    made = {
        "plain": make_model(PixelCNN),
        "gated": make_model(GatedPixelCNN, levels=256, num_classes=3),
        "map": make_model(MapPixelCNN, image_shape=(4, 4, 3), condition_shape=(2,), map_filters=3, map_depth=1),
        "rows": make_model(PixelRNN, image_shape=(3, 4, 1), recurrence="row_lstm", num_classes=3),
        "diagonals": make_model(PixelRNN, image_shape=(4, 3, 3), depth=1),
        "draw": make_draw(),
        "draw_colour": make_draw(image_shape=(4, 5, 3), levels=256, write_size=None),
    }
    return {name: (model, random_images(model, 4)) for name, model in made.items()}


@pytest.fixture(scope="module")
def chairs():
    keras.utils.set_random_seed(0)
    model = ChairsGenerator((16, 16, 4), num_styles=3, width=0.05, growth_steps=5)
    model.build()
    return model


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory, models, chairs):
    """What a JAX process finds with the saved models: {name: arrays}."""
    python, folder = jax_python(), tmp_path_factory.mktemp("jax")
    np.save(folder / "codes.npy", CODES)
    for name, (model, images) in models.items():
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", images)
    chairs.save(folder / "chairs.keras")
    np.savez(folder / "views.npz", **VIEWS)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    result = subprocess.run([python, "-c", ON_JAX], cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode == NO_TFP:
        pytest.skip(f"no TensorFlow Probability for JAX in {python}: {result.stderr.strip()[-200:]}")
    assert result.returncode == 0, result.stderr[-2000:]
    return {name: np.load(folder / f"{name}.npz") for name in (*models, "chairs")}


@pytest.mark.parametrize("name", CONDITIONS)
def test_likelihoods_agree_between_backends(models, on_jax, name):
    model, images = models[name]
    np.testing.assert_allclose(on_jax[name]["log_prob"], model.log_prob(images, CONDITIONS[name]), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", CONDITIONS)
def test_samples_are_identical_between_backends(models, on_jax, name):
    model, images = models[name]
    given = CONDITIONS[name]
    np.testing.assert_array_equal(on_jax[name]["samples"], model.sample(4, given, seed=3))
    completed = model.complete(images, rows=2, condition=given, seed=4, temperature=0.7)
    np.testing.assert_array_equal(on_jax[name]["completed"], completed)


@pytest.mark.parametrize("name", CONDITIONS)
def test_training_losses_agree_between_backends(models, on_jax, make_model, name):
    model, images = models[name]
    model = keras.models.clone_model(model)
    model.build()
    model.set_weights(models[name][0].get_weights())
    model.compile(keras.optimizers.SGD(1e-3))
    losses = model.fit(join_inputs(images, CONDITIONS[name]), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(on_jax[name]["losses"], losses, rtol=1e-4)


@pytest.mark.parametrize("name", ["draw", "draw_colour"])
def test_draw_agrees_between_backends(models, on_jax, name):
    model, images = models[name]
    for part, expected in model.elbo(images, seed=2)._asdict().items():
        np.testing.assert_allclose(on_jax[name][part], expected, rtol=1e-4, atol=1e-4)
    bound = model.log_prob_bound(images, 3, seed=2)
    np.testing.assert_allclose(on_jax[name]["bound"], bound, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(on_jax[name]["samples"], model.sample(4, seed=3))
    np.testing.assert_array_equal(on_jax[name]["reconstructions"], model.reconstruct(images, seed=3))


def test_draw_trains_on_jax(on_jax):
    """The losses are not TensorFlow's: in training each backend draws noise of its own."""
    losses = on_jax["draw"]["losses"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_chairs_agree_between_backends(chairs, on_jax):
    found = on_jax["chairs"]
    generated = chairs.generate([0, 1], [0, 90], 20, VIEWS["theta"][:2])
    np.testing.assert_allclose(found["images"], generated.images, atol=1)  # where a value lies between two integers
    np.testing.assert_allclose(found["masks"], generated.masks, atol=1)
    np.testing.assert_allclose(found["errors"], chairs.errors(VIEWS["images"], VIEWS["labels"]), rtol=1e-4)
    np.testing.assert_allclose(found["style"], chairs.fit_style(VIEWS["images"][:1], 0, 20, steps=5), atol=1e-4)
    transformed = transformations.apply(VIEWS["images"] / np.float32(255), VIEWS["theta"])
    np.testing.assert_allclose(found["transformed"], transformed, atol=1e-4)


def test_chairs_train_on_jax(chairs, on_jax):
    """The generator of transformations goes on from step to step."""
    losses = on_jax["chairs"]["losses"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    assert (on_jax["chairs"]["state"] != keras.ops.convert_to_numpy(chairs._theta.state)).any()
