"""Flags of all scripts: an empty value is an error, `~` is the home directory, numbers have bounds."""

import argparse
import ast
import importlib
import pathlib

import pytest
from absl import flags
from absl.flags import argparse_flags

from image_generators.data import flag_values

REPOSITORY = pathlib.Path(__file__).parents[1]
NAMES_NOT_PATHS = {"data", "model", "server", "pairs", "styles", "triples", "rows"}
WITHOUT_FLAGS = ("document", "manifest", "table3_draw_settings")
SCRIPTS = [
    path
    for folder in ("data", "reproduce", "serving")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
    if "__main__" in path.read_text(encoding="utf-8") and path.stem not in WITHOUT_FLAGS
]
ids = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def module_of(script):
    parts = script.relative_to(REPOSITORY).with_suffix("").parts
    return importlib.import_module(".".join(("image_generators", *parts)))


def parser_of(script):
    """(names of the flags that take a value, function of a command line without the script: the flags' values)."""
    module = module_of(script)
    if hasattr(module, "parse"):
        parser = argparse_parser(module)
        of_absl = {action.dest for action in argparse_flags.ArgumentParser()._actions}
        own = [action for action in parser._actions if action.dest not in of_absl]
        positional = ["x" for action in own if not action.option_strings]
        names = [action.dest for action in own if action.option_strings and action.nargs != 0]
        return names, lambda given: parser.parse_args([*positional, *given])
    values = flags.FlagValues()
    own = set(values)
    if hasattr(module, "EXPERIMENT"):
        experiments = getattr(module, "EXPERIMENTS", {})
        importlib.import_module("image_generators.experiments.command").define(
            module.EXPERIMENT.models, values, choose={"choice": list(experiments)} if experiments else None
        )
        if module.EXPERIMENT.define:
            module.EXPERIMENT.define(values)
    else:
        module.define(values)

    def parse(given):
        values.unparse_flags()
        values(["script.py", *given])
        return values

    return [name for name in set(values) - own if not values[name].boolean], parse


def argparse_parser(module):
    """The parser that `module.parse` makes."""
    with pytest.MonkeyPatch.context() as patch:
        found = []
        patch.setattr(argparse.ArgumentParser, "parse_args", lambda self, *_: found.append(self))
        module.parse(["script.py", "x"])
    return found[0]


def refusal(parse, given, capsys):
    """What is said to a command line that is refused; None where it is not."""
    try:
        parse(given)
    except flags.Error as error:
        return str(error)
    except SystemExit:
        return capsys.readouterr().err
    return None


@ids
def test_an_empty_value_is_refused_by_name(script, capsys):
    names, parse = parser_of(script)
    assert names
    for name in names:
        said = refusal(parse, [f"--{name}="], capsys)
        assert said is not None and f"--{name}" in said, name


@ids
def test_tilde_expands_to_the_home_directory(script, capsys, monkeypatch):
    monkeypatch.setenv("HOME", "/home/reader")
    names, parse = parser_of(script)
    for name in set(names) - NAMES_NOT_PATHS:
        if refusal(parse, [f"--{name}=~/there"], capsys) is None:
            assert "/home/reader/there" in repr(getattr(parse([f"--{name}=~/there"]), name)), name


@ids
def test_scripts_define_text_flags_through_flag_values_only(script):
    """absl's own kinds take an empty value."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("DEFINE_string", "DEFINE_list", "DEFINE_multi_string", "DEFINE_spaceseplist")


@ids
def test_a_negative_seed_is_refused(script, capsys):
    names, parse = parser_of(script)
    if "seed" in names:
        assert "--seed" in refusal(parse, ["--seed=-1"], capsys)
        assert "--seed" in refusal(parse, [f"--seed={2**32}"], capsys)


@pytest.mark.parametrize(
    "stem, flag",
    [
        ("render", "elevations=x"),
        ("render", "elevations=20,91"),
        ("render", "size=65"),
        ("render", "styles=0"),
        ("render", "processes=0"),
        ("fig1_blind_spot", "kernel_size=99999"),
        ("fig1_blind_spot", "kernel_size=4"),
        ("fig1_blind_spot", "depth=1000000"),
        ("chairs_view_interpolation", "known=4,32"),
        ("chairs_random", "spread=nan"),
        ("table1_cifar", "learning_rate=0"),
        ("export", "max_rows=10000000000"),
        ("export", f"version={2**63}"),
        ("client", f"n={10**12}"),
        ("client", "timeout=1e300"),
        ("client", "elevation=91"),
    ],
)
def test_numbers_out_of_bounds_are_refused_before_the_work(stem, flag, capsys):
    (script,) = [script for script in SCRIPTS if script.stem == stem]
    said = refusal(parser_of(script)[1], [f"--{flag}"], capsys)
    assert said is not None and f"--{flag.partition('=')[0]}" in said


@pytest.mark.parametrize(
    "convert, good, bad",
    [
        (flag_values.text, {"a b": "a b"}, ["", " "]),
        (flag_values.path, {"a~b": "a~b", "./~": "./~"}, ["", "~no_such_user/x"]),
        (flag_values.integer(1), {"1": 1, "12": 12}, ["0", "1.0", "x", "", "1" * 5000]),
        (flag_values.integer(0, 3), {"3": 3}, ["4", "-1"]),
        (flag_values.odd(3, 5), {"3": 3}, ["4", "7", "1"]),
        (flag_values.number(-90, 90), {"-90": -90.0, "1e1": 10.0}, ["90.1", "nan", "inf", "x", ""]),
        (flag_values.number(above=0), {"1e-9": 1e-9}, ["0", "-1", "inf", "1e999"]),
        (flag_values.one_of(["a", "b"]), {"a": "a"}, ["c", ""]),
        (flag_values.several(flag_values.integer(1)), {"2": [2], "1, 2": [1, 2]}, ["", "1,", "1,x", ","]),
    ],
)
def test_converters_accept_good_values_and_refuse_bad_ones(convert, good, bad):
    assert {value: convert(value) for value in good} == good
    for value in bad:
        with pytest.raises(flag_values.FlagError, match="Received: "):
            convert(value)


def test_output_paths_are_checked_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    flag_values.check_folder("out", tmp_path)
    flag_values.check_folder("out", tmp_path / "new" / "one", new=True)
    for folder in (tmp_path / "absent", tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="--out.*Received: "):
            flag_values.check_folder("out", folder, new="file" in folder.parts)
    flag_values.check_file("out", tmp_path / "a.PNG", ".png", ".npz")
    flag_values.check_file("out", tmp_path / "file")
    flag_values.check_file("out", tmp_path / "new" / "file")
    for file in (tmp_path, tmp_path / "file" / "below", pathlib.Path("/dev/null"), pathlib.Path("/proc/x.png")):
        with pytest.raises(ValueError, match="--out.*Received: "):
            flag_values.check_file("out", file)
    for name in ("a.jpg", "a", "png"):
        with pytest.raises(ValueError, match="--out.*png.*npz"):
            flag_values.check_file("out", tmp_path / name, ".png", ".npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
