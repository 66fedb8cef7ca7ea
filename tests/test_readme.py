"""The README's map of the house is of this house."""

import pathlib
import re

import pytest

HOUSE = pathlib.Path(__file__).parents[1]
MAP = (HOUSE / "README.md").read_text("utf-8").split("## The house")[1].split("## Departures")[0]
FLOORS = ("layers", "models", "data", "reproduce", "serving", "benchmarks")
NAMED = set(re.findall(r"[\w*]+\.py", MAP))


@pytest.mark.parametrize("floor", FLOORS)
def test_every_file_is_on_the_map(floor):
    files = [path for path in (HOUSE / floor).glob("*.py") if path.name != "__init__.py"]
    assert [path.name for path in files if not any(path.match(name) for name in NAMED)] == []


def test_what_is_on_the_map_is_there():
    files = [path for floor in FLOORS for path in (HOUSE / floor).glob("*.py")]
    assert [name for name in sorted(NAMED) if not any(path.match(name) for path in files)] == []
