"""Baselines of arXiv 1411.5928 that generate nothing: they show a training image instead of the one asked for.

nearest_view    the same chair from the known view nearest in angle
nearest_style   of the chairs known from the wanted view the one most like this chair, in the views known of both

Both take training views (a data.image_data.Split) and the labels wanted [n, 3], and return uint8 [n, size, size, 4].
"""

import time
from collections.abc import Callable

import numpy as np

from image_generators.data.image_data import Split
from image_generators.evaluation import pictures, records
from image_generators.evaluation.chairs import held_out
from image_generators.models.chairs.images import data_on_white


def directions(labels: np.ndarray) -> np.ndarray:
    """Unit vectors from the object to the camera, float64 [n, 3], of labels [n, 3]."""
    azimuth, elevation = np.radians(labels[:, 1:].astype("float64")).T
    return np.stack(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], axis=1
    )


def nearest_view(train: Split, wanted: np.ndarray) -> np.ndarray:
    """The view of the same style at the least angle to the one wanted; of several such the first.

    Raises:
        ValueError: a wanted style has no known view.
    """
    nearest = np.empty(len(wanted), int)
    for style in np.unique(wanted[:, 0]):
        mine, known = wanted[:, 0] == style, np.flatnonzero(train.labels[:, 0] == style)
        if not len(known):
            raise ValueError(f"wanted must be of styles with a known view. Received: style {style:.0f}, which has none")
        cosines = directions(wanted[mine]) @ directions(train.labels[known]).T  # [wanted, known]
        nearest[mine] = known[cosines.round(9).argmax(axis=1)]
    return train.images[nearest]


def nearest_style(train: Split, wanted: np.ndarray) -> np.ndarray:
    """The wanted view of the most similar style that is known from there.

    Two styles are compared in the views that are known of both, by mean squared error of colour.

    Raises:
        ValueError: no style is known from a wanted view and from a view known of its style.
    """
    place = {tuple(label): at for at, label in enumerate(train.labels.tolist())}
    others = np.unique(train.labels[:, 0])
    nearest = np.empty(len(wanted), int)
    for style in np.unique(wanted[:, 0]):
        views = [tuple(view) for view in train.labels[train.labels[:, 0] == style, 1:].tolist()]
        errors = {other: _difference(train.images, place, style, other, views) for other in others if other != style}
        order = sorted((other for other in errors if errors[other] is not None), key=errors.get)
        for at in np.flatnonzero(wanted[:, 0] == style):
            view = tuple(wanted[at, 1:].tolist())
            there = [place[(other, *view)] for other in order if (other, *view) in place]
            if not there:
                raise ValueError(f"no style is known from the view {view} and from one known of style {style:.0f}")
            nearest[at] = there[0]
    return train.images[nearest]


def _difference(images, place, style, other, views):
    """Mean squared error between two styles over those of `views` that both have; None: there are none."""
    shared = [view for view in views if (other, *view) in place]
    if not shared:
        return None
    ours, theirs = (images[[place[(whose, *view)] for view in shared]] for whose in (style, other))
    return float(held_out.squared_error(theirs, ours).mean())


def row(
    table: str,
    model: str,
    guess: Callable[[Split, np.ndarray], np.ndarray],
    also: Callable[[np.ndarray, np.ndarray], dict[str, float]] | None = None,
) -> Callable:
    """For Experiment.baselines: a function of the data and the flags that measures `guess` of validation and test.

    Args:
        table, model: of the record.
        guess: one of the functions above.
        also: function of the test labels [n, 3] and squared errors [n] that gives more to tell, {what: number}.
    """

    def run(data, options):
        start, cpu = time.perf_counter(), time.process_time()
        splits = {name: getattr(data, name) for name in records.SPLITS if name != "train"}
        predictions = {name: guess(data.train, split.labels) for name, split in splits.items()}
        errors = {name: held_out.squared_error(predictions[name], splits[name].images) for name in splits}
        wall = time.perf_counter() - start
        measurements = {held_out.MASK: _mask_error(predictions["test"], data.test)}
        if also:
            measurements |= also(data.test.labels, errors["test"])
        fields = records.UNTRAINED | {
            "model_config": {},
            "values": {"train": None, **{name: float(error.mean()) for name, error in errors.items()}},
            "examples": {name: len(split.images) for name, split in splits.items()},
            "wall_seconds": wall,
            "cpu_seconds": time.process_time() - cpu,
            "images_per_second": sum(map(len, predictions.values())) / wall,
            "samples": f"{table}/{model}-{data.name}.png",
            "measurements": measurements,
        }
        return fields, _picture(data.test, predictions["test"])

    return run


def _mask_error(predicted, split):
    difference = (predicted[..., 3].astype("float32") - split.images[..., 3]) / 255.0
    return 1e3 * float(np.mean(np.square(difference), dtype="float64"))


def _picture(split, predicted):
    """As held_out.picture."""
    at = held_out.spread(len(split.images), 32)
    return pictures.grid(held_out.pairs(split.images[at], data_on_white(predicted[at])), columns=8)
