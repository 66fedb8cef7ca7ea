"""The SHA-256 of every file of an exported version, in assets.extra/SHA256SUMS, and the check of it.

  python serving/manifest.py export/gated_pixel_cnn-cifar10/1        says whether the version is what was exported

TensorFlow's loader refuses what it cannot parse and not what was changed; start.sh, beside the exported models, does
the same check in the container, with coreutils: `sha256sum --check --strict assets.extra/SHA256SUMS`.
"""

import pathlib
import sys

from image_generators.models.weights_file import sha256_of_file

PATH = "assets.extra/SHA256SUMS"


class Damaged(ValueError):
    """An exported version is not what was exported; the message says which file."""


def write(folder):
    """Lists all files of `folder` there, in the format of `sha256sum`."""
    folder = pathlib.Path(folder)
    sums = folder / PATH
    sums.parent.mkdir(exist_ok=True)
    sums.write_text("".join(f"{sha256_of_file(folder / name)}  {name}\n" for name in _files(folder)))


def verify(folder):
    """Raises Damaged unless the files of `folder` are those that `write` listed, all of them and no other."""
    folder = pathlib.Path(folder)
    if not (folder / PATH).is_file():
        raise Damaged(f"{folder} must be an exported version, with {PATH}. Received: no such file")
    try:
        expected = dict(reversed(line.split("  ", 1)) for line in (folder / PATH).read_text().splitlines())
    except ValueError as error:  # no text, or lines of another kind
        raise Damaged(f"{folder} is not what was exported: {PATH} was changed ({error})") from error
    found = {name: sha256_of_file(folder / name) for name in _files(folder)}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong or not expected:
        raise Damaged(f"{folder} is not what was exported: {', '.join(wrong) or PATH} missing, added or changed")


def _files(folder):
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name != PATH)


def main(folders):
    try:
        for folder in folders:
            verify(folder)
            print(f"{folder}: as exported")
    except Damaged as error:
        return str(error)
    return 0 if folders else "give folders of exported versions, as export/gated_pixel_cnn-cifar10/1"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
