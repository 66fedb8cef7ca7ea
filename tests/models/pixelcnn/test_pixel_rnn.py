"""PixelRNN and its multi-scale variant: causality, normalisation, incremental = plain sampling, files, bad input."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.models.compiled import compiled
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN
from image_generators.models.pixelcnn.raster import inverse_cdf

RECURRENCES = ["row_lstm", "diagonal_bilstm"]
EITHER = pytest.mark.parametrize("recurrence", RECURRENCES)


ONE_BLOCK = {"filters": 12, "depth": 1}
SHAPES = pytest.mark.parametrize("image_shape", [(4, 6, 1), (4, 3, 3)])


@SHAPES
@EITHER
def test_no_prediction_depends_on_its_own_or_a_later_subpixel(total_influence, recurrence, image_shape):
    found = total_influence(PixelRNN, 2, recurrence=recurrence, image_shape=image_shape, filters=12)
    assert not np.triu(found).any()  # exactly zero


@SHAPES
def test_a_diagonal_bilstm_sees_all_that_came_before_but_the_end_of_the_row_above(total_influence, image_shape):
    """With one block already. The last colour there is seen as far to the left as the first kernel, 3x3, reaches."""
    height, width, colours = image_shape
    found = total_influence(PixelRNN, 2, recurrence="diagonal_bilstm", image_shape=image_shape, **ONE_BLOCK)
    expected = np.tril(np.ones_like(found), k=-1).reshape(height, width, colours, height, width, colours)
    for row in range(1, height):
        expected[row, : width - 2, :, row - 1, width - 1, -1] = 0
    np.testing.assert_array_equal(found > 0, expected.reshape(found.shape) > 0)


def test_a_row_lstm_sees_a_triangle_above_and_some_pixels_to_the_left(total_influence):
    """One block: 3x3 with mask A, then 1x3 masked, then the state three pixels wide: one more each way a row."""
    height, width = 4, 7
    found = total_influence(PixelRNN, 2, recurrence="row_lstm", image_shape=(height, width, 1), **ONE_BLOCK) > 0
    expected = np.zeros((height, width, height, width), bool)
    for row, column, seen_row, seen_column in np.ndindex(expected.shape):
        up, right = row - seen_row, seen_column - column
        expected[row, column, seen_row, seen_column] = (
            (-2 <= right < 0) if up == 0 else up > 0 and -up - 2 <= right <= up
        )
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("options", [{"image_shape": (2, 2, 1), "levels": 3}, {"image_shape": (1, 2, 3), "levels": 2}])
@EITHER
def test_probabilities_of_all_images_sum_to_one(shared_model, every_image, recurrence, options):
    model = shared_model(PixelRNN, recurrence=recurrence, **options)
    log_prob = model.log_prob(every_image(model)).astype("float64")
    assert np.exp(log_prob).sum() == pytest.approx(1, abs=1e-5)
    assert log_prob.std() > 0.1


# Each differs from the tiny model (4x5 RGB, 4 levels, kernels of 3, two blocks) in what its name says.
SETTINGS = {
    "binary_grey_one_block": {"image_shape": (5, 4, 1), "levels": 2, "depth": 1},
    "bytes_of_a_tall_image": {"levels": 256, "image_shape": (5, 3, 3), "kernel_size": 5, "first_kernel_size": 7},
    "one_column_kernels_of_1": {"image_shape": (4, 1, 3), "kernel_size": 1, "first_kernel_size": 1},
    "one_row": {"image_shape": (1, 5, 1)},
}


@pytest.mark.parametrize("name", SETTINGS)
@EITHER
def test_incremental_sampling_equals_plain_sampling(shared_model, plain_sample, recurrence, name):
    model = shared_model(PixelRNN, recurrence=recurrence, **SETTINGS[name])
    np.testing.assert_array_equal(model.sample(3, seed=5), plain_sample(model, 3, seed=5))


@EITHER
def test_incremental_completion_and_xla_equal_plain_sampling(shared_model, random_images, plain_sample, recurrence):
    model = shared_model(PixelRNN, recurrence=recurrence)
    images = random_images(model, 4)
    known = np.broadcast_to(np.arange(4)[:, None, None] < 2, images.shape)
    expected = plain_sample(model, 4, seed=5, temperature=0.7, images=images, known=known)
    for jit_compile in (False, True):
        found = model.complete(images, rows=2, seed=5, temperature=0.7, jit_compile=jit_compile)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "recurrence, given",
    [
        ("row_lstm", {"num_classes": 3}),
        ("row_lstm", {"condition_shape": (4, 5, 2)}),
        ("diagonal_bilstm", {"condition_shape": (4, 5, 2)}),
    ],
    ids=["labels", "maps", "diagonals_and_maps"],
)
def test_incremental_sampling_equals_plain_sampling_given_a_condition(shared_model, plain_sample, recurrence, given):
    model = shared_model(PixelRNN, recurrence=recurrence, **given)
    shape = model.condition_shape
    condition = np.array([2, 0, 1]) if shape is None else np.random.default_rng(0).normal(size=(3, *shape))
    found = model.sample(3, condition, seed=2)
    np.testing.assert_array_equal(found, plain_sample(model, 3, condition, seed=2))
    assert (found != model.sample(3, condition[::-1], seed=2)).any()


@EITHER
def test_sampling_computes_in_float32_whatever_the_policy(make_model, recurrence):
    options = {"recurrence": recurrence, "image_shape": (2, 3, 3), "depth": 1}
    low, full = (make_model(PixelRNN, **options, dtype=dtype) for dtype in ("mixed_bfloat16", "float32"))
    full.set_weights(low.get_weights())
    np.testing.assert_array_equal(low.sample(3), full.sample(3))


# Multi-scale, Section 3.6.

MULTI_SCALE = {"image_shape": (4, 4, 1), "levels": 3, "factor": 2, "map_filters": 4, "recurrence": "row_lstm"}


def test_probabilities_of_a_multi_scale_model_sum_to_one(shared_model, every_image):
    model = shared_model(MultiScalePixelRNN, **{**MULTI_SCALE, "image_shape": (2, 4, 1), "levels": 2})
    log_prob = model.log_prob(every_image(model)).astype("float64")
    assert np.exp(log_prob).sum() == pytest.approx(1, abs=1e-5)
    assert log_prob.std() > 0.1


@EITHER
def test_a_multi_scale_model_draws_the_small_image_first(shared_model, recurrence):
    model = shared_model(MultiScalePixelRNN, **{**MULTI_SCALE, "recurrence": recurrence})
    found = model.sample(3, seed=4)
    uniforms = np.random.default_rng(4).random((3, 4, 4, 1), dtype="float32")
    values = np.random.default_rng(9).integers(0, 3, (3, 4, 4, 1)).astype("uint8")  # garbage, till it is drawn
    network = compiled(model, lambda images: model(images))
    order = sorted(np.ndindex(4, 4), key=lambda place: (place[0] % 2 + place[1] % 2 > 0, place))
    for row, column in order:
        logits = ops.convert_to_numpy(network(values))[:, row, column, 0]
        drawn = ops.convert_to_numpy(inverse_cdf(logits, uniforms[:, row, column], 1.0))
        values[:, row, column] = drawn.astype("uint8")
    np.testing.assert_array_equal(found, values)


def test_a_multi_scale_model_keeps_known_pixels(shared_model, random_images):
    model = shared_model(MultiScalePixelRNN, **MULTI_SCALE)
    images, mask = random_images(model, 5), np.random.default_rng(0).random((4, 4)) < 0.5
    completed = model.complete(images, mask, seed=1)
    np.testing.assert_array_equal(completed[:, mask], images[:, mask])
    assert (completed != images).any()


# Learning and files.


@pytest.mark.parametrize("recurrence, jit_compile", [("row_lstm", False), ("diagonal_bilstm", True)])
def test_it_learns_with_and_without_xla(make_model, recurrence, jit_compile):
    model = make_model(PixelRNN, recurrence=recurrence, image_shape=(2, 3, 1), depth=1, dropout=0.1)
    images = (np.arange(16) % 4)[:, None, None, None] * np.ones((16, 2, 3, 1))  # of one value each
    model.compile(keras.optimizers.Adam(0.02), jit_compile=jit_compile)
    history = model.fit(images.astype("uint8"), batch_size=16, epochs=20, verbose=0).history["bits_per_dim"]
    assert history[-1] < 0.8 * history[0]


@EITHER
def test_rematerialisation_keeps_the_gradients(make_model, gradient, recurrence):
    options = {"recurrence": recurrence, "image_shape": (3, 4, 1), "num_classes": 3}
    plain, again = (make_model(PixelRNN, **options) for _ in range(2))
    again.rematerialise()
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 1)).astype("float32")
    labels = np.eye(3, dtype="float32")[:2]

    def seen(model):
        model.network_inputs = lambda images: (images, labels)
        return gradient(lambda x: ops.sum(ops.sin(model(x))), images)[0]

    np.testing.assert_allclose(seen(again), seen(plain), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("model_class", [PixelRNN, MultiScalePixelRNN])
def test_a_saved_model_is_the_same(make_model, random_images, tmp_path, model_class):
    options = {"recurrence": "row_lstm", "head_filters": 9, "dropout": 0.25, "dtype": "mixed_bfloat16"}
    shape = {"image_shape": (4, 4, 3), "num_classes": 3} if model_class is PixelRNN else {"image_shape": (4, 8, 3)}
    model = make_model(model_class, **options, **shape)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    given = [] if model.num_classes is None else [2]
    images = random_images(model, 3)
    np.testing.assert_array_equal(again.log_prob(images, *given), model.log_prob(images, *given))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PixelRNN(recurrence=["row_lstm"]), r"recurrence.*Received: .*\['row_lstm'\]"),
        (lambda: PixelRNN(recurrence="gru"), "recurrence.*'gru'"),
        (lambda: PixelRNN(filters=7), "filters"),
        (lambda: PixelRNN(kernel_size=2), "kernel_size"),
        (lambda: PixelRNN(depth=0), "depth"),
        (lambda: PixelRNN(condition_shape=(8, 8, 2)), "condition_shape"),
        (lambda: MultiScalePixelRNN(factor=3), "factor.*Received: factor=3"),
        (lambda: MultiScalePixelRNN((30, 32, 3), factor=4), "factor"),
        (lambda: MultiScalePixelRNN(factor=1), "factor"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_weight_count_equals_a_hand_count():
    """h = 6, RGB, 4 levels, one block: the first 3x3, the LSTM, the 1x1, the head."""
    sizes = {"image_shape": (4, 5, 3), "levels": 4, "filters": 6, "depth": 1, "first_kernel_size": 3}
    first, expand, head = 9 * 3 * 12 + 12, 6 * 12 + 12, (12 * 12 + 12) + (12 * 12 + 12)
    cell = {"row_lstm": 3 * 6 * 24 + 6, "diagonal_bilstm": 2 * (2 * 6 * 24 + 6)}
    inputs = {"row_lstm": 2 * 12 * 24 + 24, "diagonal_bilstm": 2 * (12 * 24 + 24)}
    for recurrence in RECURRENCES:
        model = PixelRNN(recurrence=recurrence, **sizes)
        model.build()
        assert model.count_params() == first + expand + head + cell[recurrence] + inputs[recurrence]
        assert LOGIT_SCALE == 8.0
