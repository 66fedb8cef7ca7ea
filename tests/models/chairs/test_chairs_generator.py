"""ChairsGenerator: loss and likelihood, transformed training, mixtures, fitted styles."""

import keras
import numpy as np
import pytest
from chairs_reference import SIZE, STYLES, reference, small_generator
from keras import ops

from image_generators.models.chairs import transformations
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.chairs.images import Generated, data_on_white, on_white

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (6, SIZE, SIZE, 4)).astype("uint8")
LABELS = np.stack([np.arange(6) % STYLES, RANDOM.uniform(0, 360, 6), [20, 30] * 3], axis=-1).astype("float32")
BATCH = {"images": IMAGES, "condition": LABELS}


@pytest.fixture(scope="module")
def tiny():
    return small_generator()


# Pictures.


def test_azimuth_is_periodic(tiny, assert_same_pictures):
    turned = tiny.generate(1, [0.0, 360.0, -360.0, 3600.0, 180.0, 30.0, 390.0], 20)
    for i in (1, 2, 3):
        assert_same_pictures(turned.images[i], turned.images[0])
        assert_same_pictures(turned.masks[i], turned.masks[0])
    assert_same_pictures(turned.images[5], turned.images[6])
    assert (turned.images[4] != turned.images[0]).any() and (turned.images[5] != turned.images[0]).any()
    by_graph = tiny.draw(
        np.eye(STYLES, dtype="float32")[[1, 1]], np.array([[0.0, 20.0], [360.0, 20.0]]), np.zeros((2, 8))
    )
    np.testing.assert_allclose(*ops.convert_to_numpy(by_graph[0]), atol=1e-5)


def test_style_may_be_a_number_or_a_vector(tiny, assert_same_pictures):
    numbers = tiny.generate([2, 0], 10, 20)
    vectors = tiny.generate(np.eye(STYLES)[[2, 0]], 10, 20)
    mixed = tiny.generate(np.array([0.5, 0, 0.5, 0]), 10, 20)
    assert_same_pictures(numbers.images, vectors.images)
    assert numbers.images.shape == (2, SIZE, SIZE, 3) and numbers.masks.shape == (2, SIZE, SIZE)
    assert mixed.images.shape == (1, SIZE, SIZE, 3)
    assert all((mixed.images[0] != image).any() for image in numbers.images)
    assert (numbers.images[0] != numbers.images[1]).any() and (numbers.masks[0] != numbers.masks[1]).any()


def test_a_transformation_changes_the_images(tiny):
    theta = np.zeros((8, 8), "float32")
    np.fill_diagonal(theta, 0.5)
    plain, transformed = tiny.generate(1, 10, 20), tiny.generate(1, 10, 20, theta)
    assert transformed.images.shape == (8, SIZE, SIZE, 3)
    assert all((image != plain.images[0]).any() for image in transformed.images)
    np.testing.assert_array_equal(tiny.generate(1, 10, 20, np.zeros(8)).images, plain.images)


# Loss and likelihood.


@pytest.mark.parametrize("mask_loss", ["squared", "softmax"])
def test_loss_equals_the_papers_formula(mask_loss):
    model = small_generator(mask_loss=mask_loss)
    style, azimuth, elevation = LABELS.T.astype("float64")
    rgb, mask = reference(model, np.eye(STYLES)[style.astype(int)], azimuth, elevation, np.zeros((6, 8)))
    target = IMAGES / 255.0
    loss = 0.5 * 10 * np.square(rgb - target[..., :3]).sum(axis=(1, 2, 3))
    if mask_loss == "squared":
        loss += 0.5 * np.square(mask[..., 0] - target[..., 3]).sum(axis=(1, 2))
    else:
        p = 1 / (1 + np.exp(-mask[..., 0]))
        loss -= (target[..., 3] * np.log(p) + (1 - target[..., 3]) * np.log(1 - p)).sum(axis=(1, 2))
    model.compile(optimizer=None, run_eagerly=True)
    evaluated = model.evaluate(BATCH, batch_size=6, verbose=0, return_dict=True)
    np.testing.assert_allclose(evaluated["loss"], loss.mean(), rtol=1e-4)
    error = np.square(rgb - target[..., :3]).mean()
    np.testing.assert_allclose(evaluated["squared_error"], error, rtol=1e-4)
    np.testing.assert_allclose(model.squared_error(IMAGES, LABELS, batch_size=4), error, rtol=1e-4)
    covered = mask if mask_loss == "squared" else 1 / (1 + np.exp(-mask))
    np.testing.assert_allclose(model.mask_error(IMAGES, LABELS), np.square(covered - target[..., 3:]).mean(), rtol=1e-4)
    density = model.distribution(style.astype(int), azimuth, elevation)
    colours, covered = np.split(target.astype("float32"), [3], axis=-1)
    constants = ops.convert_to_numpy(density.log_prob({"rgb": colours, "mask": covered})) + loss
    np.testing.assert_allclose(constants, constants[0], rtol=1e-4)


