"""Pairs of images of chairs that have points in common, for chairs_correspondences.py: two views, or two styles."""

import dataclasses

import numpy as np

from image_generators.data.chairs.view_data import AZIMUTHS, standard_views

SUBSETS = ("views, near", "views, far", "styles")
NEAR, FAR = (1, 3), (5, 8)  # steps of azimuth between two views
POINTS = 16  # of a pair, at most
LEAST = 3  # points that two images must have in common


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """Two images, and points of the first with where they are in the second."""

    subset: str  # of SUBSETS
    images: np.ndarray  # uint8 [2, size, size, 4]: the renderer's
    points: np.ndarray  # float32 [2, n, 2]: in each of them, in pixels as in optical_flow.py
    styles: tuple[int, int]
    azimuths: tuple[float, float]  # degrees; the second may lie beyond 0 or 360: the morph goes straight to it
    elevation: float  # degrees


class Geometry:
    """Views with the key points of their styles, which are computed as they are asked for.

    Args:
        views: data.chairs.views.Views, with the standard views of each style.
        sources: {name of a style: function that gives its data.chairs.key_points.KeyPoints, at the views' size}.

    Raises:
        ValueError: there are no key points of a style.
    """

    def __init__(self, views, sources):
        missing = [name for name in views.style_names if name not in sources]
        if missing:
            raise ValueError(f"key points must be known of every style. Received: none of {', '.join(missing[:3])}")
        self.views, self._sources, self._known = views, sources, {}
        self.azimuths, self.elevations = standard_views()

    def key_points(self, style):
        if style not in self._known:
            self._known[style] = self._sources[self.views.style_names[style]]()
        return self._known[style]

    def image(self, style, view):
        """The image of a style in the standard view of this number."""
        views, here = self.views, np.flatnonzero(self.views.styles == style)
        azimuth, elevation = self.azimuths[view], self.elevations[view]
        return views.images[here[(views.azimuths[here] == azimuth) & (views.elevations[here] == elevation)][0]]


def view_pair(geometry, steps, subset, rng):
    """Two views of one style, or None where they have too few points in common; `steps`: least and most apart."""
    style, first = rng.integers(geometry.views.num_styles), rng.integers(len(AZIMUTHS))
    apart = rng.integers(steps[0], steps[1] + 1) * rng.choice([-1, 1])
    level = rng.integers(2) * len(AZIMUTHS)  # 20 or 30 degrees
    chosen = [level + first, level + (first + apart) % len(AZIMUTHS)]
    points = geometry.key_points(style)
    of_surface = np.array([name == "" for name in points.names])
    some = rng.permutation(np.flatnonzero(points.seen[chosen].all(axis=0) & of_surface))[:POINTS]
    if len(some) < LEAST:
        return None
    start, end = geometry.azimuths[chosen].tolist()
    return Pair(
        subset,
        np.stack([geometry.image(style, view) for view in chosen]),
        points.pixels[chosen][:, some],
        (int(style), int(style)),
        (start, start + (end - start + 180) % 360 - 180),
        float(geometry.elevations[level]),
    )


def style_pair(geometry, rng):
    """Two styles in one view, or None where they have too few corners in common."""
    styles = rng.choice(geometry.views.num_styles, 2, replace=False)
    view = rng.integers(len(geometry.azimuths))
    known = [_corners(geometry.key_points(style), view) for style in styles]
    both = [name for name in known[0] if name in known[1]]
    if len(both) < LEAST:
        return None
    return Pair(
        SUBSETS[2],
        np.stack([geometry.image(style, view) for style in styles]),
        np.array([[corners[name] for name in both] for corners in known]),
        tuple(styles.tolist()),
        (float(geometry.azimuths[view]),) * 2,
        float(geometry.elevations[view]),
    )


def _corners(points, view):
    """{name: place} of the part corners that are seen in a view."""
    named = zip(points.names, points.pixels[view], points.seen[view], strict=True)
    return {name: place for name, place, seen in named if name and seen}


def draw_pairs(geometry, n, seed):
    """At most n pairs of each subset; a draw that gives none is made again, a hundred times at most for each."""
    rng, pairs = np.random.default_rng(seed), []
    kinds = [lambda: view_pair(geometry, NEAR, SUBSETS[0], rng), lambda: view_pair(geometry, FAR, SUBSETS[1], rng)]
    if geometry.views.num_styles > 1:
        kinds.append(lambda: style_pair(geometry, rng))
    for draw in kinds:
        drawn = (draw() for _ in range(100 * n))
        pairs += [pair for pair, _ in zip((pair for pair in drawn if pair), range(n), strict=False)]
    return pairs
