"""Models with a network m(h) of their own: maps from images and codes, known pixels, auto-encoders, squared error."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.models.compiled import compiled
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression

SIDE = {"image_shape": (4, 4, 3), "levels": 4}
KINDS = {
    "from_codes": {"condition_shape": (3,)},
    "from_small_images": {"condition_shape": (2, 2, 3), "condition_levels": 4},
    "from_images": {"condition_shape": (4, 4, 1), "condition_levels": 4, "map_halvings": 1},
    "from_holes": {"condition_shape": (4, 4, 4), "condition_levels": 4, "keeps_known": True},
}
KIND = pytest.mark.parametrize("kind", KINDS)
MAPS = {"map_filters": 5, "map_depth": 1}


def refuses(message):
    return pytest.raises(ValueError, match=message)


def conditions(kind, images, seed=0):
    random, shape = np.random.default_rng(seed), (len(images), *KINDS[kind]["condition_shape"])
    if kind == "from_codes":
        return random.normal(size=shape).astype("float32")
    if kind == "from_holes":
        known = random.random((*images.shape[:3], 1)) < 0.5
        return np.concatenate([images * known, 3 * known], axis=-1).astype("uint8")
    return random.integers(0, 4, shape).astype("uint8")


@pytest.fixture(scope="module")
def model_of(shared_model):
    return lambda kind: shared_model(MapPixelCNN, **SIDE, **MAPS, **KINDS[kind])


@KIND
def test_incremental_sampling_equals_plain_sampling(model_of, random_images, kind):
    """The plain sampler runs the whole network, m(h) included, for every sub-pixel."""
    model = model_of(kind)
    images = random_images(model, 3)
    condition = conditions(kind, images)
    found = model.sample(3, condition, seed=5)
    network = compiled(model, lambda x, c: model(join_inputs(x, c)))
    uniforms = np.random.default_rng(5).random(images.shape, dtype="float32")
    values = np.random.default_rng(99).integers(0, 4, images.shape).astype("uint8")
    for row, column, colour in np.ndindex(4, 4, 3):
        here = (slice(None), row, column, colour)
        p = ops.convert_to_numpy(ops.softmax(network(values, condition)))[here].astype("float64")
        values[here] = (np.cumsum(p, axis=-1) <= uniforms[here][:, None] * p.sum(-1, keepdims=True)).sum(-1)
    np.testing.assert_array_equal(found, values)
    assert (found != model.sample(3, condition[[0, 0, 0]], seed=5)).any()


@KIND
def test_a_map_is_computed_once_for_a_sample(model_of, monkeypatch, random_images, kind):
    """Outside the loops over rows and pixels, which run step by step here."""
    model = model_of(kind)
    calls, original = [], model.map_network.call
    monkeypatch.setattr(model.map_network, "call", lambda h: calls.append(h) or original(h))
    condition = conditions(kind, random_images(model, 2))
    blank = np.zeros((2, 4, 4, 3), "float32")
    model.generate(blank, blank, blank, np.float32(1), condition)
    assert len(calls) == 1


@KIND
def test_every_weight_of_m_learns_with_the_rest(make_model, random_images, kind):
    model = make_model(MapPixelCNN, **SIDE, **MAPS, **KINDS[kind])
    before = model.get_weights()
    images = random_images(model, 6)
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    model.train_on_batch(join_inputs(images, conditions(kind, images)))
    still = {
        weight.path.split("/", 1)[1]
        for weight, old in zip(model.weights, before, strict=True)
        if (ops.convert_to_numpy(weight.value) == old).all()
    }
    assert still <= {"gated_block_1/vertical_condition"}  # nothing follows the last vertical map


@KIND
def test_a_saved_network_is_the_same(tmp_path, model_of, random_images, kind):
    model = model_of(kind)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = random_images(model, 2)
    condition = conditions(kind, images)
    np.testing.assert_array_equal(again.log_prob(images, condition), model.log_prob(images, condition))
    config = {name: value for name, value in model.get_config().items() if name not in ("name", "trainable", "dtype")}
    other = MapPixelCNN(**config)
    other.build()
    assert [w.shape for w in other.weights] == [w.shape for w in model.weights]


# Known pixels.


def test_known_pixels_cost_nothing_and_are_kept(model_of, random_images):
    model = model_of("from_holes")
    images = random_images(model, 3)
    condition = conditions("from_holes", images)
    known = np.broadcast_to(condition[..., -1:] == 3, images.shape)
    for found in (model.sample(3, condition), model.complete(images, rows=0, condition=condition, seed=1)):
        np.testing.assert_array_equal(found[known], images[known])
        assert (found[~known] != images[~known]).any()
    hidden = np.where(known, images, (images + 1) % 4).astype("uint8")  # elsewhere other images are likely too
    assert (model.log_prob(hidden, condition) > -1000).all()
    wrong = np.where(known, (images + 1) % 4, images).astype("uint8")
    assert (model.log_prob(wrong, condition) < -1000).all()


def test_likelihood_of_what_is_hidden_is_the_sum_over_it(model_of, shared_model, random_images):
    """The same weights without keeps_known give the terms; those of known pixels are left out."""
    model = model_of("from_holes")
    plain = shared_model(MapPixelCNN, **SIDE, **MAPS, **{**KINDS["from_holes"], "keeps_known": False})
    images = random_images(model, 3)
    condition = conditions("from_holes", images)
    terms = ops.convert_to_numpy(ops.log_softmax(plain(join_inputs(images, condition))))
    terms = np.take_along_axis(terms, images[..., None].astype(int), axis=-1)[..., 0]
    expected = np.sum(terms * (condition[..., -1:] == 0), axis=(1, 2, 3))
    np.testing.assert_allclose(model.log_prob(images, condition), expected, rtol=1e-5)


def test_a_fully_known_image_costs_nothing_and_is_returned(model_of, random_images):
    model = model_of("from_holes")
    images = random_images(model, 2)
    condition = np.concatenate([images, np.full((2, 4, 4, 1), 3, "uint8")], axis=-1)
    np.testing.assert_array_equal(model.log_prob(images, condition), [0, 0])
    np.testing.assert_array_equal(model.sample(2, condition), images)


# Squared error.


@pytest.fixture(scope="module")
def regression():
    keras.utils.set_random_seed(0)
    model = MapRegression((4, 4, 3), (4, 4, 4), 4, map_filters=8, map_depth=1, keeps_known=True, levels=4)
    model.build()
    model.log_sigma.assign(-0.7)
    return model


def test_regression_cost_is_that_of_a_normal_distribution(regression, random_images):
    """In NumPy, the distance of neighbouring values being 1: sigma = exp(-0.7) of -1 .. 1 is that times 3/2 levels."""
    images = random_images(regression, 3)
    condition = conditions("from_holes", images)
    means = (ops.convert_to_numpy(regression(join_inputs(images, condition))) + 1) * 1.5
    sigma = 1.5 * math.exp(-0.7)
    density = -0.5 * ((images - means) / sigma) ** 2 - math.log(sigma * math.sqrt(2 * math.pi))
    hidden = condition[..., -1:] == 0
    np.testing.assert_allclose(regression.log_prob(images, condition), (density * hidden).sum((1, 2, 3)), rtol=1e-4)


def test_regression_mean_keeps_known_pixels(regression, random_images):
    images = random_images(regression, 3)
    condition = conditions("from_holes", images)
    known = np.broadcast_to(condition[..., -1:] == 3, images.shape)
    found = regression.mean(condition)
    assert found.dtype == np.uint8 and found.max() <= 3
    np.testing.assert_array_equal(found[known], images[known])


@pytest.mark.parametrize("kind", ["from_codes", "from_small_images"])
def test_a_single_condition_gives_a_single_mean(random_images, kind):
    model = MapRegression(**SIDE, **MAPS, **KINDS[kind])
    given = conditions(kind, random_images(model, 3))
    np.testing.assert_array_equal(model.mean(given[0]), model.mean(given)[:1])
    assert model.mean(given[:0]).shape == (0, 4, 4, 3)
    for wrong in (None, 0.5):
        with refuses("condition"):
            model.mean(wrong)


def test_sample_weights_weigh_images(regression, random_images):
    images, weights = random_images(regression, 3), np.float32([0, 1, 2])
    inputs = join_inputs(images, conditions("from_holes", images))
    cost = -regression.log_prob(**inputs) / (images[0].size * math.log(2))
    loss = regression.compute_loss(x=inputs, y_pred=regression(inputs), sample_weight=weights)
    assert float(loss) == pytest.approx((weights * cost).mean(), rel=1e-5)


def test_pixel_values_above_the_levels_in_a_stream_give_a_nan_loss(regression, random_images):
    images = random_images(regression, 3)
    inputs = join_inputs(images, conditions("from_holes", images))
    mean = regression(inputs)
    assert np.isfinite(float(regression.compute_loss(x=inputs, y_pred=mean)))
    assert np.isnan(float(regression.compute_loss(x=inputs | {"images": images + np.uint8(1)}, y_pred=mean)))


def test_integers_beyond_uint8_in_a_stream_give_a_nan_loss():
    model = MapRegression((4, 4, 3), (3,), **MAPS)
    images = np.full((2, 4, 4, 3), 255, "int32")
    mean = model(join_inputs(images, np.zeros((2, 3), "float32")))
    cost = lambda images: float(model.compute_loss(x=join_inputs(images), y_pred=mean))  # noqa: E731
    assert np.isfinite(cost(images)) and np.isnan(cost(images + 1))


def test_its_means_learn_by_squared_error_and_its_width_is_that_of_the_errors(regression, random_images):
    """The cost is the squared error, weighed, and a term of sigma; least where sigma^2 is the mean squared error."""
    images = random_images(regression, 3)
    condition = conditions("from_holes", images)
    condition[..., -1] = 0
    errors = ops.convert_to_numpy(regression(join_inputs(images, condition))) + 1 - images / 1.5

    def cost(log_sigma):
        kept = ops.convert_to_numpy(regression.log_sigma.value)
        regression.log_sigma.assign(log_sigma)
        found = -regression.log_prob(images, condition).mean() / images[0].size
        regression.log_sigma.assign(kept)
        return found

    squared = np.mean(np.square(errors))
    best = 0.5 * math.log(squared)
    assert cost(best) < min(cost(best - 0.1), cost(best + 0.1))
    constant = 0.5 * math.log(2 * math.pi) + math.log(1.5)
    np.testing.assert_allclose(cost(best), 0.5 + best + constant, rtol=1e-4)
    np.testing.assert_allclose(cost(0.0), 0.5 * squared + constant, rtol=1e-4)


# Auto-encoders.

AUTOENCODERS = {
    PixelCNNAutoencoder: {"filters": 6, "depth": 2, "first_kernel_size": 3},
    DeconvolutionalAutoencoder: {},
}


@pytest.fixture(scope="module", params=AUTOENCODERS, ids=["pixel_cnn", "deconvolutional"])
def autoencoder(request):
    keras.utils.set_random_seed(1)
    model = request.param(**SIDE, bottleneck=7, encoder_filters=3, **MAPS, **AUTOENCODERS[request.param])
    model.build()
    return model


def test_an_autoencoder_encodes_the_image_it_is_conditioned_on(autoencoder, random_images):
    images = random_images(autoencoder, 3)
    codes = autoencoder.encode(images)
    assert codes.shape == (3, 7) and codes.dtype == np.float32
    np.testing.assert_allclose(autoencoder.log_prob(images), autoencoder.log_prob(images, codes), rtol=1e-5)
    assert (np.abs(autoencoder.log_prob(images) - autoencoder.log_prob(images, codes[::-1]))[[0, 2]] > 0).all()


def test_all_is_trained_end_to_end_on_images_alone(autoencoder, random_images, tmp_path):
    """Every weight of encoder, m and decoder moves; and a file keeps the result."""
    model = type(autoencoder).from_config(autoencoder.get_config())
    model.build()
    model.set_weights(autoencoder.get_weights())
    for weight in model.trainable_variables:  # zeros under ReLU would hide gradients
        if len(weight.shape) == 1:
            weight.assign(np.random.default_rng(0).normal(0.3, 0.3, weight.shape))
    before = model.get_weights()
    images = random_images(model, 8)
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    model.train_on_batch(images)
    still = [
        weight.path.split("/", 1)[1]
        for weight, old in zip(model.weights, before, strict=True)
        if (ops.convert_to_numpy(weight.value) == old).all()
    ]
    assert set(still) <= {"gated_block_1/vertical_condition"}
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.log_prob(images), model.log_prob(images))


def test_a_code_can_be_decoded_repeatedly(random_images):
    keras.utils.set_random_seed(1)
    model = PixelCNNAutoencoder(**SIDE, bottleneck=7, **MAPS, **AUTOENCODERS[PixelCNNAutoencoder])
    images = random_images(model, 3)
    first = model.reconstruct(images, seed=1)
    np.testing.assert_array_equal(first, model.sample(3, model.encode(images), seed=1))
    assert (first != model.reconstruct(images, seed=2)).any()
    with refuses("condition.*Received: None"):
        model.sample(3)
    with refuses(r"condition.*Received: .*\[3, 5\]"):
        model.sample(3, np.zeros((3, 5)))


def test_under_squared_error_there_is_one_reconstruction(random_images):
    model = DeconvolutionalAutoencoder(**SIDE, bottleneck=7, **MAPS)
    images = random_images(model, 3)
    codes = model.encode(images)
    np.testing.assert_array_equal(model.reconstruct(images), model.mean(codes))
    np.testing.assert_array_equal(model.mean(codes[0]), model.mean(codes)[:1])


def test_reconstructions_of_no_images_are_empty(autoencoder, random_images):
    found = autoencoder.reconstruct(random_images(autoencoder, 0))
    assert found.shape == (0, 4, 4, 3) and found.dtype == np.uint8


# Bad input.


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"condition_shape": None}, "condition_shape.*Received: None"),
        ({"condition_shape": (3,), "condition_levels": 1}, "condition_levels"),
        ({"condition_shape": (3,), "map_filters": 0}, "map_filters"),
        (
            {"condition_shape": (4, 4, 4), "keeps_known": True},
            r"Received: condition_shape=\(4, 4, 4\), condition_levels=",
        ),
        ({"condition_shape": (2, 2, 4), "condition_levels": 4, "keeps_known": True}, "keeps_known"),
    ],
)
@pytest.mark.parametrize("model_class", [MapPixelCNN, MapRegression])
def test_constructor_errors_name_the_argument(model_class, arguments, message):
    sizes = {"filters": 6, "depth": 1} if model_class is MapPixelCNN else {}
    with refuses(message):
        model_class(**SIDE, **sizes, **arguments)


@pytest.mark.parametrize("model_class", AUTOENCODERS)
def test_autoencoders_refuse_condition_levels(model_class):
    """A file would not keep them."""
    with refuses("condition_levels.*Received: condition_levels=4"):
        model_class(**SIDE, bottleneck=7, condition_levels=4)


@pytest.mark.parametrize(
    "kind, condition, message",
    [
        ("from_small_images", np.zeros((2, 2, 2, 3)), "condition.*Received"),
        ("from_codes", np.full((2, 3), np.nan), "condition.*Received: .*6"),
        ("from_codes", np.zeros((2, 7)), r"condition.*Received: .*\[2, 7\]"),
        ("from_codes", None, "condition.*Received: None"),
    ],
)
def test_bad_conditions_are_refused_in_training(kind, condition, message):
    model = MapRegression(**SIDE, **MAPS, **KINDS[kind])
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        model.fit(join_inputs(np.zeros((2, 4, 4, 3), "uint8"), condition), verbose=0)


@pytest.mark.parametrize("model_class", [MapRegression, DeconvolutionalAutoencoder])
def test_calls_refuse_a_condition_of_another_shape(model_class):
    size = {"condition_shape": (3,)} if model_class is MapRegression else {"bottleneck": 3}
    with refuses(r"condition.*Received: .*\[2, 7\]"):
        model_class(**SIDE, **MAPS, **size)(join_inputs(np.zeros((2, 4, 4, 3), "uint8"), np.zeros((2, 7), "float32")))


@pytest.mark.parametrize(
    "condition, message",
    [
        (np.zeros((2, 4, 4, 1)), "condition.*Received: .*float64"),
        (np.zeros((2, 4, 4, 3), "uint8"), "condition.*Received"),
        (np.zeros((3, 4, 4, 1), "uint8"), r"condition.*Received: .*\[3,"),
        (np.full((2, 4, 4, 1), 4, "uint8"), "condition.*Received: .*4 to 4"),
        (None, "condition.*Received: .*object"),
    ],
)
def test_bad_image_conditions_are_refused(model_of, condition, message):
    model, images = model_of("from_images"), np.zeros((2, 4, 4, 3), "uint8")
    for ask in (lambda: model.log_prob(images, condition), lambda: model.sample(2, condition)):
        with refuses(message):
            ask()