# Training.


def test_training_transforms_the_targets_and_passes_the_parameters_in(tiny):
    generator = keras.random.SeedGenerator(0)
    generator.state.assign(tiny._theta.state.value)
    theta = transformations.draw(6, generator)
    found = tiny(BATCH, training=True)
    expected = transformations.apply(IMAGES.astype("float32") / 255, theta)
    np.testing.assert_allclose(found["targets"], expected, atol=1e-5)
    assert np.abs(expected - IMAGES / 255).max(axis=(1, 2, 3)).min() > 0.1
    styles = np.eye(STYLES, dtype="float32")[LABELS[:, 0].astype(int)]
    rgb, mask = tiny.draw(styles, LABELS[:, 1:], theta)
    np.testing.assert_allclose(found["rgb"], rgb, atol=1e-5)
    np.testing.assert_allclose(found["mask"], mask, atol=1e-5)
    again = tiny(BATCH, training=True)["targets"]
    assert (np.abs(again - found["targets"]).max(axis=(1, 2, 3)) > 0.01).all()  # another one each time
    plain = tiny(BATCH)
    np.testing.assert_allclose(plain["targets"], IMAGES / 255, atol=1e-6)
    np.testing.assert_allclose(plain["rgb"], tiny.draw(styles, LABELS[:, 1:], np.zeros((6, 8)))[0], atol=1e-5)


def test_every_weight_learns_including_the_mask_stream():
    model = small_generator()
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
    model.train_on_batch(BATCH)
    names = [weight.path for weight in model.weights]
    assert any("/mask/" in name for name in names)
    for name, old, new in zip(names, before, model.get_weights(), strict=True):
        assert (old != new).any(), name


