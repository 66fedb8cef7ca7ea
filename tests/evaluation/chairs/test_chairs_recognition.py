"""Whether pictures are of the right chair, from the right side: against a loop, and for networks that draw others."""

import dataclasses
import types

import numpy as np
import pytest
from example_records import chair_views

from image_generators.evaluation.chairs import recognition as chairs_recognition
from image_generators.evaluation.chairs.recognition import AMONG_FIVE, CHAIR, SIDE
from image_generators.models.chairs.images import Generated, data_on_white


def distinct_views():
    """Every style and every side has a pattern of its own, and their sum fills the picture."""
    views, random = chair_views(styles=9), np.random.default_rng(0)
    of_style, of_side = (random.integers(0, 120, (n, *views.images.shape[1:])) for n in (9, 16))
    side = np.unique(views.labels[:, 1:], axis=0, return_inverse=True)[1].reshape(-1)
    images = (of_style[views.styles] + of_side[side]).astype("uint8")
    images[..., 3] = 255
    return dataclasses.replace(views, images=images)


VIEWS = distinct_views()
DATA = VIEWS.hold_out(validation=0.1, test=0.4)
TRUTH = {tuple(label): image for label, image in zip(VIEWS.labels.tolist(), VIEWS.images, strict=True)}


def network_of(ask):
    """A network that draws the truth of ask(style, azimuth, elevation) for every view that it is asked for."""

    def generate(style, azimuth, elevation):
        drawn = np.stack([TRUTH[ask(*view)] for view in zip(style, azimuth, elevation, strict=True)])
        return Generated(drawn[..., :3], drawn[..., 3])

    return types.SimpleNamespace(generate=generate)


@pytest.mark.parametrize(
    "ask, chair, side",
    [
        (lambda style, azimuth, elevation: (style, azimuth, elevation), 100, 100),
        (lambda style, azimuth, elevation: ((style + 1) % 9, azimuth, elevation), 0, None),
        (lambda style, azimuth, elevation: (style, (azimuth + 45) % 360, elevation), None, 100),
        (lambda style, azimuth, elevation: (style, (azimuth + 90) % 360, elevation), None, 0),
        (lambda style, azimuth, elevation: (style, azimuth, 50 - elevation), None, 100),  # from above is no other side
    ],
    ids=["truth", "another chair", "the next azimuth", "a quarter of a turn", "another elevation"],
)
def test_generated_chairs_are_recognised(ask, chair, side):
    told = chairs_recognition.recognised(network_of(ask), DATA)
    assert list(told) == [CHAIR, AMONG_FIVE, SIDE]
    assert chair in (None, pytest.approx(told[CHAIR])) and side in (None, pytest.approx(told[SIDE]))


def test_result_equals_a_loop_over_all_views():
    """A network that is often wrong: in every other answer it draws something else."""
    random = np.random.default_rng(0)
    answers = {label: label if random.random() < 0.5 else list(TRUTH)[random.integers(len(TRUTH))] for label in TRUTH}
    told = chairs_recognition.recognised(network_of(lambda *view: answers[tuple(map(float, view))]), DATA)

    on_white = {label: data_on_white(image[None])[0] / 255.0 for label, image in TRUTH.items()}
    error = lambda a, b: np.mean((on_white[a] - on_white[b]) ** 2)  # noqa: E731
    before, sides = [], []
    for label in map(tuple, DATA.test.labels.tolist()):
        drawn = answers[label]
        own = error(drawn, label)
        before.append(sum(error(drawn, other) < own - 1e-9 for other in TRUTH if other[1:] == label[1:]))
        nearest = min((other for other in TRUTH if other[0] == label[0]), key=lambda other: error(drawn, other))
        apart = abs(nearest[1] - label[1])
        sides.append(min(apart, 360 - apart) <= 45)
    expected = {CHAIR: np.less(before, 1), AMONG_FIVE: np.less(before, 5), SIDE: sides}
    assert told == {what: pytest.approx(100 * np.mean(those)) for what, those in expected.items()}
    assert 0 < told[CHAIR] < told[AMONG_FIVE] < 100 and 0 < told[SIDE] < 100


def test_at_most_limits_the_number_of_views():
    asked = []
    network = network_of(lambda *view: asked.append(view) or view)
    assert chairs_recognition.recognised(network, DATA, at_most=7)[CHAIR] == 100
    assert len(asked) == 7 and len(DATA.test.images) > 7
