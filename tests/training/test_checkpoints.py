"""Checkpoints: whole or not there, of the right run or refused, and never of a broken model."""

import os
import signal

import h5py
import keras
import numpy as np
import pytest

from image_generators.models import weights_file
from image_generators.training import callbacks, checkpoints

SETTINGS = {
    "model": {"filters": 6, "shape": (4, 4)},
    "preset": {"steps": 8, "learning_rate": 1e-3},
    "data": "ab12",
    "seed": 0,
}


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"preset": {"steps": 8, "learning_rate": 0.1}}, "preset.learning_rate was 0.001, is 0.1"),
        ({"model": {"filters": 12, "shape": [4, 4]}}, "model.filters was 6, is 12"),
        ({"data": "cd34"}, "data was ab12, is cd34"),
        ({"seed": 1}, "seed was 0, is 1"),
    ],
)
def test_a_run_with_other_settings_is_refused_and_restart_throws_it_away(tmp_path, changes, said):
    checkpoint = checkpoints.open_run(tmp_path / "run", SETTINGS)
    checkpoint.write_bytes(b"weights")
    with pytest.raises(checkpoints.Refused, match="--restart") as error:
        checkpoints.open_run(tmp_path / "run", SETTINGS | changes)
    assert said in str(error.value) and str(tmp_path / "run") in str(error.value)
    assert checkpoint.read_bytes() == b"weights"
    assert not checkpoints.open_run(tmp_path / "run", SETTINGS | changes, restart=True).exists()
    checkpoints.open_run(tmp_path / "run", SETTINGS | changes)


def test_the_same_settings_open_a_run_again(tmp_path):
    """Tuples come back from JSON as lists; a setting that an earlier version did not know makes no other run."""
    checkpoint = checkpoints.open_run(tmp_path / "run", SETTINGS)
    checkpoint.write_bytes(b"weights")
    newer = SETTINGS | {"preset": SETTINGS["preset"] | {"clip_norm": 1.0}}
    assert (
        checkpoints.open_run(tmp_path / "run", SETTINGS) == checkpoints.open_run(tmp_path / "run", newer) == checkpoint
    )
    assert checkpoint.read_bytes() == b"weights"


