"""GatedBlock against Figure 2 of arXiv 1606.05328, written with whole kernels, masks and an explicit shift."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from image_generators.layers.gated_block import GatedBlock, gate, gated_block_reference
from image_generators.layers.masked_conv import colour_mask, colours_of

KERNELS = [3, 5, 7]
CONDITIONS = {None: None, "vector": (2, 3), "map": (2, 4, 5, 3)}  # of two images of 4x5 pixels, three features


def normal(random, *shape):
    return random.normal(size=shape).astype("float32")


def paper_weights(n, channels, filters, features=None, seed=0):
    """Unmasked kernels, n x n and 1 x n, named as the weights of a block."""
    random = np.random.default_rng(seed)
    weights = {
        "vertical_kernel": normal(random, n, n, channels, 2 * filters),
        "vertical_bias": normal(random, 2 * filters),
        "vertical_to_horizontal": normal(random, 2 * filters, 2 * filters),
        "horizontal_kernel": normal(random, 1, n, channels, 2 * filters),
        "horizontal_bias": normal(random, 2 * filters),
        "output_kernel": normal(random, filters, filters),
        "output_bias": normal(random, filters),
    }
    if features:
        weights["vertical_condition"] = normal(random, features, 2 * filters)
        weights["horizontal_condition"] = normal(random, features, 2 * filters)
    return {name: 0.3 * value for name, value in weights.items()}  # small: a gate should not saturate


def block_with(weights, n, mask_type, colours, **options):
    """A block whose weights are the visible taps of the paper's kernels."""
    channels, filters = weights["vertical_kernel"].shape[2], len(weights["output_bias"])
    block = GatedBlock(filters, n, mask_type, colours, **options)
    shape = (None, 4, 5, channels)
    has_condition = "vertical_condition" in weights
    block.build(shape, shape, (None, len(weights["vertical_condition"])) if has_condition else None)
    visible = n // 2 + 1
    cut = {
        "vertical_kernel": weights["vertical_kernel"][:visible],
        "horizontal_kernel": weights["horizontal_kernel"][:, :visible],
    }
    for name, value in {**weights, **cut}.items():
        getattr(block, name).assign(value)
    return block


