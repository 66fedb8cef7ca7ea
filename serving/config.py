"""What stands beside the exported models, for TensorFlow Serving: its configuration, and how to start it.

models.config     which models there are, official ModelServerConfig
batching.config   how requests are joined
start.sh          checks every version's SHA-256 and starts the server; what the container runs
compose.yaml      docker compose --file export/compose.yaml up
"""

import json
import pathlib

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from image_generators.data import durable
from image_generators.serving import manifest
from image_generators.serving.validation import MAX_ROWS

IMAGE = "tensorflow/serving:2.21.0"
GRPC_PORT, REST_PORT = 8500, 8501
MODELS = "/models"  # in the container
ABOUT = "assets.extra/export.json"  # of a version: the record of its weights, and max_rows

BATCHING = """\
# A call takes tenths of a second, and sampling is a chain of small steps: sixteen images take about twice as long as
# one. So requests may wait a little for company.
max_batch_size {{ value: {max_rows} }}
batch_timeout_micros {{ value: 10000 }}
# Two batches side by side; each uses all cores where it can. Beyond the queue a client is told to come again.
num_batch_threads {{ value: 2 }}
max_enqueued_batches {{ value: 64 }}
"""

START = f"""\
#!/bin/bash
# Starts TensorFlow Serving on the models beside this file, unless a version is not what was exported.
set -euo pipefail
cd "$(dirname "${{BASH_SOURCE[0]}}")"
{manifest.BASH}
for version in */[0-9]*/; do
    as_exported "$version" || {{ echo "start.sh: $version is not what was exported" >&2; exit 1; }}
done
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


def models_in(folder):
    """Names of the models exported to `folder`."""
    return sorted(path.name for path in pathlib.Path(folder).iterdir() if any(path.glob("[0-9]*/saved_model.pb")))


def max_rows_in(folder):
    """The most rows that every model exported to `folder` takes: no batch may be larger."""
    abouts = (json.loads(path.read_text()) for path in pathlib.Path(folder).glob(f"*/[0-9]*/{ABOUT}"))
    return min((about["max_rows"] for about in abouts), default=MAX_ROWS)


def models_config(names, base=MODELS):
    """The text of models.config: each model in `<base>/<name>`."""
    config = model_server_config_pb2.ModelServerConfig()
    for name in names:
        config.model_config_list.config.add(name=name, base_path=f"{base}/{name}", model_platform="tensorflow")
    return text_format.MessageToString(config)


def server_flags(base=MODELS, grpc_port=GRPC_PORT, rest_port=REST_PORT, models="models.config"):
    """Arguments of tensorflow_model_server, with the files of this module in `base`."""
    return [
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        "--rest_api_timeout_in_ms=120000",  # the default, half a minute, is short for 64 images on two cores
        f"--model_config_file={base}/{models}",
        "--enable_batching=true",
        f"--batching_parameters_file={base}/batching.config",
    ]


def docker_command(folder):
    """Arguments that start the container without compose."""
    ports = [f"--publish=127.0.0.1:{port}:{port}" for port in (GRPC_PORT, REST_PORT)]
    mount = f"--volume={pathlib.Path(folder).resolve()}:{MODELS}:ro"
    run = ["docker", "run", "--rm", *ports, mount, "--entrypoint=/bin/bash"]
    return [*run, IMAGE, f"{MODELS}/start.sh", *server_flags()]


def write(folder):
    """Writes the files for all models in `folder`, as the container will see it."""
    folder = pathlib.Path(folder)
    files = {
        "models.config": models_config(models_in(folder)),
        "batching.config": BATCHING.format(max_rows=max_rows_in(folder)),
        "start.sh": START,
        "compose.yaml": COMPOSE.format(flags="\n".join(f"      - {flag}" for flag in server_flags())),
    }
    for name, text in files.items():
        durable.write(folder / name, text)  # a server may be reading it
