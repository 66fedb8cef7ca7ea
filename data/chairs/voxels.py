"""Chairs of ModelNet10 as voxels: 890 designs of 32x32x32, meshed by marching cubes.

The source is a .npz file with `shape`, (32, 32, 32), and `voxels_packed`, uint8 `[n, 4096]`, the bits of each design as
for `numpy.unpackbits`. Empty designs are left out, and so are duplicates: a design in both train and test would leak.
ModelNet may be used for research only, so it is not part of this repository.
"""

import functools
import hashlib
import os
import pathlib

import numpy as np

from image_generators.data.chairs import renderer
from image_generators.data.chairs.mesh import Design, Material, Mesh
from image_generators.data.sources import npz
from image_generators.data.sources.catalogue import DataError

SIDE = 32
SMOOTHING = 0.6  # standard deviation of the filter in voxels
LEVEL = 0.45  # density of the surface, between 0, empty, and 1, full
SHADING = 1.5  # standard deviation in voxels of the filter for normals; a smaller one would show the voxels
COLOUR = np.array([0.78, 0.72, 0.64], np.float32)
LICENCE = "for research (ModelNet10), unknown author"
REMEDY = (
    "a file of ModelNet10's chairs as voxels, which is not part of this repository; pass its path as --voxels, or use "
    "furniture_chairs or embedded_chairs"
)


def read(voxels: str | os.PathLike | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Reads the distinct designs that are not empty, in the order of the file.

    Returns:
        Packed bits, uint8 `[d, 4096]`; their positions in the file, int `[d]`; and a description of what was left out.

    Raises:
        DataError: the file does not exist or holds other data; the message says what to do.
    """
    if voxels is None:
        raise DataError(f"modelnet10_chairs needs {REMEDY}")
    path = pathlib.Path(voxels).expanduser()
    if not path.is_file():
        raise DataError(f"{path}: no such file; modelnet10_chairs needs {REMEDY}")
    try:
        arrays = npz.read(path)
        packed, shape = arrays["voxels_packed"], tuple(arrays["shape"].tolist())
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as voxels ({error}); modelnet10_chairs needs {REMEDY}") from error
    if shape != (SIDE,) * 3 or packed.dtype != np.uint8 or packed.shape[1:] != (SIDE**3 // 8,):
        found = f"{packed.dtype} {packed.shape} for a shape of {shape}"
        raise DataError(
            f"{path}: found {found}, expected uint8 (n, {SIDE**3 // 8}) for (32, 32, 32); it should be {REMEDY}"
        )
    full = np.nonzero(packed.any(axis=1))[0]
    _, first = np.unique(packed[full], axis=0, return_index=True)
    distinct = full[np.sort(first)]
    left_out = f"{len(packed) - len(full)} empty, {len(full) - len(distinct)} duplicates left out"
    return packed[distinct], distinct, left_out


def designs(voxels: str | os.PathLike | None) -> tuple[list[Design], str]:
    """The distinct designs, and a description of what was left out. Raises as `read`."""
    packed, positions, left_out = read(voxels)
    distinct = []
    for bits, position in zip(packed, positions, strict=True):
        unpack = functools.partial(_unpacked, bits.tobytes())
        draw = functools.partial(renderer.draw, unpack)
        distinct.append(Design(f"modelnet10/{position:03d}", "chair", LICENCE, draw, unpack))
    return distinct, left_out


def digest(voxels: str | os.PathLike) -> str:
    """SHA-256, in hex, of the file."""
    return hashlib.sha256(pathlib.Path(voxels).expanduser().read_bytes()).hexdigest()


def meshed(occupied: np.ndarray) -> Mesh:
    """The smoothed surface of occupied voxels, bool or uint8 `[32, 32, 32]`, with smooth normals.

    Raises:
        DataError: the voxels have no surface.
        ImportError: scikit-image is not installed.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates
    from skimage.measure import marching_cubes

    solid = np.pad(occupied.astype(np.float32), 4)
    density = gaussian_filter(solid, SMOOTHING)
    if not density.min() < LEVEL < density.max():
        raise DataError("its voxels have no surface")
    vertices, faces, _, _ = marching_cubes(density, LEVEL)
    slopes = np.gradient(gaussian_filter(solid, SHADING))
    inwards = np.stack([map_coordinates(slope, vertices.T, order=1) for slope in slopes], axis=1)
    return Mesh(
        vertices=_upright(vertices),
        faces=faces.astype(np.int64),
        face_materials=np.zeros(len(faces), np.int64),
        materials=(Material(COLOUR),),
        normals=_upright(-inwards),
    )


def _upright(points):
    """From the axes of the voxels to x right, y up and z towards the front."""
    x, y, z = points.astype(np.float64).T
    return np.stack([x, z, -y], axis=1)


def _unpacked(bits):
    return meshed(np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(SIDE, SIDE, SIDE))
