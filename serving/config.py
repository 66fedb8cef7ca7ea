"""Writes the configuration of TensorFlow Serving beside the exported models.

models.config     the models, as a ModelServerConfig
batching.config   how requests are joined into batches
start.sh          checks the SHA-256 of all versions and starts the server; the container runs it
compose.yaml      docker compose --file export/compose.yaml up
"""

import json
import os
import pathlib
import re
from collections.abc import Iterable

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from image_generators.data import durable
from image_generators.serving import manifest
from image_generators.serving.validation import MAX_ROWS

IMAGE = "tensorflow/serving:2.21.0"
GRPC_PORT, REST_PORT = 8500, 8501
MODELS = "/models"  # where the container sees the exported models
ABOUT = "assets.extra/export.json"  # in a version: max_rows, and the record of the weights

BATCHING = """\
# Sampling is a chain of small steps: sixteen images take only about twice as long as one, tenths of a second. So a
# request waits up to 10 ms for others.
max_batch_size {{ value: {max_rows} }}
batch_timeout_micros {{ value: 10000 }}
# Two batches run at once, each on all cores. When the queue is full, the server refuses requests.
num_batch_threads {{ value: 2 }}
max_enqueued_batches {{ value: 64 }}
"""

START = f"""\
#!/bin/bash
# Checks the models beside this file against their SHA-256 and starts TensorFlow Serving on them.
set -euo pipefail
cd "$(dirname "${{BASH_SOURCE[0]}}")"
{manifest.BASH}
versions=0
for version in */[0-9]*/; do
    [[ $version =~ ^[^/]+/[0-9]+/$ ]] || continue # such as 1.bak, which the server does not load
    as_exported "$version" || {{ echo "start.sh: $version is not what was exported" >&2; exit 1; }}
    versions=$((versions + 1))
done
[ $versions -gt 0 ] || {{ echo "start.sh: $PWD has no exported models" >&2; exit 1; }}
# Not quoted: it may be a command with arguments.
exec ${{TF_MODEL_SERVER:-tensorflow_model_server}} "$@"
"""

COMPOSE = f"""\
# docker compose --file compose.yaml up
services:
  serving:
    image: {IMAGE}
    entrypoint: ["/bin/bash", "{MODELS}/start.sh"]
    command:
{{flags}}
    ports:
      - "127.0.0.1:{GRPC_PORT}:{GRPC_PORT}" # gRPC
      - "127.0.0.1:{REST_PORT}:{REST_PORT}" # REST
    volumes:
      - .:{MODELS}:ro
    restart: on-failure:3
"""


def versions_of(model: str | os.PathLike) -> list[pathlib.Path]:
    """The versions of a model that the server can load: folders of `model` whose names are digits, oldest first.

    A folder with another name, such as `1.bak`, is no version. The server and start.sh ignore it, and so do we.
    """
    versions = [path for path in pathlib.Path(model).iterdir() if path.is_dir() and re.fullmatch("[0-9]+", path.name)]
    return sorted(versions, key=lambda path: int(path.name))


def models_in(folder: str | os.PathLike) -> list[str]:
    """Names of the models exported to `folder`."""
    models = (path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    return sorted(m.name for m in models if any((v / "saved_model.pb").is_file() for v in versions_of(m)))


def max_rows_in(folder: str | os.PathLike) -> int:
    """The largest batch that every model exported to `folder` accepts.

    Raises:
        ValueError: the `export.json` of a version was not written by serving/export.py.
    """
    versions = [version for name in models_in(folder) for version in versions_of(pathlib.Path(folder, name))]
    return min((_max_rows_of(version / ABOUT) for version in versions), default=MAX_ROWS)


def _max_rows_of(path):
    try:
        max_rows = json.loads(path.read_text())["max_rows"]
        if isinstance(max_rows, bool) or not isinstance(max_rows, int) or max_rows < 1:
            raise ValueError(f"max_rows={max_rows!r}")
    except (ValueError, KeyError, TypeError, OSError) as error:  # not JSON, not an object, no such key, no such file
        raise ValueError(
            f"{path} must be an export.json of serving/export.py, with max_rows: delete or move the folder "
            f"{path.parent.parent}, or export the model again. Received: {type(error).__name__}: {error}"
        ) from error
    return max_rows


def models_config(names: Iterable[str], base: str | os.PathLike = MODELS) -> str:
    """The text of models.config: each model in `<base>/<name>`."""
    config = model_server_config_pb2.ModelServerConfig()
    for name in names:
        config.model_config_list.config.add(name=name, base_path=f"{base}/{name}", model_platform="tensorflow")
    return text_format.MessageToString(config)


def server_flags(
    base: str | os.PathLike = MODELS,
    grpc_port: int = GRPC_PORT,
    rest_port: int = REST_PORT,
    models: str = "models.config",
) -> list[str]:
    """Arguments of tensorflow_model_server. The configuration files are in `base`."""
    return [
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        "--rest_api_timeout_in_ms=120000",  # the default, 30 s, is too short for 64 images on two cores
        f"--model_config_file={base}/{models}",
        "--enable_batching=true",
        f"--batching_parameters_file={base}/batching.config",
    ]


def docker_command(folder: str | os.PathLike) -> list[str]:
    """The command that starts the container without compose."""
    ports = [f"--publish=127.0.0.1:{port}:{port}" for port in (GRPC_PORT, REST_PORT)]
    mount = f"--volume={pathlib.Path(folder).resolve()}:{MODELS}:ro"
    run = ["docker", "run", "--rm", *ports, mount, "--entrypoint=/bin/bash"]
    return [*run, IMAGE, f"{MODELS}/start.sh", *server_flags()]


def write(folder: str | os.PathLike) -> None:
    """Writes the four files for all models in `folder`. Raises as `max_rows_in`."""
    folder = pathlib.Path(folder)
    files = {
        "models.config": models_config(models_in(folder)),
        "batching.config": BATCHING.format(max_rows=max_rows_in(folder)),
        "start.sh": START,
        "compose.yaml": COMPOSE.format(flags="\n".join(f"      - {flag}" for flag in server_flags())),
    }
    for name, text in files.items():
        durable.write(folder / name, text)  # written whole: a server may be reading it
