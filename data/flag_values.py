"""Conversions for flags: each turns the text of a flag into a value, or raises FlagError with what is accepted.

`define` uses them for absl flags; argparse takes them as `type`:

    flag_values.define("results_dir", flag_values.path, default, "folder of records", flag_values=values)
    parser.add_argument("--results_dir", type=flag_values.path)

An empty value, such as `--weights=$UNSET`, is always an error. In paths, `~` becomes the home directory. Scripts call
`check_folder` and `check_file` on their output paths before they start to work.
"""

import argparse
import math
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

flags.disclaim_key_flags()  # so that --help lists a flag with the script that defines it


class FlagError(argparse.ArgumentTypeError, ValueError):
    """The value of a flag is not accepted. absl and argparse put the name of the flag before the message."""


def define(
    name: str, convert: Callable[[str], Any], default: Any, help: str, flag_values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines an absl flag whose text is converted by `convert`, one of the functions below."""
    flags.DEFINE(_Parser(convert), name, default, help, flag_values)


def define_repeated(
    name: str, convert: Callable[[str], Any], help: str, flag_values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines an absl flag that may be given several times; its value is the list of converted values."""
    flags.DEFINE_multi(_Parser(convert), None, name, [], help, flag_values)


class _Parser(flags.ArgumentParser):
    def __init__(self, convert):
        super().__init__()
        self._convert = convert

    def parse(self, argument):
        return self._convert(argument) if isinstance(argument, str) else argument  # a default may already be converted


def text(value: str) -> str:
    """Converts to text that is not empty."""
    if not value.strip():
        raise FlagError(f"must not be empty: leave the flag out for its default. Received: {value!r}")
    return value


def path(value: str) -> str:
    """Converts to a path, as a string; `~` and `~user` become the home directory."""
    expanded = os.path.expanduser(text(value))
    if expanded.startswith("~"):
        raise FlagError(f"must be a path; the home directory that ~ stands for is unknown. Received: {value!r}")
    return expanded


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    """Returns a conversion to integers of at least `low`, and at most `high` if given."""
    accepted = f"of at least {low}" if high is None else f"from {low} to {high}"

    def convert(value):
        return _number(int, value, f"an integer {accepted}", lambda n: n >= low and (high is None or n <= high))

    return convert


SEED = integer(0, 2**32 - 1)  # the seeds that NumPy accepts


def odd(low: int, high: int) -> Callable[[str], int]:
    """Returns a conversion to odd integers from `low` to `high`."""
    rule = f"an odd integer from {low} to {high}"
    return lambda value: _number(int, value, rule, lambda n: low <= n <= high and n % 2 == 1)


def number(low: float = -math.inf, high: float = math.inf, above: float | None = None) -> Callable[[str], float]:
    """Returns a conversion to finite numbers from `low` to `high`, and greater than `above` if given."""
    bounds = [f"of at least {low:g}"] * math.isfinite(low) + [f"of at most {high:g}"] * math.isfinite(high)
    bounds += [] if above is None else [f"above {above:g}"]
    rule = " ".join(["a finite number", " and ".join(bounds)]).strip()

    def good(n):
        return math.isfinite(n) and low <= n <= high and (above is None or n > above)

    return lambda value: _number(float, value, rule, good)


def _number(kind, value, rule, good):
    try:
        result = kind(text(value))
    except (ValueError, OverflowError):
        result = None
    if result is None or not good(result):
        raise FlagError(f"must be {rule}. Received: {value!r}")
    return result


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """Returns a conversion that accepts only `choices`."""

    def convert(value):
        if value not in choices:
            raise FlagError(f"must be one of {', '.join(choices)}. Received: {value!r}")
        return value

    return convert


def several(convert: Callable[[str], Any]) -> Callable[[str], list]:
    """Returns a conversion of comma-separated values to a list of at least one; `convert` converts each value."""
    return lambda value: [convert(part.strip()) for part in value.split(",")]


def check_folder(name: str, folder: str | os.PathLike, new: bool = False) -> None:
    """Raises ValueError unless files can be written to `folder`, the value of flag `name`.

    If `new` is True, the folder need not exist.
    """
    _check_writable(name, pathlib.Path(folder), new, folder, "a folder to write in")


def check_file(name: str, file: str | os.PathLike, *suffixes: str) -> None:
    """Raises ValueError unless `file`, the value of flag `name`, can be written and has one of `suffixes`, any case."""
    target = pathlib.Path(file)
    if suffixes and target.suffix.lower() not in suffixes:
        raise ValueError(f"--{name} must be a file that ends with {' or '.join(suffixes)}. Received: {str(file)!r}")
    if os.path.exists(target) and not os.path.isfile(target):  # neither a folder nor /dev/null may be replaced
        raise ValueError(f"--{name} must be a file to write. Received: {str(file)!r}, which is not a file")
    _check_writable(name, target.parent, True, file, "a file to write")


def _check_writable(name, folder, new, value, rule):
    try:
        while new and not folder.exists() and folder != folder.parent:  # the nearest folder that exists
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"--{name} must be {rule}. Received: {str(value)!r} ({error.strerror})") from error
