"""The renderings of Aubry et al., `rendered_chairs.tar`: the chairs of arXiv 1411.5928.

1393 models, of which the paper keeps 809 (`rendered_chairs_809.txt`: positions in the archive's own list of folders),
in 62 views each: 600x600 pictures on white, `rendered_chairs/<model>/renders/image_NNN_pEEE_tAAA_r096.png`, EEE the
elevation and AAA the azimuth. Read from the tar where it lies, or from the folder that is in it.

Whether azimuth grows in the direction that data/chairs/view_data.py gives is not known: the pictures are not at hand.

A mask is what is not white. All views of a model are cut out by one square about the union of their boxes, padded, and
made smaller by averaging.
"""

import functools
import hashlib
import io
import os
import pathlib
import re
import tarfile

import numpy as np
from PIL import Image

from image_generators.data.chairs.mesh import Design
from image_generators.data.chairs.view_data import AZIMUTHS, ELEVATIONS
from image_generators.data.sources.catalogue import DataError
from image_generators.data.sources.files import UNREADABLE

LIST = pathlib.Path(__file__).with_name("rendered_chairs_809.txt")
NAMES = "all_chair_names.mat"
PICTURE = re.compile(r"image_(\d{3})_p(\d{3})_t(\d{3})_r096\.png")
LICENCE = "for research (rendered_chairs, Aubry et al. 2014), unknown author"
MARGIN = 0.1  # of half the picture's side, left free; as in data/chairs/renderer.py
INSTEAD = (
    "rendered_chairs.tar (search for Seeing 3D chairs, Aubry et al. 2014) or its folder rendered_chairs; put it in "
    "--data_dir, or use furniture_chairs or embedded_chairs"
)


def find(data_dir: str | os.PathLike | None) -> pathlib.Path:
    """The tar, or the folder that is in it, below `data_dir`, else TFDS_DATA_DIR, else `~/tensorflow_datasets`.

    Raises:
        DataError: neither is there; the message says what to do.
    """
    folder = pathlib.Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    for place in (folder / "rendered_chairs", folder / "rendered_chairs.tar"):
        if place.exists():
            return place
    raise DataError(
        f"{folder}: found neither rendered_chairs.tar nor a folder rendered_chairs; the set needs {INSTEAD}"
    )


def designs(place: pathlib.Path, numbers: tuple[int, ...] | None = None) -> list[Design]:
    """The models that the paper keeps, in its order.

    Args:
        place: as `find` gives it.
        numbers: positions in the archive's list, from 1; None for the paper's 809.

    Raises:
        DataError: the archive or its list is damaged, or the list is too short. Of a model whose files have other
            names, or cannot be read, its `draw` raises one.
    """
    files = _files(place)
    folders = _listed(place, files)
    numbers = kept_by_the_paper() if numbers is None else numbers
    if max(numbers) > len(folders):
        raise DataError(f"{place}: found {len(folders)} models in {NAMES}, expected at least {max(numbers)}")
    of_model = {}
    for name, where in files.items():
        path = pathlib.PurePosixPath(name)
        if path.parent.name == "renders" and path.suffix == ".png":
            of_model.setdefault(path.parent.parent.name, {})[path.name] = where
    chosen = [folders[number - 1] for number in numbers]
    return [
        Design(folder, "chair", LICENCE, functools.partial(_draw, tuple(of_model.get(folder, {}).items())))
        for folder in chosen
    ]


def kept_by_the_paper() -> tuple[int, ...]:
    """Positions in the archive's list of folders, from 1."""
    return tuple(int(line) for line in LIST.read_text().splitlines() if not line.startswith("#"))


