"""The client over gRPC and REST against a server: of the tests' own, and the real one where there is one."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from image_generators.serving import client as client_script
from image_generators.serving.client import Client, seeds_of
from image_generators.serving.transports import Retryable, ServingError

HERE = pathlib.Path(__file__).parent
SECONDS = float(os.environ.get("SERVING_SECONDS", "3"))  # of hard use; 60 for the whole minute
CLIENTS = 16
BOTH = pytest.mark.parametrize("protocol", ["grpc", "rest"])


@pytest.fixture(scope="module")
def clients(server):
    """`clients(protocol, model)`: a Client, made once."""
    made = {}

    def clients(protocol, model):
        if (protocol, model) not in made:
            made[protocol, model] = Client(getattr(server, protocol), model, timeout=60.0)
        return made[protocol, model]

    return clients


@pytest.fixture(scope="module")
def expected(exported):
    """`expected(model, signature, inputs)`: the answer of the SavedModel itself, asked alone in this process."""
    loaded = {}

    def expected(model, signature, inputs):
        if model not in loaded:
            loaded[model] = tf.saved_model.load(str(exported / model / "1"))
        inputs = {name: tf.constant(array) for name, array in inputs.items()}
        return {n: t.numpy() for n, t in loaded[model].signatures[signature](**inputs).items()}

    return expected


def assert_same(found, wanted, said):
    assert found.keys() == wanted.keys(), said
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, said
        if array.dtype == np.uint8:
            np.testing.assert_array_equal(found[name], array, err_msg=f"{said}: {name}")
        else:
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-4, err_msg=f"{said}: {name}")


@BOTH
def test_every_signature_of_every_model_answers(clients, expected, tiny_models, requests_of, protocol):
    for name, model in tiny_models.items():
        client = clients(protocol, name)
        requests = requests_of(model)
        assert client.signatures().keys() - {"serving_default"} == requests.keys()
        for signature, inputs in requests.items():
            answer = client.predict(signature, **inputs)
            assert_same(answer, expected(name, signature, inputs), f"{name}, {signature}")


@BOTH
def test_the_same_seed_gives_the_same_images(clients, protocol):
    client = clients(protocol, "gated")
    five = client.sample(5, seed=3, label=[0, 1, 2, 0, 1])
    assert five.shape == (5, 4, 5, 3) and five.dtype == np.uint8 and len(np.unique(five, axis=0)) > 1
    np.testing.assert_array_equal(client.sample(5, seed=3, label=[0, 1, 2, 0, 1]), five)
    np.testing.assert_array_equal(client.sample(2, seed=3, label=[0, 1]), five[:2])
    assert (client.sample(5, seed=4, label=[0, 1, 2, 0, 1]) != five).any()
    assert len(set(seeds_of(0, 100)) | set(seeds_of(1, 100))) == 200  # neighbouring seeds share no image


@BOTH
def test_known_pixels_are_kept(clients, tiny_models, protocol):
    images = np.random.default_rng(0).integers(0, 4, (3, 4, 5, 3)).astype("uint8")
    client = clients(protocol, "gated")
    completed = client.complete(images, rows=2, seed=1, label=1)
    np.testing.assert_array_equal(completed[:, :2], images[:, :2])
    assert (completed[:, 2:] != images[:, 2:]).any()
    mask = np.arange(4)[:, None] < np.full((1, 5), 2)
    np.testing.assert_array_equal(client.complete(images, known_mask=mask, seed=1, label=1), completed)


def test_more_images_than_a_request_holds_come_in_several(clients, monkeypatch):
    whole = clients("grpc", "draw").sample(7, seed=2)
    monkeypatch.setattr(client_script, "IMAGES_PER_REQUEST", 3)
    np.testing.assert_array_equal(clients("grpc", "draw").sample(7, seed=2), whole)


# What is refused, by whom, in which words.

ONE = np.zeros((1, 4, 5, 3), "uint8")
REFUSED_BY_CLIENT = {
    "n": (lambda c: c.sample(0), "Received: n=0"),
    "n and a temperature": (
        lambda c: c.sample(2.5, label=0),
        "Received: n=2.5",
    ),
    "seed": (lambda c: c.sample(2, seed=-1), "seed.*Received: seed=-1"),
    "signature": (lambda c: c.ask("elbo", n=1), "signature.*Received: 'elbo'"),
    "name": (lambda c: c.sample(2, label=0, heat=1.0), "label, seed, temperature.*Received: heat"),
    "missing": (lambda c: c.sample(2), "label, seed, temperature.*Received: seed, temperature"),
    "rows": (lambda c: c.sample(2, label=[0, 1, 2]), "'label': 3"),
    "dtype": (lambda c: c.sample(2, label=0.5), "label.*Received.*float64"),
    "NaN": (lambda c: c.sample(2, label=0, temperature=np.nan), "temperature.*Received: 2"),
    "shape": (lambda c: c.log_prob(np.zeros((2, 4, 4, 3), "uint8"), label=0), "images"),
    "float": (lambda c: c.log_prob(np.zeros((2, 4, 5, 3)), label=0), "images.*float64"),
    "256": (lambda c: c.log_prob(np.full((2, 4, 5, 3), 256), label=0), "images"),
    "both": (lambda c: c.complete(np.zeros((1, 4, 5, 3), "uint8"), True, 2, label=0), "known_mask.*rows"),
    "no n": (lambda c: c.ask("sample", label=0), r"\bn\b"),
    "too many rows": (
        lambda c: c.complete(ONE, rows=5, label=0),
        "rows.*Received: rows=5",
    ),
    "rows below 0": (
        lambda c: c.complete(ONE, rows=-1, label=0),
        "rows.*Received: rows=-1",
    ),
    "parts of rows": (lambda c: c.complete(ONE, rows=1.5, label=0), "rows"),
    "rows of nothing": (
        lambda c: c.sample(2, label=0, rows=1),
        "label, seed, temperature.*Received: .*rows",
    ),
}


@pytest.mark.parametrize("name", REFUSED_BY_CLIENT)
def test_the_client_refuses_bad_arguments(clients, name):
    ask, said = REFUSED_BY_CLIENT[name]
    with pytest.raises(ValueError, match=said):
        ask(clients("grpc", "gated"))


def bad_requests(good):
    """{what is wrong: a request that only the server can refuse}."""
    ones = np.ones(3, "int64")
    return {
        "label": ({**good, "label": 7 * ones}, "label.*0 to 2"),
        "NaN": ({**good, "temperature": np.full(3, np.nan, "float32")}, "temperature.*finite"),
        "dtype": ({**good, "temperature": np.array(["warm"] * 3)}, "(?i)type|float"),
        "missing": ({"seed": ones}, "input size does not match|missing"),
        "rows": ({**good, "seed": ones[:2]}, "entries|0th-dimension"),
        "rank": ({**good, "seed": ones[:, None]}, r"seed.*\[3,1\]|0th"),
        "n = 0": ({name: array[:0] for name, array in good.items()}, "1 to 8 entries|0"),
        "n = a million": ({name: np.resize(array, 10**6) for name, array in good.items()}, "(?i)batch size|entries"),
    }


@BOTH
def test_the_server_refuses_with_a_reason_and_goes_on(clients, tiny_models, requests_of, expected, protocol):
    """Requests as a careless client sends them, past this one's checks."""
    good = requests_of(tiny_models["gated"])["sample"]
    client, wanted = clients(protocol, "gated"), expected("gated", "sample", good)
    for what, (bad, said) in bad_requests(good).items():
        if (what, protocol) == ("n = a million", "rest"):
            bad = {name: array[:1000] for name, array in bad.items()}  # enough to be too much
        with pytest.raises(ServingError, match=said) as error:
            client._transport.predict("sample", bad)
        assert "refused" in str(error.value) and "Traceback" not in str(error.value), what
        assert_same(client.predict("sample", **good), wanted, f"after {what}")


