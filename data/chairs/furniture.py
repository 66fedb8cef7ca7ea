"""The 3D models of Debian's package sweethome3d-furniture: chairs, tables and vehicles, CC0 and CC-BY.

The package holds .sh3f files: zip files with a catalogue, OBJ models, their textures and licences. They are read where
the package is installed, or from a folder, a .sh3f or the package's .deb itself.

Which models are used is written in `furniture.tsv`: every entry of the catalogues that could be a chair, a table or a
vehicle, by eye and not by name alone, with the reason where one is left out, and by how many degrees one is turned
whose front is elsewhere.
"""

import csv
import functools
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile

from image_generators.data.chairs import renderer
from image_generators.data.chairs.mesh import Design, Mesh, read_obj
from image_generators.data.sources.catalogue import DataError

PACKAGE = "sweethome3d-furniture"
SELECTION = pathlib.Path(__file__).with_name("furniture.tsv")
INDEX = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0 1.0",
    "BlendSwap-CC-BY": "CC BY 3.0",
    "KatorLegaz": "CC BY 3.0 US",
    "Reallusion": "CC BY 3.0 US",
    "Scopia": "CC BY 3.0",
}
REMEDY = (
    "install it (apt-get install sweethome3d-furniture), or pass --furniture with the package's .deb (apt-get download "
    "sweethome3d-furniture), a .sh3f or a folder of them"
)


def find(furniture: str | os.PathLike | None = None) -> list[pathlib.Path]:
    """The .sh3f files, by name.

    Args:
        furniture: a .sh3f, a folder of them or the package's .deb; None for where the package is installed.

    Raises:
        DataError: there are none; the message says what to do.
    """
    place = installed() if furniture is None else pathlib.Path(furniture).expanduser()
    if place is None:
        raise DataError(f"Debian's {PACKAGE} is not installed here; {REMEDY}")
    if place.is_file() and place.suffix == ".deb":
        place = unpacked(place)
    files = [place] if place.is_file() else sorted(place.glob("*.sh3f"))
    if not files:
        raise DataError(f"{place}: found no .sh3f files of Debian's sweethome3d-furniture; {REMEDY}")
    return files


def installed() -> pathlib.Path | None:
    """Where Debian's list of the package's files has them; None where it is not installed."""
    try:
        listed = subprocess.run(["dpkg-query", "--listfiles", PACKAGE], capture_output=True, text=True).stdout
    except OSError:  # not Debian
        return None
    return next((path.parent for path in map(pathlib.Path, listed.splitlines()) if path.suffix == ".sh3f"), None)


def unpacked(package: pathlib.Path) -> pathlib.Path:
    """A folder with the .sh3f files of a .deb, unpacked once for this process and deleted at its end.

    Raises:
        DataError: it is no Debian package, or it cannot be unpacked.
    """
    return pathlib.Path(_unpacked(str(package.resolve())).name)


@functools.cache
def _unpacked(package):
    folder = tempfile.TemporaryDirectory(prefix="furniture-")
    try:
        content = _data_of_deb(pathlib.Path(package))
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".sh3f"):
                    target = pathlib.Path(folder.name) / pathlib.PurePosixPath(member.name).name
                    with tar.extractfile(member) as source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy)
    except (OSError, ValueError, tarfile.TarError, subprocess.CalledProcessError) as error:
        raise DataError(f"{package}: it cannot be unpacked as a Debian package ({error}); {REMEDY}") from error
    return folder


def _data_of_deb(path):
    """The tar with the files of a Debian package: an `ar` archive, whose member `data.tar.<compression>` it is."""
    content = path.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        raise ValueError("it does not start as one")
    at = 8
    while at + 60 <= len(content):
        name, size = content[at : at + 16].decode("latin-1").strip(" /"), int(content[at + 48 : at + 58])
        member = content[at + 60 : at + 60 + size]
        if name.startswith("data.tar"):
            if name.endswith(".zst"):  # Python 3.11 cannot
                return subprocess.run(["zstd", "-dc"], input=member, check=True, capture_output=True).stdout
            return member
        at += 60 + size + size % 2
    raise ValueError("it has no data.tar")


def digest(files: list[pathlib.Path]) -> str:
    """SHA-256, in hex, of the files' names and contents and of the selection."""
    total = hashlib.sha256(SELECTION.read_bytes())
    for file in files:
        total.update(file.name.encode())
        with open(file, "rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def designs(files: list[pathlib.Path], category: str) -> list[Design]:
    """The models of a category that are not left out, in the order of the selection.

    Args:
        files: as `find` gives them. A catalogue of the selection that is not among them is left out whole.
        category: "chair", "table" or "vehicle".

    Raises:
        DataError: a file is no .sh3f, or its catalogue lacks a model of the selection.
    """
    catalogues = {file.stem: (file, read_catalogue(file)) for file in files}
    found = []
    for row in selection():
        if row["category"] != category or row["left_out"] or row["catalogue"] not in catalogues:
            continue
        file, entries = catalogues[row["catalogue"]]
        if row["model"] not in entries:
            raise DataError(
                f"{file}: its catalogue has no model {row['model']}, which {SELECTION.name} names; {REMEDY}"
            )
        entry = entries[row["model"]]
        terms = row["licence"] or LICENCES[row["catalogue"]]
        licence = f"{terms}, {entry.get('creator') or 'unknown author'} ({entry['name']})"
        read = functools.partial(read_model, file, entry, float(row["turn"] or 0))
        draw = functools.partial(renderer.draw, read)
        found.append(Design(f"{row['catalogue']}/{row['model']}", category, licence, draw, read))
    return found


def selection() -> list[dict[str, str]]:
    """The rows of furniture.tsv, whose first lines say what they mean."""
    with open(SELECTION, encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def read_catalogue(file: pathlib.Path) -> dict[str, dict[str, str]]:
    """What a .sh3f says of its models, by the name of the OBJ file without its ending.

    Raises:
        DataError: the file is no .sh3f.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            text = _content(archive, INDEX).decode("latin-1")  # as Java reads .properties files
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: found no {INDEX} in a zip file ({error}), expected a .sh3f file; {REMEDY}") from error
    entries = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\s*$", text, re.MULTILINE):
        entries.setdefault(int(number), {})[key] = value
    return {pathlib.PurePosixPath(entry["model"]).stem: entry for entry in entries.values() if "model" in entry}


def read_model(file: pathlib.Path, entry: dict[str, str], turn: float = 0.0) -> Mesh:
    """A model of a .sh3f: rotated as its catalogue says, of the catalogue's size in centimetres, front to azimuth 0.

    Raises:
        DataError: something of it is missing or damaged; the message does not name the model.
    """
    with zipfile.ZipFile(file) as archive:
        try:
            path = entry["model"].lstrip("/")
            read = functools.partial(_content, archive)
            mesh = read_obj(read(path), path, read)
            if "modelRotation" in entry:
                numbers = [float(number) for number in entry["modelRotation"].split()]
                mesh = mesh.moved([numbers[:3], numbers[3:6], numbers[6:]])
            sides = [float(entry[side]) for side in ("width", "height", "depth")]
        except (KeyError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"it is missing or damaged in {file.name} ({error})") from error
    return mesh.scaled_to(*sides).turned(turn)


def _content(archive, path):
    """A file of a zip file. KeyError: there is none; ValueError: it is damaged."""
    try:
        return archive.read(path)
    except KeyError:
        raise
    except Exception as error:  # zipfile and zlib have a dozen kinds for what was overwritten
        raise ValueError(f"{type(error).__name__}: {error}") from error
