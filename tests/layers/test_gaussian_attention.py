"""GaussianAttention: Eq. 19-29 of arXiv 1502.04623 as loops, cases known by hand, and windows beyond any use."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from image_generators.layers.gaussian_attention import GaussianAttention, tiling_gamma

RANDOM = np.random.default_rng(0)
SHAPES = [(6, 6), (5, 8), (7, 5)]
NARROW = 0.01  # sigma of filters that each see one pixel


def attention_on(size, height, width, **options):
    """A layer whose `hidden` are the five numbers of Eq. 21 themselves."""
    attention = GaussianAttention(size, (height, width, 1), **options)
    attention.build((None, 5))
    attention.linear.set_weights([np.eye(5), np.zeros(5)])
    return attention


def windows_inside(height, width, seed=0, n=4):
    """Windows float32 [n, 5] with centres on the image."""
    random = np.random.default_rng(seed)
    low, high = [1, 1, 0.3, 0.5, 0.5], [width, height, 2, 2, 2]
    return random.uniform(low, high, (n, 5)).astype("float32")


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def assert_each_close(found, expected):
    """Of a batch, computed at once, and its members, computed one by one."""
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    size=st.integers(1, 5),
    height=st.integers(5, 9),
    width=st.integers(5, 9),
    channels=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_filters_read_and_write_equal_the_papers_loops(paper_attention, size, height, width, channels, seed):
    attention, paper = GaussianAttention(size, (height, width, channels)), paper_attention(size, height, width)
    windows = windows_inside(height, width, seed, n=2)
    images, patches = normal(2, height, width, channels), normal(2, size, size, channels)
    filters = attention.filterbank(windows)
    assert_each_close(filters[0], [paper.filters(window)[0] for window in windows])
    assert_each_close(filters[1], [paper.filters(window)[1] for window in windows])
    assert_each_close(attention.read(images, windows), list(map(paper.read, images, windows)))
    assert_each_close(attention.write(patches, windows), list(map(paper.write, patches, windows)))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("height, width", SHAPES)
def test_window_parameters_follow_equations_21_to_24(paper_attention, size, height, width):
    attention, hidden = GaussianAttention(size, (height, width, 1)), normal(4, 7)
    attention.build(hidden.shape)
    kernel, bias = normal(7, 5) * 0.3, normal(5)
    attention.linear.set_weights([kernel, bias])
    expected = [paper_attention(size, height, width).window(raw) for raw in hidden @ kernel + bias]
    assert_each_close(attention(hidden), expected)
    assert_each_close(attention(hidden[:, None]), np.array(expected)[:, None])  # of a sequence too


@pytest.mark.parametrize("size, stride", [(2, 7), (3, 3.5), (5, 1.75)])
def test_zero_parameters_centre_the_window_over_the_whole_image(size, stride):
    window = ops.convert_to_numpy(attention_on(size, 5, 8)(np.zeros((1, 5), "float32")))
    np.testing.assert_allclose(window, [[4.5, 3, stride, 1, 1]])  # (A + 1)/2, (B + 1)/2, (max(A, B) - 1)/(N - 1)


@pytest.mark.parametrize("size, stride, sigma", [(2, 7, 3.5), (5, 1.75, 0.875)])
def test_a_new_window_covers_the_image_with_filters_half_a_stride_wide(size, stride, sigma):
    """Wherever the state before the first step is zero; and with the gamma that was asked for."""
    attention = GaussianAttention(size, (5, 8, 1), initial_gamma=0.3)
    window = ops.convert_to_numpy(attention(np.zeros((1, 7), "float32")))
    np.testing.assert_allclose(window, [[4.5, 3, stride, sigma, 0.3]], rtol=1e-5)


def test_an_image_of_one_pixel_is_read_and_written_whole():
    attention, ones = GaussianAttention(1, (1, 1, 1), tiling_gamma(1, (1, 1, 1))), np.ones((1, 1, 1, 1), "float32")
    window = attention(np.zeros((1, 7), "float32"))
    np.testing.assert_allclose(attention.write(ones, window), ones)
    np.testing.assert_allclose(attention.read(ones, window), ones)


@pytest.mark.parametrize("size, stride", [(5, 6.5), (14, 2)])
def test_writing_ones_gives_a_canvas_near_one(size, stride):
    """The sum of a filter is one, of N^2 of them over gamma N^2 strides^2; the rim cuts filters, and gets more."""
    shape = (27, 27, 1)
    attention = GaussianAttention(size, shape, tiling_gamma(size, shape))
    ones = np.ones((1, size, size, 1), "float32")
    written = np.array(attention.write(ones, attention(np.zeros((1, 7), "float32"))))[0, ..., 0]
    assert written.sum() == pytest.approx(size**2 * stride**2, rel=1e-4)
    assert written[13, 13] == pytest.approx(1, abs=0.2) and written.min() > 0.8


def test_images_of_a_batch_are_read_independently():
    images, windows, attention = normal(4, 2, 5, 8, 3), windows_inside(5, 8), GaussianAttention(3, (5, 8, 3))
    patches = attention.read(images.swapaxes(1, 2), windows)  # [batch, B, k, A, channels] -> [batch, N, k, N, channels]
    assert patches.shape == (4, 3, 2, 3, 3)
    for k in range(2):
        np.testing.assert_allclose(patches[:, :, k], attention.read(images[:, k], windows), rtol=1e-4, atol=1e-5)


def test_narrow_filters_over_the_whole_image_read_its_corners_and_middle():
    """Of 5x5 pixels, 3x3 filters are at rows and columns 1, 3 and 5: neither half a pixel nor a stride off."""
    attention, image = attention_on(3, 5, 5), normal(1, 5, 5, 1)
    narrow = np.float32([[0, 0, -8, 0, 0]])
    np.testing.assert_allclose(attention.read(image, attention(narrow)), image[:, ::2, ::2], rtol=1e-5)


def test_the_first_number_of_a_window_is_the_column_and_the_second_the_row():
    image = normal(1, 5, 8, 1)
    found = GaussianAttention(1, (5, 8, 1)).read(image, np.float32([[7, 2, 1, NARROW, 1]]))
    np.testing.assert_allclose(np.ravel(found), image[0, 1, 6], rtol=1e-5)
    even = GaussianAttention(2, (5, 8, 1)).read(image, np.float32([[6.5, 2.5, 1, NARROW, 1]]))  # 6 and 7, 2 and 3
    np.testing.assert_allclose(even, image[:, 1:3, 5:7], rtol=1e-5)


def test_a_point_that_moves_by_a_stride_moves_by_a_cell_of_the_patch():
    attention, window = GaussianAttention(4, (12, 14, 1)), np.float32([[7, 6, 2, 0.8, 1.5]])
    images = np.zeros((3, 12, 14, 1), "float32")
    images[0, 4, 5] = images[1, 4, 7] = images[2, 6, 5] = 1
    point, right, below = ops.convert_to_numpy(attention.read(images, np.repeat(window, 3, axis=0)))
    assert point.max() > 0.1
    np.testing.assert_allclose(right[:, 1:], point[:, :-1], rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(below[1:], point[:-1], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("height, width", SHAPES)
def test_writing_is_the_transpose_of_reading_over_gamma_squared(size, height, width):
    """<read(x), w> = gamma^2 <x, write(w)>."""
    attention, windows = GaussianAttention(size, (height, width, 3)), windows_inside(height, width)
    images, patches = normal(4, height, width, 3), normal(4, size, size, 3)
    read = np.sum(attention.read(images, windows) * patches, axis=(1, 2, 3))
    written = np.sum(images * attention.write(patches, windows), axis=(1, 2, 3))
    np.testing.assert_allclose(read, windows[:, 4] ** 2 * written, rtol=1e-3, atol=1e-4)


def test_every_channel_goes_through_the_same_filters():
    attention, windows = GaussianAttention(3, (5, 8, 3)), windows_inside(5, 8)
    images, patches = normal(4, 5, 8, 3), normal(4, 3, 3, 3)
    read, written = attention.read(images, windows), attention.write(patches, windows)
    for c in range(3):
        grey = attention.read(images[..., c : c + 1], windows)
        np.testing.assert_allclose(read[..., c : c + 1], grey, rtol=1e-4, atol=1e-6)
        grey = attention.write(patches[..., c : c + 1], windows)
        np.testing.assert_allclose(written[..., c : c + 1], grey, rtol=1e-4, atol=1e-6)


def extreme_windows():
    """Every combination of centres far off, and of sigma, stride and gamma beyond what a float32 holds: [96, 5]."""
    far = [(-1e4, 1e4), (1e4, 1e4), (0, 0)]
    return np.float32([[*centre, *logs] for centre in far for logs in itertools.product((-100, 0, 100), repeat=3)])


@pytest.mark.parametrize("height, width", SHAPES)
def test_filter_rows_sum_to_one_for_extreme_windows(height, width):
    attention = attention_on(3, height, width)
    for filters in attention.filterbank(attention(extreme_windows())):
        np.testing.assert_allclose(np.sum(filters, axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("height, width", SHAPES)
def test_gradients_stay_finite_for_extreme_windows(gradient, height, width):
    attention, raw = attention_on(3, height, width), extreme_windows()
    images, patches = normal(len(raw), height, width, 1), normal(len(raw), 3, 3, 1)

    def loss(raw, images, patches):
        windows = attention(raw)
        return ops.sum(attention.read(images, windows)) + ops.sum(attention.write(patches, windows))

    for found in gradient(loss, raw, images, patches):
        assert np.isfinite(found).all() and found.any()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_half_precision_keeps_windows_and_filters_exact(policy):
    """Their numbers are computed in float32, and rounded when they meet an image."""
    low, full = (GaussianAttention(3, (5, 28, 1), dtype=dtype) for dtype in (policy, "float32"))
    windows, images = windows_inside(5, 28), normal(4, 5, 28, 1)
    for found, expected in zip(low.filterbank(windows), full.filterbank(windows), strict=True):
        assert keras.backend.standardize_dtype(found.dtype) == low.compute_dtype
        np.testing.assert_allclose(ops.cast(found, "float32"), expected, atol=0.005)
    read = low.read(ops.cast(images, low.compute_dtype), windows)
    assert keras.backend.standardize_dtype(read.dtype) == low.compute_dtype
    np.testing.assert_allclose(ops.cast(read, "float32"), full.read(images, windows), atol=0.05)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_half_precision_handles_extreme_windows(policy):
    attention = attention_on(3, 5, 28, dtype=policy)
    for filters in attention.filterbank(attention(extreme_windows())):
        np.testing.assert_allclose(np.sum(ops.cast(filters, "float32"), axis=-1), 1, rtol=0.02)


def test_symbolic_and_eager_shapes_agree():
    attention = GaussianAttention(2, (5, 6, 3))
    assert attention(keras.Input((7,))).shape == (None, 5)
    assert tuple(attention(np.zeros((3, 7), "float32")).shape) == attention.compute_output_shape((3, 7)) == (3, 5)


@pytest.mark.parametrize("size", [0, -1, 6, True, 2.0, None])
def test_window_size_must_fit_the_image(size):
    message = f"size.*Received: size={size!r}"
    with pytest.raises(ValueError, match=message):
        GaussianAttention(size, (5, 8, 1))


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan"), float("inf")])
def test_initial_gamma_must_be_positive_and_finite(gamma):
    with pytest.raises(ValueError, match=f"initial_gamma.*Received: .*={gamma}"):
        GaussianAttention(2, (5, 8, 1), initial_gamma=gamma)
