"""Runs TensorFlow Serving on this machine without a container, with an installed tensorflow_model_server.

The environment variable TF_MODEL_SERVER names the binary; without it, the one on the PATH is used.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time
import types
import urllib.error
import urllib.request
from collections.abc import Iterator

from image_generators.data import durable
from image_generators.serving import config


def binary() -> str | None:
    """The path of tensorflow_model_server, or None if there is none."""
    return os.environ.get("TF_MODEL_SERVER") or shutil.which("tensorflow_model_server")


def command(
    folder: str | os.PathLike, grpc_port: int = config.GRPC_PORT, rest_port: int = config.REST_PORT
) -> list[str]:
    """The command that serves the models exported to `folder` with its start.sh; writes models.local.config there."""
    folder = pathlib.Path(folder).resolve()
    name = "models.local.config"
    durable.write(folder / name, config.models_config(config.models_in(folder), folder))
    return ["bash", f"{folder}/start.sh", *config.server_flags(folder, grpc_port, rest_port, name)]


@contextlib.contextmanager
def running(
    folder: str | os.PathLike, server: str, log: str | os.PathLike, seconds: float = 120
) -> Iterator[types.SimpleNamespace]:
    """Serves the models exported to `folder` on free ports while the context lasts.

    Args:
        folder: exported models, with the files that config.write writes.
        server: path of the binary, or a command with arguments.
        log: path of a file for the server's output.
        seconds: time limit until all models are available.

    Yields:
        A namespace with `process` and the addresses `grpc` and `rest`.

    Raises:
        TimeoutError: a model is not available in time, or the server ended; the message shows the end of the log.
    """
    grpc_port, rest_port = _free_ports()
    with open(log, "w") as file:
        environment = {**os.environ, "TF_MODEL_SERVER": str(server), "TF_CPP_MIN_LOG_LEVEL": "3"}
        process = subprocess.Popen(command(folder, grpc_port, rest_port), env=environment, stdout=file, stderr=file)
    try:
        rest = f"http://127.0.0.1:{rest_port}"
        end = time.monotonic() + seconds
        for name in config.models_in(folder):
            while not _available(f"{rest}/v1/models/{name}"):
                if process.poll() is not None or time.monotonic() > end:
                    raise TimeoutError(f"{name} is not available: {pathlib.Path(log).read_text()[-3000:]}")
                time.sleep(0.05)
        yield types.SimpleNamespace(process=process, grpc=f"127.0.0.1:{grpc_port}", rest=rest)
    finally:
        process.terminate()
        process.wait()


def _free_ports():
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [each.getsockname()[1] for each in sockets]


def _available(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return '"AVAILABLE"' in response.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return False
