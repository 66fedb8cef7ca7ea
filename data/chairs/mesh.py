"""Surfaces: triangles with colours and textures, and how they are read from OBJ files.

Axes: x to the right as seen from the front, y up, z from the object's middle to its front.
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

NEEDED = "python -m pip install -r requirements.txt brings trimesh and embreex, which draw 3D models"


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """What a surface looks like: one colour, or a picture."""

    colour: np.ndarray  # float32 [3], 0 to 1
    opacity: float = 1.0  # 0, not to be seen, to 1
    texture: Image.Image | None = None  # RGBA; stands for the colour


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in any unit of length.

    Raises:
        DataError: there is no triangle, or a coordinate is no number.
    """

    vertices: np.ndarray  # float64 [v, 3]
    faces: np.ndarray  # int64 [f, 3]
    face_materials: np.ndarray  # int64 [f]
    materials: tuple[Material, ...]
    normals: np.ndarray | None = None  # float64 [v, 3]; None: flat triangles
    texture_positions: np.ndarray | None = None  # float64 [v, 2]: of the picture's lower left corner (0, 0), (1, 1)

    def __post_init__(self):
        if not len(self.faces):
            raise DataError("it has no triangles")
        if not np.isfinite(self.vertices).all():
            raise DataError("a vertex has a coordinate that is no number")

    def moved(self, matrix) -> "Mesh":
        """Every vertex times a 3x3 matrix; normals along."""
        normals = None if self.normals is None else self.normals @ np.linalg.inv(matrix)
        return dataclasses.replace(self, vertices=self.vertices @ np.asarray(matrix).T, normals=normals)

    def turned(self, degrees: float) -> "Mesh":
        """Turned about the vertical, so that what was seen from azimuth `degrees` is the front."""
        angle = np.deg2rad(degrees)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.moved(np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]))

    def scaled_to(self, width: float, height: float, depth: float) -> "Mesh":
        """Stretched to a box of this size in x, y, z; what has no extent stays flat."""
        extent = np.ptp(self.vertices[self.faces].reshape(-1, 3), axis=0)
        factors = np.divide([width, height, depth], extent, out=np.ones(3), where=extent > 0)
        return self.moved(np.diag(factors))


@dataclasses.dataclass(frozen=True)
class Design:
    """One style before it is drawn. Can be pickled if its functions can."""

    name: str
    category: str  # "chair", "table" or "vehicle"
    licence: str  # with the author
    draw: Callable  # (size, azimuths [v], elevations [v]) -> uint8 [v, size, size, 4]; DataError: it is damaged
    read: Callable[[], Mesh] | None = None  # what is drawn, where it is a mesh; DataError: it is damaged


def read_obj(content: bytes, path: str, read_file: Callable[[str], bytes]) -> Mesh:
    """A mesh from a Wavefront OBJ file.

    Args:
        content: the OBJ file.
        path: where it is, with `/`; the files that it names are sought from there.
        read_file: content of a file by its path; raises KeyError where there is none, ValueError where it is damaged.

    Raises:
        DataError: the file, its materials or a texture are damaged, or its materials missing; trimesh would go on. A
            texture that is not there is warned of, and the material's colour used instead.
        ImportError: trimesh is not installed; the message says what to do.
    """
    try:
        import trimesh
    except ImportError as error:
        raise ImportError(f"{error}; {NEEDED}") from error
    files = _files(path, read_file)
    try:
        parts = list(trimesh.exchange.obj.load_obj(io.BytesIO(content), resolver=files).get("geometry", {}).values())
        for part in parts:
            part["faces"] = trimesh.geometry.triangulate_quads(part["faces"])
        mesh = _joined([part for part in parts if len(part["faces"])])
    except DataError:
        raise
    except Exception as error:  # of any kind: trimesh indexes and converts what it finds
        raise DataError(f"its OBJ file cannot be read ({type(error).__name__}: {error})") from error
    if files.problems:
        raise DataError("; ".join(files.problems))
    return mesh


def _files(path, read_file):
    """trimesh's way to other files, which remembers what it did not get: trimesh passes over that in silence."""
    import trimesh

    class Files(trimesh.resolvers.Resolver):
        def __init__(self):
            self.problems = []

        def get(self, name):
            name, of_picture = name.strip().replace("\\", "/"), not name.lower().endswith(".mtl")
            try:
                content = read_file(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))
                if of_picture:
                    Image.open(io.BytesIO(content)).load()
                return content
            except KeyError as error:
                if of_picture:  # of some models the archive never had them: a colour stands beside
                    logging.warning("%s: its texture %s is not there; its colour is used.", path, name)
                else:
                    self.problems.append(f"its file {name} is missing")
                raise OSError(name) from error
            except UNREADABLE as error:
                self.problems.append(f"its {'texture' if of_picture else 'file'} {name} cannot be read ({error})")
                raise OSError(name) from error

        def keys(self):
            return []

        def write(self, name, data):
            raise OSError("not to be written to")

        def namespaced(self, namespace):
            return self

    return Files()


def _joined(parts):
    """One mesh of trimesh's parts, which have a material each."""
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
    """Kd, d and map_Kd of an MTL file; a surface without a material is light grey."""
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
