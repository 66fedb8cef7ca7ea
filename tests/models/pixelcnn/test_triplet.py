"""The triplet loss against a loop over all triplets, written from FaceNet's equations."""

import itertools

import numpy as np
import pytest
from keras import ops

from image_generators.models.pixelcnn.triplet import squared_distances, triplet_loss

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 3], "int32")  # the last has no partner


def embeddings(seed=0, n=8, spread=0.3):
    """Of length 1, near enough to one another that the margin is violated by some triplets and not by all."""
    h = np.random.default_rng(seed).normal(size=(n, 4)) * spread + [1.0, 0.0, 0.0, 0.0]
    return (h / np.linalg.norm(h, axis=1, keepdims=True)).astype("float32")


def by_loop(h, labels, margin, mining):
    costs = []
    for a, p, n in itertools.permutations(range(len(h)), 3):
        if labels[a] != labels[p] or labels[a] == labels[n]:
            continue
        to_positive, to_negative = np.sum((h[a] - h[p]) ** 2), np.sum((h[a] - h[n]) ** 2)
        if mining == "semi_hard" and to_negative <= to_positive:
            continue
        if to_positive - to_negative + margin > 0:
            costs.append(to_positive - to_negative + margin)
    return np.mean(costs) if costs else 0.0, len(costs)


@pytest.mark.parametrize("mining", ["all", "semi_hard"])
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_loss_equals_a_loop_over_triplets(mining, margin):
    for seed in range(5):
        h = embeddings(seed)
        expected, count = by_loop(h.astype("float64"), LABELS, margin, mining)
        assert 0 < count < 8 * 7 * 6
        np.testing.assert_allclose(triplet_loss(h, LABELS, margin, mining), expected, rtol=1e-4)


def test_all_and_semi_hard_mining_differ():
    assert by_loop(embeddings(), LABELS, 0.2, "all")[1] > by_loop(embeddings(), LABELS, 0.2, "semi_hard")[1] > 0


def test_gradient_equals_a_loop_over_triplets(gradient):
    h, step = embeddings(), 1e-5
    (found,) = gradient(lambda x: triplet_loss(x, LABELS, 0.2, "all"), h)
    for place in np.ndindex(h.shape):
        moved = [h.astype("float64") for _ in range(2)]
        moved[0][place] -= step
        moved[1][place] += step
        low, high = (by_loop(each, LABELS, 0.2, "all")[0] for each in moved)
        np.testing.assert_allclose(found[place], (high - low) / (2 * step), atol=1e-3)
    assert found[7].any()  # without a partner it is a negative all the same


def test_it_draws_an_identity_together_and_pushes_others_away(gradient):
    h = np.array([[0.0, 0.0], [0.3, 0.0], [0.15, 0.3]], "float32")  # two of one, and a stranger beside them
    (found,) = gradient(lambda x: triplet_loss(x, np.array([0, 0, 1]), 0.2, "all"), h)
    before, after = (np.sqrt(squared_distances(each, each)) for each in (h, h - 0.01 * found))
    assert after[0, 1] < before[0, 1] - 1e-3
    assert (after[2, :2] > before[2, :2] + 1e-3).all()


@pytest.mark.parametrize("mining", ["all", "semi_hard"])
def test_well_separated_identities_cost_nothing(gradient, mining):
    """Identities far apart; a batch of one identity; a batch without any pair; all finite, and so is the gradient."""
    apart = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]], "float32")
    for labels in ([0, 0, 1, 1], [5, 5, 5, 5], [0, 1, 2, 3]):
        cost = lambda x, labels=labels: triplet_loss(x, np.array(labels), 0.2, mining)  # noqa: E731
        assert float(cost(apart)) == 0.0
        assert not gradient(cost, apart)[0].any()


def test_equal_embeddings_cost_the_margin_of_all_and_nothing_of_semi_hard():
    h = np.ones((4, 3), "float32")
    np.testing.assert_allclose(triplet_loss(h, np.array([0, 0, 1, 1]), 0.2, "all"), 0.2, rtol=1e-6)
    assert float(triplet_loss(h, np.array([0, 0, 1, 1]), 0.2, "semi_hard")) == 0.0


def test_distances_equal_norms_of_differences():
    first, second = embeddings(1), embeddings(2, n=5)
    expected = np.square(first[:, None] - second).sum(-1)
    np.testing.assert_allclose(squared_distances(first, second), expected, atol=1e-5)
    assert (ops.convert_to_numpy(squared_distances(first, first)) >= 0).all()
