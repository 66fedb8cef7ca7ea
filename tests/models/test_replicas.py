"""Two devices of tf.distribute take the step of one, by plain Keras, whatever the model."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import every_model
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
NAMES = [name for name in every_model.MODELS if name not in ("of_classes", "of_vectors", "row_lstm")]  # each class once


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What replicas_run.py finds, in a process of its own: a process divides its CPU once, before it computes."""
    if not importlib.util.find_spec("tensorflow"):
        pytest.skip("no tensorflow here")
    path = tmp_path_factory.mktemp("replicas") / "results.npz"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / "replicas_run.py"), str(path), *NAMES]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.mark.parametrize("name", NAMES)
def test_two_replicas_report_the_loss_of_one_and_take_its_step(results, name):
    one, two = (
        {key.split("/", 1)[1]: value for key, value in results.items() if key.startswith(f"{n}/{name}/")}
        for n in (1, 2)
    )
    assert one.keys() == two.keys() and len(one) > 1
    for key, value in one.items():
        np.testing.assert_allclose(two[key], value, rtol=1e-4, atol=1e-5)
