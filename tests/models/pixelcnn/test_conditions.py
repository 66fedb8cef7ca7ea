"""Conditions of every kind: labels and vectors (Eq. 4 of arXiv 1606.05328), maps (Eq. 5)."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.gated_block import gate
from image_generators.models.compiled import compiled
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN

KINDS = {"labels": {"num_classes": 3}, "vectors": {"condition_shape": (3,)}, "maps": {"condition_shape": (4, 5, 3)}}
KIND = pytest.mark.parametrize("kind", KINDS)


def conditions(kind, n, seed=0):
    """As many conditions of a kind, all different but for labels."""
    if kind == "labels":
        return np.arange(seed, n + seed) % 3
    return np.random.default_rng(seed).normal(size=(n, *KINDS[kind]["condition_shape"])).astype("float32")


def refuses(message):
    return pytest.raises(ValueError, match=message)


@pytest.fixture(scope="module")
def model_of(shared_model):
    return lambda kind: shared_model(GatedPixelCNN, **KINDS[kind])


@KIND
def test_the_condition_changes_the_likelihood(model_of, random_images, kind):
    model = model_of(kind)
    images = random_images(model, 3)
    found = [model.log_prob(images, conditions(kind, 3, seed)) for seed in (0, 1)]
    assert (np.abs(found[0] - found[1]) > 1e-3).all()


@KIND
def test_zero_condition_weights_give_the_unconditional_model(make_model, shared_model, random_images, kind):
    plain = shared_model(GatedPixelCNN)
    model = make_model(GatedPixelCNN, **KINDS[kind])
    others = dict(zip([w.path.split("/", 1)[1] for w in plain.weights], plain.get_weights(), strict=True))
    for weight in model.weights:
        name = weight.path.split("/", 1)[1]
        weight.assign(np.zeros(weight.shape) if name.endswith("_condition") else others.pop(name))
    assert not others
    images = random_images(model, 3)
    condition = conditions(kind, 3)
    np.testing.assert_allclose(model.log_prob(images, condition), plain.log_prob(images), rtol=1e-6)
    np.testing.assert_array_equal(model.sample(3, condition, seed=2), plain.sample(3, seed=2))


@KIND
def test_permuted_conditions_permute_the_samples(model_of, kind):
    """Each image is drawn from its own noise: it is the condition that moves, so the noise is moved along."""
    model, n, order = model_of(kind), 4, [2, 0, 3, 1]
    uniforms = np.random.default_rng(0).random((n, *model.image_shape), dtype="float32")
    blank, condition = np.zeros_like(uniforms), conditions(kind, n)
    generate = compiled(model, model.generate)
    draw = lambda noise, c: ops.convert_to_numpy(generate(noise, blank, blank, np.float32(1), c))  # noqa: E731
    plain = draw(uniforms, condition)
    np.testing.assert_array_equal(draw(uniforms[order], condition[order]), plain[order])
    assert (draw(uniforms, condition[order]) != plain).any()


@KIND
def test_the_condition_enters_every_gate_and_nothing_else(model_of, gradient, kind):
    """It acts on each stack of each block, and no more once the kernel that adds it before that gate is zero."""
    model = model_of(kind)
    image = np.random.default_rng(0).uniform(-1, 1, (1, *model.image_shape)).astype("float32")
    features = ops.convert_to_numpy(model.condition_features(conditions(kind, 1))).astype("float32")

    def seen(block, stack, maps):
        """Which features a stack's output depends on."""
        (found,) = gradient(lambda h: ops.sum(ops.square(block(*maps, h)[stack])), features)
        return np.abs(found).reshape(-1, 3).any(axis=0)

    maps = image, image
    for block in model.blocks:
        for stack, kernel in enumerate((block.vertical_condition, block.horizontal_condition)):
            assert seen(block, stack, maps).all()
            kept = ops.convert_to_numpy(kernel.value)
            kernel.assign(np.zeros_like(kept))
            assert not seen(block, stack, maps).any()
            kernel.assign(kept)
        maps = [ops.convert_to_numpy(output) for output in block(*maps, features)]


