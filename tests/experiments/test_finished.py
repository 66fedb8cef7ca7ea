"""A training that was finished is measured, not made again: here, or where its folder was copied to."""

import json
import os
import pathlib
import shutil

import h5py
import keras
import numpy as np
import pytest

from image_generators.evaluation import records
from image_generators.experiments import finished, network_rows
from image_generators.models import weights_file
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import callbacks, checkpoints
from image_generators.training import loop as training

UNCHANGED = pathlib.Path("runs") / "table1_cifar" / "gated_pixel_cnn-smoke-sklearn-photographs-32x32"
RUN = UNCHANGED.with_name(f"{UNCHANGED.name}-steps4-rate0.01-batch2")
FLAGS = ("--preset=smoke", "--rows=gated_pixel_cnn")
CHANGED = ("--steps=4", "--batch_size=2", "--learning_rate=0.01")


@pytest.fixture(scope="module")
def trained(table1, tmp_path_factory):
    """A folder in which a row was trained and not measured, in a file of half precision, and what was printed."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights_file, "HALF_ABOVE", 0)
        ran = table1(folder, *FLAGS, "--train_only=true", *CHANGED)
    assert ran.result == 0, ran.result
    return folder, ran.output


def only_record(folder):
    (record,) = records.read_all(folder / "results", "table1_cifar")
    return record


def arrays_of(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


def test_training_alone_leaves_weights_and_no_record(trained):
    folder, output = trained
    assert "without --train_only measures it" in output and "measuring" not in output
    assert not list((folder / "results").rglob("*.*"))
    assert {"settings.json", "trained.json", "trained.weights.h5"} <= {p.name for p in (folder / RUN).iterdir()}


def test_a_large_network_is_kept_in_half_precision(trained):
    kept = arrays_of(trained[0] / RUN / "trained.weights.h5")
    assert len(kept) > 8 and {array.dtype for array in kept.values()} == {np.dtype("float16")}


def test_it_is_measured_elsewhere_as_what_it_was_trained_as(trained, table1, tmp_path, monkeypatch):
    """The three files are enough, and the record tells of the machine that trained."""
    (tmp_path / RUN).mkdir(parents=True)
    for name in ("settings.json", "trained.json", "trained.weights.h5"):
        shutil.copy(trained[0] / RUN / name, tmp_path / RUN)
    told = json.loads((tmp_path / RUN / "trained.json").read_text())
    told["origin"] |= {"hardware": "a large machine", "backend": "jax", "commit": "unknown"}
    told["origin"]["command"] += " --threads=3"
    (tmp_path / RUN / "trained.json").write_text(json.dumps(told))
    monkeypatch.setattr(network_rows.training, "train", None)  # whoever trained would fail
    ran = table1(tmp_path, *FLAGS, *CHANGED)
    assert ran.result == 0 and "trained before, in 4 steps" in ran.output
    record = only_record(tmp_path)
    assert record.changed == "steps4-rate0.01-batch2" and f"{RUN.name}.png" in record.samples
    settings = record.preset_settings
    assert (settings["steps"], settings["batch_size"], settings["learning_rate"]) == (4, 2, 0.01)
    assert (record.hardware, record.backend, record.steps) == ("a large machine", "jax", 4)
    assert record.commit == records.git_commit()
    assert record.notes.startswith("On 3 CPU thread(s). Measured on ")
    assert "--steps=4" in record.command and "true" not in record.command
    assert record.wall_seconds == told["training"]["wall_seconds"]
    source = arrays_of(trained[0] / RUN / "trained.weights.h5")
    for name, array in arrays_of(tmp_path / "results" / record.weights).items():
        np.testing.assert_array_equal(array, source[name])


def test_other_schedules_are_other_runs_and_leave_the_first_as_it_is(trained, table1, tmp_path):
    shutil.copytree(trained[0] / RUN, tmp_path / RUN)
    before = {path: path.read_bytes() for path in (tmp_path / RUN).rglob("*.*")}
    assert table1(tmp_path, *FLAGS, "--train_only", "--steps=4").result == 0
    assert {path.name for path in (tmp_path / RUN).parent.iterdir()} == {RUN.name, f"{UNCHANGED.name}-steps4"}
    assert {path: path.read_bytes() for path in (tmp_path / RUN).rglob("*.*")} == before


def test_a_flag_that_repeats_the_preset_changes_nothing(table1, tmp_path):
    """And with --restart the command that measures is another: it would train again."""
    ran = table1(tmp_path, *FLAGS, "--train_only", "--batch_size=4", "--restart")
    assert ran.result == 0 and "the same command without --train_only and --restart measures it" in ran.output
    assert (tmp_path / UNCHANGED / "trained.json").is_file()


def test_weights_that_were_changed_are_refused(trained, table1, tmp_path):
    shutil.copytree(trained[0] / RUN, tmp_path / RUN)
    with h5py.File(tmp_path / RUN / "trained.weights.h5", "r+") as file:
        file["hidden/vars/1"][...] = 1.0
    ran = table1(tmp_path, *FLAGS, *CHANGED)
    assert "SHA-256" in ran.result and not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.parametrize("name", ["settings.json", "trained.json"])
def test_a_truncated_file_is_refused(trained, table1, tmp_path, name):
    shutil.copytree(trained[0] / RUN, tmp_path / RUN)
    file = tmp_path / RUN / name
    file.write_bytes(file.read_bytes()[:100])
    assert f"{file} is damaged" in table1(tmp_path, *FLAGS, *CHANGED).result


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_sha256": None},
        {"training": {}},
        {"training": None},
        {"training": dict.fromkeys(("steps", "wall_seconds", "cpu_seconds", "images_per_second", "earlier_steps"))},
        {"origin": []},
        {"origin": {}},
        None,
    ],
)
def test_a_file_that_training_does_not_write_is_refused(trained, tmp_path, changes):
    file = tmp_path / "trained.json"
    told = json.loads((trained[0] / RUN / "trained.json").read_text())
    file.write_text("null" if changes is None else json.dumps(told | changes))
    with pytest.raises(weights_file.Refused, match=f"{file} must be what a finished training writes"):
        finished.read(tmp_path, told["settings"], None)


@pytest.mark.parametrize("lost", [None, "{}"])
def test_a_training_whose_settings_are_lost_is_measured_as_itself_alone(trained, table1, tmp_path, lost):
    shutil.copytree(trained[0] / RUN, tmp_path / RUN)
    settings = tmp_path / RUN / "settings.json"
    settings.unlink() if lost is None else settings.write_text(lost)
    file = tmp_path / RUN / "trained.json"
    told = json.loads(file.read_text())
    other = told["settings"] | {"seed": 1}
    assert finished.read(tmp_path / RUN, other, None) is None
    assert "trained before, in 4 steps" in table1(tmp_path, *FLAGS, *CHANGED, "--train_only").output
    del told["settings"]  # as an earlier version wrote it
    file.write_text(json.dumps(told))
    with pytest.raises(weights_file.Refused, match="settings.json.*--restart"):
        finished.read(tmp_path / RUN, other, None)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(trained, table1, tmp_path):
    with checkpoints.locked(tmp_path / RUN):
        half = tmp_path / RUN / ".partial-1-0a"
        half.write_text("what the first is writing")
        refused = table1(tmp_path, *FLAGS, *CHANGED, "--train_only", "--restart").result
        assert f"process {os.getpid()}" in refused and "--runs_dir" in refused and half.is_file()


def test_training_alone_and_measuring_alone_leave_nothing_to_do(table1, tmp_path):
    assert "--train_only" in table1(tmp_path, *FLAGS, "--train_only", "--evaluate_only").result


def test_rounded_weights_are_what_the_half_file_holds(tiny, tmp_path, monkeypatch):
    """So what is measured before they are written is what a reader of the file gets."""
    network = GatedPixelCNN(tiny.image_shape, tiny.levels, filters=4, depth=1, first_kernel_size=3)
    network.build()
    before = network.get_weights()
    assert not weights_file.round_if_large(network)
    monkeypatch.setattr(weights_file, "HALF_ABOVE", 0)
    assert weights_file.round_if_large(network)
    training.save_weights(network, tmp_path / "half.weights.h5")
    again = GatedPixelCNN.from_config(network.get_config())
    again.build()
    weights_file.load(again, tmp_path / "half.weights.h5")
    changed = 0
    for exact, rounded, read in zip(before, network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(rounded, read)
        np.testing.assert_allclose(rounded, exact, rtol=1e-3, atol=1e-7)
        changed += (rounded != exact).sum()
    assert changed > 0


def test_steps_are_reported_once_and_in_order():
    """Of a step callbacks hear when the next was started; of an epoch's last before validation, or its end."""
    told = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            told.append(("step", batch, logs["loss"]))

        def on_test_begin(self, logs=None):
            told.append("validation")

        def on_epoch_end(self, epoch, logs=None):
            told.append("end")

    around = callbacks.OneBehind([Listener()], add_history=False, add_progbar=False)
    around.on_train_batch_end(0, {"loss": 3.0})
    assert told == []
    around.on_train_batch_end(1, {"loss": 2.0})
    assert told == [("step", 0, 3.0)]
    around.on_test_begin()
    assert told == [("step", 0, 3.0), ("step", 1, 2.0), "validation"]
    around.on_train_batch_end(0, {"loss": 1.0})
    around.on_epoch_end(0, {"loss": 1.0})
    assert told[3:] == [("step", 0, 1.0), "end"]
