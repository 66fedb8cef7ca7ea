"""The renderings of Aubry et al., `rendered_chairs.tar`: the chairs of arXiv 1411.5928.

The archive has 1393 models with 62 views each. The paper keeps 809 of them; rendered_chairs_809.txt has their positions
in the archive's own list of folders. Views are 600x600 images on white, named
`rendered_chairs/<model>/renders/image_NNN_pEEE_tAAA_r096.png` with elevation EEE and azimuth AAA. They are read from
the tar itself, or from an unpacked folder.

We had no access to the images, so we do not know whether their azimuth grows in the direction that
data/chairs/view_data.py describes.

The mask of a view is the part that is not white. All views of a model are cropped to the same square, around the union
of their bounding boxes plus a margin, and downsampled by averaging.
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
MARGIN = 0.1  # fraction of half the image's side, as in data/chairs/renderer.py
REMEDY = (
    "rendered_chairs.tar (search for Seeing 3D chairs, Aubry et al. 2014) or its folder rendered_chairs; put it in "
    "--data_dir, or use furniture_chairs or embedded_chairs"
)


def find(data_dir: str | os.PathLike | None) -> pathlib.Path:
    """Finds the tar or its unpacked folder in `data_dir`, or by default in TFDS_DATA_DIR or `~/tensorflow_datasets`.

    Raises:
        DataError: neither exists; the message says what to do.
    """
    folder = pathlib.Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    for path in (folder / "rendered_chairs", folder / "rendered_chairs.tar"):
        if path.exists():
            return path
    raise DataError(f"{folder}: found neither rendered_chairs.tar nor a folder rendered_chairs; the set needs {REMEDY}")


def designs(path: pathlib.Path, numbers: tuple[int, ...] | None = None) -> list[Design]:
    """The models of the paper, in its order.

    Args:
        path: result of `find`.
        numbers: positions in the archive's list, from 1; None for the paper's 809.

    Raises:
        DataError: the archive or its list is damaged, or the list is too short. The `draw` of a design raises it if
            files of the model are misnamed or damaged.
    """
    files = _files(path)
    folders = _listed(path, files)
    numbers = paper_selection() if numbers is None else numbers
    if max(numbers) > len(folders):
        raise DataError(f"{path}: found {len(folders)} models in {NAMES}, expected at least {max(numbers)}")
    of_model = {}
    for name, location in files.items():
        file = pathlib.PurePosixPath(name)
        if file.parent.name == "renders" and file.suffix == ".png":
            of_model.setdefault(file.parent.parent.name, {})[file.name] = location
    chosen = [folders[number - 1] for number in numbers]
    return [
        Design(folder, "chair", LICENCE, functools.partial(_draw, tuple(of_model.get(folder, {}).items())))
        for folder in chosen
    ]


def paper_selection() -> tuple[int, ...]:
    """The paper's 809 models, as positions in the archive's list of folders, from 1."""
    return tuple(int(line) for line in LIST.read_text().splitlines() if not line.startswith("#"))


def view_of(name: str) -> tuple[int, int]:
    """Azimuth and elevation in degrees, from the name of a file.

    Raises:
        DataError: the name has another form, or the view is not one of the 62.
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


def digest(path: pathlib.Path) -> str:
    """SHA-256, in hex, of the names and sizes of the files. Reading all of them would take minutes."""
    entries = sorted((name, size) for name, (_, _, size) in _files(path).items())
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def _files(path):
    """{name relative to the folder rendered_chairs: (path, offset, size in bytes)} of all files."""
    if path.is_dir():
        files = (file for file in sorted(path.rglob("*")) if file.is_file())
        return {file.relative_to(path).as_posix(): (file, 0, file.stat().st_size) for file in files}
    return _members(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _members(path, modified):
    try:
        with tarfile.open(path, "r:") as tar:
            files = [(member.name, member.offset_data, member.size) for member in tar if member.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read as a tar without compression ({error}); download it again") from error
    return {name.removeprefix("./").removeprefix("rendered_chairs/"): (path, *location) for name, *location in files}


def _read(location):
    path, offset, size = location
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def _listed(path, files):
    """The archive's own list of its folders."""
    from scipy.io import loadmat

    if NAMES not in files:
        raise DataError(f"{path}: found no {NAMES}, which numbers the models; download the archive again")
    try:
        cells = loadmat(io.BytesIO(_read(files[NAMES])))["folder_names"]
        return [str(np.ravel(cell)[0]) for cell in np.ravel(cells)]
    except Exception as error:  # of any kind, from SciPy and zlib
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: its {NAMES} cannot be read ({reason}); download the archive again") from error


def _draw(files, size, azimuths, elevations):
    """Views of one model, cropped to the same square: uint8 [v, size, size, 4]. `files` has pairs (name, location)."""
    locations = {view_of(name): location for name, location in files}
    wanted = [(int(a), int(e)) for a, e in zip(azimuths, elevations, strict=True)]
    missing = [view for view in wanted if view not in locations]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} views are missing, the first of azimuth, elevation {missing[0]}"
        )
    images = np.stack([_read_view(locations[view], view) for view in wanted])
    square = _square(images)
    return np.stack([_reduced(image, square, size) for image in images])


def _read_view(location, view):
    try:
        with Image.open(io.BytesIO(_read(location))) as image:
            return np.asarray(image.convert("RGB"))
    except UNREADABLE as error:
        raise DataError(f"the view of azimuth, elevation {view} cannot be read ({error})") from error


def _square(images):
    """Left, top and side of the square around all pixels that are not white in some image, with a margin."""
    seen = (images < 255).any(axis=(0, 3))
    rows, columns = np.nonzero(seen.any(1))[0], np.nonzero(seen.any(0))[0]
    if not len(rows):
        raise DataError("all its views are white")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = int(np.ceil(max(bottom - top, right - left) / (1 - MARGIN)))
    return (left + right - side) // 2, (top + bottom - side) // 2, side


def _reduced(image, square, size):
    """Crops to a square, which may extend beyond the image, and downsamples: colour times coverage, and coverage."""
    left, top, side = square
    mask = (image < 255).any(axis=-1, keepdims=True)
    rgba = np.concatenate([image * mask, np.where(mask, 255, 0)], axis=-1).astype(np.uint8)
    bands = []
    for band in range(4):  # one at a time: for RGBA, Pillow divides colours by coverage
        crop = Image.fromarray(rgba[..., band]).crop((left, top, left + side, top + side))
        bands.append(np.asarray(crop.resize((size, size), Image.Resampling.BOX)))
    return np.stack(bands, axis=-1)
