"""Checkpoints: whole or not there, of the right run or refused, and never of a broken model."""

import json
import os
import signal

import h5py
import keras
import numpy as np
import pytest

from image_generators.data import durable
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
def test_a_run_with_other_settings_is_refused_and_restart_deletes_it(tmp_path, changes, said):
    checkpoint = checkpoints.open_run(tmp_path / "run", SETTINGS)
    checkpoint.write_bytes(b"weights")
    with pytest.raises(checkpoints.Refused, match="--restart") as error:
        checkpoints.open_run(tmp_path / "run", SETTINGS | changes)
    assert said in str(error.value) and str(tmp_path / "run") in str(error.value)
    assert checkpoint.read_bytes() == b"weights"
    assert not checkpoints.open_run(tmp_path / "run", SETTINGS | changes, restart=True).exists()
    checkpoints.open_run(tmp_path / "run", SETTINGS | changes)


def test_the_same_settings_reopen_a_run(tmp_path):
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


def test_a_kill_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    """The process kills itself where writing is half done, which no signal from outside could time."""
    path = checkpoints.open_run(tmp_path, SETTINGS)
    durable.write(path, weights_file.content_of(model_of(1.0), sealed=True))
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(os, "replace", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            checkpoint_of(path, model_of(2.0, adam())).on_epoch_end(1, {"loss": 1.0})
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(list(tmp_path.glob(".partial-*"))) == 1 and first_value(path) == 1.0
    assert checkpoints.open_run(tmp_path, SETTINGS) == path  # the next run clears up
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "settings.json"]


def test_a_second_run_in_a_folder_is_refused_until_the_first_ends_or_is_killed(tmp_path):
    ready, hold = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with checkpoints.locked(tmp_path):
                os.write(ready[1], b"x")
                os.read(hold[0], 1)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    try:
        with pytest.raises(checkpoints.Refused, match=f"process {child} on .*--runs_dir") as error:
            checkpoints.locked(tmp_path).__enter__()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert str(tmp_path) in str(error.value)
    for _ in range(2):
        with checkpoints.locked(tmp_path):
            checkpoints.open_run(tmp_path, SETTINGS, restart=True)
            with pytest.raises(checkpoints.Refused, match=f"process {os.getpid()}"), checkpoints.locked(tmp_path):
                pass  # the lock outlives --restart


def checkpoint_of(path, model, steps_per_epoch=2):
    checkpoint = checkpoints.Checkpoint(path, steps_per_epoch, callbacks.Clock(batch_size=4), settings=SETTINGS)
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
    """Those of the first version have wall and cpu alone, and no digest."""
    path = tmp_path / "checkpoint.weights.h5"
    trained(path)
    with h5py.File(path, "r+") as file:  # which drops the digest at its end
        for name in ("steps", "timed_steps", "timed_seconds", "settings", "sealed"):
            del file.attrs[name]
    assert not weights_file.WeightsFile(path).is_sealed
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


def test_a_checkpoint_with_one_changed_byte_is_refused_before_anything_is_restored(tmp_path):
    path = tmp_path / "checkpoint.weights.h5"
    trained(path)
    content = path.read_bytes()
    model = model_of(0.25, adam())
    before = [variable.numpy() for variable in model.variables]
    for place in np.random.default_rng(0).integers(0, len(content), 300):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(checkpoints.Refused, match=f"{path} .*SHA-256"):
            checkpoint_of(path, model).restore(model)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    path.write_bytes(content)
    assert checkpoint_of(path, model).restore(model) == 2


def test_another_run_s_checkpoint_is_refused_before_anything_is_restored(tmp_path):
    path = tmp_path / "checkpoint.weights.h5"
    trained(path)
    model = model_of(0.25, adam())
    checkpoint = checkpoint_of(path, model)
    checkpoint.settings = SETTINGS | {"seed": 1}
    with pytest.raises(checkpoints.Refused, match="seed was 0, is 1"):
        checkpoint.restore(model)
    assert model.get_weights()[0][0, 0] == 0.25


@pytest.mark.parametrize("lost", [None, "{}", "null", '{"model": {}, "preset": {}, "data": "", "seed": 0}'])
def test_a_checkpoint_whose_settings_are_lost_is_resumed_by_its_own_run_alone(tmp_path, lost):
    """It has them in it. Of a version that did not store them, nobody knows: that is said, with what to do."""
    path = checkpoints.open_run(tmp_path, SETTINGS)
    trained(path)
    file = tmp_path / "settings.json"
    file.unlink() if lost is None else file.write_text(lost)
    with pytest.raises(checkpoints.Refused, match="--restart"):
        checkpoints.open_run(tmp_path, SETTINGS | {"data": "cd34"})
    if lost is None or len(lost) < 5:
        assert checkpoints.open_run(tmp_path, SETTINGS) == path
        assert json.loads(file.read_text()) == json.loads(json.dumps(SETTINGS))
        file.unlink()
    with h5py.File(path, "r+") as stored:
        del stored.attrs["settings"], stored.attrs["sealed"]
    content = path.read_bytes()
    with pytest.raises(checkpoints.Refused, match="settings.*--restart"):
        checkpoints.open_run(tmp_path, SETTINGS)
    assert path.read_bytes() == content
    assert not checkpoints.open_run(tmp_path, SETTINGS, restart=True).exists()


@pytest.mark.parametrize("place", ["loss", "weight", "average"])
def test_non_finite_weights_are_never_saved(tmp_path, place):
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
