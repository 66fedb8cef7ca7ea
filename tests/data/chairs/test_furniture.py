"""Furniture from .sh3f files, made up here as the package's are; and what furniture.tsv says."""

import io
import os
import re
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from image_generators.data.chairs import embedded_chairs, furniture, render, views
from image_generators.data.sources.catalogue import DataError

SELECTION = """# a comment
catalogue	model	category	turn	licence	left_out
Scopia	stool	chair			
Scopia	lounger	chair			a lounger
Scopia	broken	chair	90		
BlendSwap-CC-0	block	chair	90	CC0 1.0	
BlendSwap-CC-0	plate	table			
"""
# A block with its front at -x: what the selection turns by, 270, would be right; here 90 shows +x.
BLOCK = """mtllib block.mtl
v 0 0 0
v 1 0 0
v 0 1 0
v 1 1 0
v 0 0 1
v 1 0 1
v 0 1 1
v 1 1 1
usemtl grey
f 1 2 4 3
f 5 6 8 7
f 1 2 6 5
f 3 4 8 7
f 1 3 7 5
usemtl red
f 2 4 8 6
"""
MATERIALS = "newmtl grey\nKd 0.5 0.5 0.5\nnewmtl red\nKd 1.0 0.0 0.0\nmap_Kd red.png\n"


def write_sh3f(path, models, picture=True):
    """`models`: {name: (OBJ text, extra lines of the catalogue)}."""
    red = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 0, 0)).save(red, "PNG")
    with zipfile.ZipFile(path, "w") as archive:
        lines = ["id=made up"]
        for number, (name, (obj, extra)) in enumerate(models.items(), 1):
            lines += [f"name#{number}=A {name}", f"model#{number}=/own/{name}/{name}.obj", f"creator#{number}=Ann"]
            lines += [f"{key}#{number}={value}" for key, value in extra.items()]
            archive.writestr(f"own/{name}/{name}.obj", obj)
            archive.writestr(f"own/{name}/block.mtl", MATERIALS)
            archive.writestr(f"own/{name}/red.png", red.getvalue() if picture else b"no picture")
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(lines))
    return path


