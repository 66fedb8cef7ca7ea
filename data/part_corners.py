"""Corners of a chair's parts, found in its geometry: the same corner of two chairs is a true correspondence.

Three rules, for a mesh whose front looks along z and whose height is along y (data/mesh.py):

    feet    what lies within 3% of the height above the floor, in four compact heaps, one in each quarter of the
            chair's footprint: the middle of each. A sled, a star or a block has none.
    seat    the two front corners of the level that most of the chair, seen from above, is on: of it, what reaches
            furthest forward and outward at once. None if that level is not in the chair's middle: of a stool.
    back    of a chair with a seat, the two ends, left and right, of what lies in the rear half and within 4% of the
            height below the top, where that is at least half as wide as the chair. A pointed back has none.

Left and right are those of the picture from the front. The rules were looked at on 60 chairs of furniture.tsv: they
take a board before the seat for the seat; `MISTAKEN` are those chairs.
"""

import numpy as np

from data.renderer import Renderer

FLOOR, TOP = 0.03, 0.04  # of the height
COMPACT = 0.25  # of the footprint's width and depth: the largest foot
WIDE = 0.5  # of the chair's width: the narrowest back
LEVEL = 0.04  # of the height: how thick the seat's level is
SEAT_HEIGHT = (0.2, 0.8)  # of the height
GRID = 100  # rays along the width and along the depth
MISTAKEN = ("Reallusion/classSeat", "Scopia/baby_high_chair")


def corners(renderer: Renderer) -> dict[str, np.ndarray]:
    """Corners that the rules find: {name: float64 `[3]`, in the mesh's units}; empty where no rule fits."""
    vertices = renderer.mesh.vertices[np.unique(renderer.mesh.faces)]
    low, high = vertices.min(0), vertices.max(0)
    seat = _seat(renderer, low, high)
    return {**_feet(renderer, vertices, low, high), **seat, **(_back(vertices, low, high) if seat else {})}


def _feet(renderer, vertices, low, high):
    # Vertices, which may be all there is of a thin leg, and hits, for a triangle may be as long as a sled's runner.
    ground = np.concatenate([vertices, _met(renderer, low, high, up=True)])
    ground = ground[ground[:, 1] <= low[1] + FLOOR * (high[1] - low[1])]
    middle = (ground.min(0) + ground.max(0)) / 2
    found = {}
    for depth, front in (("front", True), ("rear", False)):
        for side, right in (("left", False), ("right", True)):
            foot = ground[((ground[:, 2] > middle[2]) == front) & ((ground[:, 0] > middle[0]) == right)]
            if not len(foot) or (np.ptp(foot, axis=0)[[0, 2]] > COMPACT * np.ptp(ground, axis=0)[[0, 2]]).any():
                return {}
            found[f"{depth} {side} foot"] = (foot.min(0) + foot.max(0)) / 2
    return found


def _met(renderer, low, high, up):
    """Where vertical rays first meet a chair, from above or (up) from below: float64 [hits, 3]."""
    height = high[1] - low[1]
    x, z = (np.linspace(low[axis], high[axis], GRID) for axis in (0, 2))
    start = low[1] - 0.01 * height if up else high[1] + 0.01 * height
    starts = np.stack(np.meshgrid(x, [start], z), axis=-1).reshape(-1, 3)
    direction = np.float32([0, 1 if up else -1, 0])
    origins = ((starts - renderer.centre) / renderer.unit).astype(np.float32)
    hits = renderer.cast(origins, np.tile(direction, (len(origins), 1)))
    return starts[hits.rays] + renderer.unit * hits.distances[:, None] * direction


def _seat(renderer, low, high):
    height, met = high[1] - low[1], _met(renderer, low, high, up=False)
    counts, edges = np.histogram(met[:, 1], round(1 / LEVEL), (low[1], high[1]))
    level = edges[counts.argmax()] + LEVEL * height / 2
    if not SEAT_HEIGHT[0] < (level - low[1]) / height < SEAT_HEIGHT[1]:
        return {}
    seat = met[np.abs(met[:, 1] - level) <= LEVEL * height]
    forward, outward = (seat[:, axis] / max(high[axis] - low[axis], 1e-9) for axis in (2, 0))  # as of a square chair
    return {
        "front left corner of the seat": seat[(forward - outward).argmax()],
        "front right corner of the seat": seat[(forward + outward).argmax()],
    }


def _back(vertices, low, high):
    top = vertices[(vertices[:, 1] >= high[1] - TOP * (high[1] - low[1])) & (vertices[:, 2] < (low[2] + high[2]) / 2)]
    if not len(top) or np.ptp(top[:, 0]) < WIDE * (high[0] - low[0]):
        return {}
    return {"left end of the back": top[top[:, 0].argmin()], "right end of the back": top[top[:, 0].argmax()]}
