"""Incremental sampling equals the plain sampler, integer for integer, and draws what log_prob says."""

from collections import Counter

import numpy as np
import pytest
from keras import ops
from scipy import stats

from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN

BOTH = pytest.mark.parametrize("model_class", [PixelCNN, GatedPixelCNN])

# Each differs from the tiny model (4x5 RGB, 4 levels, kernels of 3, two blocks) in what its name says.
SETTINGS = {
    "binary_grey_one_block_of_a_large_kernel": {
        "image_shape": (5, 4, 1),
        "levels": 2,
        "first_kernel_size": 5,
        "depth": 1,
    },
    "grey_bytes_four_blocks_of_kernels_of_7": {
        "image_shape": (5, 5, 1),
        "levels": 256,
        "depth": 4,
        "kernel_size": 7,
        "first_kernel_size": 7,
    },
    "kernels_of_1": {"kernel_size": 1, "first_kernel_size": 1},
    "bytes_and_kernels_of_5": {"levels": 256, "kernel_size": 5, "first_kernel_size": 5, "image_shape": (5, 4, 3)},
    "first_7_then_3": {"first_kernel_size": 7, "image_shape": (5, 5, 3), "depth": 3},
    # Dropout is of training alone.
    "first_1_then_5_wide_head_and_dropout": {
        "first_kernel_size": 1,
        "kernel_size": 5,
        "head_filters": 9,
        "filters": 12,
        "dropout": 0.5,
    },
    "one_row": {"image_shape": (1, 6, 3)},
    "one_column": {"image_shape": (6, 1, 3)},
    "one_pixel": {"image_shape": (1, 1, 3), "levels": 256},
}


@pytest.mark.parametrize("name", SETTINGS)
@BOTH
def test_incremental_sampling_equals_plain_sampling(shared_model, plain_sample, model_class, name):
    model = shared_model(model_class, **SETTINGS[name])
    found = model.sample(3, seed=5)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, plain_sample(model, 3, seed=5))


@pytest.mark.parametrize("model_class, given", [(PixelCNN, {}), (GatedPixelCNN, {"condition_shape": (4, 5, 2)})])
def test_incremental_sampling_equals_plain_sampling_under_xla_on_many_cores(
    shared_model, random_images, plain_sample, model_class, given
):
    model = shared_model(model_class, **given)
    known = np.broadcast_to(np.arange(4)[:, None, None] < 2, (4, 4, 5, 3))
    images, condition = random_images(model, 4), np.random.default_rng(0).normal(size=(4, 4, 5, 2)) if given else None
    found = model.complete(images, rows=2, condition=condition, seed=5, jit_compile=True)
    np.testing.assert_array_equal(found, plain_sample(model, 4, condition, 5, images=images, known=known))


@BOTH
def test_incremental_sampling_equals_plain_sampling_at_another_temperature(shared_model, plain_sample, model_class):
    model = shared_model(model_class)
    for temperature in (0.5, 1.7):
        found = model.sample(3, temperature=temperature)
        np.testing.assert_array_equal(found, plain_sample(model, 3, temperature=temperature))
        assert (found != model.sample(3)).any()


@pytest.mark.parametrize("image_shape", [(4, 5, 1), (5, 4, 3)])
def test_incremental_sampling_equals_plain_sampling_given_labels(shared_model, plain_sample, image_shape):
    model = shared_model(GatedPixelCNN, image_shape=image_shape, num_classes=3)
    labels = [2, 0, 1, 2]
    found = model.sample(4, labels)
    np.testing.assert_array_equal(found, plain_sample(model, 4, labels))
    assert (found != model.sample(4, 0)).any()


