"""OBJ files with quads, materials and textures; what is damaged is refused, what is missing is warned of."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from image_generators.data.chairs import mesh
from image_generators.data.sources.catalogue import DataError

OBJ = b"""mtllib thing.mtl
v 0 0 0
v 2 0 0
v 2 1 0
v 0 1 0
v 0 0 3
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl painted
f 1/1 2/2 3/3 4/4
usemtl glass
f 1/1 2/2 5/3
"""
MTL = b"newmtl painted\nKd 0.2 0.4 0.6\nmap_Kd picture.png\n\nnewmtl glass\nKd 0.8 0.8 1.0\nd 0.25\n"


def png():
    content = io.BytesIO()
    Image.new("RGB", (3, 2), (10, 20, 30)).save(content, "PNG")
    return content.getvalue()


def read(obj=OBJ, **changed):
    files = {"models/a/thing.mtl": MTL, "models/a/picture.png": png()} | changed
    return mesh.read_obj(obj, "models/a/thing.obj", lambda path: {k: v for k, v in files.items() if v}[path])


def test_quads_materials_and_textures_are_read():
    found = read()
    assert len(found.faces) == 3 and found.normals is None
    looks = {m.opacity: m for m in found.materials}
    assert set(looks) == {1.0, 0.25} and looks[1.0].texture.size == (3, 2) and looks[0.25].texture is None
    np.testing.assert_allclose(looks[0.25].colour, [0.8, 0.8, 1.0], atol=0.01)
    painted = [i for i, m in enumerate(found.materials) if m.opacity == 1][0]
    quad = found.faces[found.face_materials == painted]
    assert len(quad) == 2 and (found.vertices[quad].max((0, 1)) == [2, 1, 0]).all()
    corners = found.vertices[quad].reshape(-1, 3)[:, :2] / [2, 1]
    np.testing.assert_array_equal(found.texture_positions[quad].reshape(-1, 2), corners)


def test_a_missing_texture_gives_a_warning_and_the_plain_colour(caplog):
    found = read(**{"models/a/picture.png": None})
    assert "models/a/thing.obj: its texture picture.png is missing; its colour is used" in caplog.text
    painted = [m for m in found.materials if m.opacity == 1][0]
    assert painted.texture is None
    np.testing.assert_allclose(painted.colour, [0.2, 0.4, 0.6], atol=0.01)


@pytest.mark.parametrize(
    ("obj", "changed", "message"),
    [
        (OBJ, {"models/a/thing.mtl": None}, "its file thing.mtl is missing"),
        (OBJ, {"models/a/picture.png": png()[:45]}, "its texture picture.png cannot be read"),
        (OBJ, {"models/a/picture.png": b"no picture"}, "its texture picture.png cannot be read"),
        (OBJ.replace(b"v 2 0 0", b"v nan 0 0"), {}, "a vertex has a coordinate"),
        (OBJ.split(b"usemtl")[0], {}, "it has no triangles"),
        (OBJ.replace(b"f 1/1 2/2 5/3", b"f 1/1 2/2 9/3"), {}, "its OBJ file cannot be read"),
        (OBJ, {"models/a/thing.mtl": MTL.replace(b"d 0.25", b"d glassy")}, "its OBJ file cannot be read"),
        (b"", {}, "it has no triangles"),
    ],
)
def test_damaged_files_are_refused(obj, changed, message):
    with pytest.raises(DataError, match=message):
        read(obj, **changed)


def test_turning_brings_the_given_side_to_the_front(chair):
    """From azimuth 90 one sees +x: turned by 90, that points to +z, and nothing is mirrored."""
    moved = chair.rotated(90)
    np.testing.assert_allclose(moved.vertices[:, 2], chair.vertices[:, 0], atol=1e-12)
    np.testing.assert_allclose(moved.vertices[:, 0], -chair.vertices[:, 2], atol=1e-12)
    np.testing.assert_array_equal(moved.vertices[:, 1], chair.vertices[:, 1])


def test_scaling_fills_the_box_and_keeps_normals_upright(chair):
    """A surface's normal is at right angles to its edges before and after."""
    sloped = mesh.Mesh(
        vertices=np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1.0]]),
        faces=np.array([[0, 1, 2]]),
        face_materials=np.zeros(1, int),
        materials=chair.materials[:1],
        normals=np.array([[1, -1, 0]] * 3) / np.sqrt(2),
    )
    moved = sloped.scaled_to(6, 2, 5)
    np.testing.assert_allclose(np.ptp(moved.vertices, axis=0), [6, 2, 5])
    assert abs(moved.normals[0] @ (moved.vertices[1] - moved.vertices[0])) < 1e-12
    flat = mesh.Mesh(sloped.vertices * [1, 0, 1], sloped.faces, sloped.face_materials, sloped.materials)
    np.testing.assert_allclose(np.ptp(flat.scaled_to(6, 2, 5).vertices, axis=0), [6, 0, 5])


def test_missing_trimesh_gives_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(ImportError, match="trimesh.*; python -m pip install -r requirements.txt .*trimesh"):
        read()
