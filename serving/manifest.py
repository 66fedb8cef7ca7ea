"""The SHA-256 of every file of an exported version, in assets.extra/SHA256SUMS, and the check of it.

  python serving/manifest.py export/gated_pixel_cnn-cifar10/1        says whether the version is what was exported

One rule: what lies in the version, folders aside, is regular files, each listed once and with its digest; nothing else
is there and nothing else is listed. Folders do not count: an empty one is lost by many a copy. `verify` checks it here;
BASH, which start.sh beside the exported models runs in the container, with what every Linux has.
"""

import os
import pathlib
import re
import sys

from image_generators.models.weights_file import sha256_of_file

PATH = "assets.extra/SHA256SUMS"
_LINE = re.compile("([0-9a-f]{64})  (.+)")
BASH = f"""\
as_exported() (# of a version: every file is listed once, with its digest, and there is nothing else
    cd "$1" && sums={PATH} && [ -f $sums ] && [ -s $sums ] &&
        [ -z "$(find . ! -type d ! -type f)" ] &&
        ! grep --quiet --invert-match --extended-regexp '^[0-9a-f]{{64}}  .' $sums &&
        listed=$(cut --bytes=67- $sums | LC_ALL=C sort) &&
        [ "$(find . -type f ! -path ./$sums -printf '%P\\n' | LC_ALL=C sort)" = "$listed" ] &&
        sha256sum --check --strict --quiet $sums
)"""


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
        text = (folder / PATH).read_bytes().decode()
        lines = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
        if not all(lines) or len({line[2] for line in lines}) != len(lines):
            raise ValueError(f"{PATH} must have lines of a digest and a file, each file once")
        found = {name: sha256_of_file(folder / name) for name in _files(folder)}
    except (ValueError, OSError) as error:  # no text, or a file that cannot be read
        raise Damaged(f"{folder} is not what was exported: {error}") from error
    expected = {line[2]: line[1] for line in lines}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise Damaged(f"{folder} is not what was exported: {', '.join(wrong)} missing, added or changed")


def _files(folder):
    """Names of all that lies in `folder` but folders and the sums. ValueError: something of it is no regular file."""
    names = []
    for path in (pathlib.Path(place, name) for place, folders, files in os.walk(folder) for name in folders + files):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{path.relative_to(folder)} must be a regular file")
        names += [] if path.is_dir() else [path.relative_to(folder).as_posix()]
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
