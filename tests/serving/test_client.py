"""The client against a server that answers whatever a test gives it: addresses, answers, time, and the user's files."""

import contextlib
import io
import json
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from image_generators.serving import client as client_script
from image_generators.serving.client import Client
from image_generators.serving.transports import ServingError, transport

BITS = {"log_prob_nats": [-1.0, -2.0], "bits_per_dim": [0.5, 1.0]}


def field(dtype, *shape):
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size)} for size in (-1, *shape)]}}


IMAGES = field("DT_UINT8", 2, 3, 3)
SIGNATURES = {
    "sample": {"inputs": {"seed": field("DT_INT64")}, "outputs": {"images": IMAGES}},
    "log_prob": {
        "inputs": {"images": IMAGES},
        "outputs": {"log_prob_nats": field("DT_FLOAT"), "bits_per_dim": field("DT_FLOAT")},
    },
    "grey": {"inputs": {"images": field("DT_UINT8", 2, 3, 1)}, "outputs": {"codes": field("DT_FLOAT")}},
}
METADATA = {"metadata": {"signature_def": {"signature_def": SIGNATURES}}}
DRAWN = np.arange(36).reshape(2, 2, 3, 3).tolist()
MANY = [DRAWN[0]] * 16


@contextlib.contextmanager
def serving(answer, metadata=METADATA, pause=0.0):
    """A server of the REST API that answers every :predict with `answer`, JSON or bytes, `pause` seconds a byte.

    Yields its address and the list of the requests for :predict.
    """
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(metadata)

        def do_POST(self):
            requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.reply(answer)

        def reply(self, content):
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for part in [content[i : i + 1] for i in range(len(content))] if pause else [content]:
                    self.wfile.write(part)
                    time.sleep(pause)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def repr_of(value):
    return repr(value)[:20]


def run_script(*arguments):
    return client_script.run(client_script.parse(["client.py", *map(str, arguments)]))


# What a server answers.


def test_a_good_answer_is_read():
    with serving({"outputs": DRAWN}) as (address, _):
        np.testing.assert_array_equal(Client(address, "m").sample(2), DRAWN)
    with serving({"outputs": BITS}) as (address, _):
        np.testing.assert_array_equal(Client(address, "m").log_prob(np.uint8(DRAWN))["bits_per_dim"], [0.5, 1.0])


BAD_ANSWERS = {
    "nothing": b"",
    "no JSON": b"<html>",
    "no text": b"\xff\xfe\x00",
    "null": None,
    "empty": {},
    "list": [],
    "number": 7,
    "other keys": {"predictions": DRAWN},
    "null images": {"outputs": None},
    "values of 300": {"outputs": np.full((2, 2, 3, 3), 300).tolist()},
    "values below 0": {"outputs": np.full((2, 2, 3, 3), -1).tolist()},
    "huge integers": {"outputs": [[[[10**400] * 3] * 3] * 2] * 2},
    "parts of integers": {"outputs": np.full((2, 2, 3, 3), 0.5).tolist()},
    "text": {"outputs": "images"},
    "fewer rows": {"outputs": DRAWN[:1]},
    "more rows": {"outputs": [*DRAWN, DRAWN[0]]},
    "other size": {"outputs": np.zeros((2, 3, 3, 3), int).tolist()},
    "ragged": {"outputs": [DRAWN[0], [1]]},
    "nested": b'{"outputs": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_of_another_form_is_an_error_of_the_server(name):
    with serving(BAD_ANSWERS[name]) as (address, _), pytest.raises(ServingError, match=f"^{address} "):
        Client(address, "m").sample(2)


@pytest.mark.parametrize(
    "outputs", [{}, [1], {"log_prob_nats": [1, 2]}, {**BITS, "bits_per_dim": None}, {**BITS, "bits_per_dim": [None, 1]}]
)
def test_outputs_that_lack_something_are_an_error_of_the_server(outputs):
    with serving({"outputs": outputs}) as (address, _), pytest.raises(ServingError, match=f"^{address} "):
        Client(address, "m").log_prob(np.uint8(DRAWN))


def metadata_of(signatures):
    return {"metadata": {"signature_def": {"signature_def": signatures}}}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        [],
        {"metadata": {}},
        metadata_of(None),
        metadata_of([1]),
        metadata_of({"sample": None}),
        metadata_of({"sample": {"inputs": {}}}),
        metadata_of({"sample": {"inputs": {"seed": {}}, "outputs": {}}}),
        metadata_of({"sample": {"inputs": {"seed": {"dtype": "DT_INT64", "tensor_shape": {}}}, "outputs": {}}}),
        metadata_of({"sample": {"inputs": {"seed": field("DT_INT64", -1)}, "outputs": {}}}),
        metadata_of({"sample": {"inputs": {"seed": field("DT_INT64", "x")}, "outputs": {}}}),
    ],
)
def test_metadata_of_another_form_are_an_error_of_the_server(metadata):
    with serving({}, metadata) as (address, _), pytest.raises(ServingError, match=f"^{address} "):
        Client(address, "m").signatures()