SIZE = {"width": "30", "depth": "60", "height": "90"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two .sh3f files, and the selection above."""
    (tmp_path / "selection.tsv").write_text(SELECTION)
    monkeypatch.setattr(furniture, "SELECTION", tmp_path / "selection.tsv")
    monkeypatch.setattr(furniture, "installed", lambda: None)
    folder = tmp_path / "furniture"
    folder.mkdir()
    write_sh3f(folder / "BlendSwap-CC-0.sh3f", {"block": (BLOCK, SIZE), "plate": (BLOCK, SIZE)})
    scopia = {"stool": (BLOCK, SIZE), "lounger": (BLOCK, SIZE), "broken": (BLOCK.replace("f 2 4", "f 2 99"), SIZE)}
    write_sh3f(folder / "Scopia.sh3f", scopia)
    return folder


def test_models_have_the_catalogues_size_rotation_and_front(place):
    (block,) = [d for d in furniture.designs(furniture.find(place), "chair") if d.name.endswith("block")]
    assert block.licence == "CC0 1.0, Ann (A block)"
    mesh = block.read()
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [60, 90, 30])  # turned: depth and width change places
    image = block.draw(64, [0, 90, 270], [0, 0, 0])[:, 32, 32].astype(int)
    assert image[0, 0] > 150 and image[0, 1] < 20 and image[0, 3] == 255  # the red side is the front
    assert (np.ptp(image[1:, :3], axis=1) <= 1).all()  # the others are grey
    rotation = {"modelRotation": "0 0 1 0 1 0 -1 0 0"}  # x from z, z from -x
    file = write_sh3f(place.parent / "turned.sh3f", {"block": (BLOCK, SIZE | rotation)})
    mesh = furniture.read_model(file, furniture.read_catalogue(file)["block"])
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), [30, 90, 60])  # sizes are those after the rotation
    red = [i for i, material in enumerate(mesh.materials) if material.colour[1] == 0][0]
    assert np.ptp(mesh.vertices[mesh.faces[mesh.face_materials == red]][..., 2]) == 0  # +x before, -z now


def test_a_damaged_model_is_left_out_by_name_and_counted(place, tmp_path, caplog):
    data = views.load("furniture_chairs", 64, furniture=place, cache_dir=tmp_path / "cache")
    assert data.style_names == ("Scopia/stool", "BlendSwap-CC-0/block") and len(data) == 124
    assert "Scopia/broken is left out: its OBJ file cannot be read" in caplog.text
    assert data.source == "Debian's sweethome3d-furniture, drawn here; 1 damaged models left out (Scopia/broken)"
    again = views.load("furniture_chairs", 64, furniture=place, cache_dir=tmp_path / "cache")
    assert again.source == data.source
    lines = (tmp_path / "cache" / "furniture_chairs-64-LICENCES.txt").read_text().splitlines()
    assert lines[1:] == ["Scopia/stool\tCC BY 3.0, Ann (A stool)", "BlendSwap-CC-0/block\tCC0 1.0, Ann (A block)"]
    table = views.load("furniture_tables", 64, furniture=place, cache_dir=tmp_path / "cache", elevations=(0, 40))
    assert table.categories == ("table",) and set(table.elevations) == {0, 40} and len(table) == 62
    del caplog.records[:]
    write_sh3f(place / "Scopia.sh3f", {"stool": (BLOCK, SIZE), "broken": (BLOCK, SIZE)}, picture=False)
    with pytest.raises(DataError, match=r"none of 1 models can be drawn; the first: its texture red.png cannot be"):
        views.load("furniture_chairs", 64, furniture=place / "Scopia.sh3f", cache_dir=tmp_path / "2", styles=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own/stool/stool.obj", "it is missing or damaged in Scopia.sh3f"),
        ("own/stool/block.mtl", "its file block.mtl cannot be read"),
        ("own/stool/red.png", "its texture red.png cannot be read"),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_unreadable_models_of_an_archive_count_as_damaged(place, name, message, compression):
    file = place / "Scopia.sh3f"
    with zipfile.ZipFile(file) as archive:
        contents = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
        start = archive.getinfo(name).header_offset + 30 + len(name)
    stored = bytearray(file.read_bytes())
    stored[start : start + 4] = b"\xff" * 4  # no checksum's, and no beginning of a compressed stream
    file.write_bytes(stored)
    (stool,) = [design for design in furniture.designs([file], "chair") if design.name == "Scopia/stool"]
    with pytest.raises(DataError, match=message):
        stool.read()


def test_an_unreadable_catalogue_is_refused(place):
    file = place / "Scopia.sh3f"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(furniture.INDEX, "id=made up")
    stored = bytearray(file.read_bytes())
    stored[30 + len(furniture.INDEX)] = 0xFF
    file.write_bytes(stored)
    with pytest.raises(DataError, match="found no PluginFurnitureCatalog.properties in a zip file"):
        furniture.read_catalogue(file)


def deb(path, members):
    with open(path, "wb") as file:
        file.write(b"!<arch>\n")
        for name, content in members:
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


def test_a_debian_package_is_read_directly(place, tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:xz") as tar:
        tar.add(place, "./usr/share/sweethome3d/furniture")
    package = deb(tmp_path / "f.deb", [("debian-binary", b"2.0\n1"), ("data.tar.xz", content.getvalue())])
    found = furniture.find(package)
    assert [file.name for file in found] == ["BlendSwap-CC-0.sh3f", "Scopia.sh3f"]
    assert furniture.digest(found) == furniture.digest(furniture.find(place))
    assert furniture.find(place / "Scopia.sh3f") == [place / "Scopia.sh3f"]
    for bad in (deb(tmp_path / "empty.deb", [("debian-binary", b"2.0\n")]), place / "Scopia.sh3f"):
        with pytest.raises(DataError, match="cannot be unpacked as a Debian package"):
            furniture.find(bad.rename(bad.with_suffix(".deb")))


def test_the_installed_package_is_found(place, tmp_path, monkeypatch):
    monkeypatch.undo()
    tool = tmp_path / "dpkg-query"
    tool.write_text(f"#!/bin/sh\nls -d {tmp_path} {place}/*\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert furniture.find() == sorted(place.glob("*.sh3f"))
    tool.write_text("#!/bin/sh\nexit 1\n")  # not installed
    assert furniture.installed() is None
    monkeypatch.setenv("PATH", str(place))  # no Debian
    assert furniture.installed() is None


def test_missing_files_are_named_with_a_remedy(place, tmp_path):
    remedy = r"install it \(apt-get install sweethome3d-furniture\), or pass --furniture"
    with pytest.raises(DataError, match=f"sweethome3d-furniture is not installed here; {remedy}"):
        furniture.find()
    for nowhere in (tmp_path / "none", tmp_path / "none.sh3f"):
        with pytest.raises(DataError, match=f"found no .sh3f files .*{remedy}"):
            furniture.find(nowhere)
    (tmp_path / "other.sh3f").write_bytes(b"no zip file")
    with pytest.raises(DataError, match=f"expected a .sh3f file; {remedy}"):
        furniture.designs([tmp_path / "other.sh3f"], "chair")
    write_sh3f(place / "Scopia.sh3f", {"stool": (BLOCK, SIZE)})
    with pytest.raises(DataError, match="its catalogue has no model broken, which selection.tsv names"):
        furniture.designs([place / "Scopia.sh3f"], "chair")


def test_the_selection_is_sound():
    rows = furniture.selection()
    assert len({(row["catalogue"], row["model"]) for row in rows}) == len(rows)
    used = [row for row in rows if not row["left_out"]]
    counts = {kind: sum(row["category"] == kind for row in used) for kind in ("chair", "table", "vehicle")}
    assert counts == {"chair": 60, "table": 48, "vehicle": 28} and sum(counts.values()) == len(used)
    assert all(row["catalogue"] in furniture.LICENCES and re.fullmatch(r"|90|180|270", row["turn"]) for row in rows)


def test_the_embedded_set_is_made_from_what_says_cc0(place, tmp_path):
    render.embed(place, tmp_path / "embedded")
    data = embedded_chairs.load(tmp_path / "embedded")
    assert data.style_names == ("block",) and data.licences == ("CC0 1.0, Ann (A block)",)
    (block,) = [d for d in furniture.designs(furniture.find(place), "chair") if d.name.endswith("block")]
    np.testing.assert_array_equal(data.images, block.draw(64, data.azimuths, data.elevations))
    points = embedded_chairs.key_points(tmp_path / "embedded")["block"]
    assert points.pixels.shape == (62, len(points.names), 2) and points.seen.any(0).all()


def test_the_committed_set_is_what_the_renderer_draws():
    """Where the package is installed: one chair, drawn again."""
    try:
        files = furniture.find()
    except DataError:
        pytest.skip("sweethome3d-furniture is not installed")
    kept = embedded_chairs.load()
    style = kept.style_names.index("plasticChair")
    (chair,) = [d for d in furniture.designs(files, "chair") if d.name == "BlendSwap-CC-0/plasticChair"]
    here = kept.select(kept.styles == style)
    drawn = chair.draw(64, here.azimuths[:3], here.elevations[:3])
    assert np.abs(drawn.astype(int) - here.images[:3]).mean() < 0.05
