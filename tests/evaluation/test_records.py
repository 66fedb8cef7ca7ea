"""Records: what is written is what is read, what is no result is refused, and files are whole or absent."""

import dataclasses
import json
import math
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from image_generators.evaluation import records


def make_record(**changes):
    fields = {
        "table": "table1_cifar",
        "row": "Gated PixelCNN",
        "model": "gated_pixel_cnn",
        "model_config": {"filters": 16, "image_shape": [32, 32, 3], "conditional": None},
        "preset": "quick",
        "preset_settings": {"batch_size": 16, "learning_rate": 1e-3},
        "data": "cifar10",
        "data_title": "CIFAR-10",
        "data_source": "TensorFlow Datasets, cifar10 3.0.2 (https://www.cs.toronto.edu/~kriz/cifar.html)",
        "data_fingerprint": "ab12",
        "is_fallback": False,
        "metric": "bits_per_dim",
        "values": {"train": 4.5, "validation": None, "test": 4.625},
        "examples": {"train": 1000, "test": 10000},
        "parameters": 12345,
        "steps": 200,
        "epochs": 0.5,
        "wall_seconds": 61.5,
        "cpu_seconds": 110.0,
        "images_per_second": 52.1,
        "hardware": "AMD EPYC, 2 cores, 23 GiB",
        "backend": "tensorflow",
        "versions": {"keras": "3.15.1"},
        "seed": 0,
        "commit": "0" * 40,
        "date": "2024-05-31T12:00:00+00:00",
        "weights": "table1_cifar/gated.weights.h5",
        "weights_sha256": "a" * 64,
        "samples": "table1_cifar/gated.png",
        "command": "python reproduce/table1_cifar.py --preset=quick",
        "notes": "bits/dim and 1/2 / 3 are no paths, nor is Größe",
    }
    return records.Record(**(fields | changes))


def test_a_written_record_reads_back_equal(tmp_path):
    record = make_record()
    assert records.read(records.write(record, tmp_path)) == record


def test_settings_equal_what_their_file_will_hold():
    """Tuples become lists at once, so that a record equals its file's."""
    assert make_record(model_config={"image_shape": (32, 32, 3)}).model_config == {"image_shape": [32, 32, 3]}


def test_the_file_is_indented_in_field_order_and_ends_with_a_newline(tmp_path):
    path = records.write(make_record(), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "table1_cifar" / "gated_pixel_cnn-quick-cifar10.json"
    assert list(json.loads(text)) == [field.name for field in dataclasses.fields(records.Record)]
    assert text.startswith('{\n  "table": "table1_cifar",\n  "row"') and text.endswith("\n}\n") and "Größe" in text


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"preset": "", "model": "uniform"}, "uniform-cifar10.json"),
        ({"seed": 3}, "gated_pixel_cnn-quick-cifar10-seed3.json"),  # another seed does not replace the first
        ({"changed": "steps9-muon", "seed": 3}, "gated_pixel_cnn-quick-cifar10-steps9-muon-seed3.json"),  # nor this
    ],
)
def test_file_names(changes, name):
    assert records.file_name(make_record(**changes)) == name