@pytest.mark.parametrize("condition_shape", [(2,), (4, 5, 2)], ids=["vectors", "maps"])
def test_incremental_equals_plain_sampling_given_a_condition(
    shared_model, random_images, plain_sample, condition_shape
):
    model = shared_model(GatedPixelCNN, condition_shape=condition_shape)
    condition = np.random.default_rng(0).normal(size=(4, *condition_shape))
    found = model.sample(4, condition)
    np.testing.assert_array_equal(found, plain_sample(model, 4, condition))
    assert (found != model.sample(4, condition[0])).any()
    images, mask = random_images(model, 4), np.random.default_rng(1).random((4, 5)) < 0.5
    known = np.broadcast_to(mask[None, :, :, None], images.shape)
    completed = model.complete(images, mask, condition=condition, seed=4)
    np.testing.assert_array_equal(completed, plain_sample(model, 4, condition, 4, images=images, known=known))


@pytest.mark.parametrize("model_class, policy", [(PixelCNN, "mixed_float16"), (GatedPixelCNN, "mixed_bfloat16")])
def test_sampling_computes_in_float32_whatever_the_policy(make_model, shared_model, model_class, policy):
    low, full = make_model(model_class, dtype=policy), shared_model(model_class)
    low.set_weights(full.get_weights())
    np.testing.assert_array_equal(low.sample(3), full.sample(3))


def test_sampling_computes_in_float32_with_weights_of_float16(make_model):
    low, full = make_model(GatedPixelCNN, dtype="float16"), make_model(GatedPixelCNN)
    full.set_weights(low.get_weights())
    np.testing.assert_array_equal(low.sample(3), full.sample(3))


def test_one_label_is_used_for_every_sample(shared_model):
    model = shared_model(GatedPixelCNN, num_classes=3)
    np.testing.assert_array_equal(model.sample(3, 1), model.sample(3, [1, 1, 1]))


@BOTH
def test_the_same_seed_gives_the_same_samples(shared_model, model_class):
    model = shared_model(model_class)
    np.testing.assert_array_equal(model.sample(3, seed=7), model.sample(3, seed=7))
    assert (model.sample(3, seed=7) != model.sample(3, seed=8)).any()
    first, second, third = model.sample(3, seed=7)
    assert (first != second).any() and (second != third).any()  # one noise each


@BOTH
def test_generate_is_sample_as_a_function_of_noise(shared_model, model_class):
    model = shared_model(model_class, image_shape=(2, 3, 3))
    shape = (2, 2, 3, 3)
    uniforms = np.random.default_rng(3).random(shape, dtype="float32")
    blank = np.zeros(shape, "float32")
    found = model.generate(uniforms, blank, blank, np.float32(1))
    np.testing.assert_array_equal(ops.convert_to_numpy(found).astype("uint8"), model.sample(2, seed=3))


@BOTH
def test_temperature_near_zero_gives_the_most_likely_value_of_each_subpixel(shared_model, model_class):
    model = shared_model(model_class)
    found = model.sample(2, temperature=1e-4)
    mode = ops.convert_to_numpy(ops.argmax(model(found), axis=-1))
    np.testing.assert_array_equal(found, mode)


@pytest.mark.parametrize("temperature", [1e-30, 1e-38, 1e-40])
def test_the_smallest_float_temperature_gives_the_mode(shared_model, temperature):
    """Where logits / temperature overflow."""
    model = shared_model(GatedPixelCNN)
    np.testing.assert_array_equal(model.sample(2, temperature=temperature), model.sample(2, temperature=1e-4))


def p_value(images, expected):
    """Of the chi-square test that images come as often as `expected`, {bytes of an image: count}, says."""
    found = Counter(map(bytes, images))
    assert set(found) <= set(expected)
    rare_first = sorted(expected, key=expected.get)
    totals = np.cumsum([expected[image] for image in rare_first])
    together = np.searchsorted(totals, 10) + 1  # the rarest are counted together
    groups = [rare_first[:together], *([image] for image in rare_first[together:])]
    assert len(groups) > 5
    observed, theory = ([sum(counts[image] for image in group) for group in groups] for counts in (found, expected))
    return stats.chisquare(observed, np.array(theory) * sum(observed) / sum(theory)).pvalue