def test_the_spread_grows_with_the_steps_of_training():
    model = small_generator(growth_steps=2.0)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    losses = model.fit(BATCH, validation_data=(BATCH,), batch_size=3, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert float(model.steps_seen.value) == 6.0  # evaluation counts for nothing
    model.steps_seen.assign(0.0)
    spread = 2 / (1 + np.exp(-np.arange(1, 7) / 2.0)) - 1
    np.testing.assert_allclose([float(model._spread()) for _ in range(6)], spread, rtol=1e-5)
    model.steps_seen.assign(-1.0)
    np.testing.assert_allclose(model(BATCH, training=True)["targets"], IMAGES / 255, atol=1e-5)
    assert float(small_generator(transformations=True)._spread()) == 1.0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float64"])
def test_the_spread_grows_in_every_precision(policy):
    model = small_generator(growth_steps=2.0, dtype=policy)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    assert np.isfinite(model.fit(BATCH, batch_size=3, verbose=0).history["loss"]).all()
    assert float(model.steps_seen.value) == 2.0 and model.steps_seen.dtype == "float32"
    model.steps_seen.assign(999.0)
    model(BATCH, training=True)
    assert float(model.steps_seen.value) == 1000.0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_styles_and_degrees_are_exact_in_half_precision(policy):
    model = small_generator(num_styles=3000, transformations=False, dtype=policy)
    labels = np.array([[301, 313, 20.25], [2999, 347, 30]], "float32")
    found = model({"images": IMAGES[:2], "condition": labels}, training=True)
    styles = np.eye(3000, dtype="float32")[[301, 2999]]
    for given, said in zip(("rgb", "mask"), model.draw(styles, labels[:, 1:]), strict=True):
        np.testing.assert_array_equal(found[given], said)


def discs(azimuths=6):
    """Discs, smaller and larger, at a place on a circle by the azimuth: what chairs are to a test."""
    down, right = (np.mgrid[:SIZE, :SIZE] - 7.5)[:, None]
    labels = np.array([(s, 360.0 * k / azimuths, 20.0) for s in range(3) for k in range(azimuths)], "float32")
    radius, angle = (1.5 + labels[:, 0])[:, None, None], np.deg2rad(labels[:, 1])[:, None, None]
    inside = np.hypot(right - 3.5 * np.sin(angle), down - 3.5 * np.cos(angle)) < radius
    return (inside[..., None] * np.array([255, 120, 40, 255])).astype("uint8"), labels


@pytest.fixture(scope="module")
def trained():
    """A small network after some training on `discs`."""
    keras.utils.set_random_seed(0)
    images, labels = discs()
    model = ChairsGenerator((SIZE, SIZE, 4), num_styles=3, width=0.1, transformations=False)
    model.compile(keras.optimizers.Adam(5e-3), jit_compile=False)
    repeated = {"images": np.tile(images, (40, 1, 1, 1)), "condition": np.tile(labels, (40, 1))}
    return model, model.fit(repeated, batch_size=len(images), epochs=3, verbose=0).history


def test_it_learns_its_training_images(trained):
    model, history = trained
    images, labels = discs()
    assert history["loss"][-1] < 0.5 * history["loss"][0] and history["squared_error"][-1] < history["squared_error"][0]
    colours, mask = (images[..., part] / 255.0 for part in (slice(3), 3))
    assert model.squared_error(images, labels) < 0.2 * np.square(colours).mean()
    assert model.mask_error(images, labels) < 0.2 * np.square(mask).mean()
    other, opposite = labels.copy(), labels.copy()
    other[:, 0] = (labels[:, 0] + 1) % 3
    opposite[:, 1] += 180
    assert model.squared_error(images, other) > 2 * model.squared_error(images, labels)
    assert model.mask_error(images, opposite) > 2 * model.mask_error(images, labels)


def test_an_unknown_style_in_a_stream_gives_a_nan_loss():
    model = small_generator()
    model.compile(optimizer=None)
    cost = lambda labels: model.test_on_batch({**BATCH, "condition": labels})[0]  # noqa: E731
    assert np.isfinite(cost(LABELS)) and np.isnan(cost(LABELS + np.float32([1, 0, 0])))


# Styles and features.


def test_fit_style_recovers_the_style_of_a_generated_image(trained):
    """Of what the network draws itself; by both parametrisations."""
    model, _ = trained
    drawn = model.generate(2, [0, 90], 20)
    images = np.concatenate([drawn.images, drawn.masks[..., None]], axis=-1)
    mixture = model.fit_style(images, [0, 90], 20, steps=60)
    assert mixture.shape == (3,) and mixture.dtype == np.float32
    np.testing.assert_allclose(mixture.sum(), 1.0, rtol=1e-5)
    assert mixture[2] > 0.85, mixture
    free = model.fit_style(images, [0, 90], [20, 20], steps=60, parametrisation="free", learning_rate=0.05)
    error = lambda style: np.square(model.generate(style, [0, 90], 20).images / 255.0 - images[..., :3] / 255.0).mean()  # noqa: E731
    assert error(free) < 0.1 * error(np.full(3, 1 / 3)) and free.sum() != pytest.approx(1.0, abs=1e-6)


@pytest.fixture(scope="module")
def one_stream():
    return small_generator(streams=1, mask_loss="softmax")


@pytest.mark.parametrize(
    "network, layer, units",
    [("tiny", "style2", 26), ("tiny", "fc3", 51), ("tiny", "fc5", 64 * (13 + 6)), ("one_stream", "fc5", 64 * 13)],
)
def test_images_are_generated_from_features(request, network, layer, units):
    tiny = request.getfixturevalue(network)
    features = tiny.features([1, 2], 30, 20, layer=layer)
    assert features.shape == (2, units) and features.dtype == np.float32 and (features >= 0).all()
    whole, drawn = tiny.generate([1, 2], 30, 20), tiny.generate_from_features(features, layer, 30, 20)
    np.testing.assert_allclose(drawn.images, whole.images, atol=1)
    np.testing.assert_allclose(drawn.masks, whole.masks, atol=1)
    changed = tiny.generate_from_features(features * 1.5, layer, 30, 20)
    assert (changed.images != whole.images).any()


@pytest.mark.parametrize("layer", ["style1", "style2", "fc3", "fc5"])
def test_one_feature_vector_is_drawn_from_many_views(tiny, assert_same_pictures, layer):
    """One of the features or of the views stands for all; features of all that the network is told know their side."""
    features, azimuths = tiny.features([1, 2], 30, 20, layer=layer), [0, 90, 180, 270]
    turned = tiny.generate_from_features(features[:1], layer, azimuths, 20)
    expected = tiny.generate(1, azimuths if layer.startswith("style") else [30] * 4, 20)
    assert_same_pictures(turned.images, expected.images)
    assert_same_pictures(turned.masks, expected.masks)
    for of_two in (features, list(features)):
        assert tiny.generate_from_features(of_two, layer, 30, 20).images.shape[0] == 2
    with pytest.raises(ValueError, match="features, views must have as many rows, or one.*'features': 2, 'views': 4"):
        tiny.generate_from_features(features, layer, azimuths, 20)


def test_images_are_composed_on_white():
    images, masks = np.full((1, 1, 3, 3), 100, "uint8"), np.array([[[0, 255, 51]]], "uint8")
    np.testing.assert_array_equal(on_white(Generated(images, masks))[0, 0, :, 0], [255, 100, 224])
    rgba = np.array([[[[0, 0, 0, 0], [10, 20, 30, 255], [51, 0, 0, 51]]]], "uint8")
    np.testing.assert_array_equal(data_on_white(rgba)[0, 0], [[255] * 3, [10, 20, 30], [255, 204, 204]])


def test_half_precision_keeps_weights_and_answers(tiny):
    model = ChairsGenerator.from_config({**tiny.get_config(), "dtype": "mixed_bfloat16"})
    model.build()
    model.set_weights(tiny.get_weights())
    assert {weight.dtype for weight in model.weights} == {"float32"}
    found = model(BATCH)
    assert {keras.backend.standardize_dtype(values.dtype) for values in found.values()} == {"float32"}
    expected = tiny(BATCH)
    for name in ("rgb", "mask"):
        np.testing.assert_allclose(found[name], expected[name], atol=0.05 * np.abs(expected[name]).max())
    model.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    assert np.isfinite(model.train_on_batch(BATCH, return_dict=True)["loss"])


def test_without_transformations_the_argument_is_refused():
    model = small_generator(transformations=False)
    assert not any("transformation" in weight.path for weight in model.weights)
    np.testing.assert_allclose(model(BATCH, training=True)["targets"], IMAGES / 255, atol=1e-6)
    assert model.generate(0, 0, 0).images.shape == (1, SIZE, SIZE, 3)
    with pytest.raises(ValueError, match="transformation.*transformations=False"):
        model.generate(0, 0, 0, np.zeros(8))


# What it refuses.


@pytest.mark.parametrize(
    "options, said",
    [
        ({"image_shape": (64, 64, 3)}, "image_shape.*64, 64, 3"),
        ({"image_shape": (64, 32, 4)}, "image_shape.*64, 32"),
        ({"image_shape": (48, 48, 4)}, "image_shape.*48"),
        ({"image_shape": (8, 8, 4)}, "image_shape.*8"),
        ({"num_styles": 0}, "num_styles.*num_styles=0"),
        ({"streams": 3}, "streams.*streams=3"),
        ({"mask_loss": "log"}, "mask_loss.*'squared', 'softmax'.*mask_loss='log'"),
        ({"width": 0.0}, "width.*width=0.0"),
        ({"growth_steps": -1}, "growth_steps.*-1"),
        ({"levels": 2}, "levels.*levels=2"),
    ],
)
def test_bad_constructor_arguments_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        ChairsGenerator(**options)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"style": 4}, "style.*from 4 to 4"),
        ({"style": [0, -1]}, "style.*-1"),
        ({"style": 0.5}, "style"),
        ({"style": "chair"}, "style.*<U5"),
        ({"style": np.zeros((2, 3))}, r"style.*\[2, 3\]"),
        ({"style": [np.nan] * 4}, "style.*4 values"),
        ({"azimuth": np.inf}, "azimuth"),
        ({"azimuth": [[0.0]]}, r"azimuth.*\[1, 1\]"),
        ({"elevation": 90.5}, "elevation.*90.5"),
        ({"elevation": [0, -91]}, "elevation.*-91"),
        (
            {"style": [0, 1], "azimuth": [0, 1, 2]},
            "style, azimuth, elevation must have as many rows, or one.*'azimuth': 3",
        ),
        ({"transformation": np.zeros(5)}, r"transformation.*hue.*\[5\]"),
        ({"transformation": np.full(8, np.nan)}, "transformation.*8 values"),
        ({"azimuth": [0, 1], "transformation": np.zeros((3, 8))}, "style, view, transformation must have as many rows"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_generate_arguments_are_refused(tiny, given, said):
    with pytest.raises(ValueError, match=said):
        tiny.generate(**{"style": 0, "azimuth": 0, "elevation": 20, **given})


def test_any_first_call_builds_the_network_once():
    model = ChairsGenerator((SIZE, SIZE, 4), STYLES, width=0.02)
    model.distribution(0, 0, 20)
    weights = model.get_weights()
    assert model.generate(0, 0, 20).images.shape == (1, SIZE, SIZE, 3)
    assert len(model.get_weights()) == len(weights)


def test_errors_of_other_methods_name_the_argument(tiny):
    refused = lambda said: pytest.raises(ValueError, match=said)  # noqa: E731
    with refused("images.*float"):
        tiny.squared_error(IMAGES / 255.0, LABELS)
    with refused(r"labels.*\[6, 2\]"):
        tiny.squared_error(IMAGES, LABELS[:, :2])
    with refused("labels.*0.5"):
        tiny.squared_error(IMAGES, LABELS + 0.5)
    with refused("images"):
        tiny({"images": IMAGES.astype("float32"), "condition": LABELS})
    with refused("style.* from 1 to 4"):
        tiny.fit({"images": IMAGES, "condition": LABELS + [1, 0, 0]})
    with refused("style.* from 1 to 4"):
        tiny.evaluate({"images": IMAGES, "condition": LABELS + [1, 0, 0]})
    with refused("elevation.*95"):
        tiny.fit({"images": IMAGES, "condition": LABELS + [0, 0, 75]})
    with refused("layer.*'fc5'.*layer='fc6'"):
        tiny.features(0, layer="fc6")
    with refused(r"features.*\[2, 7\]"):
        tiny.generate_from_features(np.zeros((2, 7)), "fc4")
    with refused("parametrisation.*'free', 'mixture'.*'mix'"):
        tiny.fit_style(IMAGES, 0, 20, parametrisation="mix")
    with refused("start"):
        tiny.fit_style(IMAGES, 0, 20, start=1)
    with refused("images"):
        tiny.fit_style(IMAGES[:0], 0, 20)
    for views in ([0, 1], [0] * 7):
        with refused(f"azimuths and elevations must have as many rows as images, 6, or one.*rows {len(views)}"):
            tiny.fit_style(IMAGES, views, 20)
    with refused("Received: rows 3"):
        tiny.fit_style(IMAGES[:1], [0, 10, 20], 20)
    with refused("start.*Received: 2 of them"):
        tiny.fit_style(IMAGES, 0, 20, parametrisation="free", start=[2, 3])
    for ask in (tiny.squared_error, tiny.mask_error):
        with refused(r"images.*Received: .*\[0, 16, 16, 4\]"):
            ask(IMAGES[:0], LABELS[:0])
