"""The embedded set: real chairs under CC0, drawn at 64x64 by data/renderer.py and part of this repository.

Each chair is a PNG in `data/embedded_chairs/`, 31 views from elevation 20 above 31 from elevation 30, in the order of
their azimuths; `LICENCES.txt` there lists the chairs, their authors and licences. `python data/render.py --embed` makes
the folder again from Debian's sweethome3d-furniture.
"""

import pathlib

import numpy as np
from PIL import Image

from data.catalogue import DataError
from data.view_data import AZIMUTHS, ELEVATIONS, Views, standard_views

FOLDER = pathlib.Path(__file__).with_name("embedded_chairs")
LIST = "LICENCES.txt"
SIZE = 64
TITLE = "CC0 chairs"
HEADER = """\
# Views of 3D models under CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/), as the licence file beside each
# of them says, from BlendSwap-CC-0.sh3f of Debian's package sweethome3d-furniture; drawn by data/renderer.py.
# One line each: file, then licence, author (the catalogue's name for it).
"""


def load(folder: pathlib.Path = FOLDER) -> Views:
    """The set in memory.

    Raises:
        DataError: a file of it is missing or damaged.
    """
    names, licences, images = [], [], []
    try:
        lines = (folder / LIST).read_text(encoding="utf-8").splitlines()
        for line in lines:
            if not line.startswith("#"):
                name, licence = line.split("\t")
                names.append(name)
                licences.append(licence)
                images.append(_views(folder / f"{name}.png"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(
            f"{folder}: the embedded chairs cannot be read ({error}); check the folder out again"
        ) from error
    azimuths, elevations = standard_views()
    return Views(
        name="embedded_chairs",
        title=f"{len(names)} {TITLE}",
        source=f"{len(names)} chairs of Debian's sweethome3d-furniture, drawn beforehand",
        is_fallback=False,
        images=np.concatenate(images),
        styles=np.repeat(np.arange(len(names), dtype=np.int32), len(azimuths)),
        azimuths=np.tile(azimuths, len(names)),
        elevations=np.tile(elevations, len(names)),
        style_names=tuple(names),
        categories=("chair",) * len(names),
        licences=tuple(licences),
    )


def write(views: Views, folder: pathlib.Path = FOLDER) -> None:
    """Writes the standard views of `views`, 64x64, in place of what is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    names = [name.rpartition("/")[2] for name in views.style_names]
    for style, name in enumerate(names):
        grid = views.images[views.styles == style].reshape(len(ELEVATIONS), len(AZIMUTHS), SIZE, SIZE, 4)
        strip = grid.transpose(0, 2, 1, 3, 4).reshape(len(ELEVATIONS) * SIZE, len(AZIMUTHS) * SIZE, 4)
        Image.fromarray(strip).save(folder / f"{name}.png", optimize=True)
    lines = [f"{name}\t{licence}\n" for name, licence in zip(names, views.licences, strict=True)]
    (folder / LIST).write_text(HEADER + "".join(lines), encoding="utf-8")


def _views(path):
    """uint8 [62, 64, 64, 4], as `standard_views` orders them."""
    with Image.open(path) as image:
        strip = np.asarray(image)
    grid = strip.reshape(len(ELEVATIONS), SIZE, len(AZIMUTHS), SIZE, 4).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(-1, SIZE, SIZE, 4))