@pytest.mark.parametrize("image_shape, levels", [((2, 2, 1), 3), ((1, 2, 3), 2)])
@BOTH
def test_frequencies_of_samples_are_the_exponential_of_log_prob(
    shared_model, every_image, model_class, image_shape, levels
):
    model, n = shared_model(model_class, image_shape=image_shape, levels=levels), 20_000
    images = every_image(model)
    expected = dict(zip(map(bytes, images), n * np.exp(model.log_prob(images).astype("float64")), strict=True))
    assert p_value(model.sample(n, seed=1), expected) > 0.01


def test_frequencies_given_a_label_are_those_of_that_class(shared_model, every_image):
    model, n = shared_model(GatedPixelCNN, image_shape=(1, 2, 1), levels=3, num_classes=2), 5000
    images = every_image(model)
    counts = [n * np.exp(model.log_prob(images, label).astype("float64")) for label in (0, 1)]
    expected = [dict(zip(map(bytes, images), each, strict=True)) for each in counts]
    samples = [model.sample(n, label) for label in (0, 1)]
    for label in (0, 1):
        assert p_value(samples[label], expected[label]) > 0.01
        assert p_value(samples[label], expected[1 - label]) < 1e-6  # the classes differ


# Completion: what is known is kept, the rest is drawn given what comes before.

RANDOM = np.random.default_rng(0)
MASKS = {
    "of_pixels": RANDOM.random((4, 5)) < 0.5,
    "of_each_image": RANDOM.random((3, 4, 5)) < 0.5,
    "of_subpixels": RANDOM.random((3, 4, 5, 3)) < 0.5,
    "with_a_hole": np.pad(np.zeros((2, 2), bool), [(1, 1), (2, 1)], constant_values=True),
}


def over_all_colours(mask):
    """The mask for three RGB images: bool [3, 4, 5, 3]."""
    if mask.ndim < 4:
        mask = mask[..., None]
    return np.broadcast_to(mask, (3, 4, 5, 3))


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@BOTH
def test_completion_keeps_the_known_and_samples_the_rest(shared_model, random_images, plain_sample, model_class, mask):
    model = shared_model(model_class)
    images, known = random_images(model, 3), over_all_colours(mask)
    found = model.complete(images, mask, seed=4)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[known], images[known])
    assert (found[~known] != images[~known]).any()
    np.testing.assert_array_equal(found, plain_sample(model, 3, seed=4, images=images, known=known))


def test_completion_given_labels_and_a_temperature(shared_model, random_images, plain_sample):
    model, labels = shared_model(GatedPixelCNN, num_classes=3), [2, 0, 1]
    images, mask = random_images(model, 3), MASKS["of_pixels"]
    found = model.complete(images, mask, condition=labels, temperature=0.5)
    expected = plain_sample(model, 3, labels, 0, 0.5, images, over_all_colours(mask))
    np.testing.assert_array_equal(found, expected)


@BOTH
def test_rows_is_a_mask_of_upper_rows(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 3)
    for rows in (1, 3):
        mask = np.zeros((4, 5), bool)
        mask[:rows] = True
        np.testing.assert_array_equal(model.complete(images, rows=rows), model.complete(images, mask))


@BOTH
def test_no_known_rows_is_sampling_and_all_is_identity(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 3)
    np.testing.assert_array_equal(model.complete(images, rows=0, seed=6), model.sample(3, seed=6))
    np.testing.assert_array_equal(model.complete(images, rows=4, seed=6), images)
    np.testing.assert_array_equal(model.complete(images, np.ones((4, 5), bool)), images)


@BOTH
def test_what_an_image_holds_where_it_is_unknown_does_not_matter(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images, known = random_images(model, 3), over_all_colours(MASKS["of_pixels"])
    others = np.where(known, images, random_images(model, 3, seed=1))
    mask = MASKS["of_pixels"]
    np.testing.assert_array_equal(model.complete(images, mask), model.complete(others, mask))


@BOTH
def test_completion_does_not_change_its_arguments(shared_model, random_images, model_class):
    model = shared_model(model_class)
    images = random_images(model, 3)
    before = images.copy()
    model.complete(images, rows=1)
    np.testing.assert_array_equal(images, before)
