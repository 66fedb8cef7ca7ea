"""TensorFlow Serving on this machine, without a container: from a tensorflow_model_server of one's own.

The binary is that of the environment variable TF_MODEL_SERVER, or the one on the PATH.
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

from image_generators.data import durable
from image_generators.serving import config


def binary():
    """The path of a tensorflow_model_server, or None."""
    return os.environ.get("TF_MODEL_SERVER") or shutil.which("tensorflow_model_server")


def command(folder, grpc_port=config.GRPC_PORT, rest_port=config.REST_PORT):
    """Arguments that serve the models exported to `folder`, by its start.sh; writes models.local.config there."""
    folder = pathlib.Path(folder).resolve()
    name = "models.local.config"
    durable.write(folder / name, config.models_config(config.models_in(folder), folder))
    return ["bash", f"{folder}/start.sh", *config.server_flags(folder, grpc_port, rest_port, name)]


@contextlib.contextmanager
def running(folder, server, log, seconds=120):
    """Serves the models exported to `folder` while the context lasts, on ports that are free.

    Args:
        folder: of exported models, with what config.write puts there.
        server: path of the binary, or a command with arguments.
        log: path of a file for what it prints.
        seconds: in which all models must be there.

    Yields: the process, as `process`, and the addresses of `grpc` and `rest`.
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
                    raise TimeoutError(f"no server of {name}: {pathlib.Path(log).read_text()[-3000:]}")
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
