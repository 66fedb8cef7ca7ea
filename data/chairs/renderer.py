"""Drawing a mesh by ray casting, without a screen: trimesh's companion embreex finds what each ray meets.

A long lens looks at the middle of the object's box from `DISTANCE` radii away. All views of an object share one scale
and one centre: those that its views from the elevations `FRAMED` need, with a margin, as a crop to the union box of all
its views would give. Other elevations are drawn at the same scale.

Each pixel is the mean of 2x2 rays. Coverage, the mask, is the part of them that meet the object, so a mask is exact: no
colour decides what is object. A surface may be transparent (its material's opacity, its texture's alpha); coverage is
then what it hides.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from PIL import Image

from image_generators.data.chairs.mesh import NEEDED, Mesh
from image_generators.data.chairs.view_data import AZIMUTHS, check_size
from image_generators.data.sources.catalogue import DataError

RAYS = 2  # a pixel and axis
DISTANCE = 6.0  # of the camera from the middle, in radii of the object
MARGIN = 0.1  # of half the picture's side, left free
FRAMED = (0.0, 20.0, 30.0, 40.0)  # degrees
LAYERS = 12  # transparent surfaces before one another that a ray passes at most
# Light: from everywhere, from above in the room (turns with the object), and from over the camera's left shoulder.
AMBIENT, SKY, LAMP = 0.35, 0.2, 0.45
LAMP_DIRECTION = np.array([-0.35, 0.45, 1.0]) / np.linalg.norm([-0.35, 0.45, 1.0])  # right, up, to the camera


@dataclasses.dataclass(frozen=True)
class Hits:
    """What rays meet first."""

    rays: np.ndarray  # int [h]: which of the rays meet something
    faces: np.ndarray  # int [h]: which triangle
    weights: np.ndarray  # float32 [h, 3]: of the triangle's corners
    distances: np.ndarray  # float32 [h], in lengths of the ray's direction


class Renderer:
    """A mesh, ready to be drawn from any side at one size.

    Args:
        mesh: what to draw.
        size: pixels of a side: 64, 128 or 256.

    Raises:
        ValueError: another size.
        DataError: all of the mesh is in one point.
        ImportError: embreex is not installed; the message says what to do.
    """

    def __init__(self, mesh: Mesh, size: int):
        check_size(size)
        self.mesh, self.size = mesh, size
        corners = mesh.vertices[mesh.faces].reshape(-1, 3)
        lowest, highest = corners.min(0), corners.max(0)
        self.centre = (lowest + highest) / 2
        # In units of the radius about the middle: embree counts in float32.
        self.unit = np.linalg.norm(corners - self.centre, axis=1).max()
        if not self.unit > 0:
            raise DataError("it has no extent")
        self.vertices = ((mesh.vertices - self.centre) / self.unit).astype(np.float32)
        self.outline = self.vertices[_outermost(self.vertices, mesh.faces)].astype(np.float64)
        self.half, self.middle = self._frame()
        self.triangles = self.vertices[mesh.faces]
        self._embree = _embree_scene(self.triangles)

    def _frame(self):
        """Half the side of the picture and the height of its middle, in the plane through the object's middle."""
        shown = [self._project(self.outline, azimuth, elevation) for azimuth in AZIMUTHS for elevation in FRAMED]
        x, y = np.concatenate(shown)[:, :2].T
        half = max(np.abs(x).max(), (y.max() - y.min()) / 2)  # the axis of turning stays in the middle column
        return half / (1 - MARGIN), (y.max() + y.min()) / 2

    def _project(self, points, azimuth, elevation):
        """Right, up (in the plane through the middle) and the distance towards the camera: [p, 3]."""
        right, up, back = axes(azimuth, elevation)
        along = points @ back
        zoom = DISTANCE / (DISTANCE - along)
        return np.stack([points @ right * zoom, points @ up * zoom, along], axis=-1)

    def project(self, points: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
        """Where points of the object's space, float `[p, 3]` in the mesh's units, are in a view: float64 `[p, 2]`.

        In pixels to the right and down from the middle of the upper left pixel, as OpenCV and SciPy count.
        """
        shown = self._project((np.asarray(points, np.float64) - self.centre) / self.unit, azimuth, elevation)
        x, y = shown[:, 0], shown[:, 1] - self.middle
        return np.stack([x, -y], axis=-1) * (self.size / 2 / self.half) + (self.size - 1) / 2

    def rays(self, pixels: np.ndarray, azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
        """Origin float32 `[3]` and directions float32 `[p, 3]` of the rays through positions that `project` gives."""
        right, up, back = np.float32(axes(azimuth, elevation))
        pixels = (np.asarray(pixels, np.float32) - (self.size - 1) / 2) * np.float32(2 * self.half / self.size)
        y = np.float32(self.middle) - pixels[:, 1:]
        return DISTANCE * back, pixels[:, :1] * right + y * up - DISTANCE * back

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """What rays meet first. Both are float32 `[p, 3]`, in units and axes of `vertices`."""
        found = self._embree.run(origins, directions, query="INTERSECT", output=True)
        rays = np.nonzero(found["primID"] >= 0)[0]
        u, v = found["u"][rays], found["v"][rays]
        return Hits(rays, found["primID"][rays], np.stack([1 - u - v, u, v], axis=1), found["tfar"][rays])

    def views(self, azimuths, elevations) -> np.ndarray:
        """One image for each azimuth and elevation (degrees, `[v]`): uint8 `[v, size, size, 4]`."""
        return np.stack([self.view(*view) for view in zip(azimuths, elevations, strict=True)])

    def view(self, azimuth: float, elevation: float) -> np.ndarray:
        """RGBA, uint8 `[size, size, 4]`: colour multiplied by coverage, coverage.

        Raises:
            ValueError: an elevation outside -90..90, or a number that is none.
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
        """Left, top, right, bottom of what the object may fill, in rays."""
        shown = self.project(self.outline * self.unit + self.centre, azimuth, elevation)
        low = np.floor((shown.min(0) + 0.5) * RAYS) - 1
        high = np.ceil((shown.max(0) + 0.5) * RAYS) + 1
        return np.clip(np.concatenate([low, high]), 0, RAYS * self.size).astype(int)

    def _shade(self, origin, directions, azimuth, elevation):
        """Colour times coverage, and coverage, of each ray: float32 [p, 4]."""
        result = np.zeros((len(directions), 4), np.float32)
        left = np.ones(len(directions), np.float32)  # what the surfaces so far let through
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
            # On from a little behind the surface.
            starts = (starts + hits.distances[:, None] * directions * np.float32(1 + 1e-5))[passed]
            directions, going = directions[passed], going[passed]
        return result

    def _surface(self, hits):
        """Colours float32 [h, 3] and opacities [h] of what is met."""
        material = self.mesh.face_materials[hits.faces]
        colours = self._colours[material]
        for number, texture in self._textures.items():
            here = np.nonzero(material == number)[0]
            if len(here):
                corners = self.mesh.faces[hits.faces[here]]
                positions = self.mesh.texture_positions[corners]
                x, y = np.einsum("hcd,hc->dh", positions, hits.weights[here]) % 1.0
                rows, columns = texture.shape[:2]
                at = ((1 - y) * rows).astype(int) % rows, (x * columns).astype(int) % columns
                colours[here] = texture[at] * [1, 1, 1, self.mesh.materials[number].opacity]
        return colours[:, :3], colours[:, 3]

    def _light(self, hits, directions, azimuth, elevation):
        """How bright each surface is, float32 [h], 0 to 1; surfaces have two sides."""
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
        """Textures by material, float32 [rows, columns, 4], made so small that a ray meets about every texel."""
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
    """What `Design.draw` is for a mesh."""
    return Renderer(read(), size).views(azimuths, elevations)


def axes(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right, up and from the object to the camera, float64 `[3]` each, unit vectors in the object's space.

    Raises:
        ValueError: an elevation outside -90..90, or a number that is none.
    """
    if not (np.isfinite(azimuth) and -90 <= elevation <= 90):
        raise ValueError(
            f"azimuth and elevation are {azimuth!r} and {elevation!r}; accepted: degrees, elevation -90 to 90"
        )
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
    """Numbers of the vertices of the convex hull: what bounds them bounds all."""
    from scipy.spatial import ConvexHull, QhullError

    used = np.unique(faces)
    try:
        return used[ConvexHull(vertices[used], qhull_options="QJ").vertices]  # QJ: flat objects too
    except QhullError:  # three points, or all in a line
        return used


def _areas(triangles):
    """Sum of the areas of triangles [f, 3, 2 or 3]."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    squares = (first**2).sum(1) * (second**2).sum(1) - (first * second).sum(1) ** 2
    return np.sqrt(np.maximum(squares, 0)).sum() / 2