def test_conditional_gate_equals_equation_4(make_model):
    """The vertical gate of a block, in NumPy: tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)."""
    model = make_model(GatedPixelCNN, **KINDS["vectors"])
    above, h = np.random.default_rng(0).normal(size=(2, 4, 5, 12)), conditions("vectors", 2)
    block = model.blocks[0]
    added = above + (h @ ops.convert_to_numpy(block.vertical_condition.value))[:, None, None]
    found = block.vertical_output(above.astype("float32"), h)
    expected = np.tanh(added[..., :6]) / (1 + np.exp(-added[..., 6:]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gate(added), expected, rtol=1e-4, atol=1e-5)


def test_a_constant_map_equals_a_vector_condition(shared_model, random_images):
    vectors, maps = (shared_model(GatedPixelCNN, **KINDS[kind]) for kind in ("vectors", "maps"))
    h, images = conditions("vectors", 3), random_images(vectors, 3)
    s = np.broadcast_to(h[:, None, None], (3, 4, 5, 3))
    np.testing.assert_allclose(maps.log_prob(images, s), vectors.log_prob(images, h), rtol=1e-5)
    np.testing.assert_array_equal(maps.sample(3, s), vectors.sample(3, h))


@pytest.mark.parametrize("kind", ["vectors", "maps"])  # labels: test_model_habits.py
def test_training_by_fit_makes_the_condition_matter(kind):
    """The condition says how bright an image is, and the model learns to heed it."""
    bright = np.arange(32) % 2
    images = np.random.default_rng(0).integers(0, 2, (32, 4, 5, 1)) + 2 * bright[:, None, None, None]
    shape = KINDS[kind]["condition_shape"]
    given = np.ones((32, *shape)) * bright.reshape(32, *[1] * len(shape))
    keras.utils.set_random_seed(0)
    model = GatedPixelCNN((4, 5, 1), levels=4, filters=6, depth=1, first_kernel_size=3, condition_shape=shape)
    model.compile(keras.optimizers.Adam(0.05))
    images = images.astype("uint8")
    model.fit(join_inputs(images, given), batch_size=16, epochs=10, verbose=0)
    assert np.mean(model.log_prob(images, given) - model.log_prob(images, 1 - given)) > 5


def test_one_vector_is_used_for_every_image(shared_model):
    model, h = shared_model(GatedPixelCNN, **KINDS["vectors"]), conditions("vectors", 1)[0]
    np.testing.assert_array_equal(model.sample(3, h), model.sample(3, [h, h, h]))


@pytest.mark.parametrize("kind", ["vectors", "maps"])
def test_a_saved_model_keeps_the_condition(tmp_path, model_of, random_images, kind):
    model = model_of(kind)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.condition_shape == model.condition_shape
    images, condition = random_images(model, 3), conditions(kind, 3)
    np.testing.assert_array_equal(again.log_prob(images, condition), model.log_prob(images, condition))


TINY = {"image_shape": (4, 5, 3), "levels": 4, "filters": 6, "depth": 1, "first_kernel_size": 3}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"condition_shape": (3, 4)}, "condition_shape"),
        ({"condition_shape": 3}, "condition_shape.*Received: condition_shape=3"),
        ({"condition_shape": (0,)}, r"condition_shape.*Received: condition_shape=\(0,\)"),
        ({"condition_shape": (2.0,)}, r"condition_shape.*Received: condition_shape=\(2\.0,\)"),
        ({"condition_shape": (5, 4, 2)}, "condition_shape"),
        ({"condition_shape": (3,), "num_classes": 3}, "condition_shape"),
    ],
)
def test_bad_condition_shapes_are_refused(arguments, message):
    with refuses(message):
        GatedPixelCNN(**{**TINY, **arguments})


@pytest.mark.parametrize(
    "condition, message",
    [
        (np.zeros((2, 4)), r"condition.*Received: .*\[2, 4\]"),
        (np.zeros((3, 3)), r"condition.*Received: .*\[3, 3\]"),
        (1, r"condition.*Received: .*\[\]"),
        (None, "condition.*Received: .*object"),
        ([["a"] * 3] * 2, "condition.*Received: .*<U1"),
        ([[np.nan, 0, np.inf]] * 2, "condition.*Received: .*4"),
    ],
)
def test_bad_condition_vectors_are_refused(shared_model, condition, message):
    model, images = shared_model(GatedPixelCNN, **KINDS["vectors"]), np.zeros((2, 4, 5, 3), "uint8")
    for ask in (
        lambda: model.log_prob(images, condition),
        lambda: model.sample(2, condition),
        lambda: model.complete(images, rows=1, condition=condition),
        lambda: model.distribution(images, condition),
    ):
        with refuses(message):
            ask()


def test_calls_refuse_a_condition_of_another_shape(shared_model):
    model = shared_model(GatedPixelCNN, **KINDS["maps"])
    with refuses(r"condition.*Received: .*\[2, 4, 5, 2\]"):
        model(join_inputs(np.zeros((2, 4, 5, 3), "uint8"), np.zeros((2, 4, 5, 2), "float32")))
