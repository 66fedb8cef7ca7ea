"""Chairs of voxels: which are kept, which side is the front, how large the mesh is."""

import re

import numpy as np
import pytest

from image_generators.data.chairs import voxels
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.sources.catalogue import DataError


def occupied():
    """A chair as ModelNet10's stand: first axis to the right, second to the back, third up."""
    full = np.zeros((32, 32, 32), bool)
    full[8:24, 8:24, 12:16] = True  # seat
    full[8:24, 20:24, 16:30] = True  # back
    for x in (8, 21):
        for y in (8, 21):
            full[x : x + 3, y : y + 3, 2:12] = True
    return full


def write(path, designs, shape=(32, 32, 32)):
    packed = np.packbits(np.stack(designs).reshape(len(designs), -1), axis=1)
    np.savez_compressed(path, voxels_packed=packed, shape=np.array(shape))
    return path


def test_duplicates_and_empty_designs_are_left_out_and_counted(tmp_path):
    first, second, empty = occupied(), occupied(), np.zeros((32, 32, 32), bool)
    second[8, 8, 2] = False
    packed, positions, left_out = voxels.read(write(tmp_path / "v.npz", [second, first, empty, second, first]))
    assert positions.tolist() == [0, 1] and left_out == "1 empty, 2 duplicates left out"
    np.testing.assert_array_equal(np.unpackbits(packed, axis=1).reshape(-1, 32, 32, 32), [second, first])
    designs, _ = voxels.designs(tmp_path / "v.npz")
    assert [design.name for design in designs] == ["modelnet10/000", "modelnet10/001"]
    np.testing.assert_array_equal(designs[1].read().vertices, voxels.meshed(first).vertices)


def test_the_mesh_stands_upright_and_its_back_is_behind():
    mesh = voxels.meshed(occupied())
    size = np.ptp(mesh.vertices, axis=0)
    np.testing.assert_allclose(size, [16, 28, 16], atol=1)  # in voxels: the surface lies near their sides
    lowest = mesh.vertices.min(0)
    top = mesh.vertices[mesh.vertices[:, 1] > lowest[1] + 20]
    assert top[:, 2].max() < lowest[2] + 6  # the back, at the back
    outwards = mesh.normals[mesh.vertices[:, 1] > lowest[1] + size[1] - 0.05]
    assert (outwards[:, 1] > 0).all()
    front, back = Renderer(mesh, 64).views([0, 180], [20, 20]).astype(int)
    assert (front[..., 3] > 0).mean() > 0.15
    # From the front one sees the seat before the back; from behind the back hides it.
    assert len(np.unique(front[..., 0])) > 20 and front[20:44, 26:38].std() != back[20:44, 26:38].std()


def test_voxels_without_a_surface_are_refused():
    with pytest.raises(DataError, match="its voxels have no surface"):
        voxels.meshed(np.zeros((32, 32, 32), bool))
    full = voxels.meshed(np.ones((32, 32, 32), bool))  # up to the border, and closed there
    np.testing.assert_allclose(np.ptp(full.vertices, axis=0), [32, 32, 32], atol=0.5)


def test_bad_files_are_named_with_a_remedy(tmp_path):
    instead = "a file of ModelNet10's chairs as voxels, .* or use furniture_chairs or embedded_chairs"
    with pytest.raises(DataError, match="modelnet10_chairs needs " + instead):
        voxels.read(None)
    with pytest.raises(DataError, match=r"none.npz: no such file; modelnet10_chairs needs " + instead):
        voxels.read(tmp_path / "none.npz")
    for content in (b"PK\3\4 nothing", b""):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match="bad.npz: cannot be read as voxels"):
            voxels.read(tmp_path / "bad.npz")
    other = write(tmp_path / "other.npz", [np.ones((16, 16, 16), bool)], (16, 16, 16))
    with pytest.raises(DataError, match=re.escape("found uint8 (1, 512) for a shape of (16, 16, 16), expected uint8")):
        voxels.read(other)
