"""Renders a mesh by ray casting, without a display. embreex computes the intersections of rays and triangles.

The camera looks at the centre of the object's bounding box from a distance of `DISTANCE` radii. All views of an object
share one scale and one centre, which fit its views from the elevations in `FRAMED` plus a margin, like a crop to the
union of their bounding boxes. Other elevations use the same scale.

Each pixel is the mean of 2x2 rays. The mask is coverage, the fraction of these rays that hit the object, so it is exact
and does not depend on colours. Surfaces may be transparent, by the opacity of their material or the alpha of their
texture; coverage is then the fraction of the background that they hide.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from PIL import Image

from image_generators.data.chairs.mesh import NEEDED, Mesh
from image_generators.data.chairs.view_data import AZIMUTHS, check_size
from image_generators.data.sources.catalogue import DataError

RAYS = 2  # per pixel and axis
DISTANCE = 6.0  # from the camera to the object's centre, in radii of the object
MARGIN = 0.1  # fraction of half the image's side
FRAMED = (0.0, 20.0, 30.0, 40.0)  # degrees
LAYERS = 12  # the most transparent surfaces that a ray passes
# Light: ambient, from above in the object's space, and from above and left of the camera.
AMBIENT, SKY, LAMP = 0.35, 0.2, 0.45
LAMP_DIRECTION = np.array([-0.35, 0.45, 1.0]) / np.linalg.norm([-0.35, 0.45, 1.0])  # right, up, towards the camera


@dataclasses.dataclass(frozen=True)
class Hits:
    """The first intersections of rays."""

    rays: np.ndarray  # int [h]: indices of the rays that hit something
    faces: np.ndarray  # int [h]: indices of the triangles
    weights: np.ndarray  # float32 [h, 3]: barycentric coordinates in the triangles
    distances: np.ndarray  # float32 [h], in lengths of the ray's direction


class Renderer:
    """Renders a mesh from any direction at one size.

    Args:
        mesh: the object.
        size: height and width in pixels: 64, 128 or 256.

    Raises:
        ValueError: `size` is another number.
        DataError: all vertices are in one point.
        ImportError: embreex is not installed; the message says what to do.
    """

    def __init__(self, mesh: Mesh, size: int):
        check_size(size)
        self.mesh, self.size = mesh, size
        corners = mesh.vertices[mesh.faces].reshape(-1, 3)
        lowest, highest = corners.min(0), corners.max(0)
        self.centre = (lowest + highest) / 2
        # In units of the radius around the centre, since embree computes in float32.
        self.unit = np.linalg.norm(corners - self.centre, axis=1).max()
        if not self.unit > 0:
            raise DataError("it has no extent")
        self.vertices = ((mesh.vertices - self.centre) / self.unit).astype(np.float32)
        self.outline = self.vertices[_outermost(self.vertices, mesh.faces)].astype(np.float64)
        self.half, self.middle = self._frame()
        self.triangles = self.vertices[mesh.faces]
        self._embree = _embree_scene(self.triangles)

    def _frame(self):
        """Half the side of the image and the height of its centre, in the plane through the object's centre."""
        shown = [self._project(self.outline, azimuth, elevation) for azimuth in AZIMUTHS for elevation in FRAMED]
        x, y = np.concatenate(shown)[:, :2].T
        half = max(np.abs(x).max(), (y.max() - y.min()) / 2)  # the vertical axis stays in the middle column
        return half / (1 - MARGIN), (y.max() + y.min()) / 2

    def _project(self, points, azimuth, elevation):
        """Right and up in the plane through the centre, and the distance from it towards the camera: [p, 3]."""
        right, up, back = axes(azimuth, elevation)
        along = points @ back
        zoom = DISTANCE / (DISTANCE - along)
        return np.stack([points @ right * zoom, points @ up * zoom, along], axis=-1)

    def project(self, points: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
        """Projects points, float `[p, 3]` in the mesh's units, into a view: float64 `[p, 2]`.

        Results are in pixels, right and down from the centre of the upper left pixel, as in OpenCV and SciPy.
        """
        shown = self._project((np.asarray(points, np.float64) - self.centre) / self.unit, azimuth, elevation)
        x, y = shown[:, 0], shown[:, 1] - self.middle
        return np.stack([x, -y], axis=-1) * (self.size / 2 / self.half) + (self.size - 1) / 2

    def rays(self, pixels: np.ndarray, azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
        """Origin, float32 `[3]`, and directions, float32 `[p, 3]`, of the rays through `pixels`, as of `project`."""
        right, up, back = np.float32(axes(azimuth, elevation))
        pixels = (np.asarray(pixels, np.float32) - (self.size - 1) / 2) * np.float32(2 * self.half / self.size)
        y = np.float32(self.middle) - pixels[:, 1:]
        return DISTANCE * back, pixels[:, :1] * right + y * up - DISTANCE * back

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """The first intersections of rays. Both arguments are float32 `[p, 3]`, in the coordinates of `vertices`."""
        output = self._embree.run(origins, directions, query="INTERSECT", output=True)
        rays = np.nonzero(output["primID"] >= 0)[0]
        u, v = output["u"][rays], output["v"][rays]
        return Hits(rays, output["primID"][rays], np.stack([1 - u - v, u, v], axis=1), output["tfar"][rays])

    def views(self, azimuths, elevations) -> np.ndarray:
        """Renders views from azimuths and elevations, degrees `[v]` each: uint8 `[v, size, size, 4]`."""
        return np.stack([self.view(*view) for view in zip(azimuths, elevations, strict=True)])

    def view(self, azimuth: float, elevation: float) -> np.ndarray:
        """Renders a view as uint8 `[size, size, 4]`: colour multiplied by coverage, and coverage.

        Args:
            azimuth: degrees.
            elevation: degrees, -90 to 90.

        Raises:
            ValueError: `azimuth` is not finite, or `elevation` is out of range.
        """
        left, top, right, bottom = self._box(azimuth, elevation)
        x, y = np.arange(left, right), np.arange(top, bottom)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
        origin, directions = self.rays((grid + 0.5) / RAYS - 0.5, azimuth, elevation)
        drawn = np.zeros((RAYS * self.size, RAYS * self.size, 4), np.float32)
        drawn[top:bottom, left:right] = self._shade(origin, directions, azimuth, elevation).reshape(len(y), len(x), 4)
        mean = sum(drawn[i::RAYS, j::RAYS] for i in range(RAYS) for j in range(RAYS)) / RAYS**2
        return np.rint(255 * mean).astype(np.uint8)

    def _box(self, azimuth, elevation):
        """Left, top, right and bottom of the object's bounding box in the image, in rays."""
        shown = self.project(self.outline * self.unit + self.centre, azimuth, elevation)
        low = np.floor((shown.min(0) + 0.5) * RAYS) - 1
        high = np.ceil((shown.max(0) + 0.5) * RAYS) + 1
        return np.clip(np.concatenate([low, high]), 0, RAYS * self.size).astype(int)

    def _shade(self, origin, directions, azimuth, elevation):
        """Colour times coverage, and coverage, for each ray: float32 [p, 4]."""
        result = np.zeros((len(directions), 4), np.float32)
        left = np.ones(len(directions), np.float32)  # the fraction that the surfaces so far let through
        going, starts = np.arange(len(directions)), np.tile(origin, (len(directions), 1))
        for _ in range(LAYERS):
            hits = self.cast(starts, directions)
            if not len(hits.rays):
                break
            starts, directions, going = starts[hits.rays], directions[hits.rays], going[hits.rays]
            colours, opacity = self._surface(hits)
            share = left[going] * opacity
            result[going, :3] += (share * self._light(hits, directions, azimuth, elevation))[:, None] * colours
            result[going, 3] += share
            left[going] -= share
            passed = left[going] > 1 / 512
            if not passed.any():
                break
            # Continue from just behind the surface.
            starts = (starts + hits.distances[:, None] * directions * np.float32(1 + 1e-5))[passed]
            directions, going = directions[passed], going[passed]
        return result

    def _surface(self, hits):
        """Colours, float32 [h, 3], and opacities, [h], at the intersections."""
        material = self.mesh.face_materials[hits.faces]
        colours = self._colours[material]
        for number, texture in self._textures.items():
            here = np.nonzero(material == number)[0]
            if len(here):
                corners = self.mesh.faces[hits.faces[here]]
                positions = self.mesh.texture_positions[corners]
                x, y = np.einsum("hcd,hc->dh", positions, hits.weights[here]) % 1.0
                rows, columns = texture.shape[:2]
                texels = ((1 - y) * rows).astype(int) % rows, (x * columns).astype(int) % columns
                colours[here] = texture[texels] * [1, 1, 1, self.mesh.materials[number].opacity]
        return colours[:, :3], colours[:, 3]

    def _light(self, hits, directions, azimuth, elevation):
        """Brightness at the intersections, float32 [h], 0 to 1. Surfaces are two-sided."""
        flat = self._face_normals[hits.faces]
        normals = flat
        if self.mesh.normals is not None:
            normals = np.einsum("hcd,hc->hd", self._normals[self.mesh.faces[hits.faces]], hits.weights)
            normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
            normals *= np.where((normals * flat).sum(1) < 0, -1, 1)[:, None]
        normals = normals * -np.sign((flat * directions).sum(1))[:, None]  # towards the camera
        lamp = (LAMP_DIRECTION @ np.stack(axes(azimuth, elevation))).astype(np.float32)
        return AMBIENT + SKY * (1 + normals[:, 1]) / 2 + LAMP * np.maximum(normals @ lamp, 0)

    @functools.cached_property
    def _normals(self):
        return (self.mesh.normals / np.maximum(np.linalg.norm(self.mesh.normals, axis=1), 1e-12)[:, None]).astype("f")

    @functools.cached_property
    def _face_normals(self):
        a, b, c = self.triangles.transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    @functools.cached_property
    def _colours(self):
        """Colour and opacity by material, float32 [m, 4]."""
        return np.array([[*m.colour, m.opacity] for m in self.mesh.materials], np.float32)

    @functools.cached_property
    def _textures(self):
        """Textures by material, float32 [rows, columns, 4], downsampled to about one texel per ray."""
        return {
            number: np.asarray(self._reduced(number, material.texture), np.float32) / 255
            for number, material in enumerate(self.mesh.materials)
            if material.texture is not None
        }

    def _reduced(self, number, texture):
        faces = self.mesh.faces[self.mesh.face_materials == number]
        area = _areas(self.vertices[faces])
        texels = _areas(self.mesh.texture_positions[faces]) * texture.width * texture.height
        rays = area * (RAYS * self.size / 2 / self.half) ** 2
        factor = np.sqrt(rays / max(texels, 1e-12))
        if factor >= 1:
            return texture
        width, height = (max(1, round(side * factor)) for side in texture.size)
        return texture.resize((width, height), Image.Resampling.BOX)


def draw(read: Callable[[], Mesh], size: int, azimuths, elevations) -> np.ndarray:
    """`Design.draw` of a mesh that `read` returns."""
    return Renderer(read(), size).views(azimuths, elevations)


def axes(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of a view in the object's space: right, up, and towards the camera, float64 `[3]` each.

    Raises:
        ValueError: `azimuth` is not finite, or `elevation` is not from -90 to 90.
    """
    if not (np.isfinite(azimuth) and -90 <= elevation <= 90):
        rule = "azimuth and elevation must be degrees, with elevation from -90 to 90"
        raise ValueError(f"{rule}. Received: azimuth={azimuth!r}, elevation={elevation!r}")
    angle, height = np.deg2rad(float(azimuth) % 360), np.deg2rad(float(elevation))
    sin, cos, low, high = np.sin(angle), np.cos(angle), np.cos(height), np.sin(height)
    return (
        np.array([cos, 0, -sin]),
        np.array([-high * sin, low, -high * cos]),
        np.array([low * sin, high, low * cos]),
    )


def _embree_scene(triangles):
    try:
        from embreex import mesh_construction, rtcore_scene
    except ImportError as error:
        raise ImportError(f"{error}; {NEEDED}") from error
    scene = rtcore_scene.EmbreeScene()
    mesh_construction.TriangleMesh(scene, triangles)
    return scene


def _outermost(vertices, faces):
    """Indices of the vertices of the convex hull, which have the same bounding boxes as all vertices."""
    from scipy.spatial import ConvexHull, QhullError

    used = np.unique(faces)
    try:
        return used[ConvexHull(vertices[used], qhull_options="QJ").vertices]  # QJ allows flat objects
    except QhullError:  # three points, or all on a line
        return used


def _areas(triangles):
    """Sum of the areas of triangles [f, 3, 2 or 3]."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    squares = (first**2).sum(1) * (second**2).sum(1) - (first * second).sum(1) ** 2
    return np.sqrt(np.maximum(squares, 0)).sum() / 2
