"""Views of objects in memory, by name: `load('embedded_chairs').images`.

`embedded_chairs` is part of this repository. The others are made once from files that are not, and kept in a cache:
`furniture_chairs`, `furniture_tables`, `furniture_vehicles` (data/chairs/furniture.py), `modelnet10_chairs`
(data/chairs/voxels.py) and `rendered_chairs` (data/chairs/rendered_chairs.py).
"""

import dataclasses
import os

import numpy as np

from image_generators.data.batches import check_integers
from image_generators.data.chairs import embedded_chairs, view_cache, view_sources
from image_generators.data.chairs.view_data import AZIMUTHS, ELEVATIONS, SIZES, Views, check_size, standard_views
from image_generators.data.sources.catalogue import DataError

__all__ = ["AZIMUTHS", "ELEVATIONS", "NAMES", "SIZES", "DataError", "Views", "load", "standard_views"]

NAMES = (
    "embedded_chairs",
    "furniture_chairs",
    "furniture_tables",
    "furniture_vehicles",
    "modelnet10_chairs",
    "rendered_chairs",
)
ANY_ELEVATION = ("furniture_chairs", "furniture_tables", "furniture_vehicles", "modelnet10_chairs")


def load(
    name: str,
    size: int = 64,
    data_dir: str | os.PathLike | None = None,
    cache_dir: str | os.PathLike | None = None,
    furniture: str | os.PathLike | None = None,
    voxels: str | os.PathLike | None = None,
    styles: int | None = None,
    processes: int = 1,
    elevations: float | tuple[float, ...] = ELEVATIONS,
) -> Views:
    """Loads a set of views: of every style 31 azimuths (floor(k * 360 / 31) degrees) at each elevation.

    Args:
        name: one of `NAMES`.
        size: pixels of a side: 64, 128 or 256; 64 alone for embedded_chairs.
        data_dir: folder of rendered_chairs.tar or of the folder rendered_chairs; None for TFDS_DATA_DIR.
        cache_dir: where drawn sets are kept; None for `pixelcnn-chairs-draw/views` in XDG_CACHE_HOME or ~/.cache.
        furniture: a .sh3f, a folder of them or the .deb of sweethome3d-furniture; None for where it is installed.
        voxels: file of ModelNet10's chairs as voxels.
        styles: the first ones alone, at most so many; None for all.
        processes: how many draw side by side.
        elevations: degrees, one or several; other than 20 and 30 only of what is drawn here.

    Raises:
        ValueError: an argument is none of these.
        DataError: what the set is made from is not there or damaged; the message says what to do.
        ImportError: trimesh or embreex is needed and not installed; the message says what to do.
    """
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; accepted: {', '.join(NAMES)}")
    check_size(size)
    standard_views(elevations)
    elevations = tuple(float(elevation) for elevation in np.atleast_1d(elevations))
    if styles is not None:
        check_integers(("styles", styles, 1))
    if name not in ANY_ELEVATION and elevations != tuple(map(float, ELEVATIONS)):
        raise ValueError(f"elevations is {elevations} for {name}; accepted: {ELEVATIONS}, for it is not drawn here")
    if name == "embedded_chairs":
        return _first(_embedded(size), styles)
    folder = view_cache.folder_of(cache_dir)
    recipe = view_cache.Recipe(name, view_sources.TITLES[name], size, elevations)
    try:
        source = view_sources.find(name, data_dir, furniture, voxels)
    except DataError:
        if furniture is not None or voxels is not None:  # a file that was named must be there
            raise
        views = view_cache.kept(recipe, folder)  # what was drawn before serves without what it was drawn from
        if views is None:
            views = view_cache.kept(recipe, folder, styles)  # the first ones alone may have been
        if views is None:
            raise
        return _first(views, styles)
    recipe = dataclasses.replace(recipe, source=source.description, digest=source.digest)
    views = view_cache.kept(recipe, folder)
    if views is None:
        views = view_cache.rendered(recipe, source.designs, folder, processes, styles)
    return _first(views, styles)


def _embedded(size):
    if size != embedded_chairs.SIZE:
        raise ValueError(
            f"size is {size} for embedded_chairs; accepted: {embedded_chairs.SIZE}; furniture_chairs has these chairs "
            "at every size"
        )
    return embedded_chairs.load()


def _first(views, styles):
    return views if styles is None or styles >= views.num_styles else views.first(styles)
