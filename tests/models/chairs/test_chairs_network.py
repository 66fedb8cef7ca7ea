"""ChairsNetwork: weights counted by hand, the whole network against NumPy."""

import numpy as np
import pytest
from chairs_reference import STYLES, reference, small_generator

from image_generators.models.chairs.generator import ChairsGenerator

RANDOM = np.random.default_rng(0)


def hand_count(size, width=1.0, streams=2, deep=False, transformations=True, styles=843, theta=8):
    """Weights and biases of Figure 2, with the release's sizes, counted layer by layer."""
    w = lambda units: max(1, round(units * width))  # noqa: E731
    dense = lambda inputs, outputs: (inputs + 1) * outputs  # noqa: E731
    inputs = [styles, 4] + [theta] * transformations
    count = sum(dense(n, w(512)) + dense(w(512), w(512)) for n in inputs)
    count += dense(len(inputs) * w(512), w(1024)) + dense(w(1024), w(1024))
    image = {16: [256], 64: [256, 256, 92], 128: [256, 256, 92, 92], 256: [256, 256, 92, 92, 92]}[size]
    mask = {16: [128], 64: [128, 92, 32], 128: [128, 92, 32, 32], 256: [128, 92, 32, 32, 32]}[size]
    for maps, channels in [(image, 3), (mask, 1)] if streams == 2 else [(image, 4)]:
        maps = [w(n) for n in maps]
        count += dense(w(1024), 64 * maps[0])
        count += sum((25 * a + 1) * b for a, b in zip(maps, [*maps[1:], channels], strict=True))
        count += sum((9 * n + 1) * n for n in maps[1:]) if deep else 0
    return count


def test_weight_count_equals_the_authors_release():
    """31.7M at 64x64 and 31.9M at 128x128: with its augmentation's 28 numbers, of which eight are of use here."""
    assert round(hand_count(64, theta=28) / 1e6, 1) == 31.7 and round(hand_count(128, theta=28) / 1e6, 1) == 31.9
    model = ChairsGenerator((128, 128, 4))
    model.build()
    assert model.count_params() == hand_count(128) == 31_881_852
    assert hand_count(64) == 31_644_528


@pytest.mark.parametrize(
    "size, options",
    [
        (64, {}),
        (256, {"streams": 1}),
        (64, {"deep": True}),
        (64, {"deep": True, "streams": 1, "transformations": False}),
    ],
)
def test_weight_shapes_follow_the_architecture(size, options):
    model = ChairsGenerator((size, size, 4), num_styles=7, width=0.02, **options)
    model.build()
    assert model.count_params() == hand_count(size, 0.02, styles=7, **options)


@pytest.mark.parametrize("options", [{}, {"image_shape": (32, 32, 4), "streams": 1, "deep": True}])
def test_network_equals_the_literal_reference(options):
    model = small_generator(**options)
    styles = RANDOM.normal(size=(3, STYLES)).astype("float32")
    azimuth, elevation = np.array([0.0, 100.0, -30.0]), np.array([20.0, -50.0, 90.0])
    theta = RANDOM.normal(size=(3, 8)).astype("float32")
    expected = reference(model, styles, azimuth, elevation, theta)
    for found, wanted in zip(model.draw(styles, np.stack([azimuth, elevation], -1), theta), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
        assert np.std(wanted) > 0.1
    found = model.generate(styles, azimuth, elevation, theta)
    rgb, mask = (np.clip(values, 0, 1) * 255 for values in expected)
    np.testing.assert_allclose(found.images, rgb, atol=0.55)
    np.testing.assert_allclose(found.masks, mask[..., 0], atol=0.55)
