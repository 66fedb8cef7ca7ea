"""What flags may hold: each function here turns the text of a flag into a value, or says what is accepted.

They serve absl's flags, by `define`, and argparse's, as `type`:

    flag_values.define("results_dir", flag_values.path, default, "where records are", **into)
    parser.add_argument("--results_dir", type=flag_values.path)

An empty value, as of `--weights=$UNSET`, is an error for all of them. In paths `~` becomes the home directory. What a
script is to write is checked before its work, by `check_folder` and `check_file`.
"""

import argparse
import math
import os
import pathlib
import tempfile

from absl import flags

flags.disclaim_key_flags()  # --help lists a flag as that of the script, whose `define` it is


class FlagError(argparse.ArgumentTypeError, ValueError):
    """A flag's value is none that it takes. absl and argparse put the flag's name before the message."""


def define(name, convert, default, help, flag_values=flags.FLAGS):
    """Defines an absl flag whose text becomes a value by `convert`, one of the functions below."""
    flags.DEFINE(_Parser(convert), name, default, help, flag_values)


def define_repeated(name, convert, help, flag_values=flags.FLAGS):
    """Defines an absl flag that may be given several times: a list of what `convert` makes of each, or []."""
    flags.DEFINE_multi(_Parser(convert), None, name, [], help, flag_values)


class _Parser(flags.ArgumentParser):
    def __init__(self, convert):
        super().__init__()
        self._convert = convert

    def parse(self, argument):
        return self._convert(argument) if isinstance(argument, str) else argument  # a default may be a value already


def text(value):
    """Text that is not empty."""
    if not value.strip():
        raise FlagError(f"must not be empty: leave the flag out for its default. Received: {value!r}")
    return value


def path(value):
    """A path, as a string; `~` and `~user` become the home directory."""
    expanded = os.path.expanduser(text(value))
    if expanded.startswith("~"):
        raise FlagError(f"must be a path; ~ stands for a home directory, which is not known here. Received: {value!r}")
    return expanded


def integer(low, high=None):
    """A function for integers of at least `low`, at most `high`."""
    accepted = f"of at least {low}" if high is None else f"from {low} to {high}"

    def convert(value):
        return _number(int, value, f"an integer {accepted}", lambda n: n >= low and (high is None or n <= high))

    return convert


SEED = integer(0, 2**32 - 1)  # what NumPy takes


def odd(low, high):
    """A function for odd integers from `low` to `high`."""
    rule = f"an odd integer from {low} to {high}"
    return lambda value: _number(int, value, rule, lambda n: low <= n <= high and n % 2 == 1)


def number(low=-math.inf, high=math.inf, above=None):
    """A function for finite numbers from `low` to `high`, or, where it is given, more than `above`."""
    bounds = [f"of at least {low:g}"] * math.isfinite(low) + [f"of at most {high:g}"] * math.isfinite(high)
    bounds += [] if above is None else [f"above {above:g}"]
    rule = " ".join(["a finite number", " and ".join(bounds)]).strip()

    def good(n):
        return math.isfinite(n) and low <= n <= high and (above is None or n > above)

    return lambda value: _number(float, value, rule, good)


def _number(kind, value, rule, good):
    try:
        found = kind(text(value))
    except (ValueError, OverflowError):
        found = None
    if found is None or not good(found):
        raise FlagError(f"must be {rule}. Received: {value!r}")
    return found


def one_of(choices):
    """A function for one of `choices`, which are strings."""

    def convert(value):
        if value not in choices:
            raise FlagError(f"must be of {', '.join(choices)}. Received: {value!r}")
        return value

    return convert


def several(convert):
    """A function for values with commas between, each by `convert`: a list of at least one."""
    return lambda value: [convert(part.strip()) for part in value.split(",")]


def check_folder(name, folder, new=False):
    """Raises ValueError unless files can be written into `folder`, of the flag `name`; a `new` one need not exist."""
    _check_place(name, pathlib.Path(folder), new, folder, "a folder to write in")


def check_file(name, file, *suffixes):
    """Raises ValueError unless `file`, of the flag `name`, can be written and ends with one of `suffixes`, any case."""
    place = pathlib.Path(file)
    if suffixes and place.suffix.lower() not in suffixes:
        raise ValueError(f"--{name} must be a file that ends with {' or '.join(suffixes)}. Received: {str(file)!r}")
    if os.path.exists(place) and not os.path.isfile(place):  # /dev/null, too, would be replaced by a file
        raise ValueError(f"--{name} must be a file to write. Received: {str(file)!r}, which is no file")
    _check_place(name, place.parent, True, file, "a file to write")


def _check_place(name, folder, new, given, what):
    try:
        while new and not folder.exists() and folder != folder.parent:  # what is there of it is enough
            folder = folder.parent
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"--{name} must be {what}. Received: {str(given)!r} ({error.strerror})") from error
