"""Views of boxes against a pinhole camera and ray-box intersections written out here; lights, textures, errors."""

import dataclasses
import sys

import numpy as np
import pytest
from PIL import Image

from image_generators.data.chairs import renderer
from image_generators.data.chairs.mesh import Material, Mesh
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import standard_views
from image_generators.data.sources.catalogue import DataError

LOW, HIGH = np.array([-30.0, 0, -20]), np.array([30.0, 50, 20])
COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], float)  # -x +x -y +y -z +z


@pytest.fixture(scope="module")
def box(boxes):
    return Renderer(boxes([(LOW, HIGH, COLOURS)]), 64)


def pinhole(points, view, found):
    """Pixels of points [p, 3] by rotations: about the vertical until the camera is in front, then about the horizontal.

    The scale is the renderer's own; where the middle of the box is, and how near is larger, is not.
    """
    azimuth, elevation = np.deg2rad(view)
    x, y, z = ((points - (LOW + HIGH) / 2) / np.linalg.norm((HIGH - LOW) / 2)).T
    x, z = np.cos(azimuth) * x - np.sin(azimuth) * z, np.sin(azimuth) * x + np.cos(azimuth) * z
    y, z = np.cos(elevation) * y - np.sin(elevation) * z, np.sin(elevation) * y + np.cos(elevation) * z
    near = renderer.DISTANCE / (renderer.DISTANCE - z)
    return np.stack([32 + x * near * 32 / found.half, 32 - (y * near - found.middle) * 32 / found.half], 1) - 0.5


def corners():
    return np.array(np.meshgrid(*zip(LOW, HIGH, strict=True))).reshape(3, -1).T


@pytest.mark.parametrize("view", [(0, 0), (34, 20), (200, 30), (-75, -40), (10, 90)])
def test_points_are_where_a_pinhole_camera_shows_them(box, view):
    np.testing.assert_allclose(box.project(corners(), *view), pinhole(corners(), view, box), atol=1e-9)


@pytest.mark.parametrize(
    ("view", "side"), [((0, 0), 5), ((90, 0), 1), ((180, 0), 4), ((270, 0), 0), ((0, 90), 3), ((0, -90), 2)]
)
def test_each_side_is_seen_from_where_it_is(box, view, side):
    """Azimuth 0 sees the front, +z; 90 what is on the right from there, +x; elevation 90 the top."""
    middle = box.view(*view)[30:34, 30:34]
    assert (middle[..., 3] == 255).all()
    assert ((middle[..., :3] > 100) == (COLOURS[side] > 0)).all()


@pytest.mark.parametrize("view", [(0, 20), (34, 20), (127, 30), (211, -15), (45, 80)])
def test_masks_equal_rays_through_a_box(box, view):
    """Four rays a pixel, each against the six planes of the box."""
    right, up, back = renderer.axes(*view)
    steps = (np.arange(128) + 0.5) / 128 * 2 - 1
    x, y = np.meshgrid(steps * box.half, box.middle - steps * box.half)
    directions = x[..., None] * right + y[..., None] * up - renderer.DISTANCE * back
    half = (HIGH - LOW) / 2 / np.linalg.norm((HIGH - LOW) / 2)
    with np.errstate(divide="ignore"):
        planes = np.stack([(sign * half - renderer.DISTANCE * back) / directions for sign in (-1, 1)])
    met = planes.min(0).max(-1) <= planes.max(0).min(-1)
    expected = met.reshape(64, 2, 64, 2).mean((1, 3))
    image = box.view(*view)
    np.testing.assert_allclose(image[..., 3] / 255, expected, atol=0.003)
    assert 0.01 < (np.abs(expected - 0.5) < 0.4).mean() < 0.2  # some pixels at the edges are covered in part
    assert (image[..., :3].max(-1) <= image[..., 3]).all()  # colour is multiplied by coverage
    assert (image[..., :3][image[..., 3] == 0] == 0).all()


def test_a_full_turn_changes_nothing(box):
    np.testing.assert_array_equal(box.view(0, 20), box.view(360, 20))
    np.testing.assert_array_equal(box.view(-90, 30), box.view(270, 30))
    assert (box.view(0, 20) != box.view(12, 20)).any()


def test_all_views_have_one_frame_with_a_margin(boxes):
    """A long box off the middle: its turning axis is in the middle column, nothing is cut off, little is left free."""
    bar = Renderer(boxes([((70, 5, 3), (110, 12, 9), (1, 1, 1))]), 64)
    images = bar.views(*standard_views((0, 20, 30, 40)))
    seen = images[..., 3].max(0) > 0
    columns, rows = np.nonzero(seen.any(0))[0], np.nonzero(seen.any(1))[0]
    assert columns[0] == 63 - columns[-1] == 3  # a twentieth of 64 on either side
    assert abs(rows[0] - (63 - rows[-1])) <= 1
    assert np.abs(bar.project(np.array([[90, 8.5, 6]]), 77, 20)[0, 0] - 31.5) < 1e-9


