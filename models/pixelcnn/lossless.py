"""Lossless compression: images to bytes and back, by a trained Gated PixelCNN and a range coder.

A symbol of probability p costs -log2 p bits (constriction's range coder; Martin 1979). So the size of the compressed
images is their negative log-likelihood under the model, which verifies a reported bits/dim independently.

The decoder knows a sub-pixel's distribution only after it has decoded all earlier sub-pixels, so it works in raster
order. The encoder uses the same order, and both use fixed-point arithmetic (models/pixelcnn/fixed_point.py): the
probabilities are the same to the last bit on every machine, for any number of threads and images.

A file consists of magic, header (`_HEADER`), the coder's 32-bit words, and a digest of all of it. The header holds
digests of the tables, the weights and the images. A file that was altered or truncated, or was made with other tables
or weights, is refused.
"""

import hashlib
import struct

import constriction
import numpy as np
import tensorflow as tf
from keras import ops

from image_generators.models import checks
from image_generators.models.pixelcnn.fixed_point import FixedPoint
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.gated_pixel_cnn_sampling import GatedSampler
from image_generators.models.pixelcnn.raster import walk

MAGIC = b"GPC2"
FIRST_MAGIC = b"GPCN"  # magic of format 1, whose tables depended on the processor
BATCH = 256  # images per batch; part of the format, since it determines the order of symbols
_HEADER = struct.Struct("<4s3I2H8s8s8s")  # magic; n, height, width; colours, levels; tables, weights, images
_DIGEST = 8  # bytes of a SHA-256 that are stored
_MOST = 2**31  # sub-pixels per file
_DENSEST = 2**12  # sub-pixels per byte: bounds the memory that a short file can make the decoder allocate
_LONGEST = 2**16 - 1  # pixels: largest height and width
_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)


class BadFile(ValueError):
    """The bytes are not a complete compressed file, or not one of this network."""


class OtherWeights(BadFile):
    """The file was made with another network's weights."""


def encode(model: GatedPixelCNN, images: np.ndarray) -> bytes:
    """Compresses images.

    Args:
        model: a GatedPixelCNN without a condition.
        images: uint8 `[n, height, width, colours]` of any n, height and width, with the model's colours and levels.

    Raises:
        ValueError: if the model is another one, or the images do not suit it or are too many or too large.
    """
    arithmetic = FixedPoint()
    model = _resized(model, np.shape(images))
    if np.size(images) > _MOST:
        raise ValueError(f"images must be at most {_MOST} sub-pixels. Received: shape {list(np.shape(images))}")
    if max(np.shape(images)[1:3]) > _LONGEST:
        raise ValueError(f"images must be at most {_LONGEST} high and wide. Received: shape {list(np.shape(images))}")
    images = checks.check_images(images, model.image_shape, model.levels)
    coder = constriction.stream.queue.RangeEncoder()
    walk = _Walk(model, arithmetic)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]

        def encode_values(index, probabilities, batch=batch):
            values = batch[index].astype(np.int32)
            coder.encode(values, _CATEGORICAL, probabilities)
            return values

        walk(len(batch), encode_values)
    n, height, width, colours = images.shape
    header = (n, height, width, colours, model.levels, *_fingerprints(model, arithmetic), _digest(images.tobytes()))
    words = coder.get_compressed().astype("<u4").tobytes()
    padding = max(0, _least_bytes(images.size) - len(words))  # zeros, which the decoder never reads
    body = _HEADER.pack(MAGIC, *header) + words + bytes(padding)
    return body + _digest(body)


