"""What --help, and an error in a flag, load: nothing that takes seconds."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SCRIPTS = [
    path
    for folder in ("reproduce", "serving", "data")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if '__name__ == "__main__"' in path.read_text("utf-8")
]
SLOW = (
    "cv2",
    "imagecodecs",
    "jax",
    "keras",
    "matplotlib",
    "scipy",
    "skimage",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "tensorflow_probability",
    "trimesh",
)
RUN = f"""
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("Loaded:", *sorted(set({SLOW}) & set(sys.modules)))
"""


def run(*arguments):
    """(exit status, what is printed before, which of SLOW are loaded) of a script, in a process of its own."""
    environment = os.environ | {"COLUMNS": "120"}
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    printed, _, loaded = done.stdout.rpartition("Loaded:")
    return done.returncode, printed + done.stderr, loaded.split()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_loads_no_slow_library(script):
    _, printed, loaded = run(script, "--help")
    assert "--help" in printed and loaded == []


@pytest.mark.parametrize(
    "script, flag",
    [
        ("reproduce/table1_cifar.py", "--preset=huge"),
        ("reproduce/table1_cifar.py", "--rows=no_such_row"),
        ("reproduce/table1_cifar.py", "--weight_decay=0.1"),
        ("reproduce/table2_binarized_mnist.py", "--preset=wide"),
        ("reproduce/fig5_interpolation.py", "--seed=-1"),
        ("reproduce/compress.py", "--encode=a.png"),
        ("reproduce/chairs_random.py", "--spread=nan"),
        ("serving/export.py", "--max_rows=0"),
        ("serving/client.py", "--timeout=0"),
        ("data/chairs/render.py", "--size=65"),
    ],
)
def test_an_error_in_a_flag_loads_no_slow_library(script, flag, tmp_path):
    folders = [f"--results_dir={tmp_path}", f"--runs_dir={tmp_path}"] if "table" in script else []
    status, printed, loaded = run(ROOT / script, flag, *folders)
    assert status == 1 or status == 2
    assert flag.partition("=")[0].strip("-") in printed and "Traceback" not in printed
    assert loaded == []
