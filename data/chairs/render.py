"""Renders a set of views in advance, an overview of a set, or the embedded set.

python data/chairs/render.py --name=furniture_chairs --size=64 --processes=2     fills the cache
python data/chairs/render.py --name=furniture_chairs --sheet=chairs.png          draws every style from three sides
python data/chairs/render.py --embed                                             writes data/chairs/embedded_chairs/
"""

import dataclasses
import pathlib
import sys

import numpy as np
from absl import app, flags
from PIL import Image

from image_generators.data import durable, flag_values
from image_generators.data.chairs import embedded_chairs, furniture, views
from image_generators.data.chairs.key_points import of_chair
from image_generators.data.chairs.mesh import Design
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import standard_labels, standard_views

FLAGS = flags.FLAGS
SHEET_VIEWS = ((0, 20), (34, 20), (127, 30))  # azimuth and elevation in degrees
COLUMNS = 4
CC0 = "CC0 1.0"
POINTS = 64  # random key points of each embedded chair


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    path, into = flag_values.path, {"flag_values": values}
    flags.DEFINE_enum("name", "furniture_chairs", views.NAMES, "Set of views.", **into)
    flags.DEFINE_enum("size", "64", list(map(str, views.SIZES)), "Height and width in pixels.", **into)
    data_dir = "Folder with rendered_chairs.tar or a folder rendered_chairs."
    flag_values.define("data_dir", path, None, data_dir, **into)
    cache_dir = "Folder of rendered sets (default: in XDG_CACHE_HOME or ~/.cache)."
    flag_values.define("cache_dir", path, None, cache_dir, **into)
    furniture = "A .sh3f, a folder of them, or the .deb (default: the installed package)."
    flag_values.define("furniture", path, None, furniture, **into)
    flag_values.define("voxels", path, None, "File with ModelNet10's chairs as voxels, a .npz.", **into)
    flags.DEFINE_integer("styles", None, "Number of styles to render (default: all).", lower_bound=1, **into)
    flags.DEFINE_integer("processes", 1, "Number of processes that render in parallel.", lower_bound=1, **into)
    degrees = flag_values.several(flag_values.number(-90, 90))
    flag_values.define("elevations", degrees, "20,30", "Elevations in degrees, separated by commas.", **into)
    sheet = "Writes an image of every style from three sides to this .png file."
    flag_values.define("sheet", path, None, sheet, **into)
    embed = f"Only renders the {CC0} chairs, at 64x64, to data/chairs/embedded_chairs/."
    flags.DEFINE_bool("embed", False, embed, **into)


def main(argv):
    try:
        if len(argv) > 1:
            raise ValueError(f"every argument must be a --flag. Received: {' '.join(argv[1:])}")
        run()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"render: {error}")


def run():
    if FLAGS.embed:
        embed(FLAGS.furniture)
        return
    if FLAGS.sheet:
        flag_values.check_file("sheet", FLAGS.sheet, ".png")
    view_set = views.load(
        FLAGS.name,
        int(FLAGS.size),
        data_dir=FLAGS.data_dir,
        cache_dir=FLAGS.cache_dir,
        furniture=FLAGS.furniture,
        voxels=FLAGS.voxels,
        styles=FLAGS.styles,
        processes=FLAGS.processes,
        elevations=tuple(FLAGS.elevations),
    )
    size = f"{FLAGS.size}x{FLAGS.size}"
    print(f"{view_set.title}: {view_set.num_styles} styles, {len(view_set):,} views of {size}; {view_set.source}")
    if FLAGS.sheet:
        with durable.writing(FLAGS.sheet) as file:
            Image.fromarray(sheet(view_set)).save(file, "PNG")


def embed(package: str | None, folder: pathlib.Path = embedded_chairs.FOLDER) -> None:
    """Renders the chairs whose own licence file says CC0 to `folder`, for `embedded_chairs.load`.

    Args:
        package: as the argument of `furniture.find`.
        folder: folder to write to.
    """
    confirmed = {f"{model['catalogue']}/{model['model']}" for model in furniture.selection() if model["licence"] == CC0}
    designs = [
        dataclasses.replace(design, name=design.name.rpartition("/")[2])
        for design in furniture.designs(furniture.find(package), "chair")
        if design.name in confirmed
    ]
    points = {design.name: of_chair(Renderer(design.read(), embedded_chairs.SIZE), POINTS) for design in designs}
    embedded_chairs.write(render(designs, embedded_chairs.SIZE), points, folder)


def render(designs: list[Design], size: int) -> views.Views:
    """Renders the standard views of designs, without the cache."""
    azimuths, elevations = standard_views()
    return views.Views(
        name="drawn",
        title="drawn",
        source="drawn here",
        is_fallback=False,
        images=np.concatenate([design.draw(size, azimuths, elevations) for design in designs]),
        **standard_labels(len(designs)),
        style_names=tuple(design.name for design in designs),
        categories=tuple(design.category for design in designs),
        licences=tuple(design.licence for design in designs),
    )


def sheet(view_set: views.Views) -> np.ndarray:
    """Every style in the views nearest to SHEET_VIEWS, on white: uint8 [height, width, 3]."""
    strips = []  # one for each style, its views side by side
    for style in np.unique(view_set.styles):
        indices = np.nonzero(view_set.styles == style)[0]
        azimuths, elevations = view_set.azimuths[indices], view_set.elevations[indices]
        distances = [np.abs(azimuths - azimuth) + np.abs(elevations - elevation) for azimuth, elevation in SHEET_VIEWS]
        strips.append(np.concatenate([view_set.images[indices[d.argmin()]] for d in distances], axis=1))
    strips += [np.zeros_like(strips[0])] * (-len(strips) % COLUMNS)
    rows = [np.concatenate(strips[i : i + COLUMNS], axis=1) for i in range(0, len(strips), COLUMNS)]
    rgba = np.concatenate(rows)
    return rgba[..., :3] + (255 - rgba[..., 3:])


if __name__ == "__main__":
    define()
    app.run(main)
