"""Chairs of ModelNet10 as voxels: 890 designs of 32x32x32, meshed by marching cubes.

They are found where `voxels` says: a .npz with `shape`, 32 32 32, and `voxels_packed`, uint8 `[n, 4096]`, the bits of a
design a row (`numpy.unpackbits`). Duplicates and empty designs are left out: a design in train and again in test would
be a leak. ModelNet is for research: none of it is part of this repository.
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
SMOOTHING, LEVEL = 0.6, 0.45  # standard deviation in voxels; where between empty, 0, and full, 1, the surface is
SHADING = 1.5  # standard deviation in voxels of what normals are taken from: else the voxels show as ripples of light
COLOUR = np.array([0.78, 0.72, 0.64], np.float32)
LICENCE = "for research (ModelNet10), unknown author"
INSTEAD = (
    "a file of ModelNet10's chairs as voxels, which is not part of this repository; pass its path as --voxels, or use "
    "furniture_chairs or embedded_chairs"
)


def read(voxels: str | os.PathLike | None) -> tuple[np.ndarray, np.ndarray, str]:
    """The distinct designs that are not empty, in the order of the file.

    Returns:
        Bits uint8 `[d, 4096]` packed as stored, their positions in the file int `[d]`, and in words what was left out.

    Raises:
        DataError: there is no such file, or it is not this data; the message says what to do.
    """
    if voxels is None:
        raise DataError(f"modelnet10_chairs needs {INSTEAD}")
    path = pathlib.Path(voxels).expanduser()
    if not path.is_file():
        raise DataError(f"{path}: no such file; modelnet10_chairs needs {INSTEAD}")
    try:
        content = npz.read(path)
        packed, shape = content["voxels_packed"], tuple(content["shape"].tolist())
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as voxels ({error}); modelnet10_chairs needs {INSTEAD}") from error
    if shape != (SIDE,) * 3 or packed.dtype != np.uint8 or packed.shape[1:] != (SIDE**3 // 8,):
        found = f"{packed.dtype} {packed.shape} for a shape of {shape}"
        raise DataError(
            f"{path}: found {found}, expected uint8 (n, {SIDE**3 // 8}) for (32, 32, 32); it should be {INSTEAD}"
        )
    full = np.nonzero(packed.any(axis=1))[0]
    _, first = np.unique(packed[full], axis=0, return_index=True)
    kept = full[np.sort(first)]
    left_out = f"{len(packed) - len(full)} empty, {len(full) - len(kept)} duplicates left out"
    return packed[kept], kept, left_out


def designs(voxels: str | os.PathLike | None) -> tuple[list[Design], str]:
    """The distinct designs, and what was left out."""
    packed, positions, left_out = read(voxels)
    found = []
    for bits, position in zip(packed, positions, strict=True):
        unpack = functools.partial(_unpacked, bits.tobytes())
        draw = functools.partial(renderer.draw, unpack)
        found.append(Design(f"modelnet10/{position:03d}", "chair", LICENCE, draw, unpack))
    return found, left_out


def digest(voxels: str | os.PathLike) -> str:
    """SHA-256, in hex, of the file."""
    return hashlib.sha256(pathlib.Path(voxels).expanduser().read_bytes()).hexdigest()


def meshed(occupied: np.ndarray) -> Mesh:
    """The smoothed surface of full voxels, bool or uint8 `[32, 32, 32]`, with smooth normals.

    Raises:
        DataError: there is no surface.
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
    """From the axes of the voxels to x right, y up, z to the front."""
    x, y, z = points.astype(np.float64).T
    return np.stack([x, z, -y], axis=1)


def _unpacked(bits):
    return meshed(np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(SIDE, SIDE, SIDE))
