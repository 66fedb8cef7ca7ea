"""Loads sets of views by name: `load('embedded_chairs').images`.

`embedded_chairs` is part of this repository. The others are rendered once from files that are not, and cached:
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
    """Loads a set of views: each style from 31 azimuths, floor(k * 360 / 31) degrees, at each elevation.

    Args:
        name: one of `NAMES`.
        size: height and width in pixels: 64, 128 or 256. embedded_chairs has only 64.
        data_dir: folder with rendered_chairs.tar or a folder rendered_chairs; None for TFDS_DATA_DIR.
        cache_dir: folder of rendered sets; None for `pixelcnn-chairs-draw/views` in XDG_CACHE_HOME or ~/.cache.
        furniture: a .sh3f, a folder of them, or the .deb of sweethome3d-furniture; None for the installed package.
        voxels: file with ModelNet10's chairs as voxels.
        styles: number of styles to load; None for all.
        processes: number of processes that render in parallel.
        elevations: one or several, in degrees. embedded_chairs and rendered_chairs have only 20 and 30.

    Returns:
        `Views`: `images`, uint8 `[n, size, size, 4]`, with `styles`, `azimuths` and `elevations`, `[n]` each.

    Raises:
        ValueError: an argument is not accepted.
        DataError: files of the set are missing or damaged; the message says what to do.
        ImportError: trimesh or embreex is needed and not installed; the message says what to do.

    Example:

    ```python
    data = load("embedded_chairs").hold_out()  # train, validation and test
    ```
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}. Received: name={name!r}")
    check_size(size)
    standard_views(elevations)
    elevations = tuple(float(elevation) for elevation in np.atleast_1d(elevations))
    if styles is not None:
        check_integers(("styles", styles, 1))
    if name not in ANY_ELEVATION and elevations != tuple(map(float, ELEVATIONS)):
        raise ValueError(f"elevations must be {ELEVATIONS} for {name}. Received: elevations={elevations}")
    if name == "embedded_chairs":
        return _first(_embedded(size), styles)
    folder = view_cache.folder_of(cache_dir)
    recipe = view_cache.Recipe(name, view_sources.TITLES[name], size, elevations)
    try:
        source = view_sources.find(name, data_dir, furniture, voxels)
    except DataError:
        if furniture is not None or voxels is not None:  # files that were named must exist
            raise
        views = view_cache.cached(recipe, folder)  # a cached set does not need its source
        if views is None:
            views = view_cache.cached(recipe, folder, styles)  # nor does a partial one
        if views is None:
            raise
        return _first(views, styles)
    recipe = dataclasses.replace(recipe, source=source.description, digest=source.digest)
    views = view_cache.cached(recipe, folder)
    if views is None:
        views = view_cache.rendered(recipe, source.designs, folder, processes, styles)
    return _first(views, styles)


def _embedded(size):
    if size != embedded_chairs.SIZE:
        raise ValueError(
            f"size must be {embedded_chairs.SIZE} for embedded_chairs; furniture_chairs has the same chairs at every "
            f"size. Received: size={size}"
        )
    return embedded_chairs.load()


def _first(views, styles):
    return views if styles is None or styles >= views.num_styles else views.first(styles)
