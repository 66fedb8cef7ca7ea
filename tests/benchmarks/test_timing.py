"""A benchmark's command line: nothing is timed, or written over, for a flag that it does not have."""

import pathlib
import sys

import pytest

from image_generators.benchmarks import timing

PROGRAMS = [p for p in pathlib.Path(timing.__file__).parent.glob("*.py") if "__main__" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("given, code, told", [("--help", 0, "seconds a step"), ("--hlep", 2, "--hlep")])
def test_help_and_unknown_flags_end_it(given, code, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["step.py", given])
    with pytest.raises(SystemExit) as ended:
        timing.arguments("Times seconds a step.")
    assert ended.value.code == code and told in "".join(capsys.readouterr())


def test_flags_are_read(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["step.py", "--voxels=a.npz"])
    assert timing.arguments("", voxels={}).voxels == "a.npz"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_every_benchmark_reads_its_command_line_first(path):
    main = path.read_text(encoding="utf-8").partition('if __name__ == "__main__":\n')[2]
    assert "timing.arguments(__doc__" in main
