"""Where a point of an object's surface is in each of its views: exact correspondences, from the renderer's geometry.

Positions are in pixels to the right and down from the middle of the upper left pixel, as OpenCV and SciPy count.
"""

import dataclasses

import numpy as np

from image_generators.data.batches import check_integers, generator
from image_generators.data.chairs.mesh import Mesh
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import standard_views

KEY_POINTS = 4  # key of these random numbers
TOUCHING = 5e-5  # a point is hidden if something is nearer to the camera by more than this part of its distance
DRAWS = 1000  # of a view and of rays through it, at most

FLOOR = 0.02  # of the height: what is so near to the floor stands on it
TOP = 0.05  # of the height, from the top
GAP = 0.1  # of the width or depth: legs are so far apart


@dataclasses.dataclass(frozen=True, eq=False)
class KeyPoints:
    """Points of one object, in several views."""

    points: np.ndarray  # float64 [p, 3], in the mesh's units
    pixels: np.ndarray  # float64 [v, p, 2], right and down
    seen: np.ndarray  # bool [v, p]: in the picture, and nothing of the object before it
    names: tuple[str, ...]  # [p]: a part's name, or "" for any point


def follow(renderer: Renderer, points: np.ndarray, azimuths, elevations, names: tuple[str, ...] = ()) -> KeyPoints:
    """Where points of the surface, float `[p, 3]` in the mesh's units, are in views (degrees, `[v]` each)."""
    views = list(zip(azimuths, elevations, strict=True))
    pixels = np.stack([renderer.project(points, *view) for view in views])
    inside = ((pixels > -0.5) & (pixels < renderer.size - 0.5)).all(axis=-1)
    seen = np.stack([_unhidden(renderer, points, *view) for view in views])
    return KeyPoints(np.asarray(points), pixels, inside & seen, names or ("",) * len(points))


def between(
    renderer: Renderer, first: tuple[float, float], second: tuple[float, float], count: int, seed: int = 0
) -> KeyPoints:
    """Random points that are seen in two views, evenly spread over the first picture.

    Args:
        renderer: of the object, at the size of the pictures.
        first, second: azimuth and elevation, degrees.
        count: of points, at least 1.
        seed: which points, at least 0.

    Raises:
        ValueError: an argument is out of range, or the two views have hardly a point in common.
    """
    views = list(zip(first, second, strict=True))
    points = _random(renderer, [first], count, seed, lambda points: follow(renderer, points, *views).seen.all(axis=0))
    return follow(renderer, points, *views)


def of_views(renderer: Renderer, azimuths, elevations, count: int, seed: int = 0) -> KeyPoints:
    """Random points of the surface, each seen in at least one of the views, which are drawn at random too."""
    views = list(zip(azimuths, elevations, strict=True))
    points = _random(renderer, views, count, seed, lambda points: np.ones(len(points), bool))
    return follow(renderer, points, azimuths, elevations)


def _random(renderer, views, count, seed, wanted):
    """Points that are met at random positions of random views and that `wanted` keeps: float64 [count, 3]."""
    check_integers(("count", count, 1), ("seed", seed, 0))
    random = generator(seed, KEY_POINTS)
    found = []
    for _ in range(DRAWS):
        view = views[random.integers(len(views))]
        points = _met(renderer, random.uniform(-0.5, renderer.size - 0.5, (max(count // len(views), 1), 2)), view)
        found += list(points[wanted(points)])
        if len(found) >= count:
            return np.stack(found[:count])
    raise ValueError(f"count is {count}; accepted: up to about {len(found)} for these views, which share so little")


def _met(renderer, pixels, view):
    """The points of the surface at positions in a picture, in the mesh's units; none where nothing is."""
    origin, directions = renderer.rays(pixels, *view)
    hits = renderer.cast(np.tile(origin, (len(pixels), 1)), directions)
    corners = renderer.mesh.vertices[renderer.mesh.faces[hits.faces]]
    return np.einsum("hcd,hc->hd", corners, hits.weights.astype(np.float64))


def _unhidden(renderer, points, azimuth, elevation):
    """Whether the way from the camera to each point is free: bool [p]."""
    if not len(points):
        return np.zeros(0, bool)
    origin, _ = renderer.rays(np.zeros((1, 2)), azimuth, elevation)
    directions = ((np.asarray(points) - renderer.centre) / renderer.unit - origin).astype(np.float32)
    hits = renderer.cast(np.tile(origin, (len(points), 1)), directions)
    free = np.ones(len(points), bool)
    free[hits.rays] = hits.distances > 1 - TOUCHING
    return free


def corners(mesh: Mesh) -> dict[str, np.ndarray]:
    """Part corners of a chair that its geometry gives: float64 `[3]`, in the mesh's units, by name.

    The tips of four feet, where it stands on four that are apart, and the two upper corners of the back, where the
    highest part is behind the middle. Left and right are those of the view from the front. Parts of two chairs that
    have the same name correspond.
    """
    vertices = mesh.vertices[np.unique(mesh.faces)]
    lowest, extent = vertices.min(0), np.ptp(vertices, axis=0)
    place = (vertices - lowest) / np.where(extent > 0, extent, 1) - [0.5, 0, 0.5]  # x, z from -1/2; y from 0 to 1
    found = {}
    floor = place[:, 1] < FLOOR
    if (np.abs(place[floor][:, [0, 2]]) > GAP / 2).all():
        for depth, z in (("front", 1), ("back", -1)):
            for side, x in (("left", -1), ("right", 1)):
                here = floor & (x * place[:, 0] > 0) & (z * place[:, 2] > 0)
                if here.any():
                    found[f"{depth} {side} foot"] = _extreme(vertices, here, place @ [x, 0, z])
    if len(found) < 4:
        found = {}
    top = place[:, 1] > 1 - TOP
    if place[top, 2].max() < 0:
        for side, x in (("left", -1), ("right", 1)):
            found[f"top {side} corner"] = _extreme(vertices, top, place @ [x, 1, 0])
    return found


def _extreme(vertices, among, score):
    return vertices[np.where(among, score, -np.inf).argmax()]


def of_chair(renderer: Renderer, count: int, seed: int = 0) -> KeyPoints:
    """The part corners, named, then `count` random points, in the standard views (as `standard_views`)."""
    azimuths, elevations = standard_views()
    parts = corners(renderer.mesh)
    random = of_views(renderer, azimuths, elevations, count, seed).points
    points = np.concatenate([np.reshape(list(parts.values()), (-1, 3)), random])
    return follow(renderer, points, azimuths, elevations, tuple(parts) + ("",) * count)
