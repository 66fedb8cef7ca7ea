"""Networks from files of weights: what does not fit is refused in one sentence, before it takes memory."""

import resource
import threading

import h5py
import numpy as np
import pytest

from image_generators.models import weights_file
from image_generators.models.draw.draw import Draw
from image_generators.models.networks import load_network
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.weights_file import Refused

CONFIG = {"image_shape": (4, 4, 1), "levels": 2, "filters": 2, "depth": 2, "first_kernel_size": 3}


@pytest.fixture
def network():
    network = GatedPixelCNN(**CONFIG)
    network.build()
    return network


@pytest.fixture
def path(network, tmp_path):
    path = tmp_path / "network.weights.h5"
    path.write_bytes(weights_file.content_of(network))
    return path


def test_a_network_is_restored_from_its_weights_file(network, path):
    again = load_network(GatedPixelCNN, CONFIG, path, weights_file.sha256_of_file(path))
    np.testing.assert_equal(again.get_weights(), network.get_weights())
    again.compile("adam")  # variables of other kinds get their values as ever
    assert all(np.isfinite(variable.numpy()).all() for variable in again.variables)


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"filters": 20_000}, "array"),
        ({"filters": 3}, "array of shape"),
        ({"depth": 3}, "it holds 18 arrays, the network 25"),
        ({"depth": 10**12}, "depth"),
        ({"filters": -1}, "filters"),
        ({"filters": None}, "filters"),
        ({"layers": 3}, "layers"),
        ({"image_shape": 5}, "image_shape"),
    ],
)
def test_arguments_that_do_not_fit_the_file_are_refused_and_take_no_memory(path, changes, name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match=f"{path}.*{name}|{name}.*{path}"):
        load_network(GatedPixelCNN, CONFIG | changes, path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes; 20,000 filters take 13 GB


def test_a_network_larger_than_its_file_is_not_built(path):
    """A build in a thread of its own, without values, tells the sizes; none follows."""
    threads = []

    class Watched(Draw):
        def build(self, *arguments):
            threads.append(threading.current_thread())
            super().build(*arguments)

    with pytest.raises(Refused, match="Watched"):
        load_network(Watched, {"units": 20_000}, path)
    assert len(threads) == 1 and threads[0] is not threading.main_thread()


def test_a_file_that_claims_more_than_it_holds_is_refused(path):
    """HDF5 keeps an array that was never written to in no space at all."""
    with h5py.File(path, "w") as file:
        file.create_dataset("vars/0", (20_000, 80_000), "float32")
    assert path.stat().st_size < 5000
    with pytest.raises(Refused, match="6,400,000,000"):
        weights_file.WeightsFile(path)


def test_every_damaged_file_raises_refused(network, path):
    """Bytes changed at random, without a digest that would tell: HDF5 and h5py raise half a dozen kinds."""
    content, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        damaged = np.frombuffer(content, "uint8").copy()
        damaged[random.integers(0, len(content), 30)] = random.integers(0, 256, 30)
        path.write_bytes(damaged.tobytes())
        try:
            weights_file.load(network, path)
        except Refused as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 100  # the others changed numbers only


@pytest.mark.parametrize("content", [b"", b"weights", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_not_hdf5_is_refused(network, path, content):
    path.write_bytes(content)
    with pytest.raises(Refused, match=str(path)):
        weights_file.load(network, path)


def test_a_folder_instead_of_a_file_is_refused(network, tmp_path):
    with pytest.raises(Refused, match="Received"):
        weights_file.load(network, tmp_path)


def test_an_empty_digest_never_matches(network, path):
    with pytest.raises(Refused, match="SHA-256"):
        weights_file.load(network, path, "")
