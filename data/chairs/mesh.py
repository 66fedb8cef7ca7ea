"""Meshes: triangles with colours and textures, and reading them from OBJ files.

Axes: x to the right as seen from the front, y up, z towards the front.
"""

import dataclasses
import io
import posixpath
from collections.abc import Callable

import numpy as np
from absl import logging
from PIL import Image

from image_generators.data.sources.catalogue import DataError
from image_generators.data.sources.files import UNREADABLE

NEEDED = "python -m pip install -r requirements.txt installs trimesh and embreex, which rendering needs"


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """The look of a surface: a colour, or a texture."""

    colour: np.ndarray  # float32 [3], 0 to 1
    opacity: float = 1.0  # from 0, invisible, to 1
    texture: Image.Image | None = None  # RGBA; replaces the colour


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, in any unit of length.

    Raises:
        DataError: there are no triangles, or a coordinate is not finite.
    """

    vertices: np.ndarray  # float64 [v, 3]
    faces: np.ndarray  # int64 [f, 3]
    face_materials: np.ndarray  # int64 [f]
    materials: tuple[Material, ...]
    normals: np.ndarray | None = None  # float64 [v, 3]; None for flat shading
    texture_positions: np.ndarray | None = None  # float64 [v, 2]: x, y from (0, 0), the lower left corner, to (1, 1)

    def __post_init__(self):
        if not len(self.faces):
            raise DataError("it has no triangles")
        if not np.isfinite(self.vertices).all():
            raise DataError("a vertex has a coordinate that is not finite")

    def transformed(self, matrix) -> "Mesh":
        """Multiplies every vertex by a 3x3 matrix, and transforms the normals accordingly."""
        normals = None if self.normals is None else self.normals @ np.linalg.inv(matrix)
        return dataclasses.replace(self, vertices=self.vertices @ np.asarray(matrix).T, normals=normals)

    def rotated(self, degrees: float) -> "Mesh":
        """Rotates about the vertical axis so that the view from azimuth `degrees` becomes the front."""
        angle = np.deg2rad(degrees)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.transformed(np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]))

    def scaled_to(self, width: float, height: float, depth: float) -> "Mesh":
        """Scales to a box of this size in x, y, z. Dimensions without extent stay flat."""
        extent = np.ptp(self.vertices[self.faces].reshape(-1, 3), axis=0)
        factors = np.divide([width, height, depth], extent, out=np.ones(3), where=extent > 0)
        return self.transformed(np.diag(factors))


@dataclasses.dataclass(frozen=True)
class Design:
    """One style before rendering. It can be pickled if its functions can."""

    name: str
    category: str  # "chair", "table" or "vehicle"
    licence: str  # licence and author
    draw: Callable  # (size, azimuths [v], elevations [v]) -> uint8 [v, size, size, 4]; DataError if damaged
    read: Callable[[], Mesh] | None = None  # reads the mesh, if it is one; DataError if damaged


def read_obj(data: bytes, path: str, read_file: Callable[[str], bytes]) -> Mesh:
    """Reads a mesh from a Wavefront OBJ file.

    A missing texture is logged as a warning, and the colour of its material is used.

    Args:
        data: contents of the OBJ file.
        path: its path, with `/`; the files that it names are relative to it.
        read_file: returns the contents of a file by its path; raises KeyError if it does not exist and ValueError if
            it is damaged.

    Raises:
        DataError: the file, its materials or a texture are damaged, or the materials are missing. trimesh would ignore
            this.
        ImportError: trimesh is not installed; the message says what to do.
    """
    try:
        import trimesh
    except ImportError as error:
        raise ImportError(f"{error}; {NEEDED}") from error
    files = _files(path, read_file)
    try:
        parts = list(trimesh.exchange.obj.load_obj(io.BytesIO(data), resolver=files).get("geometry", {}).values())
        for part in parts:
            part["faces"] = trimesh.geometry.triangulate_quads(part["faces"])
        mesh = _joined([part for part in parts if len(part["faces"])])
    except DataError:
        raise
    except Exception as error:  # of any kind: trimesh indexes and converts without checks
        raise DataError(f"its OBJ file cannot be read ({type(error).__name__}: {error})") from error
    if files.problems:
        raise DataError("; ".join(files.problems))
    return mesh


def _files(path, read_file):
    """A resolver for trimesh that records files which could not be read; trimesh itself ignores them."""
    import trimesh

    class Files(trimesh.resolvers.Resolver):
        def __init__(self):
            self.problems = []

        def get(self, name):
            name, is_texture = name.strip().replace("\\", "/"), not name.lower().endswith(".mtl")
            try:
                data = read_file(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))
                if is_texture:
                    Image.open(io.BytesIO(data)).load()
                return data
            except KeyError as error:
                if is_texture:  # the archive lacks some textures; their materials have a colour
                    logging.warning("%s: its texture %s is missing; its colour is used.", path, name)
                else:
                    self.problems.append(f"its file {name} is missing")
                raise OSError(name) from error
            except UNREADABLE as error:
                self.problems.append(f"its {'texture' if is_texture else 'file'} {name} cannot be read ({error})")
                raise OSError(name) from error

        def keys(self):
            return []

        def write(self, name, data):
            raise OSError("read-only")

        def namespaced(self, namespace):
            return self

    return Files()


def _joined(parts):
    """Joins trimesh's parts, each with one material, into one mesh."""
    if not parts:
        raise DataError("it has no triangles")
    starts = np.cumsum([0] + [len(part["vertices"]) for part in parts])
    normals = [part.get("vertex_normals") for part in parts]
    return Mesh(
        vertices=np.concatenate([part["vertices"] for part in parts]).astype(np.float64),
        faces=np.concatenate([part["faces"] + start for part, start in zip(parts, starts[:-1], strict=True)]),
        face_materials=np.repeat(np.arange(len(parts)), [len(part["faces"]) for part in parts]),
        materials=tuple(_material(part.get("visual")) for part in parts),
        normals=None if any(n is None for n in normals) else np.concatenate(normals).astype(np.float64),
        texture_positions=np.concatenate([_texture_positions(part) for part in parts]),
    )


def _texture_positions(part):
    positions = getattr(part.get("visual"), "uv", None)
    return np.zeros((len(part["vertices"]), 2)) if positions is None else np.nan_to_num(positions)[:, :2]


def _material(visual):
    """Material from Kd, d and map_Kd of an MTL file; light grey without a material."""
    material = getattr(visual, "material", None)
    if material is None:
        return Material(np.full(3, 0.8, np.float32))
    picture = getattr(material, "image", None) if visual.uv is not None else None
    opacity = float((getattr(material, "kwargs", None) or {}).get("d", ["1"])[-1])
    return Material(
        colour=np.asarray(material.diffuse[:3], np.float32) / 255,
        opacity=min(max(opacity, 0.0), 1.0),
        texture=None if picture is None else picture.convert("RGBA"),
    )
