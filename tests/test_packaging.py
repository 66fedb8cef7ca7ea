"""The wheel: what is in it, and that it works without the checkout."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FOLDERS = {  # import name -> folder, of the packages that are a folder at the top
    name: folder for name, folder in SETTINGS["tool"]["setuptools"]["package-dir"].items() if folder != "results"
}
RECORD = "table1_cifar/uniform-cifar10.json"
RESULTS = {  # a results folder of kilobytes: the build compresses all of it
    "__init__.py": b"",
    "pixelcnn.md": b"# PixelCNN",
    RECORD: (ROOT / "results" / RECORD).read_bytes(),
    "table1_cifar/tiny.weights.h5": b"weights",
    "table1_cifar/deeper/sample.png": b"picture",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of this code, with a small results/."""
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    unwanted = shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, checkout / folder, ignore=unwanted)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, checkout)
    for name, content in RESULTS.items():
        path = checkout / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for stray in ("__pycache__/__init__.cpython-311.pyc", ".partial-x", "table1_cifar/.partial-x"):
        (checkout / "results" / stray).parent.mkdir(exist_ok=True)
        (checkout / "results" / stray).write_bytes(b"")
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, out], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_all_code_and_package_data_and_nothing_else(wheel):
    expected = {f"image_generators/results/{name}" for name in RESULTS}
    for name, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected.add("/".join([*name.split("."), *path.relative_to(ROOT / folder).parts]))
    assert {"image_generators/data/chairs/furniture.tsv", "image_generators/serving/README.md"} < expected
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert not {name.partition("/")[0] for name in names} & set(FOLDERS.values()) - {"image_generators"}


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """`run(*arguments)`: what Python prints in an empty folder, the wheel's code first on its path."""
    site, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    zipfile.ZipFile(wheel).extractall(site)
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200"}

    def run(*arguments):
        command = [sys.executable, *(argument.format(site=site) for argument in arguments)]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        return done.stdout.replace(str(site), "<site>")

    return run


def test_the_wheel_is_imported_without_the_checkout(run):
    code = "import image_generators.layers.checks as m; print(m.__file__)"
    assert run("-c", code) == "<site>/image_generators/layers/checks.py\n"


def test_the_wheel_reads_the_results_that_it_holds(run):
    code = (
        "from image_generators.evaluation import records\n"
        "(record,) = records.read_all(records.RESULTS, 'table1_cifar')\n"
        "print(records.RESULTS, record.values['test'], records.git_commit())"
    )
    value = json.loads(RESULTS[RECORD])["values"]["test"]
    assert run("-c", code) == f"<site>/image_generators/results {value} unknown\n"


def test_a_script_of_the_wheel_runs_and_writes_runs_to_the_current_folder(run):
    said = run("{site}/image_generators/reproduce/table1_cifar.py", "--help")
    assert "(default: '<site>/image_generators/results')" in said and "(default: 'runs')" in said
    assert "--preset" in run("-m", "image_generators.reproduce.table1_cifar", "--help")