def test_a_rerun_replaces_its_record_and_leaves_nothing_else(tmp_path):
    records.write(make_record(steps=1), tmp_path)
    path = records.write(make_record(steps=2), tmp_path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert records.read(path).steps == 2


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("field", ["wall_seconds", "values", "preset_settings"])
def test_non_finite_values_are_refused(field, number):
    value = number if field == "wall_seconds" else {"test": number}
    with pytest.raises(ValueError, match=field):
        make_record(**{field: value})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"steps": 1.5}, r"steps.*Received: 1\.5"),
        ({"steps": True}, "steps.*Received: True"),
        ({"is_fallback": 0}, "is_fallback.*Received: 0"),
        ({"weights": 3}, "weights.*Received: 3"),
        ({"epochs": np.float32(1)}, r"epochs.*Received: np\.float32\(1\.0\)"),
        ({"model_config": {"filters": np.int64(3)}}, "model_config"),
    ],
)
def test_wrong_types_are_refused_by_field_name(changes, message):
    with pytest.raises(TypeError, match=message):
        make_record(**changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"metric": "bpd"}, "metric.*Received: 'bpd'"),
        ({"values": {"valid": 3.0}}, "values.*Received: 'valid'"),
        ({"values": {"test": "3.0"}}, "values.*Received: 'test'"),
        ({"examples": {"test": 1.5}}, "examples"),
        ({"values": {"validation": 3.0}}, "examples"),
        ({"wall_seconds": -1.0}, r"wall_seconds.*Received: -1\.0"),
        ({"date": "yesterday"}, "date"),
        ({"model": "a/b"}, "model"),
        ({"data": ""}, "data"),
        ({"weights_sha256": None}, "weights_sha256"),
        ({"weights_sha256": "a" * 63}, "weights_sha256"),
        ({"weights": None}, "weights_sha256"),
    ],
)
def test_wrong_values_are_refused_by_field_name(changes, message):
    with pytest.raises(ValueError, match=message):
        make_record(**changes)


@pytest.mark.parametrize("field", ["weights", "samples"])
@pytest.mark.parametrize("path", ["/results/a.png", "~/a.png", "../a.png", "t/../../a.png", "C:\\a.png", ""])
def test_files_lie_below_the_results_folder(field, path):
    with pytest.raises(ValueError, match=field):
        make_record(**{field: path})


@pytest.mark.parametrize(
    "changes",
    [
        {"command": "python /home/me/reproduce/table1_cifar.py"},
        {"command": "python reproduce/table1_cifar.py --data_dir=/disk"},
        {"command": "python reproduce/table1_cifar.py --data_dir ~/disk"},
        {"notes": "weights at C:\\runs"},
        {"notes": "weights:\n/disk/runs"},
        {"data_source": "file:///disk/cifar"},
        {"preset_settings": {"callbacks": [{"log_dir": "/tmp/logs"}]}},  # at any depth
    ],
)
def test_absolute_paths_are_refused(changes):
    with pytest.raises(ValueError, match=f"`{next(iter(changes))}` must hold no absolute path"):
        make_record(**changes)


def test_results_dir_must_be_a_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(ValueError, match="results_dir.*Received: '.*file'"):
        records.write(make_record(), file)
    for absent in (file, tmp_path / "absent"):
        with pytest.raises(ValueError, match=f"results_dir.*Received: '{absent}'"):
            records.read_all(absent, "table1_cifar")


def test_read_all_gives_the_records_of_one_table_by_name(tmp_path):
    assert records.read_all(tmp_path, "table1_cifar") == []
    written = [make_record(model=model) for model in ("pixel_cnn", "gated_pixel_cnn")]
    for record in [*written, make_record(table="table2_imagenet")]:
        records.write(record, tmp_path)
    assert records.read_all(tmp_path, "table1_cifar") == written[::-1]


def test_a_record_in_another_table_s_folder_is_named(tmp_path):
    path = records.write(make_record(), tmp_path)
    path.parent.rename(tmp_path / "table2_imagenet")
    found, (problem,) = records.scan(tmp_path, "table2_imagenet")
    assert found == [] and "gated_pixel_cnn-quick-cifar10.json must be a record of 'table2_imagenet'" in problem


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda text: text[:-20], "bad.json is no record: "),  # cut short
        (lambda text: "[]", "Received: list"),
        (lambda text: text.replace('"steps"', '"stops"', 1), r"missing keys \['steps'\], unknown keys \['stops'\]"),
        (lambda text: text.replace('"seed": 0,', ""), r"missing keys \['seed'\], unknown keys \[\]"),
        (lambda text: text.replace('"seed": 0,', '"seed": 0, "x": 1,'), r"missing keys \[\], unknown keys \['x'\]"),
        (lambda text: text.replace("4.625", "NaN"), "values"),
        (lambda text: text.replace("12345", '"many"'), "parameters.*Received: 'many'"),
        (lambda text: text.replace("bits_per_dim", "bpd"), "metric"),
        (lambda text: "", "bad.json is no record: "),
        (lambda text: "null", "Received: NoneType"),
        (lambda text: "[" * 100_000, "bad.json is no record: "),
        (lambda text: text.replace("4.625", "1" + "0" * 400), "values"),
        (lambda text: text.replace("4.625", "1" * 5000), "bad.json is no record: "),
        (lambda text: text.replace("12345", "1" + "0" * 400), "parameters"),
        (lambda text: text.replace("table1_cifar/gated.weights.h5", "../gated.weights.h5"), "weights"),
        (lambda text: text.replace('"data": "cifar10"', '"data": "../../cifar10"'), "data"),
        (lambda text: text.replace('"batch_size": 16', '"batch_size": null'), "preset_settings"),
    ],
)
def test_a_broken_file_is_named_and_the_others_are_read(tmp_path, caplog, damage, message):
    path = records.write(make_record(), tmp_path)
    bad = path.with_name("bad.json")
    bad.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    found, (problem,) = records.scan(tmp_path, "table1_cifar")
    assert found == records.read_all(tmp_path, "table1_cifar") == [make_record()]
    assert re.search(message, problem) and problem.startswith(str(bad)) and problem in caplog.text


