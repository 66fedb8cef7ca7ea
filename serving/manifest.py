"""Writes and checks assets.extra/SHA256SUMS, the SHA-256 of every file of an exported version.

  python serving/manifest.py export/gated_pixel_cnn-cifar10/1        checks that the version is what was exported

The rule: a version holds regular files only, every file is listed exactly once with its digest, and no other file is
listed. Folders do not count, since many tools drop empty ones. `verify` checks the rule in Python. BASH, which start.sh
runs in the container, checks it with tools that every Linux has.
"""

import os
import pathlib
import re
import sys

from image_generators.models.weights_file import sha256_of_file

PATH = "assets.extra/SHA256SUMS"
_LINE = re.compile("([0-9a-f]{64})  (.+)")
BASH = f"""\
as_exported() (# a version's folder: every file is listed once, with its digest, and nothing else exists
    cd "$1" && sums={PATH} && [ -f $sums ] && [ -s $sums ] &&
        [ -z "$(find . ! -type d ! -type f)" ] &&
        ! grep --quiet --invert-match --extended-regexp '^[0-9a-f]{{64}}  .' $sums &&
        listed=$(cut --bytes=67- $sums | LC_ALL=C sort) &&
        [ "$(find . -type f ! -path ./$sums -printf '%P\\n' | LC_ALL=C sort)" = "$listed" ] &&
        sha256sum --check --strict --quiet $sums
)"""


class Damaged(ValueError):
    """A version is not what was exported; the message names the files."""


def write(folder: str | os.PathLike) -> None:
    """Writes the digests of all files of `folder` to SHA256SUMS in it, in the format of `sha256sum`."""
    folder = pathlib.Path(folder)
    sums = folder / PATH
    sums.parent.mkdir(exist_ok=True)
    sums.write_text("".join(f"{sha256_of_file(folder / name)}  {name}\n" for name in _files(folder)))


def verify(folder: str | os.PathLike) -> None:
    """Checks that `folder` holds exactly the files that `write` listed.

    Raises:
        Damaged: a file is missing, added or changed, or SHA256SUMS itself is.
    """
    folder = pathlib.Path(folder)
    if not (folder / PATH).is_file():
        raise Damaged(f"{folder} must be an exported version, with {PATH}. Received: no such file")
    try:
        text = (folder / PATH).read_bytes().decode()
        lines = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
        if not all(lines) or len({line[2] for line in lines}) != len(lines):
            raise ValueError(f"{PATH} must list each file once, with its digest")
        actual = {name: sha256_of_file(folder / name) for name in _files(folder)}
    except (ValueError, OSError) as error:  # not text, or a file that cannot be read
        raise Damaged(f"{folder} is not what was exported: {error}") from error
    expected = {line[2]: line[1] for line in lines}
    wrong = sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
    if wrong:
        raise Damaged(f"{folder} is not what was exported: {', '.join(wrong)} missing, added or changed")


def _files(folder):
    """Names of the files in `folder`, without SHA256SUMS. ValueError: one is not a regular file."""
    names = []
    for path in (pathlib.Path(parent, name) for parent, folders, files in os.walk(folder) for name in folders + files):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{path.relative_to(folder)} must be a regular file")
        names += [] if path.is_dir() else [path.relative_to(folder).as_posix()]
    return sorted(name for name in names if name != PATH)


def main(folders: list[str]) -> int | str:
    """Verifies `folders`; returns 0, or a message for `sys.exit`."""
    try:
        for folder in folders:
            verify(folder)
            print(f"{folder}: as exported")
    except Damaged as error:
        return str(error)
    return 0 if folders else "give folders of exported versions, such as export/gated_pixel_cnn-cifar10/1"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