def square(material, depth=0.0):
    """Four corners at (+-1, +-1) in the plane z = depth, the picture's lower left at (-1, -1)."""
    vertices = np.array([[-1, -1, depth], [1, -1, depth], [1, 1, depth], [-1, 1, depth]])
    return Mesh(
        vertices=vertices,
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
        face_materials=np.zeros(2, int),
        materials=(material,),
        texture_positions=(vertices[:, :2] + 1) / 2,
    )


def light(normal, view):
    lamp = renderer.LAMP_DIRECTION @ np.stack(renderer.axes(*view))
    return 0.35 + 0.2 * (1 + normal[1]) / 2 + 0.45 * max(np.dot(normal, lamp), 0)


def test_textures_lie_the_right_way_up_and_light_falls_on_both_sides():
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[..., 3] = 255
    picture[0, 0, 0] = picture[0, 1, 1] = picture[1, 0, 2] = 200  # red upper left, green upper right, blue lower left
    drawn = Renderer(square(Material(np.ones(3), texture=Image.fromarray(picture))), 64)
    image = drawn.view(0, 0)
    bright = round(200 * light([0, 0, 1], (0, 0)))
    for row, column, channel in ((20, 20, 0), (20, 44, 1), (44, 20, 2)):
        expected = np.zeros(3)
        expected[channel] = bright
        np.testing.assert_allclose(image[row, column, :3], expected, atol=1)
    assert image[44, 44].tolist() == [0, 0, 0, 255]
    behind = drawn.view(180, 0)
    assert abs(int(behind[20, 44, 0]) - round(200 * light([0, 0, -1], (180, 0)))) <= 1


def test_transparent_surfaces_show_what_is_behind():
    """Half-transparent red before a blue surface, beside nothing."""
    front, back = square(Material(np.array([1, 0, 0], np.float32), 0.5), 0.5), square(Material(np.array([0, 0, 1.0])))
    vertices = np.concatenate([front.vertices, back.vertices * [0.5, 0.5, 1]])
    both = Mesh(
        vertices=vertices,
        faces=np.concatenate([front.faces, back.faces + 4]),
        face_materials=np.array([0, 0, 1, 1]),
        materials=front.materials + back.materials,
    )
    image = Renderer(both, 64).view(0, 0)
    part = light([0, 0, 1], (0, 0)) / 2
    np.testing.assert_allclose(image[32, 32], [255 * part, 0, 255 * part, 255], atol=1)
    np.testing.assert_allclose(image[32, 16], [255 * part, 0, 0, 127.5], atol=1)


def test_a_texture_can_have_holes():
    picture = np.full((4, 4, 4), 255, np.uint8)
    picture[:, 2:, 3] = 0
    image = Renderer(square(Material(np.ones(3), texture=Image.fromarray(picture))), 64).view(0, 0)
    assert (image[30:34, 20:28, 3] == 255).all() and not image[30:34, 36:60].any()


def test_smooth_normals_bend_the_light(boxes):
    flat = square(Material(np.ones(3, np.float32)))
    bent = dataclasses.replace(flat, normals=np.array([[-1, 0, 1], [1, 0, 1], [1, 0, 1], [-1, 0, 1.0]]))
    row = Renderer(bent, 64).view(0, 0)[32, 14:50, 0].astype(int)
    assert np.ptp(Renderer(flat, 64).view(0, 0)[32, 14:50, 0]) == 0 and row[0] > row[-1] + 30


def test_a_single_triangle_is_drawn_and_a_point_is_refused(boxes):
    """A single triangle, which has no hull, is drawn; a point is refused."""
    whole = square(Material(np.ones(3, np.float32)))
    one = dataclasses.replace(whole, faces=whole.faces[:1], face_materials=np.zeros(1, int))
    image = Renderer(one, 64).view(0, 0)
    assert image[44, 44, 3] == 255 and image[20, 20, 3] == 0
    with pytest.raises(DataError, match="it has no extent"):
        Renderer(dataclasses.replace(whole, vertices=np.ones((4, 3))), 64)


def test_bad_arguments_are_refused(box, boxes, monkeypatch):
    with pytest.raises(ValueError, match="size.*100"):
        Renderer(box.mesh, 100)
    for view in ((0, 91), (0, -90.5), (float("nan"), 0), (0, float("nan"))):
        with pytest.raises(ValueError, match="azimuth.*elevation.*-90 to 90"):
            box.view(*view)
    monkeypatch.setitem(sys.modules, "embreex", None)
    with pytest.raises(ImportError, match="embreex"):
        Renderer(box.mesh, 64)
