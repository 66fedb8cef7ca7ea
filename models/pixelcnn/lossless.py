"""Lossless compression: images to bytes and back, by a trained Gated PixelCNN and a range coder.

A symbol of probability p costs -log2 p bits (constriction's range coder; Martin 1979), so that the bytes of a set of
images are its negative log-likelihood under the model: a check of a claimed bits/dim that is hard to argue with.

The decoder knows a sub-pixel's distribution only after it has decoded all earlier ones. It walks in raster order, and
the encoder walks with it, both in fixed-point arithmetic (models/pixelcnn/fixed_point.py): the same probabilities to
the last bit, whatever the machine, the threads and the number of images side by side.

A file: magic, header (`_HEADER`), the coder's 32-bit words, and a digest of all of it. The header has digests of the
tables, the weights and the images: a file that was altered, cut short, or made by other tables or weights is refused.
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
FIRST_MAGIC = b"GPCN"  # of format 1, whose tables depended on the processor
BATCH = 256  # images that are walked side by side; part of the format, since it orders the symbols
_HEADER = struct.Struct("<4s3I2H8s8s8s")  # magic; n, height, width; colours, levels; tables, weights, images
_DIGEST = 8  # bytes kept of a SHA-256
_MOST = 2**31  # sub-pixels in a file
_DENSEST = 2**12  # sub-pixels in a byte: what a file asks memory for, it must have bytes for
_LONGEST = 2**16 - 1  # pixels: height and width, as the header has room for them
_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)


class BadFile(ValueError):
    """Bytes that are not a whole compressed file, or not one of this network."""


class OtherWeights(BadFile):
    """A file of another network's."""


def encode(model, images):
    """Images to bytes.

    Args:
        model: a GatedPixelCNN without a condition.
        images: uint8 [n, height, width, colours] of any n, height and width, with the model's colours and levels.

    Raises:
        ValueError: another model, other images, or more of them than a file holds.
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
        part = images[start : start + BATCH]

        def known(place, probabilities, part=part):
            values = part[place].astype(np.int32)
            coder.encode(values, _CATEGORICAL, probabilities)
            return values

        walk(len(part), known)
    n, height, width, colours = images.shape
    header = (n, height, width, colours, model.levels, *_fingerprints(model, arithmetic), _digest(images.tobytes()))
    words = coder.get_compressed().astype("<u4").tobytes()
    padding = max(0, _least_bytes(images.size) - len(words))  # zeros, which the decoder never reads
    body = _HEADER.pack(MAGIC, *header) + words + bytes(padding)
    return body + _digest(body)


def _least_bytes(subpixels):
    """How many bytes, in whole words, so many sub-pixels have at least."""
    return -(-subpixels // (4 * _DENSEST)) * 4


def decode(model, content):
    """The images that `encode` was given, uint8 [n, height, width, colours].

    Raises:
        ValueError: another model.
        BadFile: `content` was cut short or altered, or is of another network.
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
    here = _fingerprints(model, arithmetic)
    if here[0] != tables:
        raise BadFile(
            "the file was made with other tables of tanh, sigmoid and exp than this program's: decode it with the one "
            "that wrote it"
        )
    if here[1] != weights:
        raise OtherWeights("the file was made with other weights than the network's")
    images = np.zeros((n, height, width, colours), "uint8")
    coder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))
    walk = _Walk(model, arithmetic)
    for start in range(0, n, BATCH):
        part = images[start : start + BATCH]

        def decoded(place, probabilities, part=part):
            part[place] = coder.decode(_CATEGORICAL, probabilities)
            return part[place]

        try:
            walk(len(part), decoded)
        except tf.errors.UnknownError as error:  # what an AssertionError of the coder's becomes in a graph
            raise BadFile("the file holds words that no encoder writes for these weights") from error
    if _digest(images.tobytes()) != images_digest:
        raise BadFile("what was decoded is not what was encoded: the two walks saw different probabilities")
    return images


def cost_in_bits(model, images):
    """What the fixed-point network says `images` cost, one number for each: its -log2 p, without any coder."""
    arithmetic = FixedPoint()
    model = _resized(model, np.shape(images))
    images = checks.check_images(images, model.image_shape, model.levels)
    bits = np.zeros(len(images))

    def known(place, probabilities):
        values = images[place]
        chosen = np.take_along_axis(probabilities, values[:, None].astype(np.int64), axis=1)[:, 0]
        bits[:] -= np.log2(chosen / probabilities.sum(axis=1))
        return values

    _Walk(model, arithmetic)(len(images), known)
    return bits


class _Walk:
    """The network's way through images in raster order (raster.py), which asks for every value on its way."""

    def __init__(self, model, arithmetic):
        self.model, self.arithmetic = model, arithmetic
        self.network = GatedSampler(model, arithmetic=arithmetic)
        self.walk = tf.function(self._walk, autograph=False)

    def __call__(self, n, value_of):
        """value_of((:, row, column, colour), probabilities [n, levels]), NumPy's, gives the values [n]."""
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
    """The same network for images of another size, [n, height, width, colours]; both are built.

    No weight depends on the size.
    """
    _check_model(model)
    if len(shape) != 4 or shape[-1] != model.colours:
        raise ValueError(f"images must be [n, height, width, {model.colours}]. Received: shape {list(shape)}")
    model.build()
    if tuple(shape[1:]) == tuple(model.image_shape):
        return model
    other = GatedPixelCNN.from_config({**model.get_config(), "image_shape": list(shape[1:])})
    other.build()
    other.set_weights(model.get_weights())
    return other


def _fingerprints(model, arithmetic):
    """Of all that decides a probability: the tables and the weights."""
    return arithmetic.fingerprint[:_DIGEST], _digest(b"".join(weight.tobytes() for weight in model.get_weights()))


def _digest(content):
    return hashlib.sha256(content).digest()[:_DIGEST]
