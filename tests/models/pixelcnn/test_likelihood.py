"""The models are distributions: they sum to one, and log_prob, bits/dim and loss are one number in three units."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from image_generators.models.compiled import compiled
from image_generators.models.pixelcnn.autoregressive import join_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN

BOTH = pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("image_shape, levels", [((2, 2, 1), 3), ((2, 2, 1), 4), ((1, 2, 3), 2), ((3, 3, 1), 2)])
@BOTH
def test_probabilities_of_all_images_sum_to_one(shared_model, every_image, model_class, image_shape, levels):
    model = shared_model(model_class, image_shape=image_shape, levels=levels)
    probabilities = np.exp(model.log_prob(every_image(model)).astype("float64"))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.max() > 3 * probabilities.min()  # the sum is of something


@pytest.mark.parametrize("label", [0, 2])
def test_probabilities_given_a_class_sum_to_one(shared_model, every_image, label):
    model = shared_model(GatedPixelCNN, image_shape=(1, 2, 3), levels=2, num_classes=3)
    assert np.exp(model.log_prob(every_image(model), label)).sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=8, deadline=None)
@given(model_class=st.sampled_from([PixelCNN, GatedPixelCNN]), seed=st.integers(0, 2**31), depth=st.integers(1, 3))
def test_probabilities_sum_to_one_for_any_weights(make_model, every_image, model_class, seed, depth):
    model = make_model(model_class, seed, image_shape=(2, 2, 1), levels=3, filters=3, depth=depth)
    logits = ops.convert_to_numpy(model(every_image(model))).astype("float64")
    index = every_image(model)[..., None].astype("int64")
    log_prob = np.take_along_axis(log_softmax(logits), index, axis=-1).sum(axis=(1, 2, 3, 4))
    assert np.exp(log_prob).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("levels", [2, 4, 256])
@BOTH
def test_log_prob_is_the_log_softmax_of_the_logits(shared_model, random_images, model_class, levels):
    model = shared_model(model_class, levels=levels)
    images = random_images(model, 5)
    logits = ops.convert_to_numpy(model(images)).astype("float64")
    assert logits.shape == (*images.shape, levels)
    each = np.take_along_axis(log_softmax(logits), images[..., None].astype("int64"), axis=-1)
    expected = each.sum(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(model.log_prob(images), expected, rtol=1e-5)
    distribution = model.distribution(images)
    np.testing.assert_allclose(distribution.log_prob(images.astype("int32")), expected, rtol=1e-5)
    assert (tuple(distribution.batch_shape), tuple(distribution.event_shape)) == ((5,), model.image_shape)


@BOTH
def test_bits_per_dim_is_minus_log_prob_over_dimensions_and_log_2(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 5)
    expected = -model.log_prob(images) / (4 * 5 * 3 * math.log(2))
    np.testing.assert_allclose(model.bits_per_dim(images), expected, rtol=1e-6)


def test_a_uniform_model_needs_8_bits_per_byte(random_images):
    model = PixelCNN((4, 5, 3), filters=6, depth=1)
    model.build()
    model.set_weights([weight * 0 for weight in model.get_weights()])
    np.testing.assert_allclose(model.bits_per_dim(random_images(model, 3)), 8, rtol=1e-6)


@BOTH
def test_log_prob_does_not_depend_on_the_batch(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 5)
    expected = model.log_prob(images)
    assert expected.shape == (5,) and expected.dtype == np.float32
    for batch_size in (1, 2, 5):
        np.testing.assert_allclose(model.log_prob(images, batch_size=batch_size), expected, rtol=1e-5)
    np.testing.assert_allclose(model.log_prob(images[::-1])[::-1], expected, rtol=1e-5)
    assert model.log_prob(images[:0]).shape == (0,)


def test_distribution_and_log_prob_take_the_same_labels(shared_model, random_images):
    """One for all, or a list; and, in a graph, tensors."""
    model = shared_model(GatedPixelCNN, num_classes=3)
    images = random_images(model, 3)
    for labels in (2, [2, 0, 1]):
        found = model.distribution(images, labels).log_prob(images.astype("int32"))
        np.testing.assert_allclose(found, model.log_prob(images, labels), rtol=1e-5)
    in_graph = compiled(model, lambda x, c: model.distribution(x, c).log_prob(ops.cast(x, "int32")))
    np.testing.assert_allclose(in_graph(images, np.int32([2, 0, 1])), found, rtol=1e-5)


def test_labels_stay_with_their_images_across_batches(shared_model, random_images):
    model = shared_model(GatedPixelCNN, num_classes=3)
    images, labels = random_images(model, 5), np.array([0, 1, 2, 1, 0])
    one_by_one = [model.log_prob(images[i : i + 1], labels[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(model.log_prob(images, labels, batch_size=2), one_by_one, rtol=1e-5)


@pytest.mark.parametrize("levels", [2, 3, 256])
def test_the_network_sees_values_from_minus_one_to_one(shared_model, levels):
    model = shared_model(PixelCNN, levels=levels)
    np.testing.assert_allclose(model.scale(np.arange(levels)), np.linspace(-1, 1, levels), atol=1e-6)


def test_images_of_any_integer_type_give_the_same_likelihood(shared_model, random_images):
    model = shared_model(PixelCNN)
    images = random_images(model, 2)
    np.testing.assert_array_equal(model.log_prob(images.astype("int64")), model.log_prob(images))


@pytest.mark.parametrize("levels", [2, 4])
@BOTH
def test_the_loss_is_the_mean_cost_in_the_models_unit(shared_model, random_images, model_class, levels):
    """Bits/dim, or nats per image for binary images; over batches of unequal size."""
    model = shared_model(model_class, levels=levels)
    images = random_images(model, 5)
    expected = -model.log_prob(images).mean() if levels == 2 else model.bits_per_dim(images).mean()
    model.compile()
    results = model.evaluate(images, batch_size=2, verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(expected, rel=1e-5)
    assert results["nats" if levels == 2 else "bits_per_dim"] == results["loss"]
    assert float(model.compute_loss(x=images, y_pred=model(images))) == pytest.approx(expected, rel=1e-5)
    assert model.evaluate({"images": images}, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_labelled_images_is_given_their_labels(shared_model, random_images):
    model = shared_model(GatedPixelCNN, num_classes=3)
    images, labels = random_images(model, 5), np.array([0, 1, 2, 1, 1])
    model.compile()
    results = model.evaluate(join_inputs(images, labels), batch_size=2, verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(model.bits_per_dim(images, labels).mean(), rel=1e-5)
    assert results["loss"] != pytest.approx(model.bits_per_dim(images, labels[::-1]).mean(), rel=1e-3)


def test_sample_weights_weigh_images(shared_model, random_images):
    model = shared_model(PixelCNN)
    images, weights = random_images(model, 3), np.float32([0, 1, 2])
    loss = model.compute_loss(x=images, y_pred=model(images), sample_weight=weights)
    assert float(loss) == pytest.approx((weights * model.bits_per_dim(images)).mean(), rel=1e-5)


def test_compiled_functions_use_new_weights(make_model, random_images):
    model, other = make_model(PixelCNN, seed=0), make_model(PixelCNN, seed=1)
    images = random_images(model, 3)
    before = model.log_prob(images), model.sample(3)
    model.set_weights(other.get_weights())
    np.testing.assert_allclose(model.log_prob(images), other.log_prob(images), rtol=1e-5)
    np.testing.assert_array_equal(model.sample(3), other.sample(3))
    assert (before[0] != model.log_prob(images)).all() and (before[1] != model.sample(3)).any()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16"])
@BOTH
def test_half_precision_keeps_logits_and_loss_in_float32(make_model, random_images, model_class, policy):
    model = make_model(model_class, levels=256, dtype=policy)
    images = random_images(model, 3)
    assert keras.backend.standardize_dtype(model(images).dtype) == "float32"
    cost = model.bits_per_dim(images)
    assert cost.dtype == np.float32
    np.testing.assert_allclose(cost, make_model(model_class, levels=256).bits_per_dim(images), rtol=0.05)
    model.compile("adam", run_eagerly=True)
    assert np.isfinite(model.train_on_batch(images, return_dict=True)["loss"])
    assert np.isfinite(model.log_prob(images)).all()