def test_only_notes_may_be_missing(tmp_path):
    path = tmp_path / "record.json"
    fields = dataclasses.asdict(make_record())
    del fields["notes"]
    path.write_text(json.dumps(fields))
    assert records.read(path) == make_record(notes="")


def test_commit_of_a_repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=none"]
        return subprocess.check_output(["git", "-C", tmp_path, *identity, *arguments], text=True).strip()

    assert records.git_commit(tmp_path) == "unknown"  # no repository
    git("init", "-q")
    assert records.git_commit(tmp_path) == "unknown"  # no commit yet
    (tmp_path / "model.py").write_text("1")
    git("add", "model.py")
    git("commit", "-q", "-m", "one")
    head = git("rev-parse", "HEAD")
    assert records.git_commit(tmp_path) == head
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table.json").write_text("a result")
    assert records.git_commit(tmp_path) == head  # results and their README do not make the next run dirty
    (tmp_path / "new_layer.py").write_text("2")
    assert records.git_commit(tmp_path) == head + "-dirty"
    (tmp_path / "copy").mkdir()
    assert records.git_commit(tmp_path / "copy") == "unknown"  # inside another repository


@pytest.mark.parametrize(
    "arguments, backend, expected",
    [
        (["--preset=quick", "--data_dir=/disk"], "tensorflow", "python reproduce/a.py --preset=quick"),
        (["--data_dir", "/disk", "--check", "~/x"], "tensorflow", "python reproduce/a.py"),
        (["--seed", "3", "a b"], "jax", "KERAS_BACKEND=jax python reproduce/a.py --seed 3 'a b'"),
        ([f"--out={records.REPOSITORY}/results"], "tensorflow", "python reproduce/a.py --out=results"),
    ],
)
def test_commands_hold_no_absolute_path(arguments, backend, expected):
    command = records.command_line([f"{records.REPOSITORY}/reproduce/a.py", *arguments], backend)
    assert command == expected
    assert make_record(command=command).command == expected


def test_a_script_elsewhere_keeps_only_its_name():
    assert records.command_line(["/usr/bin/pytest-x", "-q"]) == "python pytest-x -q"


def fake_backend(monkeypatch, name, module):
    backend = types.SimpleNamespace(backend=lambda: name)
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(backend=backend, __version__="3.0"))
    monkeypatch.setitem(sys.modules, name, module)


def test_versions_are_those_of_what_runs(monkeypatch):
    fake_backend(monkeypatch, "jax", types.SimpleNamespace(__version__="0.9"))
    found = records.versions()
    assert (found["keras"], found["jax"], found["numpy"]) == ("3.0", "0.9", np.__version__)
    assert "tensorflow" not in found
    assert make_record(versions=found).versions == found


def test_reading_and_drawing_need_no_backend():
    code = (
        "import sys\nfrom image_generators.evaluation import pictures, records\n"
        "from image_generators.reproduce import report\nsys.exit('keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=records.REPOSITORY).returncode == 0
