"""The fallback: chosen quickly and loudly, never under a data set's name, with splits that share nothing."""

import contextlib
import http.server
import socket
import threading
import time
import types

import numpy as np
import pytest

from image_generators.data import images
from image_generators.data.sources import catalogue, fallback, network
from image_generators.data.sources.catalogue import DataError

NAMES = {
    "cifar10": "sklearn-photographs-32x32",
    "mnist": "sklearn-digits-8x8",
    "binarized_mnist": "sklearn-digits-8x8-binarised",
    "omniglot": "sklearn-digits-8x8-by-identity",
    "lfw": "sklearn-digits-8x8-by-identity",
}


def refuse_lookup(*_, **__):
    raise socket.gaierror("Name or service not known")


def hang_lookup(*_, **__):
    time.sleep(3)
    raise socket.gaierror("Temporary failure in name resolution")


@pytest.fixture
def messages(monkeypatch):
    said = []
    monkeypatch.setattr(images.logging, "warning", lambda form, *values: said.append(form % values))
    return said


@pytest.mark.parametrize("name", NAMES)
def test_without_a_network_the_fallback_comes_quickly(name, tmp_path, monkeypatch, messages):
    monkeypatch.setattr(socket, "getaddrinfo", refuse_lookup)
    start = time.monotonic()
    data = images.load(name, data_dir=tmp_path)
    assert time.monotonic() - start < network.SECONDS
    assert data.is_fallback and data.name == NAMES[name]
    (message,) = messages
    entry = catalogue.CATALOGUE[name]
    assert message.startswith(f"NOT {entry.title} but {data.title}: {tmp_path} holds no {name} {entry.version}")
    assert "cannot be reached" in message and "--data_dir" in message and "\n" not in message


def test_a_hanging_name_lookup_is_left_behind(monkeypatch):
    import requests  # noqa: F401  (takes a moment the first time)

    monkeypatch.setattr(socket, "getaddrinfo", hang_lookup)
    start = time.monotonic()
    answer = network.obstacle("https://images.invalid/file", seconds=0.2)
    assert time.monotonic() - start < 1
    assert answer == "images.invalid did not answer in 0.2 seconds"


@contextlib.contextmanager
def server(status):
    """Yields the address of a local web server that answers every HEAD with `status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/file"
        httpd.shutdown()


def test_an_answering_host_is_no_obstacle(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server(200) as url:
        assert network.obstacle(url) is None


def test_a_refusing_host_is_an_obstacle(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with server(403) as url:
        assert network.obstacle(url) == "127.0.0.1 answered 403"


def test_no_download_asks_no_network(tmp_path, monkeypatch, messages):
    monkeypatch.setattr(network, "obstacle", lambda url: pytest.fail("asked the network"))
    assert images.load("mnist", data_dir=tmp_path, download=False).is_fallback
    assert "downloading is turned off" in messages[0]


def test_the_fallback_can_be_forbidden(tmp_path):
    with pytest.raises(DataError, match=f"MNIST is not available: {tmp_path} holds no mnist 3.0.1.*pass --data_dir"):
        images.load("mnist", data_dir=tmp_path, download=False, allow_fallback=False)


def test_photographs_share_no_pixel_between_splits(monkeypatch):
    """Photographs in which each pixel has a colour of its own show where every crop came from."""
    number = np.arange(2 * 427 * 640).reshape(2, 427, 640)
    photographs = np.stack([number & 255, number >> 8 & 255, number >> 16], -1).astype(np.uint8)
    sample = types.SimpleNamespace(images=list(photographs), filenames=["china.jpg", "flower.jpg"])
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: sample)
    data = fallback.photographs()
    seen = {}
    for name in ("train", "validation", "test"):
        crops = getattr(data, name).images.astype(np.int64)
        pixels = crops[..., 0] | crops[..., 1] << 8 | crops[..., 2] << 16
        seen[name] = set(pixels.ravel().tolist())
        if name != "train":
            assert len(seen[name]) == pixels.size  # validation and test crops do not overlap one another
        of_photograph = pixels // (427 * 640)
        assert (of_photograph == getattr(data, name).labels[:, None, None]).all()
    assert not seen["train"] & seen["validation"]
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]


def test_photographs_stand_in_for_cifar10():
    data = fallback.photographs()
    assert data.image_shape == catalogue.CATALOGUE["cifar10"].image_shape
    assert [len(s.images) for s in (data.train, data.validation, data.test)] == [4200, 104, 104]
    assert data.class_names == ("china", "flower") and data.levels == 256
    assert data.fingerprint == fallback.photographs().fingerprint


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data = fallback.digits()
    splits = (data.train, data.validation, data.test)
    assert [len(s.images) for s in splits] == [1197, 300, 300]
    grey = np.concatenate([s.images for s in splits])[..., 0]
    assert grey.dtype == np.uint8 and grey.max() == 255
    np.testing.assert_array_equal(np.rint(grey / 255 * 16), load_digits().images)
    np.testing.assert_array_equal(np.concatenate([s.labels for s in splits]), load_digits().target)


def test_binarised_digits_follow_the_grey_values():
    grey, binary = fallback.digits(), fallback.binarised_digits()
    assert binary.levels == 2 and set(np.unique(binary.train.images)) == {0, 1} and binary.train.labels is None
    probability, pixels = grey.train.images / 255, binary.train.images
    assert not pixels[probability == 0].any() and pixels[probability == 1].all()
    middle = np.abs(probability - 0.5) < 0.01
    assert pixels[middle].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(middle.sum()))
    assert binary.fingerprint == fallback.binarised_digits().fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_a_fallback_never_has_the_name_of_the_data_set(name):
    data = fallback.load(name)
    assert data.is_fallback and data.name not in catalogue.CATALOGUE
    assert data.title not in {entry.title for entry in catalogue.CATALOGUE.values()} and "not " in data.title
    assert data.source.startswith("scikit-learn ")