@BOTH
def test_connection_errors_are_readable(server, protocol):
    address = getattr(server, protocol)
    with pytest.raises(ServingError, match="refused.*no_such_model"):
        Client(address, "no_such_model").sample(1)
    nobody = address.rsplit(":", 1)[0] + ":9"
    with pytest.raises(ServingError, match=":9 (refused|cannot be reached)"):
        Client(nobody, "pixel_cnn", timeout=5.0).sample(1)
    late = Client(address, "pixel_cnn", timeout=0.001)
    with pytest.raises(ServingError, match="did not answer in 0.001 s"):
        late.sample(8)
    with pytest.raises(ServingError, match="refused"):
        Client(address, "pixel_cnn", version=7).signatures()
    assert Client(address, "pixel_cnn", version=1).sample(1).shape == (1, 4, 5, 1)


def test_rest_reports_a_server_that_does_not_speak_http():
    """As at the port for gRPC."""

    def answer(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"\0\0\x12\4 no HTTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ServingError, match=f"{address} "):
            Client(address, "pixel_cnn").signatures()


def test_rest_accepts_the_row_format(server, expected):
    rows = [{"seed": 5, "temperature": 1}, {"seed": 6, "temperature": 0.5}]
    body = json.dumps({"signature_name": "sample", "instances": rows}).encode()
    with urllib.request.urlopen(f"{server.rest}/v1/models/pixel_cnn:predict", body) as response:
        found = np.array(json.load(response)["predictions"])
    inputs = {"seed": np.array([5, 6]), "temperature": np.array([1, 0.5], "float32")}
    np.testing.assert_array_equal(found, expected("pixel_cnn", "sample", inputs)["images"])


def run_script(*arguments):
    options = client_script.parse(["client.py", *map(str, arguments)])
    return client_script.run(options)


def test_the_script_writes_pictures_and_reports_errors(server, tmp_path, capsys):
    picture, rest = tmp_path / "samples.png", f"--server={server.rest}"
    assert run_script("sample", rest, "--model=pixel_cnn", "--n=5", f"--out={picture}") == 0
    assert Image.open(picture).size == (3 * 5, 2 * 4)
    np.save(tmp_path / "images.npy", np.eye(6, 5, dtype="uint8")[None, ..., None])
    given = [rest, "--model=draw", f"--images={tmp_path / 'images.npy'}"]
    assert run_script("elbo", *given) == 0 and "elbo_nats" in capsys.readouterr().out
    assert run_script("reconstruct_steps", *given, f"--out={tmp_path / 'steps.npz'}") == 0
    assert np.load(tmp_path / "steps.npz")["canvases"].shape == (1, 3, 6, 5, 1)
    assert run_script("signatures", *given) == 0 and "reconstruct_steps" in capsys.readouterr().out
    assert "client: images " in run_script("classify", rest, "--model=draw_classifier", *given[2:])
    assert "client: --out " in run_script("elbo", *given, f"--out={picture}")


def test_the_script_reports_a_missing_server_in_one_line():
    """As a program of its own, where the flags are read before `run`."""
    command = [sys.executable, "serving/client.py", "signatures", "--server=http://localhost:9", "--timeout=5"]
    told = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert told.returncode == 1 and told.stderr.startswith("client: http://localhost:9 cannot be reached"), told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_requests_refused_because_of_others_are_repeated(clients, monkeypatch):
    """And what is refused for its own sake, or for good, is not asked for ever."""
    client, calls = clients("grpc", "draw"), []
    predict = client._transport.predict

    def refuses(times, kind):
        def ask(*arguments):
            calls.append(arguments)
            if len(calls) <= times:
                raise kind("refused")
            return predict(*arguments)

        calls.clear()
        monkeypatch.setattr(client._transport, "predict", ask)

    monkeypatch.setattr(client_script, "PAUSE_SECONDS", 0.0)
    refuses(2, Retryable)
    assert client.sample(1).shape == (1, 6, 5, 1) and len(calls) == 3
    for times, kind, asked in ((3, Retryable, 3), (1, ServingError, 1)):
        refuses(times, kind)
        with pytest.raises(ServingError, match="refused"):
            client.sample(1)
        assert len(calls) == asked


# Hard use.


def resident(process):
    """KiB of memory that the server holds: of the process and of what it started."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    total = 0
    for pid in (str(process.pid), *children):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        total += int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    return total


def test_sixteen_concurrent_clients_get_their_own_answers(server, tiny_models, requests_of, expected, capsys):
    """Mixed models, signatures and protocols, some nonsense between. No error, no cross-talk, memory flat."""
    questions = [
        (name, signature, inputs, expected(name, signature, inputs))
        for seed in range(4)
        for name, model in tiny_models.items()
        for signature, inputs in requests_of(model, rows=1 + seed % 3, seed=seed).items()
    ]
    failures, answered, stop = [], [0] * CLIENTS, time.monotonic() + SECONDS

    def use(me):
        order, kept = np.random.default_rng(me), {}
        while time.monotonic() < stop and not failures:
            name, signature, inputs, wanted = questions[order.integers(len(questions))]
            protocol = "rest" if order.random() < 0.2 else "grpc"
            client = kept.setdefault((protocol, name), Client(getattr(server, protocol), name))
            try:
                if order.random() < 0.05:
                    with pytest.raises(ServingError, match="refused"):
                        client._transport.predict(signature, {"nonsense": np.zeros(1, "int64")})
                assert_same(client.predict(signature, **inputs), wanted, f"{name}, {signature}, client {me}")
                answered[me] += 1
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=use, args=(me,)) for me in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 2)
    half_way = resident(server.process)
    for thread in threads:
        thread.join()
    end = resident(server.process)
    with capsys.disabled():
        memory = f"{half_way} KiB half way, {end} KiB at the end"
        print(f"\n{CLIENTS} clients, {SECONDS:g} s: {sum(answered)} answers; the server holds {memory}")
    assert not failures, failures[0]
    assert min(answered) > 0
    assert end < 1.05 * half_way