def test_answers_by_grpc_are_checked_too():
    import tensorflow as tf
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

    client = Client("localhost:9", "m")
    answers = {"GetModelMetadata": get_model_metadata_pb2.GetModelMetadataResponse()}
    client._transport._stub = types.SimpleNamespace(
        GetModelMetadata=lambda *_, **__: answers["GetModelMetadata"], Predict=lambda *_, **__: answers["Predict"]
    )
    with pytest.raises(ServingError, match="^localhost:9 "):
        client.signatures()
    client._signatures = {
        "sample": {"inputs": {"seed": ("int64", [None])}, "outputs": {"images": ("uint8", [None, 2, 3, 3])}}
    }
    for images in (None, np.uint8(DRAWN[:1]), np.float32(DRAWN), np.array(["x", "y"])):
        answers["Predict"] = predict_pb2.PredictResponse()
        if images is not None:
            answers["Predict"].outputs["images"].CopyFrom(tf.make_tensor_proto(images))
        with pytest.raises(ServingError, match="^localhost:9 "):
            client.sample(2)
    answers["Predict"].outputs["images"].CopyFrom(tf.make_tensor_proto(np.uint8(DRAWN)))
    np.testing.assert_array_equal(client.sample(2), DRAWN)


def test_the_script_reports_bad_answers_in_one_line(capsys):
    with serving({"outputs": None}) as (address, _):
        assert run_script("sample", f"--server={address}").startswith(f"client: {address} ")


# Time and amounts.


def test_the_timeout_covers_the_whole_answer():
    """A server that sends a byte now and then is as late as one that sends none."""
    with serving({"outputs": MANY}, pause=0.05) as (address, requests):
        client = Client(address, "m", timeout=0.5)
        client._signatures = {"sample": {"inputs": {"seed": ("int64", [None])}, "outputs": {}}}
        start = time.monotonic()
        with pytest.raises(ServingError, match=r"did not answer in 0\.5 s"):
            client.sample(16)
        assert time.monotonic() - start < 3.0 and len(requests) == 1


def test_attempts_share_the_timeout(monkeypatch):
    client, given = Client("http://localhost:9", "m", timeout=0.3), []
    monkeypatch.setattr(client_script, "PAUSE_SECONDS", 0.2)

    def refuse(signature, inputs, timeout):
        given.append(timeout)
        raise client_script.Retryable("refused")

    monkeypatch.setattr(client._transport, "predict", refuse)
    with pytest.raises(ServingError, match="refused"):
        client._ask("sample", {})
    assert len(given) == 2 and 0 < given[1] < 0.15 < given[0] <= 0.3


@pytest.mark.parametrize("timeout", [0, -1.0, np.nan, np.inf, 1e300, 10**400, "5", None], ids=repr_of)
def test_timeout_must_be_a_positive_number(timeout):
    with pytest.raises(ValueError, match="^timeout "):
        Client("http://localhost:9", timeout=timeout)


@pytest.mark.parametrize("n", [0, -1, 10**12, 10**400, 1.5, True], ids=repr_of)
def test_n_must_fit_into_memory(n):
    with serving({"outputs": DRAWN}) as (address, requests), pytest.raises(ValueError, match="^n "):
        Client(address, "m").sample(n)
    assert not requests


@pytest.mark.parametrize("value", [[[1, 2], [3]], {}, "x", 10**400, None], ids=repr_of)
def test_arguments_that_are_not_arrays_are_refused(value):
    with serving({}) as (address, _), pytest.raises(ValueError, match="^images "):
        Client(address, "m").predict("log_prob", images=value)


# Addresses.


@pytest.mark.parametrize("protocol", ["", "http://"])
@pytest.mark.parametrize("model", ["mödel", "a b", "", "a/b", "a:b", "../x", "a?b", 7, None])
def test_model_must_be_an_ascii_name(protocol, model):
    with pytest.raises(ValueError, match="^model "):
        transport(f"{protocol}localhost:9", model, None, 1.0)


@pytest.mark.parametrize(
    "server",
    [
        "höst:8500",
        "http://höst:8501",
        "",
        "http://",
        "a b:1",
        "localhost:port",
        "http://localhost:99999",
        "ftp://a:1",
        7,
    ],
)
def test_server_must_be_an_ascii_address(server):
    with pytest.raises(ValueError, match="^server "):
        transport(server, "m", None, 1.0)


