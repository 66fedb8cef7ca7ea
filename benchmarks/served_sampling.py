"""Measures the cost of serving: sixteen images of the Gated PixelCNN in results/ from a server and from Keras.

  python benchmarks/served_sampling.py            two minutes

The server is tensorflow_model_server if TF_MODEL_SERVER or the PATH has it, otherwise the server of the tests, Python
code around the same C++ session. The report says which. The Keras model samples without XLA, as it is exported.

Limits: a served batch of 16 takes at most 1.15 times as long as Keras. A SavedModel is at most 1.2 MB larger than its
weights.
"""

import concurrent.futures
import dataclasses
import pathlib
import sys
import tempfile
import time

from image_generators.benchmarks import timing
from image_generators.serving import config, local, trained
from image_generators.serving.client import Client
from image_generators.serving.export import export
from image_generators.training import memory

NAME = "gated_pixel_cnn-cifar10"
BATCH = 16
TESTS = trained.RESULTS.parent / "tests" / "serving"
SERVER = "tensorflow_model_server" if local.binary() else "the tests' server"
STAND_IN = f"{sys.executable} -I {TESTS}/alone.py {TESTS}/model_server.py"


def main():
    memory.keep_freed_memory()
    weights = trained.find()[NAME]
    model = weights.load()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "export"
        version, export_seconds = timed(lambda: export(model, folder, NAME, record=dataclasses.asdict(weights.record)))
        config.write(folder)
        files = {path.relative_to(version): path.stat().st_size for path in version.rglob("*") if path.is_file()}
        start = time.perf_counter()
        with local.running(folder, local.binary() or STAND_IN, pathlib.Path(scratch) / "log") as server:
            ready = time.perf_counter() - start
            measured, bars = sampling_times(model, server)
    weights_bytes = 4 * model.count_params()
    graph = files[pathlib.Path("saved_model.pb")]
    measured |= {
        "seconds, export": export_seconds,
        f"seconds, start to ready, warm-up included, {SERVER}": ready,
        "MB, SavedModel": sum(files.values()) / 1e6,
        "MB, its graph": graph / 1e6,
        "MB, weights (float32)": weights_bytes / 1e6,
    }
    bars["MB, SavedModel without its weights"] = ((sum(files.values()) - weights_bytes) / 1e6, 1.2)
    timing.report("served_sampling", measured, bars)


def sampling_times(model, server):
    """(measured, bars) of `timing.report` for sampling by the model and by the running server."""
    grpc, rest = Client(server.grpc, NAME), Client(server.rest, NAME)
    _, first = timed(lambda: grpc.sample(BATCH))
    seconds = timing.race(
        {
            "keras": lambda: model.sample(BATCH),
            "grpc": lambda: grpc.sample(BATCH),
            "rest": lambda: rest.sample(BATCH),
        }
    )
    _, one = timed(lambda: grpc.sample(1))
    _, together = timed(lambda: sixteen_clients(server.grpc))
    measured = {
        "seconds, 16 samples, Keras model": seconds["keras"],
        f"seconds, 16 samples, gRPC, {SERVER}": seconds["grpc"],
        f"seconds, 16 samples, REST, {SERVER}": seconds["rest"],
        f"seconds, 16 samples, first call, {SERVER}": first,
        f"seconds, 1 sample, gRPC, {SERVER}": one,
        "images a second, 16 at a time, Keras model": BATCH / seconds["keras"],
        f"images a second, 16 at a time, gRPC, {SERVER}": BATCH / seconds["grpc"],
        f"images a second, 16 clients, 1 at a time, {SERVER}": 4 * BATCH / together,
    }
    return measured, {"gRPC / Keras model": (seconds["grpc"] / seconds["keras"], 1.15)}


def sixteen_clients(address):
    """Sixteen parallel clients, each with four requests for one image."""
    clients = [Client(address, NAME) for _ in range(BATCH)]
    with concurrent.futures.ThreadPoolExecutor(BATCH) as pool:
        list(pool.map(lambda client: [client.sample(1, seed=seed) for seed in range(4)], clients))


def timed(function):
    """(result, seconds) of a call."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
