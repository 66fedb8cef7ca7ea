"""Tiny models of every kind with random weights, exported; processes that lack this repository; a running server."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN
from image_generators.serving import config, local
from image_generators.serving.export import export
from image_generators.serving.signatures import signatures_of

HERE = pathlib.Path(__file__).parent
STAND_IN = f"{sys.executable} -I {HERE}/alone.py {HERE}/model_server.py"
PIXELS = {"filters": 6, "depth": 1, "first_kernel_size": 3}
MAP = {"map_filters": 4, "map_depth": 1}
TINY = {  # served name: model; every class of models/networks.py
    "pixel_cnn": lambda: PixelCNN((4, 5, 1), levels=256, **PIXELS),
    "gated": lambda: GatedPixelCNN((4, 5, 3), levels=4, num_classes=3, **PIXELS),
    "pixel_rnn": lambda: PixelRNN((3, 4, 1), levels=4, **PIXELS),
    "multi_scale": lambda: MultiScalePixelRNN((2, 4, 1), 4, factor=2, recurrence="row_lstm", **MAP, **PIXELS),
    "map_pixel_cnn": lambda: MapPixelCNN((4, 4, 1), (4, 4, 2), 4, keeps_known=True, levels=4, **MAP, **PIXELS),
    "map_regression": lambda: MapRegression((4, 4, 1), (3,), **MAP),
    "pixel_cnn_autoencoder": lambda: PixelCNNAutoencoder((8, 8, 1), 3, 4, levels=4, **MAP, **PIXELS),
    "deconvolutional_autoencoder": lambda: DeconvolutionalAutoencoder((8, 8, 1), 3, 4, **MAP),
    "embedding_network": lambda: EmbeddingNetwork((8, 8, 1), 4, filters=2, depth=1, features=3),
    "draw": lambda: Draw((6, 5, 1), steps=3, units=5, latent=2, read_size=2, write_size=3),
    "draw_plain": lambda: Draw((4, 5, 3), 256, steps=2, units=5, latent=2, read_size=None, write_size=None),
    "draw_classifier": lambda: DrawClassifier((8, 7, 1), 4, glimpses=2, units=5, glimpse_size=3),
    "chairs_generator": lambda: ChairsGenerator((16, 16, 4), num_styles=3, width=0.02),
    "conv_classifier": lambda: ConvClassifier((8, 7, 1), 4, filters=2, kernel_size=3, strides=2, units=5),
}


def _randomised(model, seed=0):
    """Weights as of a trained model: what it says depends on what it is asked."""
    model.build()
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        scale = 0.2 if len(weight.shape) == 1 else 2.0 / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(random.normal(0, scale, weight.shape))
    for weight in model.logits.weights if hasattr(model, "logits") else ():
        weight.assign(weight.value / LOGIT_SCALE)
    return model


@pytest.fixture(scope="session")
def tiny_models():
    """{served name: model}."""
    return {name: _randomised(make()) for name, make in TINY.items()}


@pytest.fixture(scope="session")
def exported(tiny_models, tmp_path_factory):
    """The folder of the exported tiny models. Not to be changed."""
    scratch = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        scratch = scratch.parent  # the processes of this run share the work: who makes a model's claim exports it
    folder, claims = scratch / "exported", scratch / "claims"
    claims.mkdir(exist_ok=True)
    for name, model in tiny_models.items():
        with contextlib.suppress(FileExistsError):
            (claims / name).mkdir()
            export(model, folder, name, version=1, max_rows=8)
    patience = time.monotonic() + 300
    while missing := [name for name in tiny_models if not (folder / name / "1").is_dir()]:
        assert time.monotonic() < patience, f"another process did not export {missing}"
        time.sleep(0.2)
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


@pytest.fixture(scope="session", params=["stand-in", "tensorflow_model_server"])
def server(request, exported, tmp_path_factory):
    """A server of the exported tiny models: the stand-in of model_server.py, and the real one where there is one."""
    scratch = tmp_path_factory.mktemp("server")
    binary = STAND_IN if request.param == "stand-in" else local.binary()
    if binary is None:
        pytest.skip("no tensorflow_model_server on the PATH or in TF_MODEL_SERVER: not tested against the real one")
    folder = scratch / "models"
    shutil.copytree(exported, folder)
    with local.running(folder, binary, scratch / "log", seconds=600) as running:
        yield running
