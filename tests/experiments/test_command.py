"""Flags of the scripts: what they take, what they refuse, and what --help tells."""

import subprocess
import sys

import pytest
from absl import flags

from image_generators.evaluation import records
from image_generators.experiments import command
from image_generators.experiments import experiment as rows
from image_generators.reproduce import table1_cifar


@pytest.mark.parametrize("given", [["--rows=gated_pixel_cnn,uniform"], ["--rows=gated_pixel_cnn", "--rows=uniform"]])
def test_rows_by_commas_or_by_repetition(given, tmp_path):
    """Run in the order of the table."""
    options = flags.FlagValues()
    command.define(table1_cifar.EXPERIMENT.models, options)
    options(["table1_cifar.py", *given, f"--results_dir={tmp_path}", f"--runs_dir={tmp_path}"])
    assert command.check(table1_cifar.EXPERIMENT.models, options) == ["uniform", "gated_pixel_cnn"]


@pytest.mark.parametrize(
    "given, runs", [([], False), (["--rows=row_lstm,diagonal_bilstm"], True), (["--evaluate_only"], True)]
)
def test_long_rows_run_only_on_request(given, runs, tmp_path):
    experiment, options = table1_cifar.EXPERIMENT, flags.FlagValues()
    command.define(experiment.models, options, on_request=experiment.on_request)
    options(["table1_cifar.py", *given, f"--results_dir={tmp_path}", f"--runs_dir={tmp_path}"])
    assert ("row_lstm" in command.check(experiment.models, options, experiment.on_request)) == runs
    assert "(default: all but row_lstm, diagonal_bilstm, multi_scale_row_lstm)" in options["rows"].help


def test_help_shows_only_the_scripts_own_flags(bare_machine):
    command = [sys.executable, "reproduce/table1_cifar.py", "--help"]
    told = subprocess.run(command, cwd=records.REPOSITORY, env=bare_machine, capture_output=True, text=True).stdout
    assert "Table 1" in told and "--preset: <smoke|quick" in told and "--[no]evaluate_only" in told
    assert "--verbosity" not in told


@pytest.mark.parametrize(
    "flag", ["--preset=huge", "--precision=int8", "--seed=-1", "--seed=4294967296", "--batch_size=0"]
)
def test_unknown_flag_values_are_refused(flag):
    options = flags.FlagValues()
    command.define(table1_cifar.EXPERIMENT.models, options)
    with pytest.raises(flags.IllegalFlagValueError, match=flag.replace("=", ".*")):
        options(["table1_cifar.py", flag])


def test_a_positional_argument_ends_the_script(monkeypatch):
    """As of `--rows uniform pixel_cnn`."""
    monkeypatch.setattr(rows.command, "define", lambda *_, **__: None)
    monkeypatch.setattr(rows.app, "run", lambda run: run(["reproduce/table1_cifar.py", "pixel_cnn"]))
    with pytest.raises(SystemExit, match="^table1_cifar: every argument must be a --flag. Received: pixel_cnn$"):
        rows.main(table1_cifar.EXPERIMENT)
