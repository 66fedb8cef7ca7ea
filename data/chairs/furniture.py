"""The 3D models of Debian's package sweethome3d-furniture: chairs, tables and vehicles, CC0 and CC-BY.

The package holds .sh3f files: zip files with a catalogue, OBJ models, textures and licences. They are read from the
installed package, a folder, a single .sh3f, or the package's .deb.

furniture.tsv lists all models of the catalogues that could be a chair, a table or a vehicle, judged by their looks and
not only by name. It states why a model is left out, and by how many degrees a model is rotated whose front is not at
azimuth 0.
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
    """Finds the .sh3f files, sorted by name.

    Args:
        furniture: a .sh3f, a folder of them or the package's .deb; None for the installed package.

    Raises:
        DataError: there are none; the message says what to do.
    """
    path = installed() if furniture is None else pathlib.Path(furniture).expanduser()
    if path is None:
        raise DataError(f"Debian's {PACKAGE} is not installed here; {REMEDY}")
    if path.is_file() and path.suffix == ".deb":
        path = unpacked(path)
    files = [path] if path.is_file() else sorted(path.glob("*.sh3f"))
    if not files:
        raise DataError(f"{path}: found no .sh3f files of Debian's sweethome3d-furniture; {REMEDY}")
    return files


def installed() -> pathlib.Path | None:
    """The folder of the installed package, from Debian's list of its files; None if it is not installed."""
    try:
        listed = subprocess.run(["dpkg-query", "--listfiles", PACKAGE], capture_output=True, text=True).stdout
    except OSError:  # not Debian
        return None
    return next((path.parent for path in map(pathlib.Path, listed.splitlines()) if path.suffix == ".sh3f"), None)


def unpacked(package: pathlib.Path) -> pathlib.Path:
    """A folder with the .sh3f files of a .deb, unpacked once per process and deleted at its end.

    Raises:
        DataError: the file is not a Debian package, or cannot be unpacked.
    """
    return pathlib.Path(_unpacked(str(package.resolve())).name)


@functools.cache
def _unpacked(package):
    folder = tempfile.TemporaryDirectory(prefix="furniture-")
    try:
        data = _data_of_deb(pathlib.Path(package))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".sh3f"):
                    target = pathlib.Path(folder.name) / pathlib.PurePosixPath(member.name).name
                    with tar.extractfile(member) as source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy)
    except (OSError, ValueError, tarfile.TarError, subprocess.CalledProcessError) as error:
        raise DataError(f"{package}: cannot be unpacked as a Debian package ({error}); {REMEDY}") from error
    return folder


def _data_of_deb(path):
    """The tar with the files of a Debian package, an `ar` archive with a member `data.tar.<compression>`."""
    archive = path.read_bytes()
    if not archive.startswith(b"!<arch>\n"):
        raise ValueError("it has no ar header")
    position = 8
    while position + 60 <= len(archive):
        header = archive[position : position + 60]
        name, size = header[:16].decode("latin-1").strip(" /"), int(header[48:58])
        member = archive[position + 60 : position + 60 + size]
        if name.startswith("data.tar"):
            if name.endswith(".zst"):  # tarfile of Python 3.11 does not support it
                return subprocess.run(["zstd", "-dc"], input=member, check=True, capture_output=True).stdout
            return member
        position += 60 + size + size % 2
    raise ValueError("it has no data.tar")


def digest(files: list[pathlib.Path]) -> str:
    """SHA-256, in hex, of the names and contents of `files` and of furniture.tsv."""
    total = hashlib.sha256(SELECTION.read_bytes())
    for file in files:
        total.update(file.name.encode())
        with open(file, "rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def designs(files: list[pathlib.Path], category: str) -> list[Design]:
    """The models of a category that are not left out, in the order of furniture.tsv.

    Args:
        files: result of `find`. Models of catalogues that are not among them are left out.
        category: "chair", "table" or "vehicle".

    Raises:
        DataError: a file is not a .sh3f, or its catalogue lacks a model that furniture.tsv lists.
    """
    catalogues = {file.stem: (file, read_catalogue(file)) for file in files}
    selected = []
    for model in selection():
        if model["category"] != category or model["left_out"] or model["catalogue"] not in catalogues:
            continue
        file, entries = catalogues[model["catalogue"]]
        if model["model"] not in entries:
            raise DataError(
                f"{file}: its catalogue has no model {model['model']}, which {SELECTION.name} names; {REMEDY}"
            )
        entry = entries[model["model"]]
        terms = model["licence"] or LICENCES[model["catalogue"]]
        licence = f"{terms}, {entry.get('creator') or 'unknown author'} ({entry['name']})"
        read = functools.partial(read_model, file, entry, float(model["turn"] or 0))
        draw = functools.partial(renderer.draw, read)
        selected.append(Design(f"{model['catalogue']}/{model['model']}", category, licence, draw, read))
    return selected


def selection() -> list[dict[str, str]]:
    """The models in furniture.tsv, a dict of its columns each. The first lines of the file explain the columns."""
    with open(SELECTION, encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def read_catalogue(file: pathlib.Path) -> dict[str, dict[str, str]]:
    """Reads the catalogue of a .sh3f: {name of the OBJ file without suffix: {property: value}}.

    Raises:
        DataError: the file is not a .sh3f.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            text = _read(archive, INDEX).decode("latin-1")  # the encoding of Java's .properties files
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: found no {INDEX} in a zip file ({error}), expected a .sh3f file; {REMEDY}") from error
    entries = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\s*$", text, re.MULTILINE):
        entries.setdefault(int(number), {})[key] = value
    return {pathlib.PurePosixPath(entry["model"]).stem: entry for entry in entries.values() if "model" in entry}


def read_model(file: pathlib.Path, entry: dict[str, str], turn: float = 0.0) -> Mesh:
    """Reads a model of a .sh3f, with its catalogue's rotation and size, in centimetres.

    Args:
        file: the .sh3f.
        entry: the model's entry in `read_catalogue(file)`.
        turn: azimuth of its front, in degrees; the model is rotated so that it becomes 0.

    Raises:
        DataError: a part of the model is missing or damaged; the message does not name the model.
    """
    with zipfile.ZipFile(file) as archive:
        try:
            path = entry["model"].lstrip("/")
            read = functools.partial(_read, archive)
            mesh = read_obj(read(path), path, read)
            if "modelRotation" in entry:
                numbers = [float(number) for number in entry["modelRotation"].split()]
                mesh = mesh.transformed([numbers[:3], numbers[3:6], numbers[6:]])
            sides = [float(entry[side]) for side in ("width", "height", "depth")]
        except (KeyError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"it is missing or damaged in {file.name} ({error})") from error
    return mesh.scaled_to(*sides).rotated(turn)


def _read(archive, path):
    """The contents of a file in a zip file. KeyError: it does not exist. ValueError: it is damaged."""
    try:
        return archive.read(path)
    except KeyError:
        raise
    except Exception as error:  # zipfile and zlib raise a dozen kinds for damaged data
        raise ValueError(f"{type(error).__name__}: {error}") from error
