"""Baselines of Chairs against loops: the nearest known view and style, and the error that all are measured by."""

import math

import numpy as np
import pytest
from example_records import chair_views

from image_generators.evaluation.chairs import baselines as chairs_baselines
from image_generators.evaluation.chairs import held_out
from image_generators.reproduce import chairs_view_interpolation


def test_errors_measure_colour_only():
    random = np.random.default_rng(0)
    found, truth = (random.integers(0, 256, (3, 4, 4, 4)).astype("uint8") for _ in range(2))
    direct = [
        np.mean([((int(a) - int(b)) / 255) ** 2 for a, b in zip(*pair, strict=True)])
        for pair in zip(found[..., :3].reshape(3, -1), truth[..., :3].reshape(3, -1), strict=True)
    ]
    np.testing.assert_allclose(held_out.squared_error(found, truth), direct, rtol=1e-5)
    np.testing.assert_allclose(held_out.squared_error(found[..., :3], truth), direct, rtol=1e-5)


def test_the_nearest_view_is_at_the_least_angle():
    views = chair_views(elevations=(0, 20, 40))
    keep = np.random.default_rng(0).random(len(views)) < 0.2
    keep[views.azimuths == 90] = True
    train, wanted = views.select(keep), views.select(~keep)
    found = chairs_baselines.nearest_view(train, wanted.labels)

    def angle(a, b):
        (_, a1, e1), (_, a2, e2) = (np.radians(label.astype("float64")) for label in (a, b))
        cosine = math.sin(e1) * math.sin(e2) + math.cos(e1) * math.cos(e2) * math.cos(a1 - a2)
        return math.acos(max(-1.0, min(1.0, cosine)))

    for label, image in zip(wanted.labels, found, strict=True):
        mine = [i for i in range(len(train)) if train.styles[i] == label[0]]
        least = min(angle(train.labels[i], label) for i in mine)
        near = [i for i in mine if angle(train.labels[i], label) < least + 1e-6]
        assert any((train.images[i] == image).all() for i in near)
    with pytest.raises(ValueError, match="style 7, which has none"):
        chairs_baselines.nearest_view(train, np.array([[7, 0, 20]]))


def test_the_nearest_style_is_the_most_similar_in_the_known_views():
    data = chairs_view_interpolation.split(chair_views(styles=12), 2)
    found = chairs_baselines.nearest_style(data.train, data.test.labels)
    known, target = data.train, data.test.labels[0, 0]
    at = dict(zip(map(tuple, known.labels.tolist()), known.images[..., :3] / 255.0, strict=True))
    mine = [label for label in at if label[0] == target]
    error = {
        other: np.mean([np.mean(np.square(at[label] - at[(other, *label[1:])])) for label in mine])
        for other in set(known.labels[:, 0].tolist()) - {target}
    }
    best = min(error, key=error.get)
    for label, image in zip(data.test.labels.tolist(), found, strict=True):
        np.testing.assert_allclose(image[..., :3] / 255.0, at[(best, *label[1:])], atol=1e-6)
    with pytest.raises(ValueError, match=r"no style is known from the view \(45.0, 20.0\)"):
        alone = chairs_view_interpolation.part("chairs_target_alone", data)
        chairs_baselines.nearest_style(alone.train, np.array([[target, 45, 20]], "float32"))
