"""Two devices, parts of batches and blocks computed again give what one device gives; on both backends.

Two devices of one CPU, in a process of its own, since a process divides its CPU once, before it computes. JAX runs
where JAX_PYTHON names its Python (requirements-jax.txt) or it is installed; there also two processes.
"""

import dataclasses
import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import devices, presets

SCRIPT = pathlib.Path(__file__).parent / "devices_run.py"
ON_ONE_DEVICE = {"muon_two": "muon"}  # the others': "one"
CASES = {"tensorflow": ("one", "muon", "parts", "two_remat", "muon_two"), "jax": ("one", "all")}
EPOCHS = 2


def python_of(backend):
    if backend == "jax" and "JAX_PYTHON" in os.environ:
        return os.environ["JAX_PYTHON"]
    if not importlib.util.find_spec(backend):
        pytest.skip(f"no {backend} here" + (", and JAX_PYTHON names no Python that has it" * (backend == "jax")))
    return sys.executable


def started(backend, folder, *cases, **environment):
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), **environment}
    command = [python_of(backend), str(SCRIPT), str(folder), *cases]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """`results(backend)`: the folder in which the cases of a backend have been run."""
    folders = {}

    def run(backend):
        if backend not in folders:
            folder = tmp_path_factory.mktemp(backend)
            process = started(backend, folder, *CASES[backend])
            _, errors = process.communicate()
            assert process.returncode == 0, errors
            folders[backend] = folder
        return folders[backend]

    return run


def read(folder, case):
    """(losses [epochs, steps + 1], the last of validation; weights)."""
    with np.load(folder / f"{case}.npz") as stored:
        losses, *weights = (stored[name] for name in stored.files)
    return losses.reshape(EPOCHS, -1), weights


@pytest.mark.parametrize(
    "backend, case", [(b, case) for b, cases in CASES.items() for case in cases if case not in ("one", "muon")]
)
def test_losses_and_weights_equal_those_of_one_device(results, backend, case):
    """With clipping at work in every step, dropout off, and weights whose average is kept."""
    folder = results(backend)
    (losses, weights), (expected, expected_weights) = (
        read(folder, name) for name in (case, ON_ONE_DEVICE.get(case, "one"))
    )
    steps = losses if losses.shape == expected.shape else losses[:, -2:]  # of parts, those of whole epochs
    np.testing.assert_allclose(steps, expected[:, -steps.shape[1] :], rtol=1e-5)
    for ours, theirs in zip(weights, expected_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert expected[0, 0] - expected[-1, -1] > 0.1  # it did learn


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def run_two(folder, kill=None):
    """The script in two processes on loopback, the second of which ends itself at step `kill`."""
    address, together = f"127.0.0.1:{free_port()}", []
    for number in range(2):
        here = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
        here |= {"KERAS_DISTRIBUTION_PROCESS_ID": str(number)} | ({"KILL_AT": str(kill)} if kill and number else {})
        together.append(started("jax", folder, "two", **here))
    try:
        told = [process.communicate(timeout=300) for process in together]
    finally:
        for process in together:
            process.kill()
    return [(process.returncode, *text) for process, text in zip(together, told, strict=True)]


def test_two_processes_resume_after_one_was_killed(results, tmp_path):
    """In the second of two epochs of three steps: a validation's loss is the fourth number, so six are five steps."""
    chief, other = run_two(tmp_path, kill=6)
    assert other[0] == -signal.SIGKILL
    assert chief[0] == 1 and "another process is gone" in chief[2] and "go on from the last checkpoint" in chief[2]
    assert str(tmp_path / "two") in chief[2] and "Traceback" not in chief[2]
    assert not (tmp_path / "two.npz").exists()

    chief, other = run_two(tmp_path)
    assert chief[0] == other[0] == 0, chief[2] + other[2]
    assert "3 of 6 steps were made before" in chief[1] and "Epoch 1/2" not in chief[1]
    with np.load(tmp_path / "two.npz") as stored:
        losses, *weights = (stored[name] for name in stored.files)
    expected, expected_weights = read(results("jax"), "one")
    np.testing.assert_allclose(losses, expected[1], rtol=1e-5)
    for ours, theirs in zip(weights, expected_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# What cannot be done is refused, with the argument named.

PRESET = presets.Preset({}, 4, 12, steps_per_epoch=4)


@pytest.mark.parametrize(
    "model, changes, told",
    [
        ("pixel_cnn", {"devices": 5}, "batch_size.*--devices.*batch_size=12, devices=5"),
        ("pixel_cnn", {"accumulate": 7}, "--devices.*--accumulate.*accumulate=7"),
        ("draw", {"remat": True}, "--remat.*Received: draw"),
        ("pixel_cnn", {"remat": True, "model": {"dropout": 0.1}}, "--remat.*Received: pixel_cnn, dropout=0.1"),
        ("embedding_network", {"devices": 2}, "--devices.*--accumulate.*embedding_network"),
        ("embedding_network", {"batch_size": 60}, "--batch_size.*40.*Received: 60"),
    ],
)
def test_unsupported_combinations_are_refused_by_flag_name(model, changes, told):
    with pytest.raises(ValueError, match=told):
        devices.check(model, dataclasses.replace(PRESET, **changes), [model])
    devices.check("pixel_cnn", dataclasses.replace(PRESET, devices=3), ["pixel_cnn"])


@pytest.mark.parametrize(
    "model, changes, told",
    [
        ("pixel_cnn", {"accumulate": 2}, "--accumulate.*--devices.*JAX"),
        ("pixel_cnn", {"precision": "mixed_float16"}, "mixed_float16.*--devices.*JAX"),
    ],
)
def test_combinations_that_need_jax_are_refused_on_tensorflow_only(monkeypatch, model, changes, told):
    preset = dataclasses.replace(PRESET, devices=2, **changes)
    monkeypatch.setattr(devices, "on_jax", lambda: True)
    devices.check(model, preset, [model])
    monkeypatch.setattr(devices, "on_jax", lambda: False)
    with pytest.raises(ValueError, match=told):
        devices.check(model, preset, [model])


def test_more_devices_than_available_are_refused():
    found = len(devices._all())
    with pytest.raises(ValueError, match=f"--devices.*{found}.*Received: {found + 1}"):
        devices.start(found + 1)


def test_several_processes_run_one_row(monkeypatch):
    monkeypatch.setattr(devices, "processes", lambda: 2)
    with pytest.raises(ValueError, match="--rows.*Received: draw, pixel_cnn"):
        devices.check("pixel_cnn", PRESET, ["draw", "pixel_cnn"])


def test_a_network_with_dropout_is_not_rematerialised():
    with pytest.raises(ValueError, match="Received: dropout=0.5"):
        GatedPixelCNN((4, 4, 1), 2, filters=2, depth=1, dropout=0.5).rematerialise()
