"""Is what a network draws the right chair, from the right side? Asked of what it draws of held-out views.

right chair    of all designs, as they truly look from that side, the one asked for is most like the picture; or it is
               among the five most like it
right side     of all true views of that design the one most like the picture is from the azimuth asked for, or the next

Alike is what differs least, by squared error of colour on white: of what a person would see. The truth of the view
asked for is among the candidates, and no network saw it. By chance one of all designs is right, and 3 of 31 sides.
"""

from typing import TYPE_CHECKING

import numpy as np

from image_generators.data.image_data import ImageData
from image_generators.evaluation.chairs import held_out
from image_generators.models.chairs.images import data_on_white, on_white

if TYPE_CHECKING:
    from image_generators.models.chairs.generator import ChairsGenerator

CHAIR, AMONG_FIVE, SIDE = "right chair, %", "right chair among the nearest five, %", "right side, %"


def recognised(network: "ChairsGenerator", data: ImageData, at_most: int = 2000) -> dict[str, float]:
    """{CHAIR, AMONG_FIVE, SIDE: percent} of `at_most` views held out for test, evenly spread over them.

    Args:
        network: ChairsGenerator.
        data: data.image_data.ImageData of views, whose labels are style, azimuth and elevation.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    splits = (data.train, data.validation, data.test)
    asked = data.test.labels[held_out.spread(len(data.test.images), at_most)]
    drawn = _flat(on_white(network.generate(*held_out.columns(asked))))
    before, aside = np.empty(len(asked)), np.empty(len(asked))
    for view in np.unique(asked[:, 1:], axis=0):
        mine = (asked[:, 1:] == view).all(axis=1)
        seen, labels = _known(splits, lambda of, view=view: (of[:, 1:] == view).all(axis=1))
        before[mine] = ahead(euclidean_distances(drawn[mine], seen), labels[:, 0] == asked[mine, :1])
    for style in np.unique(asked[:, 0]):
        mine = asked[:, 0] == style
        seen, labels = _known(splits, lambda of, style=style: of[:, 0] == style)
        nearest = euclidean_distances(drawn[mine], seen).argmin(axis=1)
        aside[mine] = turn(labels[nearest, 1], asked[mine, 1])
    step = np.diff(np.unique(data.train.labels[:, 1])).max(initial=0.0)
    right = {CHAIR: before < 1, AMONG_FIVE: before < 5, SIDE: aside <= step}
    return {what: 100.0 * float(np.mean(those)) for what, those in right.items()}


def ahead(distances: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How many candidates are more alike than the right one: int [n], of two arrays [n, candidates]."""
    return (distances < np.where(right, distances, np.inf).min(axis=1, keepdims=True)).sum(axis=1)


def turn(azimuth: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The angle between azimuths, 0 to 180 degrees."""
    return np.abs((azimuth - other + 180.0) % 360.0 - 180.0)


def _known(splits, keep):
    """(pictures, labels) of the views of all splits whose labels `keep` wants."""
    selected = [keep(split.labels) for split in splits]
    views, labels = (
        np.concatenate([getattr(split, name)[those] for split, those in zip(splits, selected, strict=True)])
        for name in ("images", "labels")
    )
    return _flat(data_on_white(views)), labels


def _flat(images):
    """uint8 [n, ...] -> float32 [n, numbers], 0 to 1."""
    return images.reshape(len(images), -1).astype("float32") / 255.0