@pytest.fixture(scope="module")
def paper_block(paper_mask, plain_conv):
    """`paper_block(weights, vertical, horizontal, mask_type, colours, condition, shift)` -> (vertical, horizontal).

    With `shift`, the tap moves down one row: the vertical maps then have one row more, above the image.
    """

    def paper_gate(maps):
        content, opening = np.split(maps, 2, axis=-1)
        return np.tanh(content) / (1 + np.exp(-opening))  # Eq. 2

    def given_condition(condition, kernel):  # Eq. 4: V^T h, the same everywhere; Eq. 5: V * s
        features = condition @ kernel
        return features[:, None, None, :] if features.ndim == 2 else features

    def block(weights, vertical, horizontal, mask_type, colours, condition=None, shift=False):
        n, _, channels, twice = weights["vertical_kernel"].shape
        rows_up_to_own = (np.arange(n) <= n // 2)[:, None, None, None]
        half = paper_mask(1, n, channels, twice // 2, mask_type, colours)
        mask = np.concatenate([half, half], axis=-1)  # both halves of the gate are split into colours alike
        above = plain_conv(vertical, weights["vertical_kernel"] * rows_up_to_own) + weights["vertical_bias"]
        tap = above[:, :-1] if shift else above  # row r of the horizontal stack gets row r - 1 of the vertical one
        features = plain_conv(horizontal, weights["horizontal_kernel"] * mask) + weights["horizontal_bias"]
        features = features + tap @ weights["vertical_to_horizontal"]  # all colours of the rows above: no mask
        if condition is not None:
            above = above + given_condition(condition, weights["vertical_condition"])
            features = features + given_condition(condition, weights["horizontal_condition"])
        own_and_earlier = paper_mask(1, 1, twice // 2, twice // 2, "B", colours)[0, 0]
        output = paper_gate(features) @ (weights["output_kernel"] * own_and_earlier) + weights["output_bias"]
        return paper_gate(above), output + horizontal if mask_type == "B" else output

    return block


def assert_pairs_equal(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("mask_type", "AB")
@pytest.mark.parametrize("n", KERNELS)
def test_a_block_is_its_reference_with_whole_masked_kernels(gradient, n, mask_type, colours, condition):
    random = np.random.default_rng(8)
    channels = colours if mask_type == "A" else 6
    maps = [normal(random, 2, 4, 5, channels) for _ in range(2)]
    condition_arrays = [normal(random, *CONDITIONS[condition])] if condition else []
    block = block_with(paper_weights(n, channels, 6, features=condition and 3), n, mask_type, colours)
    reference = functools.partial(gated_block_reference, block)
    pairs = [function(*maps, *condition_arrays) for function in (block, reference)]
    assert_pairs_equal(*(map(ops.convert_to_numpy, pair) for pair in pairs))

    def cost(function):
        return lambda *arrays: sum(ops.sum(ops.square(output)) for output in function(*arrays))

    gradients = [gradient(cost(function), *maps, *condition_arrays) for function in (block, reference)]
    assert_pairs_equal(*gradients)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("n", KERNELS)
def test_a_later_block_computes_figure_2(paper_block, n, colours, condition):
    random = np.random.default_rng(1)
    vertical, horizontal = normal(random, 2, 4, 5, 6), normal(random, 2, 4, 5, 6)
    given = condition and normal(random, *CONDITIONS[condition])
    weights = paper_weights(n, 6, 6, features=condition and 3)
    found = block_with(weights, n, "B", colours)(vertical, horizontal, given)
    assert_pairs_equal(found, paper_block(weights, vertical, horizontal, "B", colours, given))


@pytest.mark.parametrize("condition", [None, "vector"])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("n", KERNELS)
def test_the_first_block_computes_figure_2_shifted_down_one_row(paper_block, n, colours, condition):
    """Its vertical maps at a row are the paper's at the row above: that is where the shift went."""
    random = np.random.default_rng(2)
    image = normal(random, 2, 4, 5, colours)
    with_row_above = np.pad(image, [(0, 0), (1, 0), (0, 0), (0, 0)])
    given = condition and normal(random, *CONDITIONS[condition])
    weights = paper_weights(n, colours, 6, features=condition and 3)
    vertical, horizontal = paper_block(weights, with_row_above, image, "A", colours, given, shift=True)
    found = block_with(weights, n, "A", colours)(image, image, given)
    assert_pairs_equal(found, (vertical[:, :-1], horizontal))


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("n", KERNELS)
def test_a_stack_of_blocks_equals_a_network_that_shifts_every_tap(paper_block, n, colours):
    """Three blocks: vertical maps that see rows up to their own, one row more than the image, and shifted taps."""
    image = normal(np.random.default_rng(3), 2, 4, 5, colours)
    with_row_above = np.pad(image, [(0, 0), (1, 0), (0, 0), (0, 0)])
    ours, paper = (image, image), (with_row_above, image)
    for i, mask_type in enumerate("ABB"):
        weights = paper_weights(n, colours if i == 0 else 6, 6, seed=i)
        ours = block_with(weights, n, mask_type, colours)(*ours)
        paper = paper_block(weights, *paper, mask_type, colours, shift=True)
    assert_pairs_equal(ours, (paper[0][:, :-1], paper[1]))


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    n=st.sampled_from([1, 3, 5]),
    mask_type=st.sampled_from("AB"),
    colours=st.sampled_from([1, 3]),
    group=st.integers(1, 2),
    seed=st.integers(0, 2**31),
)
def test_figure_2_holds_for_any_image_and_block_size(paper_block, height, width, n, mask_type, colours, group, seed):
    filters, first = colours * group, mask_type == "A"
    image = normal(np.random.default_rng(seed), 1, height, width, filters)
    vertical = np.pad(image, [(0, 0), (1, 0), (0, 0), (0, 0)]) if first else image
    weights = paper_weights(n, filters, filters, seed=seed)
    expected = paper_block(weights, vertical, image, mask_type, colours, shift=first)
    found = block_with(weights, n, mask_type, colours)(image, image)
    assert_pairs_equal(found, (expected[0][:, :-1] if first else expected[0], expected[1]))


@pytest.mark.parametrize("condition", ["vector", "map"])
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_a_condition_with_zero_kernels_has_no_effect(mask_type, condition):
    random = np.random.default_rng(4)
    maps, given = normal(random, 2, 4, 5, 6), normal(random, *CONDITIONS[condition])
    without = paper_weights(3, 6, 6)
    zeros = {f"{stack}_condition": np.zeros((3, 12)) for stack in ("vertical", "horizontal")}
    expected = block_with(without, 3, mask_type, 3)(maps, maps)
    assert_pairs_equal(block_with({**without, **zeros}, 3, mask_type, 3)(maps, maps, given), expected)


def test_a_vector_condition_equals_a_constant_map():
    random = np.random.default_rng(5)
    maps, vector = normal(random, 2, 4, 5, 6), normal(random, 2, 3)
    block = block_with(paper_weights(3, 6, 6, features=3), 3, "B", 3)
    same_everywhere = np.broadcast_to(vector[:, None, None], (2, 4, 5, 3))
    assert_pairs_equal(block(maps, maps, vector), block(maps, maps, same_everywhere))


def test_gate_is_tanh_of_the_first_half_times_sigmoid_of_the_second():
    content, opening = np.float32([[-2.0, 0.0, 0.5]]), np.float32([[0.0, 3.0, -1.0]])
    expected = np.tanh(content) / (1 + np.exp(-opening))
    np.testing.assert_allclose(gate(np.concatenate([content, opening], axis=-1)), expected, rtol=1e-5)


def test_masked_taps_get_no_gradient(gradient):
    image = normal(np.random.default_rng(6), 2, 4, 5, 3)
    block = block_with(paper_weights(3, 3, 6), 3, "A", colours=3)
    three, six = colours_of(3, 3), colours_of(6, 3)
    masks = {"horizontal_kernel": colour_mask(three, np.tile(six, 2), "A"), "output_kernel": colour_mask(six, six, "B")}
    hidden = {name: ops.convert_to_numpy(mask) == 0 for name, mask in masks.items()}

    def loss(*weights):
        (vertical, horizontal), _ = block.stateless_call(weights, [], image, image)
        return ops.sum(ops.square(horizontal)) + ops.sum(ops.square(vertical))

    found = dict(zip((weight.name for weight in block.weights), gradient(loss, *block.get_weights()), strict=True))
    assert (found["horizontal_kernel"][0, -1][hidden["horizontal_kernel"]] == 0).all()
    assert (found["output_kernel"][hidden["output_kernel"]] == 0).all()
    assert all(np.any(value) for value in found.values())  # and no weight is without any


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_dropout_acts_on_the_outputs_of_the_gates(rate):
    """Of the vertical map nothing is left but zeros and enlarged outputs; with all of a gate dropped, bias + input."""
    maps = normal(np.random.default_rng(7), 2, 4, 5, 6)
    weights = paper_weights(3, 6, 6)
    weights["output_kernel"] = np.eye(6)
    block = block_with(weights, 3, "B", 1, dropout=rate)
    kept = [ops.convert_to_numpy(each) for each in block(maps, maps, training=False)]
    vertical, horizontal = (ops.convert_to_numpy(each) for each in block(maps, maps, training=True))
    ground = maps + weights["output_bias"]
    for dropped, whole in ((vertical, kept[0]), (horizontal - ground, kept[1] - ground)):
        is_zero = np.isclose(dropped, 0, atol=1e-6)
        assert 0 < is_zero.mean() < 1
        np.testing.assert_allclose(dropped[~is_zero], whole[~is_zero] / (1 - rate), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_symbolic_and_eager_shapes_agree(condition):
    image, shape = np.zeros((2, 4, 5, 3), "float32"), CONDITIONS[condition]
    given = [np.zeros(shape, "float32")] if condition else []
    block = GatedBlock(6, 5, "A", colours=3)
    symbolic = block(*(keras.Input(each.shape[1:]) for each in (image, image, *given)))
    assert [each.shape for each in symbolic] == [(None, 4, 5, 6)] * 2
    assert [tuple(each.shape) for each in block(image, image, *given)] == [(2, 4, 5, 6)] * 2
    assert block.compute_output_shape(image.shape, image.shape) == ((2, 4, 5, 6), (2, 4, 5, 6))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel_size": 4}, "kernel_size.*Received: kernel_size=4"),
        ({"kernel_size": 0}, "kernel_size.*Received: kernel_size=0"),
        ({"kernel_size": True}, "kernel_size.*Received: kernel_size=True"),
        ({"kernel_size": (3, 3)}, r"kernel_size.*Received: kernel_size=\(3, 3\)"),
        ({"mask_type": "C"}, "mask_type.*Received: mask_type='C'"),
        ({"filters": 8}, "filters.*Received: filters=8, colours=3"),
        ({"colours": 0}, "colours.*Received: colours=0"),
    ],
)
def test_errors_name_the_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        GatedBlock(**{"filters": 6, "colours": 3, **arguments})


def test_channels_must_split_into_colours():
    with pytest.raises(ValueError, match="channels.*Received: channels=4, colours=3"):
        GatedBlock(6, 3, "A", colours=3).build((None, 4, 4, 4), (None, 4, 4, 4))


def test_residual_input_must_have_filters_channels():
    with pytest.raises(ValueError, match="horizontal.*Received: channels=3, filters=6"):
        GatedBlock(6, 3, "B", colours=3).build((None, 4, 4, 6), (None, 4, 4, 3))


def test_unexpected_or_misshapen_condition_is_refused():
    maps = np.zeros((2, 4, 5, 6), "float32")
    block = GatedBlock(6)
    block(maps, maps)
    with pytest.raises(ValueError, match="condition"):
        block(maps, maps, np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"condition.*Received: .*\(2, 5, 3\)"):
        GatedBlock(6)(maps, maps, np.zeros((2, 5, 3), "float32"))