def view_of(name: str) -> tuple[int, int]:
    """Azimuth and elevation, in degrees, from a file's name.

    Raises:
        DataError: it is not named as the archive's files are, or its view is none of the 62.
    """
    match = PICTURE.fullmatch(name)
    if not match:
        raise DataError(f"{name}: expected a name like image_001_p020_t011_r096.png")
    elevation, azimuth = int(match[2]), int(match[3])
    if azimuth not in AZIMUTHS or elevation not in ELEVATIONS:
        raise DataError(
            f"{name}: its view is azimuth {azimuth}, elevation {elevation}; expected one of "
            f"{', '.join(map(str, AZIMUTHS))} and one of 20, 30"
        )
    return azimuth, elevation


def digest(place: pathlib.Path) -> str:
    """SHA-256, in hex, of the names and sizes of the files: to read all of them takes minutes."""
    entries = sorted((name, size) for name, (_, _, size) in _files(place).items())
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def _files(place):
    """{name below the folder rendered_chairs: (path, offset, bytes)} of all files."""
    if place.is_dir():
        paths = (path for path in sorted(place.rglob("*")) if path.is_file())
        return {path.relative_to(place).as_posix(): (path, 0, path.stat().st_size) for path in paths}
    return _members(place, place.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _members(place, changed):
    try:
        with tarfile.open(place, "r:") as tar:
            files = [(member.name, member.offset_data, member.size) for member in tar if member.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{place}: cannot be read as a tar without compression ({error}); download it again") from error
    return {name.removeprefix("./").removeprefix("rendered_chairs/"): (place, *where) for name, *where in files}


def _content(where):
    path, offset, size = where
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def _listed(place, files):
    """The archive's own list of its folders."""
    from scipy.io import loadmat

    if NAMES not in files:
        raise DataError(f"{place}: found no {NAMES}, which numbers the models; download the archive again")
    try:
        cells = loadmat(io.BytesIO(_content(files[NAMES])))["folder_names"]
        return [str(np.ravel(cell)[0]) for cell in np.ravel(cells)]
    except Exception as error:  # of any kind: SciPy and zlib have their own
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{place}: its {NAMES} cannot be read ({reason}); download the archive again") from error


def _draw(found, size, azimuths, elevations):
    """The views of one model, of pairs (file name, where it is), cut out alike: uint8 [v, size, size, 4]."""
    found = {view_of(name): where for name, where in found}
    wanted = [(int(a), int(e)) for a, e in zip(azimuths, elevations, strict=True)]
    missing = [view for view in wanted if view not in found]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} views are missing, the first of azimuth, elevation {missing[0]}"
        )
    pictures = np.stack([_picture(found[view], view) for view in wanted])
    square = _square(pictures)
    return np.stack([_reduced(picture, square, size) for picture in pictures])


def _picture(where, view):
    try:
        with Image.open(io.BytesIO(_content(where))) as image:
            return np.asarray(image.convert("RGB"))
    except UNREADABLE as error:
        raise DataError(f"the picture of azimuth, elevation {view} cannot be read ({error})") from error


def _square(pictures):
    """Left, top and side of the square about what is not white in any of the pictures, with its margin."""
    seen = (pictures < 255).any(axis=(0, 3))
    rows, columns = np.nonzero(seen.any(1))[0], np.nonzero(seen.any(0))[0]
    if not len(rows):
        raise DataError("all its pictures are white")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = int(np.ceil(max(bottom - top, right - left) / (1 - MARGIN)))
    return (left + right - side) // 2, (top + bottom - side) // 2, side


def _reduced(picture, square, size):
    """Colour multiplied by coverage, and coverage, of a square that may go beyond the picture."""
    left, top, side = square
    mask = (picture < 255).any(axis=-1, keepdims=True)
    rgba = np.concatenate([picture * mask, np.where(mask, 255, 0)], axis=-1).astype(np.uint8)
    bands = []
    for band in range(4):  # each for itself: Pillow would divide colours by coverage
        cut = Image.fromarray(rgba[..., band]).crop((left, top, left + side, top + side))
        bands.append(np.asarray(cut.resize((size, size), Image.Resampling.BOX)))
    return np.stack(bands, axis=-1)
