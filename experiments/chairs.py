"""What the scripts of arXiv 1411.5928 share: which views they load, what they show and measure of a network.

All errors are of colour on black, in [0, 1], as in the paper's loss; all pictures are on white.
"""

import dataclasses
import re

import numpy as np
from absl import flags

from image_generators.data import flag_values
from image_generators.data.chairs import views as view_sets
from image_generators.evaluation import pictures
from image_generators.models.chairs.images import data_on_white, on_white
from image_generators.training import presets

SOURCES = ("embedded_chairs", "furniture_chairs", "modelnet10_chairs", "rendered_chairs")
PRESET_SIZES = {"smoke": 64, "quick": 64, "cpu": 64, "gpu": 128, "paper": 128}  # of the images, pixels
MASK = "mask, x 1e-3 squared error"  # measured too


def define(values=flags.FLAGS, sources=SOURCES):
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


def load(options, name=None, **more):
    """The views that the flags ask for, `name` in the place of --data: data.chairs.views.Views. `more` goes to
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


def columns(labels):
    """Labels [n, 3] as what `generate` takes: style int32 [n], azimuth and elevation float32 [n], degrees."""
    return labels[:, 0].astype("int32"), labels[:, 1], labels[:, 2]


def spread(n, of):
    """At most `of` positions, evenly spread over 0 .. n - 1."""
    return np.unique(np.linspace(0, n - 1, min(n, of)).round().astype(int))


def pairs(truth, found):
    """Views [n, size, size, 4], each before what was found for it [n, size, size, 3]: uint8 [2n, size, size, 3]."""
    return np.stack([data_on_white(truth), found], axis=1).reshape(-1, *found.shape[1:])


def picture(network, data, n, seed=0):
    """Held-out views, at most n / 2 of them, eight columns: the truth, and on its right what the network makes."""
    at = spread(len(data.test.images), n // 2)
    made = on_white(network.generate(*columns(data.test.labels[at])))
    return pictures.grid(pairs(data.test.images[at], made), columns=8)


def measure(network, data, preset, seed=0):
    """The error of the mask, beside that of colour."""
    test = data.test.images[: preset.test_images], data.test.labels[: preset.test_images]
    return {MASK: 1e3 * float(network.mask_error(*test))}


def at_elevations(labels, errors):
    """{"at 40 degrees, x 1e-3": mean error} of images with labels [n, 3] and squared errors [n]."""
    found = {elevation: errors[labels[:, 2] == elevation] for elevation in np.unique(labels[:, 2])}
    return {f"at {elevation:g} degrees, x 1e-3": 1e3 * float(those.mean()) for elevation, those in found.items()}


def squared_error(found, truth):
    """Mean squared error per RGB value, in [0, 1], of uint8 images [n, size, size, 3 or 4]: float64 [n]."""
    difference = (found[..., :3].astype("float32") - truth[..., :3]) / 255.0
    return np.mean(np.square(difference), axis=(1, 2, 3), dtype="float64")
