"""Draws a set of views before it is needed, or the embedded set again, or a sheet to look at.

python data/chairs/render.py --name=furniture_chairs --size=64 --processes=2     fills the cache
python data/chairs/render.py --name=furniture_chairs --sheet=chairs.png          every style from three sides
python data/chairs/render.py --embed                                             writes data/chairs/embedded_chairs/
"""

import dataclasses
import io
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
SHOWN = ((0, 20), (34, 20), (127, 30))  # azimuth, elevation
COLUMNS = 4
CC0 = "CC0 1.0"
POINTS = 64  # random key points of each embedded chair


def define(values=flags.FLAGS):
    """Defines the flags."""
    path, into = flag_values.path, {"flag_values": values}
    flags.DEFINE_enum("name", "furniture_chairs", views.NAMES, "Set of views.", **into)
    flags.DEFINE_enum("size", "64", list(map(str, views.SIZES)), "Pixels of a side.", **into)
    data_dir = "Folder of rendered_chairs.tar or of the folder rendered_chairs."
    flag_values.define("data_dir", path, None, data_dir, **into)
    cache_dir = "Where drawn sets are kept; else below XDG_CACHE_HOME or ~/.cache."
    flag_values.define("cache_dir", path, None, cache_dir, **into)
    furniture = "A .sh3f, a folder of them or the .deb; else where it is installed."
    flag_values.define("furniture", path, None, furniture, **into)
    flag_values.define("voxels", path, None, "ModelNet10's chairs as voxels, a .npz.", **into)
    flags.DEFINE_integer("styles", None, "The first styles alone.", lower_bound=1, **into)
    flags.DEFINE_integer("processes", 1, "How many draw side by side.", lower_bound=1, **into)
    degrees = flag_values.several(flag_values.number(-90, 90))
    flag_values.define("elevations", degrees, "20,30", "Degrees, with commas between.", **into)
    sheet = "Writes a picture of every style from three sides to this file, a .png."
    flag_values.define("sheet", path, None, sheet, **into)
    embed = f"Writes the {CC0} chairs, 64x64, to data/chairs/embedded_chairs/ and does nothing else."
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
    drawn = views.load(
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
    print(
        f"{drawn.title}: {drawn.num_styles} styles, {len(drawn):,} views of {FLAGS.size}x{FLAGS.size}; {drawn.source}"
    )
    if FLAGS.sheet:
        picture = io.BytesIO()
        Image.fromarray(sheet(drawn)).save(picture, "PNG")
        durable.write(FLAGS.sheet, picture.getvalue())


def embed(place, folder=embedded_chairs.FOLDER):
    """Draws the chairs whose own licence file says CC0, and writes them where `embedded_chairs.load` reads them."""
    confirmed = {f"{row['catalogue']}/{row['model']}" for row in furniture.selection() if row["licence"] == CC0}
    designs = [
        dataclasses.replace(design, name=design.name.rpartition("/")[2])
        for design in furniture.designs(furniture.find(place), "chair")
        if design.name in confirmed
    ]
    points = {design.name: of_chair(Renderer(design.read(), embedded_chairs.SIZE), POINTS) for design in designs}
    embedded_chairs.write(drawn_now(designs, embedded_chairs.SIZE), points, folder)


def drawn_now(designs: list[Design], size: int) -> views.Views:
    """The standard views of designs, in memory alone."""
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


def sheet(drawn: views.Views) -> np.ndarray:
    """Every style from the nearest views to SHOWN, on white: uint8 [height, width, 3]."""
    rows = []
    for style in np.unique(drawn.styles):
        here = np.nonzero(drawn.styles == style)[0]
        distances = [np.abs(drawn.azimuths[here] - a) + np.abs(drawn.elevations[here] - e) for a, e in SHOWN]
        rows.append(np.concatenate([drawn.images[here[d.argmin()]] for d in distances], axis=1))
    rows += [np.zeros_like(rows[0])] * (-len(rows) % COLUMNS)
    lines = [np.concatenate(rows[i : i + COLUMNS], axis=1) for i in range(0, len(rows), COLUMNS)]
    picture = np.concatenate(lines)
    return picture[..., :3] + (255 - picture[..., 3:])


if __name__ == "__main__":
    define()
    app.run(main)
