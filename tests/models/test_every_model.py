"""What every model does under plain Keras and TensorFlow: checkpoints, dtypes, exports, and what it refuses."""

import re

import every_model
import keras
import numpy as np
import pytest

NAME = pytest.mark.parametrize("name", every_model.MODELS)


@NAME
def test_tensorflow_checkpoints_restore_all_weights(tmp_path, name):
    """Also of a model that is not built yet."""
    tf = pytest.importorskip("tensorflow")
    model, other, unbuilt = (every_model.small_model(name, seed) for seed in range(3))
    model.build()
    other.build()
    model.set_weights([weight + 0.5 for weight in model.get_weights()])
    path = tf.train.Checkpoint(model=model).save(tmp_path / "checkpoint")
    for restored in (other, unbuilt):
        tf.train.Checkpoint(model=restored).restore(path).assert_consumed()
        for found, expected in zip(restored.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.fixture
def floatx():
    """`floatx(name)`: Keras' default dtype for the length of a test."""
    before = keras.config.floatx()
    yield keras.config.set_floatx
    keras.config.set_floatx(before)


@pytest.fixture
def eagerly():
    """Functions of TensorFlow run step by step: to trace each of them for two images takes longer."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@NAME
@pytest.mark.parametrize("setting, policy", [("float64", None), ("float16", None), ("float32", "bfloat16")])
def test_every_dtype_trains_and_answers(floatx, eagerly, setting, policy, name):
    floatx(setting)
    model = every_model.small_model(name, dtype=policy)
    model.compile(keras.optimizers.SGD(1e-5), run_eagerly=True)
    assert {weight.dtype for weight in model.trainable_weights} <= {policy or setting}
    assert np.isfinite(model.train_on_batch(*every_model.examples(model))).all()
    for answer in every_model.answers(model).values():
        assert all(np.isfinite(part).all() for part in (answer if isinstance(answer, tuple) else (answer,)))


def test_fit_style_works_with_float64_as_default_dtype(floatx):
    floatx("float64")
    model = every_model.small_model("chairs_generator")
    images = every_model.examples(model, 2)[0]["images"]
    assert np.isfinite(model.fit_style(images, 30.0, 20.0, steps=2)).all()


# Export.


@NAME
def test_keras_export_answers_as_the_model(tmp_path, name):
    tf = pytest.importorskip("tensorflow")
    model = every_model.small_model(name)
    model.export(tmp_path / "export", verbose=False)
    x = every_model.examples(model, 3)[0]
    exported = tf.saved_model.load(tmp_path / "export")
    found, expected = (keras.tree.flatten(answer) for answer in (exported.serve(x), model(x)))
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-5, atol=1e-6)


# What is refused.

UNLABELLED = [name for name, (model_class, _) in every_model.MODELS.items() if not model_class.needs_labels]


@pytest.mark.parametrize("name", UNLABELLED)
@pytest.mark.parametrize("as_stream", [False, True])
def test_models_without_labels_refuse_y(name, as_stream):
    model = every_model.small_model(name)
    model.compile("sgd", run_eagerly=True)
    (x,) = every_model.examples(model)
    given = (x, np.zeros(8, int))
    with pytest.raises(ValueError, match=r"\by\b"):
        if as_stream:
            model.fit((given for _ in range(1)), verbose=0)
        else:
            model.fit(*given, verbose=0)


@NAME
def test_a_loss_given_to_compile_is_refused(name):
    model = every_model.small_model(name)
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="loss"):
        model.fit(*every_model.examples(model), verbose=0)


@pytest.mark.parametrize("ask", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True])
def test_bad_batch_sizes_are_refused(ask, batch_size):
    model = every_model.small_model("gated_pixel_cnn")
    model.compile("sgd")
    (x,) = every_model.examples(model)
    with pytest.raises(ValueError, match="batch_size"):
        getattr(model, ask)(x, batch_size=batch_size, verbose=0)
    with pytest.raises(ValueError, match="validation_batch_size"):
        model.fit(x, validation_data=(x,), validation_batch_size=batch_size, verbose=0)


def test_embedding_network_refuses_sample_weights():
    model = every_model.small_model("embedding_network")
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(*every_model.examples(model), sample_weight=np.ones(8), verbose=0)


@pytest.mark.parametrize(
    "name, argument",
    [
        ("chairs_generator", "deep"),
        ("chairs_generator", "transformations"),
        ("map_pixel_cnn", "keeps_known"),
        ("map_regression", "keeps_known"),
    ],
)
@pytest.mark.parametrize("value", ["no", 0, None])
def test_boolean_constructor_arguments_must_be_booleans(name, argument, value):
    with pytest.raises(ValueError, match=argument):
        every_model.small_model(name, **{argument: value})


@pytest.mark.parametrize(
    "name, ask, argument", [("gated_pixel_cnn", "sample", "jit_compile"), ("draw", "sample", "trace")]
)
def test_boolean_method_arguments_must_be_booleans(name, ask, argument):
    with pytest.raises(ValueError, match=argument):
        getattr(every_model.small_model(name), ask)(1, **{argument: "no"})


@pytest.mark.parametrize(
    "name, argument, value",
    [
        ("pixel_cnn", "num_classes", 3),
        ("pixel_cnn", "condition_shape", (3,)),
        ("multi_scale", "num_classes", 3),
        ("multi_scale", "condition_shape", (3,)),
        ("map_pixel_cnn", "num_classes", 3),
        ("pixel_cnn_autoencoder", "condition_shape", (3,)),
        ("deconvolutional_autoencoder", "condition_shape", (3,)),
        ("deconvolutional_autoencoder", "num_classes", 3),
        ("chairs_generator", "autocast", True),
        ("map_pixel_cnn", "map_depth", -1),
        ("map_pixel_cnn", "map_halvings", 1.5),
        ("map_pixel_cnn", "map_halvings", 3),
        ("map_pixel_cnn", "map_filters", 0),
        ("map_regression", "map_depth", -1),
        ("map_regression", "map_halvings", -1),
        ("map_regression", "condition_shape", (3, 4, 1)),
        ("multi_scale", "map_depth", True),
        ("pixel_cnn_autoencoder", "map_halvings", 1),
    ],
)
def test_errors_name_the_argument_as_the_caller_wrote_it(name, argument, value):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        every_model.small_model(name, **{argument: value})


RAGGED = [[1], [1, 2]]


@pytest.mark.parametrize(
    "name, argument, ask",
    [
        ("gated_pixel_cnn", "images", lambda model: model.log_prob(RAGGED)),
        ("gated_pixel_cnn", "known_mask", lambda model: model.complete(np.zeros((2, 4, 4, 1), int), RAGGED)),
        ("of_classes", "condition", lambda model: model.sample(2, RAGGED)),
        ("of_vectors", "condition", lambda model: model.sample(2, RAGGED)),
        ("map_pixel_cnn", "condition", lambda model: model.sample(2, RAGGED)),
        ("map_regression", "condition", lambda model: model.mean(RAGGED)),
        ("conv_classifier", "labels", lambda model: model.error_percent(np.zeros((2, 4, 4, 1), int), RAGGED)),
        ("chairs_generator", "style", lambda model: model.generate(RAGGED, 0, 0)),
        ("chairs_generator", "azimuth", lambda model: model.generate(0, RAGGED, 0)),
        ("chairs_generator", "elevation", lambda model: model.generate(0, 0, RAGGED)),
        ("chairs_generator", "transformation", lambda model: model.generate(0, 0, 0, RAGGED)),
        ("chairs_generator", "features", lambda model: model.generate_from_features(RAGGED)),
        ("chairs_generator", "labels", lambda model: model.errors(np.zeros((2, 16, 16, 4), int), RAGGED)),
    ],
)
def test_ragged_lists_are_refused_by_argument_name(name, argument, ask):
    with pytest.raises(ValueError, match=argument):
        ask(every_model.small_model(name))


@NAME
def test_float_images_are_refused_with_a_remedy_that_works(name):
    """As image_dataset_from_directory gives them, 0 to 255; after that line they train."""
    tf = pytest.importorskip("tensorflow")
    model = every_model.small_model(name)
    model.compile(keras.optimizers.SGD(1e-5), run_eagerly=True)
    x, *y = every_model.examples(model)
    floats = {**x, "images": x["images"] / np.float32(1)} if isinstance(x, dict) else x / np.float32(1)
    dataset = tf.data.Dataset.from_tensor_slices((floats, *y)).batch(8)
    with pytest.raises(ValueError, match="images") as refusal:
        model.fit(dataset, verbose=0)
    line = re.search(r"dataset\.map\(.*\)\)", str(refusal.value)).group()
    if not isinstance(x, dict):
        dataset = eval(line, {"dataset": dataset, "tf": tf})
        assert np.isfinite(model.fit(dataset, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("name", ["map_pixel_cnn", "map_regression"])
def test_one_condition_is_used_for_every_image(name):
    model = every_model.small_model(name)
    x = every_model.examples(model, 3)[0]
    images, one = x["images"], x["condition"][0]
    np.testing.assert_array_equal(model.log_prob(images, one), model.log_prob(images, np.stack([one] * 3)))
    if name == "map_pixel_cnn":
        np.testing.assert_array_equal(model.sample(3, one), model.sample(3, np.stack([one] * 3)))


# Labels of every integer type.

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["of_classes", "draw_classifier", "embedding_network"])
def test_labels_of_every_integer_type_give_the_same_loss(name, dtype):
    losses = []
    for each in (dtype, "int32"):
        model = every_model.small_model(name)
        model.compile(optimizer=None, run_eagerly=True)
        x, *y = every_model.examples(model)
        x = {**x, "condition": x["condition"].astype(each)} if isinstance(x, dict) else x
        losses.append(model.evaluate(x, *(labels.astype(each) for labels in y), verbose=0))
    np.testing.assert_array_equal(*losses)


@pytest.mark.parametrize("name", ["of_classes", "draw_classifier"])
@pytest.mark.parametrize("beyond", [2**32, -(2**32)])
def test_a_label_beyond_32_bits_is_not_wrapped_to_a_class(name, beyond):
    """In a stream; cut to 32 bits it would be class 0."""
    pytest.importorskip("tensorflow")
    model = every_model.small_model(name)
    model.compile(optimizer=None, run_eagerly=True)
    x, *y = every_model.examples(model)
    labels = np.full(8, beyond)
    x, y = ({**x, "condition": labels}, []) if isinstance(x, dict) else (x, [labels])
    assert np.isnan(model.test_on_batch(x, *y)[0])


def test_identities_are_distinguished_beyond_32_bits():
    losses = []
    for identities in (np.arange(8) % 2, np.arange(8) % 2 * 2**32):
        model = every_model.small_model("embedding_network")
        model.compile(optimizer=None, run_eagerly=True)
        losses.append(model.evaluate(every_model.examples(model)[0], identities, verbose=0))
    np.testing.assert_array_equal(*losses)


def test_a_fractional_style_gives_a_nan_loss():
    model = every_model.small_model("chairs_generator")
    model.compile(optimizer=None, run_eagerly=True)
    (x,) = every_model.examples(model)
    x["condition"][0, 0] = 0.5
    assert np.isnan(model.test_on_batch(x)[0])
