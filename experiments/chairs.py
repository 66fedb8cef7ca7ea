"""What the scripts of arXiv 1411.5928 share: the flags that say which views, and the views."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from image_generators.data import flag_values
from image_generators.data.chairs import views as view_sets
from image_generators.training import presets

SOURCES = ("embedded_chairs", "furniture_chairs", "modelnet10_chairs", "rendered_chairs")
PRESET_SIZES = {"smoke": 64, "quick": 64, "cpu": 64, "gpu": 128, "paper": 128}  # of the images, pixels


def define(values: flags.FlagValues = flags.FLAGS, sources: Sequence[str] = SOURCES) -> None:
    """Defines the flags that say which views; `sources` are what --data may be, the default first."""
    into = {"flag_values": values}
    flags.DEFINE_enum("data", sources[0], sources, "which views", **into)
    sizes = [str(size) for size in view_sets.SIZES]
    flags.DEFINE_enum("size", None, sizes, "of the images in pixels (default: the preset's)", **into)
    flags.DEFINE_integer("styles", None, "at most so many designs (default: all)", lower_bound=1, **into)
    flag_values.define(
        "furniture", flag_values.path, None, "sweethome3d's furniture: a .deb, a .sh3f or a folder of them", **into
    )
    flag_values.define("voxels", flag_values.path, None, "modelnet10's chairs: modelnet10_chair_voxels32.npz", **into)
    flag_values.define(
        "cache_dir", flag_values.path, None, "where rendered views are kept (default: the user's cache)", **into
    )
    flags.DEFINE_integer("processes", 1, "that render", lower_bound=1, **into)


def load(options: flags.FlagValues, name: str | None = None, **more: Any) -> view_sets.Views:
    """The views that the flags ask for, `name` instead of --data: data.chairs.views.Views. `more` goes to
    views.load.

    Their name and title say the size. All but the paper's own count as other data, beside which no published number
    stands. ValueError for a preset that there is none of for Chairs, and as of views.load.
    """
    name = name or options.data
    preset_size = presets.by_name(PRESET_SIZES, options.preset or presets.DEFAULT)
    size = int(options.size or (64 if name == "embedded_chairs" else preset_size))  # which there is at 64x64 alone
    places = {place: getattr(options, place) for place in ("data_dir", "cache_dir", "furniture", "voxels", "styles")}
    views = view_sets.load(name, size, **places, processes=options.processes, **more)
    few = "" if options.styles is None else f"-first{options.styles}"
    designs = len(np.unique(views.styles))
    designs = "" if re.search(rf"\b{designs}\b", views.title) else f", {designs} designs"
    return dataclasses.replace(
        views,
        name=f"{views.name}-{size}{few}",
        title=f"{views.title}{designs}, {size}x{size}",
        is_fallback=name != "rendered_chairs",
    )
