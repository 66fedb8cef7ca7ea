"""The cache of drawn sets: killed and gone on with, drawn once, never mixed, never half."""

import dataclasses
import functools
import json
import os
import re

import numpy as np
import pytest

from image_generators.data.chairs import renderer, view_cache, views
from image_generators.data.chairs.mesh import Design
from image_generators.data.chairs.view_cache import Recipe
from image_generators.data.sources.catalogue import DataError


class Counting:
    """Stands in for a design's drawing: pictures of one value, and a list of what was drawn."""

    def __init__(self):
        self.drawn, self.killed_at, self.broken = [], None, ()

    def draw(self, number, size, azimuths, elevations):
        if number == self.killed_at:
            raise KeyboardInterrupt
        if number in self.broken:
            raise DataError("it is bent")
        self.drawn.append(number)
        return np.full((len(azimuths), size, size, 4), number, np.uint8)

    def designs(self, n):
        return [Design(f"m{i}", "chair", f"CC0, author {i}", functools.partial(self.draw, i)) for i in range(n)]


RECIPE = Recipe("furniture_chairs", "chairs", 64, (20.0, 30.0), "from here", "abc")


@pytest.fixture
def counting():
    return Counting()


def test_a_killed_rendering_resumes_with_the_same_result(counting, tmp_path):
    whole = view_cache.rendered(RECIPE, counting.designs(4), tmp_path / "whole")
    counting.drawn, counting.killed_at = [], 2
    with pytest.raises(KeyboardInterrupt):
        view_cache.rendered(RECIPE, counting.designs(4), tmp_path / "killed")
    assert counting.drawn == [0, 1] and view_cache.cached(RECIPE, tmp_path / "killed") is None
    counting.killed_at = None
    resumed = view_cache.rendered(RECIPE, counting.designs(4), tmp_path / "killed")
    assert counting.drawn == [0, 1, 2, 3]
    for name in ("images", "styles", "azimuths", "elevations"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    assert resumed.style_names == whole.style_names == ("m0", "m1", "m2", "m3")
    assert [file.name for file in sorted((tmp_path / "killed").iterdir())] == [
        "furniture_chairs-64-LICENCES.txt",
        "furniture_chairs-64.npz",
    ]
    assert resumed.images[62 * 3 :].min() == 3 and resumed.licences[1] == "CC0, author 1"


def test_cached_views_are_not_rendered_again(counting, tmp_path, caplog):
    view_cache.rendered(RECIPE, counting.designs(2), tmp_path)
    view_cache.rendered(RECIPE, counting.designs(2), tmp_path)
    assert counting.drawn == [0, 1]
    other = Recipe(*[getattr(RECIPE, f) for f in ("name", "title", "size", "elevations", "source")], "another digest")
    view_cache.rendered(other, counting.designs(2), tmp_path)
    assert counting.drawn == [0, 1, 0, 1] and "from other files or by another version" in caplog.text
    assert view_cache.cached(RECIPE, tmp_path) is None
    assert view_cache.cached(Recipe("furniture_chairs", "chairs", 64, (20.0, 30.0)), tmp_path).num_styles == 2


def test_another_version_is_rendered_again(counting, tmp_path, monkeypatch):
    view_cache.rendered(RECIPE, counting.designs(1), tmp_path)
    monkeypatch.setattr(view_cache, "VERSION", "next")
    view_cache.rendered(RECIPE, counting.designs(1), tmp_path)
    assert counting.drawn == [0, 0]


@pytest.mark.parametrize("kept", [slice(-100), slice(0)])
def test_a_damaged_file_is_rendered_again_with_a_warning(counting, tmp_path, caplog, kept):
    view_cache.rendered(RECIPE, counting.designs(2), tmp_path)
    file = tmp_path / "furniture_chairs-64.npz"
    file.write_bytes(file.read_bytes()[kept])
    assert view_cache.rendered(RECIPE, counting.designs(2), tmp_path).num_styles == 2
    assert counting.drawn == [0, 1, 0, 1] and "furniture_chairs-64.npz cannot be read" in caplog.text


def test_the_content_of_a_file_reaches_the_disk_before_its_name(counting, tmp_path, monkeypatch):
    """Else a machine that stops leaves an empty file, which counts as drawn."""
    fsync, replace, calls = os.fsync, os.replace, []
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("content"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("name"), replace(*paths)))
    view_cache.rendered(RECIPE, counting.designs(1), tmp_path)
    assert calls == ["content", "name", "content"] * 3  # and the folder's; of the design's views, the licences, the set


