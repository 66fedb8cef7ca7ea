"""The README names every file of this house, in its map or as a command, and no other."""

import pathlib
import re

import pytest

HOUSE = pathlib.Path(__file__).parents[1]
FLOORS = ("layers", "models", "data", "reproduce", "serving", "benchmarks")
NAMED = set(re.findall(r"[\w*]+\.py", (HOUSE / "README.md").read_text("utf-8")))


@pytest.mark.parametrize("floor", FLOORS)
def test_every_file_is_named(floor):
    files = [path for path in (HOUSE / floor).glob("*.py") if path.name != "__init__.py"]
    assert [path.name for path in files if not any(path.match(name) for name in NAMED)] == []


def test_what_is_named_is_there():
    files = [path for floor in FLOORS for path in (HOUSE / floor).glob("*.py")]
    assert [name for name in sorted(NAMED) if not any(path.match(name) for path in files)] == []
