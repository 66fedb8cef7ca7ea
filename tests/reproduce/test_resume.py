"""kill -9 in the middle of training and the same command again: what an uninterrupted run gives. On both backends.

JAX runs in an environment of its own where JAX_PYTHON names its Python (requirements-jax.txt), and never sees
TensorFlow, even where it is installed.
"""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from image_generators.data.sources import fallback
from image_generators.evaluation import networks, records
from image_generators.models import weights_file

HERE = pathlib.Path(__file__).parent

# As `python script flags`, but `import tensorflow` fails.
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules.update(dict.fromkeys(("tensorflow", "tensorflow_datasets", "tensorboard")))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def script_on(bare_machine):
    """`script_on(backend)(path, *flags, **environment)` runs a script in a process of its own."""

    def choose(backend):
        command = [sys.executable]
        if backend == "jax":
            if "JAX_PYTHON" not in os.environ and not importlib.util.find_spec("jax"):
                pytest.skip("no JAX here, and JAX_PYTHON does not name a Python that has it (requirements-jax.txt)")
            command = [os.environ.get("JAX_PYTHON", sys.executable), "-c", WITHOUT_TENSORFLOW]
        elif not importlib.util.find_spec("tensorflow"):
            pytest.skip("no TensorFlow here")

        def run(path, *given, **more):
            environment = bare_machine | {"KERAS_BACKEND": backend} | more
            return subprocess.run([*command, str(path), *given], env=environment, capture_output=True, text=True)

        return run

    return choose


def folders(folder):
    return [f"--results_dir={folder / 'results'}", f"--runs_dir={folder / 'runs'}"]


def record_and_weights(folder):
    """The record of the finished run in `folder`, and its weights: name -> array."""
    (record,) = records.read_all(folder / "results", "table1_cifar")
    arrays = {}
    with h5py.File(folder / "results" / record.weights) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return record, {name: array for name, array in arrays.items() if "seed_generator" not in name}


@pytest.mark.parametrize("backend, optimizer", [("tensorflow", "adam"), ("jax", "muon")])
def test_a_killed_run_ends_as_an_uninterrupted_one(script_on, tmp_path, backend, optimizer):
    """Dropout and the average of the weights are on: weights, optimiser, data order and seeds have to come back."""
    script, given = script_on(backend), ["--preset=smoke", "--rows=gated_pixel_cnn", f"--optimizer={optimizer}"]
    killed = script(HERE / "dropout_run.py", *given, *folders(tmp_path / "killed"), KILL_AT="6")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (checkpoint,) = (tmp_path / "killed" / "runs").rglob("checkpoint.weights.h5")
    with h5py.File(checkpoint) as file:
        assert file.attrs["steps"] == 4  # two steps of the second epoch are lost
    assert not list((tmp_path / "killed" / "results").rglob("*.*"))

    resumed = script(HERE / "dropout_run.py", *given, *folders(tmp_path / "killed"))
    assert resumed.returncode == 0, resumed.stderr
    assert "4 of 12 steps were made before" in resumed.stdout
    assert "Epoch 1/3" not in resumed.stdout and "Epoch 2/3" in resumed.stdout

    whole = script(HERE / "dropout_run.py", *given, *folders(tmp_path / "whole"))
    assert whole.returncode == 0 and "NOT CIFAR-10" in whole.stderr, whole.stderr
    (resumed_record, resumed_weights), (record, weights) = (
        record_and_weights(tmp_path / "killed"),
        record_and_weights(tmp_path / "whole"),
    )
    assert record.backend == backend and record.steps == resumed_record.steps == 12
    assert weights.keys() == resumed_weights.keys() and len(weights) > 8
    for name, array in weights.items():
        np.testing.assert_allclose(resumed_weights[name], array, rtol=1e-6, atol=1e-7, err_msg=name)
    for split, value in record.values.items():
        np.testing.assert_allclose(resumed_record.values[split], value, rtol=1e-6)

    # Weights move between the backends: this process may run on the other.
    network = networks.restore(record, tmp_path / "whole" / "results")
    images = fallback.photographs().test.images[: record.examples["test"]]
    np.testing.assert_allclose(network.bits_per_dim(images).mean(), record.values["test"], rtol=1e-5)


def test_smoke_preset_on_jax_and_npz_files(script_on, tmp_path):
    """The command of the README, on a machine that has CIFAR-10 as .npz files; here the right number of blank ones."""
    script = script_on("jax")
    for split, n in (("train", 50_000), ("test", 10_000)):
        arrays = {"images": np.zeros((n, 32, 32, 3), "uint8"), "labels": np.zeros(n, "int64")}
        np.savez_compressed(tmp_path / f"cifar10_{split}.npz", **arrays)
    given = ["--preset=smoke", "--rows=uniform,draw", f"--data_dir={tmp_path}"]
    ran = script(HERE.parents[1] / "reproduce" / "table1_cifar.py", *given, *folders(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Data: CIFAR-10, from npz files\n") and "not CIFAR-10" not in ran.stdout
    assert "This run:" in ran.stdout and ran.stderr == ""
    found = {record.model: record for record in records.read_all(tmp_path / "results", "table1_cifar")}
    # Where XLA does not optimise, 3,072 float32 numbers are added one after the other.
    assert found["uniform"].values["test"] == pytest.approx(8, abs=1e-3) and found["uniform"].examples["test"] == 10_000
    record = found["draw"]
    assert (record.backend, record.data, record.is_fallback) == ("jax", "cifar10", False)
    assert record.command == "KERAS_BACKEND=jax python reproduce/table1_cifar.py --preset=smoke --rows=uniform,draw"
    assert f"test <= {record.values['test']:.2f} bits/dim" in ran.stdout
    assert weights_file.sha256_of_file(tmp_path / "results" / record.weights) == record.weights_sha256

    # Here the weights give about the same bound, by other noise.
    network, images = networks.restore(record, tmp_path / "results"), np.zeros((16, 32, 32, 3), "uint8")
    bounds = [network.in_unit(network.elbo(images, seed).total).mean() for seed in range(30)]
    assert abs(record.values["test"] - np.mean(bounds)) < 5 * np.std(bounds) < 0.5
