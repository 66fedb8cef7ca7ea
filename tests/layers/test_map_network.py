"""m(h) of Eq. 5: the sizes that it reaches, what each place of its map sees, and what it refuses."""

import numpy as np
import pytest
from keras import ops

from image_generators.layers.map_network import MapNetwork


@pytest.mark.parametrize(
    "size, shape, options, ups",
    [
        ((28, 28), (10,), {}, 2),  # from 7x7
        ((32, 32), (10,), {}, 2),  # from 8x8
        ((4, 5), (10,), {}, 0),
        ((12, 32), (10,), {}, 1),  # 6x16 is small enough in one side
        ((32, 32), (8, 8, 3), {}, 2),
        ((32, 32), (32, 32, 1), {}, 0),
        ((32, 32), (32, 32, 4), {"halvings": 2}, 2),
        ((8, 12), (4, 6, 2), {"halvings": 1}, 2),
    ],
)
def test_output_has_the_requested_size(size, shape, options, ups):
    layer = MapNetwork(size, filters=3, depth=1, **options)
    found = layer(np.ones((2, *shape), "float32"))
    assert found.shape == layer.compute_output_shape((2, *shape)) == (2, *size, 3)
    assert len(layer.up) == ups


@pytest.mark.parametrize("shape", [(5,), (4, 4, 5), (16, 16, 5)])
def test_every_input_feature_and_every_weight_affects_the_map(gradient, shape):
    layer = MapNetwork((16, 16), filters=4, depth=1, halvings=1 if len(shape) == 3 else 0)
    h = np.random.default_rng(0).normal(size=(1, *shape)).astype("float32")
    mixture = np.random.default_rng(1).normal(size=(1, 16, 16, 4)).astype("float32")
    (seen,) = gradient(lambda x: ops.sum(layer(x) * mixture), h)
    assert np.abs(seen).reshape(-1, 5).any(axis=0).all()
    before = ops.convert_to_numpy(layer(h))
    for weight in layer.trainable_variables:
        kept = ops.convert_to_numpy(weight.value)
        weight.assign(kept + np.random.default_rng(2).normal(size=kept.shape) * 0.1)
        assert (ops.convert_to_numpy(layer(h)) != before).any(), weight.path
        weight.assign(kept)


def test_halvings_widen_the_receptive_field(gradient):
    """The pixel in the corner: without halving, its convolutions reach as far as they are many."""
    reach = {}
    for halvings in (0, 2):
        layer = MapNetwork((16, 16), filters=4, depth=1, halvings=halvings)
        h = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype("float32")
        (seen,) = gradient(lambda x, m=layer: ops.sum(m(x)[:, 0, 0]), h)
        reach[halvings] = np.max(np.nonzero(seen)[1])
    assert reach[0] == 4  # the first, two of the block, the last
    assert reach[2] > 10


def test_pixel_conditions_are_scaled_and_features_are_not():
    layer, plain = MapNetwork((4, 4), filters=2, depth=0, levels=256), MapNetwork((4, 4), filters=2, depth=0)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("uint8")
    for each in (layer, plain):
        each.build(pixels.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(pixels), plain(pixels / 127.5 - 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "shape, options",
    [((100,), {}), ((8, 8, 3), {"levels": 256}), ((32, 32, 1), {"levels": 256, "halvings": 2})],
)
def test_initial_output_is_large_enough_to_matter(shape, options):
    """Under Keras's default initialiser s starts at hundredths, which the gates ignore for thousands of steps."""
    layer = MapNetwork((32, 32), filters=32, depth=2, **options)
    rng = np.random.default_rng(0)
    h = rng.integers(0, 256, (4, *shape)) if options else rng.normal(size=(4, *shape))
    assert 0.3 < float(ops.std(layer(h.astype("float32")))) < 3.0


@pytest.mark.parametrize(
    "options, shape, message",
    [
        ({"filters": 0}, (3,), "filters.*Received: filters=0"),
        ({"depth": -1}, (3,), "depth.*Received: depth=-1"),
        ({"halvings": 1.0}, (3,), r"halvings.*Received: halvings=1\.0"),
        ({}, (5, 5, 3), r"size.*Received: size=\(16, 16\), halvings=0, an input of 5x5"),
        ({}, (8, 4, 3), r"size.*Received: size=\(16, 16\), halvings=0, an input of 8x4"),
        ({}, (32, 32, 3), r"size.*Received: size=\(16, 16\), halvings=0, an input of 32x32"),
        ({"halvings": 4}, (8, 8, 3), r"size.*Received: size=\(16, 16\), halvings=4, an input of 8x8"),
        ({"halvings": 1}, (3,), "halvings.*Received: halvings=1"),
    ],
)
def test_bad_sizes_are_refused(options, shape, message):
    with pytest.raises(ValueError, match=message):
        MapNetwork((16, 16), **options).build((None, *shape))
