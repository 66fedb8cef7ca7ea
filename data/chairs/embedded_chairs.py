"""The embedded set: chairs under CC0, rendered at 64x64 by data/chairs/renderer.py and part of this repository.

Each chair is a PNG in data/chairs/embedded_chairs/: 31 views from elevation 20 above 31 views from elevation 30, in the
order of their azimuths. LICENCES.txt lists the chairs, their authors and licences. key_points.npz holds key points of
each chair in all views. `python data/chairs/render.py --embed` renders the folder again from Debian's package
sweethome3d-furniture.
"""

import pathlib

import numpy as np
from PIL import Image

from image_generators.data import durable
from image_generators.data.chairs.key_points import KeyPoints
from image_generators.data.chairs.view_data import AZIMUTHS, ELEVATIONS, Views, standard_labels
from image_generators.data.sources import npz
from image_generators.data.sources.catalogue import DataError
from image_generators.data.sources.files import UNREADABLE

FOLDER = pathlib.Path(__file__).with_name("embedded_chairs")
LIST, POINTS = "LICENCES.txt", "key_points.npz"
SIZE = 64
TITLE = "CC0 chairs"
HEADER = """\
# Views of 3D models under CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/), as the licence file beside each
# of them says, from BlendSwap-CC-0.sh3f of Debian's package sweethome3d-furniture; drawn by data/chairs/renderer.py.
# One line each: file, then licence, author (the catalogue's name for it).
"""


def load(folder: pathlib.Path = FOLDER) -> Views:
    """Loads the set into memory.

    Raises:
        DataError: a file is missing or damaged.
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
    except UNREADABLE as error:
        raise DataError(
            f"{folder}: the embedded chairs cannot be read ({error}); restore the folder from the repository"
        ) from error
    return Views(
        name="embedded_chairs",
        title=f"{len(names)} {TITLE}",
        source=f"{len(names)} chairs of Debian's sweethome3d-furniture, drawn beforehand",
        is_fallback=False,
        images=np.concatenate(images),
        **standard_labels(len(names)),
        style_names=tuple(names),
        categories=("chair",) * len(names),
        licences=tuple(licences),
    )


def key_points(folder: pathlib.Path = FOLDER) -> dict[str, KeyPoints]:
    """Loads the key points of each style, by name: corners of parts and random surface points, in all 62 views.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        fields = npz.read(folder / POINTS)
        names = sorted({key.split("/")[0] for key in fields})
        return {
            name: KeyPoints(
                points=fields[f"{name}/points"],
                pixels=fields[f"{name}/pixels"].astype(np.float64),
                seen=fields[f"{name}/seen"],
                names=tuple(fields[f"{name}/names"].tolist()),
            )
            for name in names
        }
    except (KeyError, ValueError) as error:
        raise DataError(f"{folder / POINTS}: cannot be read ({error}); restore it from the repository") from error


def write(views: Views, points: dict[str, KeyPoints], folder: pathlib.Path = FOLDER) -> None:
    """Replaces the folder's contents with the standard views of `views`, 64x64, and key points by style name."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for style, name in enumerate(views.style_names):
        grid = views.images[views.styles == style].reshape(len(ELEVATIONS), len(AZIMUTHS), SIZE, SIZE, 4)
        strip = grid.transpose(0, 2, 1, 3, 4).reshape(len(ELEVATIONS) * SIZE, len(AZIMUTHS) * SIZE, 4)
        with durable.writing(folder / f"{name}.png") as file:
            Image.fromarray(strip).save(file, "PNG", optimize=True)
    lines = [f"{name}\t{licence}\n" for name, licence in zip(views.style_names, views.licences, strict=True)]
    durable.write(folder / LIST, HEADER + "".join(lines))
    arrays = {}
    for name, key_points in points.items():
        arrays[f"{name}/points"], arrays[f"{name}/seen"] = key_points.points, key_points.seen
        arrays[f"{name}/pixels"] = key_points.pixels.astype(np.float32)  # precise to 1e-5 pixels
        arrays[f"{name}/names"] = np.array(key_points.names)
    with durable.writing(folder / POINTS) as file:
        np.savez_compressed(file, **arrays)


def _views(path):
    """uint8 [62, 64, 64, 4], in the order of `standard_views`."""
    with Image.open(path) as image:
        strip = np.asarray(image)
    grid = strip.reshape(len(ELEVATIONS), SIZE, len(AZIMUTHS), SIZE, 4).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(-1, SIZE, SIZE, 4))
