"""Tiny models with random weights, images for them, and the plain sampler that incremental sampling must equal."""

import functools
import itertools

import keras
import numpy as np
import pytest

from image_generators.models.compiled import compiled
from image_generators.models.draw.draw import Draw
from image_generators.models.pixelcnn.autoregressive import LOGIT_SCALE, join_inputs
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.raster import inverse_cdf


def _randomise(model, seed):
    """Weights and biases as of a trained model: predictions are neither uniform nor certain, and heed the past."""
    model.build()
    random = np.random.default_rng(seed)
    gain = 1.5 if isinstance(model, PixelCNN) else 2.0  # gates damp
    for weight in model.trainable_variables:
        if len(weight.shape) == 1:
            weight.assign(random.normal(0, 0.2, weight.shape))
        else:
            weight.assign(random.normal(size=weight.shape) * gain / np.sqrt(np.prod(weight.shape[:-1])))
    for weight in model.logits.weights:
        weight.assign(weight.value / LOGIT_SCALE)
    return model


def _make(model_class, seed=0, **options):
    tiny = {"image_shape": (4, 5, 3), "levels": 4, "filters": 6, "depth": 2, "first_kernel_size": 3}
    return _randomise(model_class(**{**tiny, **options}), seed)


@pytest.fixture(scope="session")
def make_model():
    """`make_model(PixelCNN, seed=0, **options)`: a new tiny model with random weights."""
    return _make


@pytest.fixture(scope="session")
def shared_model():
    """The same, made once for equal arguments: for tests that do not change it."""
    return functools.cache(_make)


def _make_draw(seed=0, **options):
    tiny = {"image_shape": (6, 5, 1), "steps": 3, "units": 5, "latent": 2, "read_size": 2, "write_size": 3}
    model = Draw(**{**tiny, **options})
    model.build()
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:  # initial states included
        scale = 0.5 if len(weight.shape) == 1 else 1.5 / np.sqrt(weight.shape[0])
        weight.assign(random.normal(0, scale, weight.shape))
    return model


@pytest.fixture(scope="session")
def make_draw():
    """`make_draw(seed=0, **options)`: a new tiny Draw with random weights."""
    return _make_draw


@pytest.fixture(scope="session")
def shared_draw():
    """The same, made once for equal arguments: for tests that do not change it."""
    return functools.cache(_make_draw)


@functools.cache
def _of_floats(model_class):
    """The class, of images that are floats and already scaled: there is something to differentiate with respect to."""
    return type(model_class.__name__, (model_class,), {"network_inputs": lambda self, inputs: (inputs, None)})


@pytest.fixture(scope="session")
def total_influence(gradient):
    """`total_influence(model_class, seeds=4, **options)`: which sub-pixels a prediction depends on.

    [j, i]: |derivative of a random mixture of the logits of sub-pixel j with respect to sub-pixel i|, summed over
    random weights of tiny models: a dead ReLU must not hide a path. The order is raster order, R before G before B
    inside a pixel: the order of the flattened image.
    """

    def influence(model, seed):
        random = np.random.default_rng(seed)
        image = random.uniform(-1, 1, model.image_shape).astype("float32")
        n = image.size  # one copy of the image for each j, so that one backward pass gives all
        copies = np.repeat(image[None], n, axis=0)
        mixture = np.eye(n).reshape(n, *image.shape, 1) * random.normal(size=model.levels)
        (found,) = gradient(lambda x: keras.ops.sum(model(x) * mixture.astype("float32")), copies)
        return np.abs(found).reshape(n, n)

    @functools.cache
    def total_influence(model_class, seeds=4, **options):
        return sum(influence(_make(_of_floats(model_class), seed, **options), seed) for seed in range(seeds))

    return total_influence


@pytest.fixture(scope="session")
def random_images():
    """`random_images(model, n)`: uint8 [n, height, width, colours], uniform below the model's levels."""

    def random_images(model, n, seed=0):
        return np.random.default_rng(seed).integers(0, model.levels, (n, *model.image_shape)).astype("uint8")

    return random_images


@pytest.fixture(scope="session")
def every_image():
    """`every_image(model)`: all images that there are, uint8 [levels ** sub-pixels, height, width, colours]."""

    def every_image(model):
        values = list(itertools.product(range(model.levels), repeat=int(np.prod(model.image_shape))))
        return np.array(values, "uint8").reshape(-1, *model.image_shape)

    return every_image


@functools.cache
def _redrawn(model):
    """Every sub-pixel drawn anew, given those before it; compiled, once: to trace it takes longer than to run it."""

    def redrawn(images, uniforms, temperature, *condition):
        logits = model(join_inputs(images, *condition))
        return inverse_cdf(logits, uniforms[..., None], temperature)[..., 0]

    return compiled(model, redrawn)


@pytest.fixture(scope="session")
def plain_sample():
    """`plain_sample(model, n, condition, seed, temperature, images, known)`: as `sample` and `complete`, without cache.

    The whole network runs over the whole image for every sub-pixel; what is not drawn yet is garbage.
    """

    def plain_sample(model, n, condition=None, seed=0, temperature=1.0, images=None, known=None):
        shape = (n, *model.image_shape)
        uniforms = np.random.default_rng(seed).random(shape, dtype="float32")
        garbage = np.random.default_rng(99).integers(0, model.levels, shape)
        values = garbage if images is None else np.where(known, images, garbage)
        known = np.zeros(shape, bool) if known is None else np.broadcast_to(known, shape)
        condition = None if condition is None else np.asarray(condition)
        given = [] if condition is None else [condition.astype("int32" if condition.dtype.kind == "i" else "float32")]
        redrawn = _redrawn(model)
        for row, column, colour in np.ndindex(model.image_shape):
            here = (slice(None), row, column, colour)
            drawn = redrawn(values.astype("uint8"), uniforms, np.float32(temperature), *given)
            values[here] = np.where(known[here], values[here], keras.ops.convert_to_numpy(drawn)[here])
        return values.astype("uint8")

    return plain_sample
