"""What imports what: read from the imports themselves."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

from image_generators import _keras_registration

ROOT = pathlib.Path(__file__).parents[1]
# Each folder may import those before it.
ORDER = (
    "layers",
    "data",
    "models",
    "evaluation",
    "training",
    "experiments",
    "serving",
    "reproduce",
    "benchmarks",
)
FILES = [path for folder in ORDER for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path):
    """[(dotted name, line)] of what a file imports, at its top or inside of functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += [(f"{'.' * node.level}{node.module or ''}.{name.name}", node.lineno) for name in node.names]
        elif isinstance(node, ast.Import):
            found += [(name.name, node.lineno) for name in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down_and_use_the_one_import_name(path):
    own = ORDER.index(path.relative_to(ROOT).parts[0])
    for name, line in imported(path):
        first, *rest = name.split(".")
        assert first not in ("", *ORDER), f"{path}:{line} must import {name} as image_generators.{name}"
        if first == "image_generators" and rest[0] in ORDER:
            assert ORDER.index(rest[0]) <= own, f"{path}:{line} imports {name}, which is above it"


def test_every_package_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("*/**/__init__.py")}
    folders = {folder for folder in folders if folder.parts[0] in (*ORDER, "image_generators", "results")}
    expected = {".".join(("image_generators", *folder.parts)) for folder in folders}
    expected = {name.replace("image_generators.image_generators", "image_generators") for name in expected}
    assert set(settings["packages"]) == expected
    assert settings["package-dir"] == {
        name: name.removeprefix("image_generators.") for name in expected if name.count(".") < 2
    }


def test_every_registered_class_is_known_to_keras_by_the_import_alone():
    """Of modules that register classes none is missing from the list that `import image_generators` sees to."""
    registering = {path for path in FILES if "@serializable(" in path.read_text("utf-8")}
    listed = {ROOT / f"{module.replace('.', '/')}.py" for module in _keras_registration.MODULES}
    assert listed == registering


def in_a_process(code, folder, **environment):
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("first, second", [("keras", "image_generators"), ("image_generators", "keras")])
def test_keras_knows_the_classes_in_either_order_of_import(first, second, tmp_path):
    code = f"import {first}, {second}; print(keras.saving.get_registered_object('image_generators>GatedPixelCNN'))"
    assert "GatedPixelCNN" in in_a_process(code, tmp_path)


def test_importing_the_package_loads_neither_keras_nor_tensorflow(tmp_path):
    code = "import image_generators, sys; print({'keras', 'tensorflow', 'jax', 'numpy'} & set(sys.modules))"
    assert in_a_process(code, tmp_path) == "set()\n"


@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_folders_of_a_users_project_may_have_the_same_names(first, tmp_path):
    for name in ("layers", "models", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "checks.py").write_text("whose = 'theirs'")
    theirs, ours = "from models import checks", "from image_generators.models import checks as own"
    lines = [theirs, ours] if first == "theirs" else [ours, theirs]
    code = "; ".join([*lines, "print(checks.whose, hasattr(own, 'check_integer'))"])
    assert in_a_process(code, tmp_path) == "theirs True\n"


def test_no_module_is_loaded_under_two_names(tmp_path):
    """A script's folder and the current one come first on the path: nothing of them is loaded from there."""
    code = (
        "import collections, runpy, sys\n"
        "sys.argv = ['table1_cifar.py', '--help']\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'reproduce')!r}]\n"
        "try:\n"
        f"    runpy.run_path({str(ROOT / 'reproduce' / 'table1_cifar.py')!r}, run_name='__main__')\n"
        "except SystemExit:\n"
        "    pass\n"
        "loaded = [module for name, module in list(sys.modules.items()) if name != '__main__']\n"
        "files = collections.Counter(getattr(module, '__file__', None) for module in loaded)\n"
        f"twice = [f for f, n in files.items() if n > 1 and str(f).startswith({str(ROOT)!r})]\n"
        "assert not twice, twice\n"
    )
    in_a_process(code, tmp_path)


@pytest.fixture
def other_checkout(tmp_path):
    """A folder that looks as another clone of this repository does."""
    other = tmp_path / "other"
    for folder in ("image_generators", "reproduce", "layers"):
        (other / folder).mkdir(parents=True)
    for file in ("__init__.py", "_keras_registration.py"):
        (other / "image_generators" / file).write_text((ROOT / "image_generators" / file).read_text("utf-8"))
    (other / "reproduce" / "table1_cifar.py").write_text("import image_generators\nprint('ran')\n")
    return other


@pytest.mark.parametrize("inside", [False, True])
def test_a_script_of_another_checkout_stops_and_says_what_to_install(other_checkout, tmp_path, inside):
    command = [sys.executable, other_checkout / "reproduce" / "table1_cifar.py"]
    done = subprocess.run(command, cwd=other_checkout if inside else tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "ran" not in done.stdout
    assert f"pip install -e {other_checkout}" in done.stderr


def test_python_started_inside_another_checkout_does_not_mix_the_two(other_checkout):
    command = [sys.executable, "-c", "import image_generators"]
    done = subprocess.run(command, cwd=other_checkout, capture_output=True, text=True)
    assert done.returncode == 1 and f"pip install -e {other_checkout}" in done.stderr