def _least_bytes(subpixels):
    """The least number of bytes, in whole words, of a file with so many sub-pixels."""
    return -(-subpixels // (4 * _DENSEST)) * 4


def decode(model: GatedPixelCNN, content: bytes) -> np.ndarray:
    """Decompresses the result of `encode`: the images, uint8 `[n, height, width, colours]`.

    Raises:
        ValueError: if the model is not a GatedPixelCNN without a condition.
        BadFile: if `content` was truncated or altered, or is of another network.
    """
    _check_model(model)
    if content[: len(MAGIC)] == FIRST_MAGIC:
        raise BadFile("the file must be of format 2. Received: format 1, which the program that wrote it decodes")
    if len(content) < _HEADER.size + _DIGEST or content[: len(MAGIC)] != MAGIC:
        raise BadFile("the file must be one that `encode` made, whole. Received: something else, or its beginning")
    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    if _digest(body) != digest:
        raise BadFile("the file is not as it was written: it was cut short or altered")
    arithmetic = FixedPoint()
    _, n, height, width, colours, levels, tables, weights, images_digest = _HEADER.unpack_from(body)
    words = body[_HEADER.size :]
    subpixels = n * height * width * colours
    if not height or not width or subpixels > _MOST or len(words) % 4 or len(words) < _least_bytes(subpixels):
        raise BadFile(
            f"the file must hold at most {_MOST} sub-pixels, and a byte for {_DENSEST} of them, in words of 4. "
            f"Received: {n} images of {height}x{width}x{colours}, {len(words)} bytes"
        )
    if (colours, levels) != (model.colours, model.levels):
        raise BadFile(
            f"the file was made by a network of {colours} colours and {levels} levels. "
            f"Received: one of {model.colours} and {model.levels}"
        )
    model = _resized(model, (n, height, width, colours))
    own_tables, own_weights = _fingerprints(model, arithmetic)
    if own_tables != tables:
        raise BadFile(
            "the file was made with other tables of tanh, sigmoid and exp than this program's: decode it with the one "
            "that wrote it"
        )
    if own_weights != weights:
        raise OtherWeights("the file was made with other weights than the network's")
    images = np.zeros((n, height, width, colours), "uint8")
    coder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))
    walk = _Walk(model, arithmetic)
    for start in range(0, n, BATCH):
        batch = images[start : start + BATCH]

        def decode_values(index, probabilities, batch=batch):
            batch[index] = coder.decode(_CATEGORICAL, probabilities)
            return batch[index]

        try:
            walk(len(batch), decode_values)
        except tf.errors.UnknownError as error:  # an AssertionError of the coder, inside a graph
            raise BadFile("the file holds words that no encoder writes for these weights") from error
    if _digest(images.tobytes()) != images_digest:
        raise BadFile("the decoded images are not the encoded ones: the decoder computed other probabilities")
    return images


def cost_in_bits(model: GatedPixelCNN, images: np.ndarray) -> np.ndarray:
    """The cost of each image under the fixed-point network, -log2 p in bits, float64 `[n]`; no coder is involved."""
    arithmetic = FixedPoint()
    model = _resized(model, np.shape(images))
    images = checks.check_images(images, model.image_shape, model.levels)
    bits = np.zeros(len(images))

    def add_cost(index, probabilities):
        values = images[index]
        chosen = np.take_along_axis(probabilities, values[:, None].astype(np.int64), axis=1)[:, 0]
        bits[:] -= np.log2(chosen / probabilities.sum(axis=1))
        return values

    _Walk(model, arithmetic)(len(images), add_cost)
    return bits


class _Walk:
    """Visits sub-pixels in raster order (raster.py); a callback gets their probabilities and returns their values."""

    def __init__(self, model, arithmetic):
        self.model, self.arithmetic = model, arithmetic
        self.network = GatedSampler(model, arithmetic=arithmetic)
        self.walk = tf.function(self._walk, autograph=False)

    def __call__(self, n, value_of):
        """value_of(index (:, row, column, colour), probabilities [n, levels]) returns the values [n]; NumPy arrays."""
        self.value_of = value_of
        self.walk(tf.constant(n))

    def _walk(self, n):
        return walk(self.network, self._scale, n, self.model.image_shape, self._ask, self.arithmetic.dtype)

    def _scale(self, values):
        return self.arithmetic.activation(ops.cast(self.model.scale(values), self.arithmetic.dtype))

    def _ask(self, row, column, colour, logits):
        values = tf.numpy_function(self._answer, [row, column, colour, logits], tf.float64)
        return tf.ensure_shape(values, (None, 1))

    def _answer(self, row, column, colour, logits):
        values = self.value_of((slice(None), row, column, colour), self.arithmetic.probabilities(logits))
        return values[:, None].astype(np.float64)


def _check_model(model):
    if not isinstance(model, GatedPixelCNN) or model.is_conditional:
        raise ValueError(f"model must be a GatedPixelCNN without a condition. Received: {type(model).__name__}")


def _resized(model, shape):
    """The same network for images of another size, `[n, height, width, colours]`; no weight depends on the size."""
    _check_model(model)
    if len(shape) != 4 or shape[-1] != model.colours:
        raise ValueError(f"images must be [n, height, width, {model.colours}]. Received: shape {list(shape)}")
    model.build()
    if tuple(shape[1:]) == tuple(model.image_shape):
        return model
    resized = GatedPixelCNN.from_config({**model.get_config(), "image_shape": list(shape[1:])})
    resized.build()
    resized.set_weights(model.get_weights())
    return resized


def _fingerprints(model, arithmetic):
    """Digests of the tables and of the weights, which together determine all probabilities."""
    return arithmetic.fingerprint[:_DIGEST], _digest(b"".join(weight.tobytes() for weight in model.get_weights()))


def _digest(content):
    return hashlib.sha256(content).digest()[:_DIGEST]
