"""Tiny models of every kind with random weights, exported; processes that lack this repository; a running server."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request

import numpy as np
import pytest

from models.conv_classifier import ConvClassifier
from models.draw import Draw
from models.draw_classifier import DrawClassifier
from models.gated_pixel_cnn import GatedPixelCNN
from models.pixel_cnn import PixelCNN
from serving import config, warmup
from serving.export import export
from serving.signatures import signatures_of

HERE = pathlib.Path(__file__).parent
PIXELS = {"filters": 6, "depth": 2, "first_kernel_size": 3}
TINY = {  # served name: model; every class of models/networks.py
    "pixel_cnn": lambda: PixelCNN((4, 5, 3), levels=256, **PIXELS),
    "gated": lambda: GatedPixelCNN((4, 5, 3), levels=4, **PIXELS),
    "gated_classes": lambda: GatedPixelCNN((4, 5, 1), levels=2, num_classes=3, **PIXELS),
    "draw": lambda: Draw((6, 5, 1), steps=3, units=5, latent=2, read_size=2, write_size=3),
    "draw_plain": lambda: Draw((4, 5, 3), 256, steps=2, units=5, latent=2, read_size=None, write_size=None),
    "draw_classifier": lambda: DrawClassifier((8, 7, 1), 4, glimpses=2, units=5, glimpse_size=3),
    "conv_classifier": lambda: ConvClassifier((8, 7, 1), 4, filters=2, kernel_size=3, strides=2, units=5),
}


def _randomised(model, seed=0):
    """Weights as of a trained model: what it says depends on what it is asked."""
    model.build()
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        scale = 0.2 if len(weight.shape) == 1 else 2.0 / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(random.normal(0, scale, weight.shape))
    return model


@pytest.fixture(scope="session")
def tiny_models():
    """{served name: model}."""
    return {name: _randomised(make()) for name, make in TINY.items()}


@pytest.fixture(scope="session")
def exported(tiny_models, tmp_path_factory):
    """The folder of the exported tiny models. Not to be changed."""
    folder = tmp_path_factory.mktemp("export")
    for name, model in tiny_models.items():
        export(model, folder, name, max_rows=8)
    config.write(folder)
    return folder


def _request(model, signature, rows=3, seed=0):
    """Good random inputs of a resolved signature."""
    random = np.random.default_rng(seed)

    def value(field):
        shape = (rows, *field.shape)
        if field.dtype == "float32":
            return random.uniform(0.5, 1.5, shape).astype("float32")
        high = {"bool": 2}.get(field.dtype, field.below or 2**53)
        return random.integers(0, high, shape).astype(field.dtype)

    return {field.name: value(field) for field in signature.inputs}


@pytest.fixture(scope="session")
def requests_of():
    """`requests_of(model, rows=3, seed=0)`: {signature name: inputs}."""

    def requests_of(model, rows=3, seed=0):
        return {signature.name: _request(model, signature, rows, seed) for signature in signatures_of(model)}

    return requests_of


@pytest.fixture(scope="session")
def alone():
    """`alone(script, *arguments)`: the output of a script in a process that cannot import this repository."""

    def alone(script, *arguments, folder):
        result = subprocess.run(
            [sys.executable, "-I", HERE / "alone.py", script, *arguments],
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    return alone


def _free_ports():
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [each.getsockname()[1] for each in sockets]


def _stand_in(folder):
    """A file that start.sh can run in place of tensorflow_model_server."""
    path = folder / "model_server"
    path.write_text(f'#!/bin/bash\nexec "{sys.executable}" -I "{HERE}/alone.py" "{HERE}/model_server.py" "$@"\n')
    path.chmod(0o755)
    return path


def real_server():
    """The path of a real tensorflow_model_server, or None."""
    return os.environ.get("TF_MODEL_SERVER") or shutil.which("tensorflow_model_server")


@contextlib.contextmanager
def _running(folder, binary, log):
    """Serves the models exported to `folder` by start.sh with all its checks; yields what clients need."""
    config.write(folder, base=str(folder))
    grpc_port, rest_port = _free_ports()
    flags = config.server_flags(str(folder), grpc_port, rest_port)
    environment = {**os.environ, "TF_MODEL_SERVER": str(binary), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with open(log, "w") as file:
        process = subprocess.Popen(["bash", folder / "start.sh", *flags], env=environment, stdout=file, stderr=file)
    try:
        names = [path.parent.parent.name for path in folder.glob("*/*/saved_model.pb")]
        for name in names:
            _wait(f"http://127.0.0.1:{rest_port}/v1/models/{name}", process, log)
        yield types.SimpleNamespace(
            grpc=f"127.0.0.1:{grpc_port}", rest=f"http://127.0.0.1:{rest_port}", process=process, folder=folder
        )
    finally:
        process.terminate()
        process.wait()


def _wait(url, process, log, seconds=120):
    for _ in range(10 * seconds):
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if '"AVAILABLE"' in urllib.request.urlopen(url).read().decode():
                return
        time.sleep(0.1)
    raise AssertionError(f"no server after {seconds} s: {log.read_text()[-3000:]}")


@pytest.fixture(scope="session", params=["stand-in", "tensorflow_model_server"])
def server(request, exported, tmp_path_factory):
    """A server of the exported tiny models: the stand-in of model_server.py, and the real one where there is one."""
    scratch = tmp_path_factory.mktemp("server")
    binary = _stand_in(scratch) if request.param == "stand-in" else real_server()
    if binary is None:
        pytest.skip("no tensorflow_model_server on the PATH or in TF_MODEL_SERVER: not tested against the real one")
    folder = scratch / "models"
    shutil.copytree(exported, folder)
    with _running(folder, binary, scratch / "log") as running:
        yield running


@pytest.fixture
def example():
    """`example(field)`: a good value, [1, ...]."""
    return warmup.example
