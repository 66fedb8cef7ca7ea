"""Positions of surface points in the views of an object: exact correspondences from the renderer's geometry.

Positions are in pixels, right and down from the centre of the upper left pixel, as in OpenCV and SciPy.
"""

import dataclasses

import numpy as np

from image_generators.data.batches import check_integers, generator
from image_generators.data.chairs.mesh import Mesh
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import standard_views

KEY_POINTS = 4  # key of the random numbers of this module
TOUCHING = 5e-5  # a point is hidden if a surface is nearer to the camera by more than this fraction of its distance
DRAWS = 1000  # the most draws of a view and of rays through it

FLOOR = 0.02  # fraction of the height within which a point stands on the floor
TOP = 0.05  # fraction of the height within which a point belongs to the top
GAP = 0.1  # least distance between legs, as a fraction of the width or depth


@dataclasses.dataclass(frozen=True, eq=False)
class KeyPoints:
    """Points of one object in several views."""

    points: np.ndarray  # float64 [p, 3], in the mesh's units
    pixels: np.ndarray  # float64 [v, p, 2], right and down
    seen: np.ndarray  # bool [v, p]: inside the image and not hidden by the object
    names: tuple[str, ...]  # [p]: name of a part, or "" for random points


def follow(renderer: Renderer, points: np.ndarray, azimuths, elevations, names: tuple[str, ...] = ()) -> KeyPoints:
    """Follows surface points through views.

    Args:
        renderer: renderer of the object.
        points: float `[p, 3]`, in the mesh's units.
        azimuths, elevations: degrees, `[v]` each.
        names: `[p]`; empty for random points.
    """
    views = list(zip(azimuths, elevations, strict=True))
    pixels = np.stack([renderer.project(points, *view) for view in views])
    inside = ((pixels > -0.5) & (pixels < renderer.size - 0.5)).all(axis=-1)
    seen = np.stack([_unhidden(renderer, points, *view) for view in views])
    return KeyPoints(np.asarray(points), pixels, inside & seen, names or ("",) * len(points))


def between(
    renderer: Renderer, first: tuple[float, float], second: tuple[float, float], count: int, seed: int = 0
) -> KeyPoints:
    """Random points that are visible in two views, uniform over the object in the first image.

    Args:
        renderer: renderer of the object at the size of the images.
        first, second: azimuth and elevation in degrees.
        count: number of points, at least 1.
        seed: integer of at least 0.

    Raises:
        ValueError: an argument is out of range, or the two views have too few points in common.
    """
    views = list(zip(first, second, strict=True))
    points = _random(renderer, [first], count, seed, lambda points: follow(renderer, points, *views).seen.all(axis=0))
    return follow(renderer, points, *views)


def of_views(renderer: Renderer, azimuths, elevations, count: int, seed: int = 0) -> KeyPoints:
    """Random surface points, each visible in at least one of the views. Arguments are as for `between`."""
    views = list(zip(azimuths, elevations, strict=True))
    points = _random(renderer, views, count, seed, lambda points: np.ones(len(points), bool))
    return follow(renderer, points, azimuths, elevations)


def _random(renderer, views, count, seed, wanted):
    """Surface points at random positions in random views that `wanted` accepts: float64 [count, 3]."""
    check_integers(("count", count, 1), ("seed", seed, 0))
    rng = generator(seed, KEY_POINTS)
    accepted = []
    for _ in range(DRAWS):
        view = views[rng.integers(len(views))]
        pixels = rng.uniform(-0.5, renderer.size - 0.5, (max(count // len(views), 1), 2))
        points = _surface_points(renderer, pixels, view)
        accepted += list(points[wanted(points)])
        if len(accepted) >= count:
            return np.stack(accepted[:count])
    rule = f"count must be at most about {len(accepted)} for these views, which have few points in common"
    raise ValueError(f"{rule}. Received: count={count}")


def _surface_points(renderer, pixels, view):
    """The surface points at positions in an image, in the mesh's units; none for positions on the background."""
    origin, directions = renderer.rays(pixels, *view)
    hits = renderer.cast(np.tile(origin, (len(pixels), 1)), directions)
    corners = renderer.mesh.vertices[renderer.mesh.faces[hits.faces]]
    return np.einsum("hcd,hc->hd", corners, hits.weights.astype(np.float64))


def _unhidden(renderer, points, azimuth, elevation):
    """Whether nothing lies between the camera and each point: bool [p]."""
    if not len(points):
        return np.zeros(0, bool)
    origin, _ = renderer.rays(np.zeros((1, 2)), azimuth, elevation)
    directions = ((np.asarray(points) - renderer.centre) / renderer.unit - origin).astype(np.float32)
    hits = renderer.cast(np.tile(origin, (len(points), 1)), directions)
    free = np.ones(len(points), bool)
    free[hits.rays] = hits.distances > 1 - TOUCHING
    return free


def corners(mesh: Mesh) -> dict[str, np.ndarray]:
    """Corners of a chair's parts, derived from its geometry: {name: float64 `[3]`}, in the mesh's units.

    They are the tips of the four feet, if the chair stands on four separate ones, and the two upper corners of the
    back, if its highest part is behind the middle. Left and right are as seen from the front. Corners of two chairs
    with the same name correspond.
    """
    vertices = mesh.vertices[np.unique(mesh.faces)]
    lowest, extent = vertices.min(0), np.ptp(vertices, axis=0)
    place = (vertices - lowest) / np.where(extent > 0, extent, 1) - [0.5, 0, 0.5]  # x, z from -1/2; y from 0 to 1
    by_name = {}
    floor = place[:, 1] < FLOOR
    if (np.abs(place[floor][:, [0, 2]]) > GAP / 2).all():
        for depth, z in (("front", 1), ("back", -1)):
            for side, x in (("left", -1), ("right", 1)):
                here = floor & (x * place[:, 0] > 0) & (z * place[:, 2] > 0)
                if here.any():
                    by_name[f"{depth} {side} foot"] = _extreme(vertices, here, place @ [x, 0, z])
    if len(by_name) < 4:
        by_name = {}
    top = place[:, 1] > 1 - TOP
    if place[top, 2].max() < 0:
        for side, x in (("left", -1), ("right", 1)):
            by_name[f"top {side} corner"] = _extreme(vertices, top, place @ [x, 1, 0])
    return by_name


def _extreme(vertices, among, score):
    return vertices[np.where(among, score, -np.inf).argmax()]


def of_chair(renderer: Renderer, count: int, seed: int = 0) -> KeyPoints:
    """The named corners of parts, then `count` random points, in the views of `standard_views`."""
    azimuths, elevations = standard_views()
    parts = corners(renderer.mesh)
    random_points = of_views(renderer, azimuths, elevations, count, seed).points
    points = np.concatenate([np.reshape(list(parts.values()), (-1, 3)), random_points])
    return follow(renderer, points, azimuths, elevations, tuple(parts) + ("",) * count)
