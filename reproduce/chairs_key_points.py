"""Key points of chairs whose places are known from their geometry, for chairs_correspondences.py.

Points of the surface, the same in every view (data/key_points.py), and corners of parts, the same in every chair that
has them (data/part_corners.py). Those of the embedded chairs, whose meshes are not in this repository, are kept in
embedded_key_points.npz beside this file;

python reproduce/chairs_key_points.py --furniture=sweethome3d-furniture_1.8-1_all.deb

makes it again from Debian's sweethome3d-furniture.
"""

import dataclasses
import functools
import pathlib
import zlib

import numpy as np
from absl import app
from absl.flags import argparse_flags

from data import embedded_chairs, key_points, part_corners, view_sources
from data.renderer import Renderer
from data.view_data import standard_views

EMBEDDED = pathlib.Path(__file__).with_name("embedded_key_points.npz")
CORNERS = (
    *(f"{depth} {side} foot" for depth in ("front", "rear") for side in ("left", "right")),
    *(f"front {side} corner of the seat" for side in ("left", "right")),
    *(f"{side} end of the back" for side in ("left", "right")),
)
POINTS = 48  # of a surface
BEFORE = 0.08  # of the object's radius: how far before a corner its part may be seen, for a foot's middle lies inside


@dataclasses.dataclass(frozen=True, eq=False)
class KeyPoints:
    """Of one chair, in the standard views [v] (data/view_data.py)."""

    surface: np.ndarray  # float32 [points, v, 2]: x, y in sizes of the picture, from its upper left corner
    surface_seen: np.ndarray  # bool [points, v]
    corners: np.ndarray  # float32 [CORNERS, v, 2], likewise
    corners_seen: np.ndarray  # bool [CORNERS, v]; False of a corner that this chair does not have


def in_pixels(places, size):
    """Places in sizes of the picture -> in pixels, the centre of the first at 0."""
    return np.asarray(places, "float32") * size - 0.5


def find(name, options):
    """{name of a style: function without arguments that gives its KeyPoints}.

    Args:
        name: of a source of data/views.py.
        options: with data_dir, furniture and voxels, as for `views.load`.

    Raises:
        ValueError: geometry of these chairs is not known or not to be had; the message says what to do.
    """
    if name == "embedded_chairs":
        return _embedded()
    if name not in view_sources.TITLES or name == "rendered_chairs":
        known = [source for source in view_sources.TITLES if source != "rendered_chairs"]
        raise ValueError(
            f"key points must be of embedded_chairs, {', '.join(known)}, whose geometry is known. Received: {name!r}"
        )
    designs = view_sources.find(name, options.data_dir, options.furniture, options.voxels).designs
    return {design.name: functools.partial(_measured, design) for design in designs}


def _measured(design):
    return measure(Renderer(design.read(), embedded_chairs.SIZE), design.name)


def measure(renderer, style):
    """KeyPoints of a chair; which points of the surface is a function of the style's name."""
    surface = key_points.of_views(renderer, *standard_views(), POINTS, zlib.crc32(style.encode()))
    found = {} if style in part_corners.MISTAKEN else part_corners.corners(renderer)
    has = np.array([name in found for name in CORNERS])
    corners = np.array([found.get(name, renderer.centre) for name in CORNERS])
    at, seen = (np.stack(parts, axis=1) for parts in zip(*_corners(renderer, corners), strict=True))
    return KeyPoints(
        _in_sizes(surface.pixels, renderer).swapaxes(0, 1), surface.seen.T, _in_sizes(at, renderer), seen & has[:, None]
    )


def _in_sizes(pixels, renderer):
    return ((pixels + 0.5) / renderer.size).astype("float32")


def _corners(renderer, points):
    """For each standard view (pixels [n, 2], whether the parts whose corners are points [n, 3] are seen there [n])."""
    scaled = (points - renderer.centre) / renderer.unit
    for azimuth, elevation in zip(*standard_views(), strict=True):
        pixels = renderer.project(points, azimuth, elevation)
        origin, directions = renderer.rays(pixels, azimuth, elevation)
        away = np.linalg.norm(scaled - origin, axis=1)
        hits = renderer.cast(np.tile(origin, (len(points), 1)), directions)
        seen = np.ones(len(points), bool)  # a ray that meets nothing passes by the edge that the corner is on
        seen[hits.rays] = hits.distances * np.linalg.norm(directions[hits.rays], axis=1) > away[hits.rays] - BEFORE
        yield pixels, seen


def _embedded():
    try:
        with np.load(EMBEDDED) as content:
            names, arrays = content["names"].tolist(), [content[field] for field in FIELDS]
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{EMBEDDED.name} cannot be read ({error}); check it out again") from error
    return {name: functools.partial(KeyPoints, *parts) for name, *parts in zip(names, *arrays, strict=True)}


FIELDS = tuple(field.name for field in dataclasses.fields(KeyPoints))


def write_embedded(found, path=EMBEDDED):
    """Keeps {name of a style: KeyPoints}."""
    arrays = {field: np.stack([getattr(points, field) for points in found.values()]) for field in FIELDS}
    np.savez_compressed(path, names=np.array(list(found)), **arrays)


def main(options):
    """Makes EMBEDDED again; returns 0, or a message for `sys.exit`."""
    try:
        names = embedded_chairs.load().style_names
        known = find("furniture_chairs", options)
        write_embedded({name: known[f"BlendSwap-CC-0/{name}"]() for name in names})
    except (ValueError, OSError) as error:
        return f"chairs_key_points: {error}"
    print(f"{len(names)} chairs: {EMBEDDED.name}")
    return 0


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--furniture", help="sweethome3d's furniture: a .deb, a .sh3f or a folder of them")
    parser.set_defaults(data_dir=None, voxels=None)
    return parser.parse_args(argv[1:])


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
