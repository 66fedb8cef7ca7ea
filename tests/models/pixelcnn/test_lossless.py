"""Compression: every image comes back, the files are as small as the likelihood says, and damage is refused."""

import hashlib
import struct

import keras
import numpy as np
import pytest

from image_generators.models.pixelcnn import fixed_point, lossless
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's alone: float64")


@pytest.fixture(scope="module")
def network(shared_model):
    return shared_model(GatedPixelCNN)


@pytest.fixture(scope="module")
def images(network):
    return np.random.default_rng(0).integers(0, network.levels, (3, 4, 5, 3)).astype("uint8")


@pytest.fixture(scope="module")
def content(network, images):
    return lossless.encode(network, images)


SETTINGS = {
    "bytes": {"levels": 256, "image_shape": (3, 4, 3)},
    "binary": {"levels": 2, "image_shape": (5, 4, 1)},
    "one_pixel_does_not_reach_the_next": {"kernel_size": 1, "first_kernel_size": 1},
    "first_7_then_5": {"first_kernel_size": 7, "kernel_size": 5, "image_shape": (5, 5, 3), "depth": 3},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_noise_images_are_restored_exactly(shared_model, name):
    model = shared_model(GatedPixelCNN, **SETTINGS[name])
    images = np.random.default_rng(1).integers(0, model.levels, (2, *model.image_shape)).astype("uint8")
    np.testing.assert_array_equal(lossless.decode(model, lossless.encode(model, images)), images)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 1, 1), (0, 4, 5)])
def test_black_and_white_images_of_odd_sizes_are_restored_exactly(network, shape):
    images = np.zeros((*shape, 3), "uint8")
    images[1:] = network.levels - 1
    found = lossless.decode(network, lossless.encode(network, images))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, images)


def test_more_images_than_one_batch_are_restored_exactly(network, images, monkeypatch):
    monkeypatch.setattr(lossless, "BATCH", 2)
    np.testing.assert_array_equal(lossless.decode(network, lossless.encode(network, images)), images)


def test_a_file_is_as_large_as_its_images_are_improbable(network):
    images = network.sample(200, seed=3)
    content = lossless.encode(network, images)
    claimed = -network.log_prob(images).sum(dtype="float64") / np.log(2)
    assert 8 * len(content) == pytest.approx(claimed, rel=0.01, abs=8 * 56)  # a header and a digest
    assert lossless.cost_in_bits(network, images).sum() == pytest.approx(claimed, rel=0.005)


def test_probabilities_are_bitwise_independent_of_the_batch(network, images):
    together = lossless.cost_in_bits(network, images)
    assert list(together[1:2]) == list(lossless.cost_in_bits(network, images[1:2]))


