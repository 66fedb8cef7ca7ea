"""inverse_cdf: a uniform number becomes a value with the probability that the logits give it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy import stats

from image_generators.models.pixelcnn.raster import inverse_cdf

LEVELS = [2, 3, 4, 9, 10, 16, 255, 256]
NO_CHANCE = -1e4  # a logit whose probability is zero in float32
ALMOST_ONE = np.nextafter(np.float32(1), np.float32(0))


def softmax(logits):
    weights = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def draw(logits, uniforms, temperature=1.0):
    """Values, integers of the shape of `uniforms`, for one row of logits or for as many as uniforms."""
    uniforms = np.asarray(uniforms, "float32")
    logits = np.broadcast_to(np.asarray(logits, "float32"), (*uniforms.shape, np.shape(logits)[-1]))
    values = ops.convert_to_numpy(inverse_cdf(logits, uniforms[..., None], temperature))
    assert values.shape == (*uniforms.shape, 1) and values.dtype == np.float32
    return values[..., 0].astype(int)


@settings(max_examples=40, deadline=None)
@given(
    levels=st.sampled_from(LEVELS), spread=st.floats(0, 8), seed=st.integers(0, 2**31), temperature=st.floats(0.3, 3)
)
def test_inverse_cdf_equals_numpy_searchsorted(levels, spread, seed, temperature):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(200, levels)).astype("float32") * np.float32(spread)
    uniforms = random.random(200, dtype="float32")
    cdf = np.cumsum(softmax(logits / temperature), axis=-1)
    clear = np.abs(cdf - uniforms[:, None]).min(axis=-1) > 1e-5  # of rounding
    expected = [np.searchsorted(row, u, side="right") for row, u in zip(cdf, uniforms, strict=True)]
    np.testing.assert_array_equal(draw(logits, uniforms, temperature)[clear], np.array(expected)[clear])
    assert clear.mean() > 0.5


@pytest.mark.parametrize("levels", LEVELS)
def test_uniform_zero_gives_the_first_possible_value(levels):
    for first in (0, 1, levels // 2, levels - 1):
        logits = np.where(np.arange(levels) < first, NO_CHANCE, 0)
        assert draw(logits, [0.0]) == [first]


@pytest.mark.parametrize("levels", LEVELS)
def test_uniform_just_below_one_stays_within_the_levels(levels):
    random = np.random.default_rng(0)
    for spread in (0, 1, 10):
        values = draw(random.normal(size=(500, levels)) * spread, np.full(500, ALMOST_ONE))
        assert values.min() >= 0 and values.max() <= levels - 1


def test_a_step_belongs_to_its_lower_end():
    """Of four equal steps: 0.25 is the second one's."""
    assert draw([0, 0, 0, 0], [0, 0.2499, 0.25, 0.5, 0.7499, 0.75]).tolist() == [0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("levels", [2, 9, 256])
def test_frequencies_match_the_probabilities(levels, temperature):
    random = np.random.default_rng(1)
    logits = random.normal(size=levels).astype("float32")
    values = draw(logits, random.random(100_000, dtype="float32"), temperature)
    expected = softmax(logits / temperature) * len(values)
    assert stats.chisquare(np.bincount(values, minlength=levels), expected).pvalue > 0.01


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-20])
@pytest.mark.parametrize("levels", [2, 3, 256])
def test_temperature_near_zero_gives_the_mode(levels, temperature):
    random = np.random.default_rng(2)
    logits = random.permuted(np.tile(np.linspace(0, 8, levels), (50, 1)), axis=-1)  # no ties
    values = draw(logits, random.random(50), temperature)
    np.testing.assert_array_equal(values, logits.argmax(axis=-1))


def test_a_value_of_probability_zero_is_never_drawn():
    logits = np.array([NO_CHANCE, 1, NO_CHANCE, 0, NO_CHANCE])
    values = draw(logits, np.random.default_rng(3).random(10_000, dtype="float32"))
    assert set(values) == {1, 3}


@pytest.mark.parametrize("levels", LEVELS)
def test_rounding_never_gives_an_impossible_last_value(levels):
    logits = np.random.default_rng(5).normal(size=(200, levels)) * 2
    logits[:, -1] = NO_CHANCE
    assert draw(logits, np.full(200, ALMOST_ONE)).max() < levels - 1


def summed_in_pairs(numbers, axis):
    """A running sum along the last axis as machines compute it that add side by side: the sums of pairs first."""
    numbers = ops.convert_to_numpy(numbers)
    found, length = numbers.copy(), numbers.shape[-1]
    if length > 1:
        found[..., 1::2] = summed_in_pairs(numbers[..., : length - 1 : 2] + numbers[..., 1::2], axis)
        found[..., 2::2] = found[..., 1 : length - 1 : 2] + numbers[..., 2::2]
    return found


@pytest.mark.parametrize("running_sum", [ops.cumsum, summed_in_pairs])
@pytest.mark.parametrize("levels", LEVELS)
def test_rounding_never_gives_an_impossible_value_in_between(levels, running_sum, monkeypatch):
    """Uniform numbers as near to the ends of steps as float32 has them, among values that have no chance."""
    monkeypatch.setattr(ops, "cumsum", running_sum)
    random = np.random.default_rng(6)
    alive = random.random((4000, levels)) < random.uniform(0.1, 1, (4000, 1))
    alive[:, levels // 2] = True
    logits = np.where(alive, random.normal(size=alive.shape) * 3, NO_CHANCE).astype("float32")
    steps = np.cumsum(softmax(logits), axis=-1)
    ends = np.take_along_axis(steps, random.integers(levels, size=(4000, 1)), axis=-1)[:, 0]
    near = np.clip(ends.astype("float32") + random.integers(-3, 4, 4000) * np.float32(2**-24), 0, ALMOST_ONE)
    assert alive[np.arange(4000), draw(logits, near)].all()