def model_of(value, optimizer=None):
    """Two dense layers; every weight is `value`."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model.set_weights([np.full(weight.shape, value) for weight in model.get_weights()])
    if optimizer is not None:
        model.compile(optimizer, loss="mse")
    return model


def first_value(path):
    model = model_of(0.0)
    model.load_weights(path)
    return float(model.get_weights()[0][0, 0])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.weights.h5"
    checkpoints.save_whole(model_of(1.0), path)
    model = model_of(2.0)

    def half(partial, overwrite):
        keras.Model.save_weights(model, partial, overwrite=overwrite)
        os.truncate(partial, 100)
        raise OSError("no space left")

    monkeypatch.setattr(model, "save_weights", half)
    with pytest.raises(OSError, match="no space"):
        checkpoints.save_whole(model, path)
    assert first_value(path) == 1.0 and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_content_reaches_the_disk_before_the_name(tmp_path, monkeypatch):
    """After a power cut a renamed file whose content was not written out would be empty."""
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("content"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("name"), replace(*paths)))
    checkpoints.save_whole(model_of(1.0), tmp_path / "checkpoint.weights.h5", steps=3)
    assert calls == ["content", "name"]


def test_a_kill_while_writing_leaves_the_old_checkpoint(tmp_path):
    """The process kills itself where writing is half done, which no signal from outside could time."""

    class Killed:
        def save_weights(self, path, overwrite):
            with h5py.File(path, "w") as file:
                file["half"] = 2
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

    path = checkpoints.open_run(tmp_path, SETTINGS)
    checkpoints.save_whole(model_of(1.0), path)
    child = os.fork()
    if child == 0:
        try:
            checkpoints.save_whole(Killed(), path)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(list(tmp_path.glob(".partial-*"))) == 1 and first_value(path) == 1.0
    assert checkpoints.open_run(tmp_path, SETTINGS) == path  # the next run clears up
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "settings.json"]


def test_a_kill_while_halving_leaves_one_file_too(tmp_path, monkeypatch):
    path = tmp_path / "network.weights.h5"
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(weights_file, "_half", lambda _: os.kill(os.getpid(), signal.SIGKILL))
            checkpoints.save_whole(model_of(1.0), path, half=True)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [p.name for p in tmp_path.iterdir()] == [f".partial-{child}-{path.name}"]
    checkpoints.save_whole(model_of(0.1), path, half=True)
    assert first_value(path) == np.float16(0.1)


def checkpoint_of(path, model, steps_per_epoch=2):
    checkpoint = checkpoints.Checkpoint(path, steps_per_epoch, callbacks.Clock(batch_size=4))
    checkpoint.set_model(model)
    return checkpoint


def adam():
    return keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5)


def trained(path):
    """A model after three steps, its checkpoint written as that of the second epoch."""
    model = model_of(0.5, adam())
    model.fit(np.eye(3), np.ones((3, 2)), batch_size=1, epochs=1, verbose=0)
    checkpoint = checkpoint_of(path, model)
    checkpoint.clock.spent = {"wall": 7.0, "cpu": 5.0, "timed_steps": 3.0, "timed_seconds": 2.0}
    checkpoint.on_epoch_end(1, {"loss": 1.0})
    return model, checkpoint


def test_restoring_brings_back_weights_optimiser_epoch_and_clock(tmp_path):
    path = tmp_path / "checkpoint.weights.h5"
    model, checkpoint = trained(path)
    again = model_of(0.0, adam())
    restored = checkpoint_of(path, again)
    assert restored.restore(again) == 2 and restored.clock.spent == checkpoint.clock.spent
    assert restored.clock.images_per_second == 3 * 4 / 2.0
    ours, theirs = again.variables + again.optimizer.variables, model.variables + model.optimizer.variables
    assert len(ours) == len(theirs) > 15
    for one, other in zip(ours, theirs, strict=True):
        if "metric" not in one.path and "loss" not in one.path:
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))


def test_a_checkpoint_without_a_count_of_steps_goes_by_the_optimisers(tmp_path):
    """Those of the first version have wall and cpu alone."""
    path = tmp_path / "checkpoint.weights.h5"
    trained(path)
    with h5py.File(path, "r+") as file:
        for name in ("steps", "timed_steps", "timed_seconds"):
            del file.attrs[name]
    model = model_of(0.0, adam())
    checkpoint = checkpoint_of(path, model, steps_per_epoch=3)
    assert checkpoint.restore(model) == 1
    assert checkpoint.clock.spent == {"wall": 7.0, "cpu": 5.0, "timed_steps": 0.0, "timed_seconds": 0.0}
    assert checkpoint.clock.images_per_second == 0.0


@pytest.mark.parametrize("damage", ["not HDF5", "cut short", "another model"])
def test_a_damaged_checkpoint_is_refused_by_its_name(tmp_path, damage):
    path = tmp_path / "checkpoint.weights.h5"
    trained(path)
    if damage == "not HDF5":
        path.write_bytes(b"weights")
    elif damage == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5 if damage == "another model" else 4)])
    model.compile(adam(), loss="mse")
    with pytest.raises(checkpoints.Refused, match=str(path)):
        checkpoint_of(path, model).restore(model)


@pytest.mark.parametrize("place", ["loss", "weight", "average"])
def test_what_is_not_finite_is_never_saved(tmp_path, place):
    """The loss may still be finite when the last step of an epoch has broken a weight."""
    path = tmp_path / "checkpoint.weights.h5"
    model, checkpoint = trained(path)
    good = [weight.copy() for weight in model.get_weights()]
    content = path.read_bytes()
    loss = np.nan if place == "loss" else 1.0
    if place == "weight":
        model.weights[2].assign(np.full(model.weights[2].shape, np.inf))
    elif place == "average":
        average = next(variable for variable in model.optimizer.variables if "average" in variable.path)
        average.assign(np.full(average.shape, np.nan))
    model.stop_training = False
    checkpoint.on_epoch_end(2, {"loss": loss})
    assert model.stop_training and "epoch 3" in checkpoint.failed and str(path) in checkpoint.failed
    assert path.read_bytes() == content
    for weight, before in zip(model.get_weights(), good, strict=True):
        np.testing.assert_array_equal(weight, before)
    assert checkpoints.all_finite(model.optimizer.variables)