@pytest.mark.parametrize("server", ["localhost:8500", "HTTP://localhost:8501", "[::1]:8500", "https://host/prefix"])
def test_usual_addresses_are_accepted(server):
    transport(server, "m", None, 1.0)


# Files.


@pytest.mark.parametrize("out", ["x.jpg", "x", "folder", "x.npy", "nowhere/file/x.png", ""])
def test_out_is_refused_before_the_request(tmp_path, out, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").write_text("no folder")
    with serving({"outputs": MANY}) as (address, requests):
        try:
            said = run_script("sample", f"--server={address}", f"--out={out and tmp_path / out}")
        except SystemExit:
            said = capsys.readouterr().err
        assert "--out" in said and not requests
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "nowhere"]


@pytest.mark.parametrize("out", ["x.png", "y.PNG", "z.NPZ", "new/z.npz"])
def test_out_is_the_file_that_was_named(tmp_path, out):
    with serving({"outputs": MANY}) as (address, _):
        assert run_script("sample", f"--server={address}", f"--out={tmp_path / out}") == 0
    content = (tmp_path / out).read_bytes()
    if out.lower().endswith("png"):
        assert Image.open(io.BytesIO(content)).size == (4 * 3, 4 * 2)
    else:
        np.testing.assert_array_equal(np.load(io.BytesIO(content))["images"], MANY)
    assert [path.name for path in (tmp_path / out).parent.iterdir()] == [(tmp_path / out).name]


def test_a_picture_of_an_answer_without_images_is_refused_before_the_request(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    with serving({"outputs": BITS}) as (address, requests):
        given = [f"--server={address}", f"--images={tmp_path / 'a.png'}", f"--out={tmp_path / 'x.png'}"]
        assert "--out" in run_script("log_prob", *given) and not requests


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "x.npz").write_text("before")
    monkeypatch.setattr(
        client_script.durable.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with serving({"outputs": MANY}) as (address, _):
        said = run_script("sample", f"--server={address}", f"--out={tmp_path / 'x.npz'}")
    assert "No space left" in said and (tmp_path / "x.npz").read_text() == "before"


def sent(address, requests, signature, *flags):
    assert run_script(signature, f"--server={address}", *flags) == 0
    return np.array(requests[-1]["inputs"]["images"])


def test_images_are_pictures_or_arrays(tmp_path):
    pixels = np.arange(36, dtype="uint8").reshape(2, 2, 3, 3)
    np.save(tmp_path / "both.npy", pixels)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    with serving({"outputs": BITS}) as (address, requests):
        np.testing.assert_array_equal(sent(address, requests, "log_prob", f"--images={tmp_path / 'both.npy'}"), pixels)
        pictures = f"--images={tmp_path / '0.png'},{tmp_path / '1.png'}"
        np.testing.assert_array_equal(sent(address, requests, "log_prob", pictures), pixels)
    Image.fromarray(pixels[0, ..., 0]).save(tmp_path / "grey.png")
    with serving({"outputs": [1.0]}) as (address, requests):
        grey = sent(address, requests, "grey", f"--images={tmp_path / 'grey.png'}")
        np.testing.assert_array_equal(grey, pixels[:1, ..., :1])


def bad_files(folder):
    """{what: path} of files that are none that --images takes."""
    np.save(folder / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("hello")
    (folder / "text.png").write_text("hello")
    np.save(folder / "short.npy", np.zeros((2, 2, 3, 3), "uint8"))
    content = (folder / "short.npy").read_bytes()
    (folder / "short.npy").write_bytes(content[:-5])
    with open(folder / "promised.npy", "wb") as file:  # a terabyte, by its header
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
        file.write(b"\0" * 100)
    (folder / "folder.npy").mkdir()
    Image.new("RGB", (3, 2)).save(folder / "small.png")
    Image.new("RGB", (4, 2)).save(folder / "large.png")
    names = ("pickled.npy", "empty.npy", "text.npy", "text.png", "short.npy", "promised.npy", "folder.npy", "none.npy")
    return {name: folder / name for name in (*names, "none.png", "")} | {
        "two sizes": f"{folder / 'small.png'},{folder / 'large.png'}"
    }


def test_files_that_hold_no_images_are_named_and_never_unpickled(tmp_path, capsys):
    with serving({"outputs": BITS}) as (address, requests):
        for what, given in bad_files(tmp_path).items():
            given = "" if what == "" else given
            try:
                said = run_script("log_prob", f"--server={address}", f"--images={given}")
            except SystemExit:
                said = capsys.readouterr().err
            assert "images must" in said or "--images" in said, what
            assert "pickle" not in said.replace(str(given), ""), what
            assert what in said or what == "two sizes"
        assert not requests