def test_damaged_models_are_named_counted_and_leave_no_gap(counting, tmp_path, caplog):
    counting.broken = (1, 2)
    data = view_cache.rendered(RECIPE, counting.designs(4), tmp_path)
    assert data.style_names == ("m0", "m3") and set(data.styles) == {0, 1} and data.images[data.styles == 1].min() == 3
    assert data.source == "from here; 2 damaged models left out (m1, m2)"
    assert "m1 is left out: it is bent" in caplog.text
    counting.broken = (0, 1)
    with pytest.raises(DataError, match="chairs: none of 2 models can be drawn; the first: it is bent"):
        view_cache.rendered(RECIPE, counting.designs(2), tmp_path / "none")


def test_the_first_styles_alone_are_drawn_and_then_the_rest(counting, tmp_path):
    few = view_cache.rendered(RECIPE, counting.designs(4), tmp_path, styles=2)
    assert counting.drawn == [0, 1] and few.style_names == ("m0", "m1")
    assert view_cache.rendered(RECIPE, counting.designs(4), tmp_path).num_styles == 4
    assert counting.drawn == [0, 1, 2, 3]
    assert view_cache.rendered(RECIPE, counting.designs(4), tmp_path, styles=9).num_styles == 4


def test_another_process_may_be_faster_at_any_moment(counting, tmp_path, monkeypatch):
    """It removes the parts, which this one was about to join."""
    join = view_cache._join

    def late(*arguments):
        monkeypatch.setattr(view_cache, "_join", join)
        view_cache.rendered(RECIPE, counting.designs(3), tmp_path)
        join(*arguments)

    monkeypatch.setattr(view_cache, "_join", late)
    assert view_cache.rendered(RECIPE, counting.designs(3), tmp_path).style_names == ("m0", "m1", "m2")
    monkeypatch.setattr(view_cache, "_draw_all", lambda *_: {})
    with pytest.raises(FileNotFoundError):  # where nobody was
        view_cache.rendered(RECIPE, counting.designs(3), tmp_path / "nobody")


def test_several_processes_give_what_one_gives(chair, boxes, tmp_path):
    flat = boxes([((0, 0, 0), (1, 2, 3), (0.5, 0.5, 0.5))])
    recipe = Recipe("furniture_tables", "tables", 64, (20.0,), "from here", "abc")
    designs = [Design(f"m{i}", "table", "CC0", functools.partial(_draw, mesh)) for i, mesh in enumerate((chair, flat))]
    one, two = (view_cache.rendered(recipe, designs, tmp_path / str(n), processes=n) for n in (1, 2))
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.images[3], renderer.Renderer(chair, 64).view(one.azimuths[3], 20))  # as drawn
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match="processes"):
            view_cache.rendered(recipe, designs, tmp_path / "none", processes=wrong)


def _draw(mesh, size, azimuths, elevations):
    return renderer.Renderer(mesh, size).views(azimuths, elevations)


def test_a_cached_set_is_used_without_its_source_files(counting, tmp_path, monkeypatch):
    recipe = Recipe("modelnet10_chairs", "chairs", 64, (20.0, 30.0), "from here", "abc")
    view_cache.rendered(recipe, counting.designs(3), tmp_path)
    assert views.load("modelnet10_chairs", cache_dir=tmp_path, styles=2).num_styles == 2
    with pytest.raises(DataError, match="modelnet10_chairs needs a file of"):
        views.load("modelnet10_chairs", 128, cache_dir=tmp_path)
    with pytest.raises(DataError, match="none.npz: no such file"):  # one that was named must be there
        views.load("modelnet10_chairs", cache_dir=tmp_path, voxels=tmp_path / "none.npz")
    view_cache.rendered(recipe, counting.designs(3), tmp_path / "few", styles=2)
    assert views.load("modelnet10_chairs", cache_dir=tmp_path / "few", styles=2).style_names == ("m0", "m1")
    for styles in (None, 1):
        with pytest.raises(DataError, match="modelnet10_chairs needs a file of"):
            views.load("modelnet10_chairs", cache_dir=tmp_path / "few", styles=styles)
    low = dataclasses.replace(recipe, elevations=(10.0,))
    view_cache.rendered(low, counting.designs(1), tmp_path)
    assert len(views.load("modelnet10_chairs", cache_dir=tmp_path, elevations=10)) == 31
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert view_cache.folder_of(None) == tmp_path / "x" / "pixelcnn-chairs-draw" / "views"


def test_a_cache_file_names_its_sources(counting, tmp_path):
    view_cache.rendered(RECIPE, counting.designs(1), tmp_path)
    with np.load(tmp_path / "furniture_chairs-64.npz") as content:
        about = json.loads(str(content["about"]))
    assert about["digest"] == "abc" and about["version"] == view_cache.VERSION and not about["problems"]
    low = Recipe("furniture_chairs", "chairs", 64, (0.0, 12.5))
    assert re.fullmatch("furniture_chairs-64-0_12.5", low.stem)
