"""Which point of one chair is which of another: tracked through a morph between the two (arXiv 1411.5928).

python reproduce/chairs_correspondences.py              measures, into results/chairs_correspondences/
python reproduce/chairs_correspondences.py --pairs=10   quickly

The network draws 64 images between two views, or two styles; points are tracked through them by the optical flow from
each to the next. Measured against what the renderer knows, in pixels, on

  views   the same point of the surface in two views of one style, 12 to 93 degrees apart in azimuth: exact
  styles  the same corner (a leg's foot, an end of the back) of two styles in one view: as exact as the rule that finds
          the corner in the geometry, data/key_points.py

beside optical flow from the first image to the second, the nearest SIFT descriptor, and points that stay where they are.
All methods see the same two images but the network's, which sees none: it draws them again from style and view.
"""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw

from reproduce import chairs_figures, optical_flow, pictures, windows

FRAMES = 64
SHOWN = 6  # pairs in the picture
COLUMNS = 5  # frames of a pair in the picture
COLOURS = ((230, 30, 30), (30, 160, 60), (40, 80, 230), (240, 150, 0), (160, 40, 200), (0, 170, 190))


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """Two images, and points of the first with where they are in the second."""

    subset: str  # "views, near", "views, far", "styles"
    images: np.ndarray  # uint8 [2, size, size, 4]: the renderer's
    points: np.ndarray  # float32 [2, n, 2]: in each of them, optical_flow's pixels
    styles: tuple[int, int]
    azimuths: tuple[float, float]  # degrees; the second may lie outside 0 to 360, the morph goes straight to it
    elevations: tuple[float, float]  # degrees


def morph(network, pair, frames=FRAMES):
    """The network's images from the first to the second of a pair, uint8 [frames, size, size, 4]."""
    second = np.linspace(0, 1, frames, dtype="float32")[:, None]
    first, other = chairs_figures.one_hot(list(pair.styles), network)
    azimuths, elevations = (np.linspace(*ends, frames) for ends in (pair.azimuths, pair.elevations))
    drawn = network.generate((1 - second) * first + second * other, azimuths, elevations)
    return np.concatenate([drawn.images, drawn.masks[..., None]], axis=-1)


def by_morph(network, pair):
    return optical_flow.track(optical_flow.contrast(morph(network, pair)), pair.points[0])[-1]


def by_flow(network, pair):
    first, second = optical_flow.contrast(pair.images)
    return pair.points[0] + optical_flow.at(optical_flow.flow(first, second), pair.points[0])


def by_sift(network, pair):
    first, second = optical_flow.contrast(pair.images)
    return optical_flow.sift_matches(first, second, pair.points[0], pair.images[1, ..., 3] > 127)


def by_staying(network, pair):
    return pair.points[0]


METHODS = {  # name in the record -> where a pair's points are in the second image
    "morph": by_morph,
    "flow": by_flow,
    "sift": by_sift,
    "staying": by_staying,
}


def measure(network, pairs):
    """{method: {subset: mean error in pixels}}, over all points of all pairs of a subset; and {subset: points}."""
    found = {name: {} for name in METHODS}
    for pair in pairs:
        for name, method in METHODS.items():
            errors = optical_flow.errors(method(network, pair), pair.points[1])
            found[name].setdefault(pair.subset, []).append(errors)
    means = {
        name: {subset: float(np.concatenate(errors).mean()) for subset, errors in of_subset.items()}
        for name, of_subset in found.items()
    }
    return means, {subset: sum(map(len, errors)) for subset, errors in found["morph"].items()}


def picture(network, pairs):
    """A row for each pair: the first image with points, frames of the morph with tracks, the second with the truth."""
    return pictures.grid(np.concatenate([_row(network, pair) for pair in pairs]), columns=COLUMNS + 2)


def _row(network, pair):
    frames = morph(network, pair)
    tracks = optical_flow.track(optical_flow.contrast(frames), pair.points[0])
    scale = chairs_figures.scale(network)
    cells = [_with_tracks(pair.images[0], pair.points[:1], scale)]
    for t in np.rint(np.linspace(0, len(frames) - 1, COLUMNS)).astype(int):
        cells.append(_with_tracks(frames[t], tracks[: t + 1], scale))
    cells.append(_with_tracks(pair.images[1], pair.points[1:], scale))
    return np.stack(cells)


def _with_tracks(rgba, tracks, scale):
    """An image on white, enlarged, with the paths of points [frames, n, 2] and where they are at the last."""
    drawing = Image.fromarray(windows.enlarge(on_white(rgba), scale))
    pen = ImageDraw.Draw(drawing)
    radius = max(2, scale)
    for i, path in enumerate(np.swapaxes((tracks + 0.5) * scale, 0, 1)):
        colour = COLOURS[i % len(COLOURS)]
        if len(path) > 1:
            pen.line([tuple(point) for point in path.tolist()], fill=colour, width=1)
        x, y = path[-1].tolist()
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=(255, 255, 255))
    return np.asarray(drawing)


def on_white(rgba):
    """A rendered image, its colour on black: uint8 [..., size, size, 4] -> [..., size, size, 3]."""
    return (rgba[..., :3] + (255 - rgba[..., 3:].astype("int16"))).clip(0, 255).astype("uint8")
