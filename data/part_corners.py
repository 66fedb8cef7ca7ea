"""Corners of a chair's parts, found in its geometry: the same corner of two chairs is a true correspondence.

Three rules, for a mesh whose front looks along z and whose height is along y (data/mesh.py):

    feet    what lies within 3% of the height above the floor, in four compact heaps, one in each quarter of the
            chair's footprint: the middle of each. A sled, a star or a block has none.
    back    the two ends, left and right, of what lies within 4% of the height below the top, where that is in the rear
            half and at least half as wide as the chair. A pointed back has none.
    seat    the two front corners of the level that most of the chair, seen from above, is on: of it, what reaches
            furthest forward and outward at once.

Left and right are those of the picture from the front.
"""

import numpy as np

FLOOR, TOP = 0.03, 0.04  # of the height
COMPACT = 0.25  # of the footprint's width and depth: the largest foot
WIDE = 0.5  # of the chair's width: the narrowest back
LEVEL = 0.04  # of the height: how thick the seat's level is
GRID = 100  # rays along the width and along the depth


def corners(renderer):
    """Corners that the rules find.

    Args:
        renderer: data.renderer.Renderer of a chair.

    Returns: {name: float64 [3], in the mesh's units}; empty where no rule fits.
    """
    vertices = renderer.mesh.vertices[np.unique(renderer.mesh.faces)]
    return {**_feet(vertices), **_back(vertices), **_seat(renderer, vertices)}


def _feet(vertices):
    low, high = vertices.min(0), vertices.max(0)
    ground = vertices[vertices[:, 1] <= low[1] + FLOOR * (high[1] - low[1])]
    middle = (ground.min(0) + ground.max(0)) / 2
    found = {}
    for depth, front in (("front", True), ("rear", False)):
        for side, right in (("left", False), ("right", True)):
            foot = ground[((ground[:, 2] > middle[2]) == front) & ((ground[:, 0] > middle[0]) == right)]
            if not len(foot) or (np.ptp(foot, axis=0)[[0, 2]] > COMPACT * np.ptp(ground, axis=0)[[0, 2]]).any():
                return {}
            found[f"{depth} {side} foot"] = (foot.min(0) + foot.max(0)) / 2
    return found


def _back(vertices):
    low, high = vertices.min(0), vertices.max(0)
    top = vertices[vertices[:, 1] >= high[1] - TOP * (high[1] - low[1])]
    if np.ptp(top[:, 0]) < WIDE * (high[0] - low[0]) or top[:, 2].mean() > (low[2] + high[2]) / 2:
        return {}
    return {"left end of the back": top[top[:, 0].argmin()], "right end of the back": top[top[:, 0].argmax()]}


def _seat(renderer, vertices):
    low, high = vertices.min(0), vertices.max(0)
    x, z = (np.linspace(low[axis], high[axis], GRID) for axis in (0, 2))
    above = np.stack(np.meshgrid(x, [high[1] + 1e-3 * (high[1] - low[1])], z), axis=-1).reshape(-1, 3)
    hits = renderer.cast(_scaled(renderer, above), np.broadcast_to(np.float32([0, -1, 0]), above.shape).copy())
    met = above[hits.rays] - np.outer(hits.distances * renderer.unit, [0, 1, 0])
    heights = met[:, 1]
    bins = np.histogram(heights, int(1 / LEVEL), (low[1], high[1]))
    level = bins[1][bins[0].argmax()] + LEVEL * (high[1] - low[1]) / 2
    seat = met[np.abs(heights - level) <= LEVEL * (high[1] - low[1])]
    if not 0.2 < (level - low[1]) / (high[1] - low[1]) < 0.8:
        return {}
    # Width and depth count alike, whatever the chair's proportions.
    forward = seat[:, 2] / max(high[2] - low[2], 1e-9)
    outward = seat[:, 0] / max(high[0] - low[0], 1e-9)
    return {
        "front left corner of the seat": seat[(forward - outward).argmax()],
        "front right corner of the seat": seat[(forward + outward).argmax()],
    }


def _scaled(renderer, points):
    """Points in the mesh's units -> in those of the renderer's rays."""
    return ((points - renderer.centre) / renderer.unit).astype(np.float32)