def test_a_file_that_was_cut_short_is_refused(network, content):
    for length in (0, 3, 30, len(content) // 2, len(content) - 1):
        with pytest.raises(lossless.BadFile, match="the file"):
            lossless.decode(network, content[:length])


def test_a_file_that_was_altered_is_refused(network, content):
    for place in (0, 5, 20, 40, len(content) // 2, len(content) - 1):
        altered = bytearray(content)
        altered[place] ^= 1
        with pytest.raises(lossless.BadFile, match="the file"):
            lossless.decode(network, bytes(altered))


def signed(body):
    """As if an encoder had written it."""
    return body + hashlib.sha256(body).digest()[:8]


def test_300_random_damages_of_a_file_are_all_refused(network, content):
    """One byte changed, a piece cut out, or a piece written twice, anywhere in the file."""
    random = np.random.default_rng(0)
    for n in range(300):
        at, length = random.integers(len(content)), random.integers(1, 9)
        piece, rest = content[at : at + length], content[at + length :]
        changed = bytes([piece[0] ^ int(random.integers(1, 256))]) + piece[1:]
        damaged = content[:at] + (changed, b"", piece * 2)[n % 3] + rest
        with pytest.raises(lossless.BadFile):
            lossless.decode(network, damaged)


def test_a_file_of_the_first_format_is_refused_by_its_format(network, content):
    with pytest.raises(lossless.BadFile, match="(?s)2.*Received: format 1"):
        lossless.decode(network, b"GPCN" + content[4:])


def test_other_tables_are_not_taken_for_other_weights(network, content, monkeypatch):
    monkeypatch.setattr(fixed_point, "_EXPONENTIAL_STEP", 2.0**-30)
    with pytest.raises(lossless.BadFile, match="tables") as raised:
        lossless.decode(network, content)
    assert not isinstance(raised.value, lossless.OtherWeights) and "weights" not in str(raised.value)


@pytest.mark.parametrize("sizes", [(2**32 - 1, 4, 5), (3, 2**16, 2**16), (10**6, 4, 5), (3, 0, 5), (0, 4, 0)])
def test_sizes_that_the_file_has_no_bytes_for_are_refused_before_memory_is_taken(network, content, monkeypatch, sizes):
    monkeypatch.setattr(lossless, "_resized", None)
    monkeypatch.setattr(lossless.np, "zeros", None)
    with pytest.raises(lossless.BadFile, match="Received: "):
        lossless.decode(network, signed(content[:4] + struct.pack("<3I", *sizes) + content[16:-8]))


def test_words_that_are_not_whole_are_refused(network, content):
    with pytest.raises(lossless.BadFile, match="Received: "):
        lossless.decode(network, signed(content[:-8] + b"1"))


def test_words_that_the_coder_refuses_are_a_bad_file(network, content, monkeypatch):
    class Decoder:
        def __init__(self, words):
            pass

        def decode(self, *_):
            raise AssertionError("invalid for the employed entropy model")

    monkeypatch.setattr(lossless.constriction.stream.queue, "RangeDecoder", Decoder)
    with pytest.raises(lossless.BadFile, match="words"):
        lossless.decode(network, content)


def test_images_of_hardly_any_bits_take_the_bytes_that_they_must_have(network, images, content, monkeypatch):
    monkeypatch.setattr(lossless, "_DENSEST", 1)
    longer = lossless.encode(network, images)
    assert len(longer) > len(content) and len(longer) > images.size
    np.testing.assert_array_equal(lossless.decode(network, longer), images)


def test_a_file_of_other_weights_is_refused(make_model, content):
    with pytest.raises(lossless.BadFile, match="made with other weights"):
        lossless.decode(make_model(GatedPixelCNN, seed=1), content)


def test_a_file_of_other_levels_is_refused(make_model, content):
    with pytest.raises(lossless.BadFile, match="3 .*4 .*Received: .*3 .*256"):
        lossless.decode(make_model(GatedPixelCNN, levels=256), content)


def test_an_unbuilt_network_is_built(images):
    model = GatedPixelCNN((4, 5, 3), levels=4, filters=3, depth=1, first_kernel_size=3)
    np.testing.assert_array_equal(lossless.decode(model, lossless.encode(model, images)), images)


def test_more_than_a_file_holds_is_refused_before_any_work(network, images, monkeypatch):
    monkeypatch.setattr(lossless, "_MOST", images.size - 1)
    monkeypatch.setattr(lossless, "_Walk", None)
    with pytest.raises(ValueError, match=r"images.*Received: .*\[3, 4, 5, 3\]"):
        lossless.encode(network, images)


@pytest.mark.parametrize("height, width", [(1, 2**16), (2**16, 1)])
def test_sides_that_the_header_cannot_hold_are_refused_before_any_work(network, monkeypatch, height, width):
    monkeypatch.setattr(lossless, "_Walk", None)
    with pytest.raises(ValueError, match="images.*65535.*Received"):
        lossless.encode(network, np.zeros((1, height, width, 3), "uint8"))


def test_unsupported_models_and_images_are_refused(network, make_model, make_draw, images):
    with pytest.raises(ValueError, match="model.*Received: Draw"):
        lossless.encode(make_draw(), images)
    with pytest.raises(ValueError, match="model.*Received: NoneType"):
        lossless.decode(None, b"")
    with pytest.raises(ValueError, match="model"):
        lossless.encode(make_model(GatedPixelCNN, num_classes=2), images)
    with pytest.raises(ValueError, match=r"images.*Received: .*\[3, 4, 5, 1\]"):
        lossless.encode(network, images[..., :1])
    with pytest.raises(ValueError, match="images"):
        lossless.encode(network, images.astype("float32"))
    with pytest.raises(ValueError, match="images"):
        lossless.encode(network, images + network.levels)
