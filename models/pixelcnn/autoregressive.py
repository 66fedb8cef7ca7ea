"""AutoregressiveModel: likelihoods and samples of every pixel-by-pixel model, independent of its network.

    p(x) = prod_i p(x_i | x_1, ..., x_{i-1})            Eq. 1 of arXiv 1606.05328

over sub-pixels in raster order, R before G before B, each a categorical distribution over the levels. A subclass
provides the network, `call(inputs) -> logits`, and the four methods of models/pixelcnn/raster.py for sampling.
"""

import math

import keras
import numpy as np
from keras import ops

from image_generators.layers.pixels import scaled
from image_generators.models import checks
from image_generators.models.compiled import over_cores
from image_generators.models.distributions import tfd
from image_generators.models.image_model import ImageModel
from image_generators.models.pixelcnn.raster import sample_raster

# Departure: the last 1x1 convolution computes logits / 8. The distributions are the same, but the logits of a sharp
# 256-way softmax are far apart, and Adam, whose steps do not depend on the gradient's scale, needs fewer steps.
LOGIT_SCALE = 8.0


class AutoregressiveModel(ImageModel):
    """Base class of PixelCNN, GatedPixelCNN, PixelRNN and models built from them.

    Trained by `compile(optimizer)` and `fit` on uint8 images `[batch, height, width, colours]`, or on a dict
    {"images": ..., "condition": ...}. The loss is the negative log-likelihood, in `unit`.

    Args:
        image_shape: (height, width, colours); colours 3 (RGB) or 1 (grey, binary).
        levels: number of values of a sub-pixel, 0 .. levels - 1: 256, or 2 for binary images.
        num_classes: None, or the number of classes that the model is conditioned on. `condition` is then int labels
            `[batch]`, which enter the network as one-hot vectors.
        condition_shape: None, or the shape of one condition of another kind: (features,) for vectors,
            (height, width, features) for maps. `condition` is then float `[batch, *condition_shape]`.

    Raises:
        ValueError: if an argument is out of range, or both kinds of condition are given.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int = 256,
        num_classes: int | None = None,
        condition_shape: tuple[int, ...] | None = None,
        **kwargs,
    ):
        super().__init__(image_shape, levels, **kwargs)
        self.num_classes = None if num_classes is None else checks.check_integer("num_classes", num_classes, 2)
        self.condition_shape = checks.check_condition_shape(condition_shape, num_classes)

    @property
    def is_conditional(self) -> bool:
        return self.num_classes is not None or self.condition_shape is not None

    @property
    def takes_condition(self) -> bool:
        """Whether likelihoods and samples need a condition."""
        return self.is_conditional

    # Training: plain compile() and fit().

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        images, condition = split_inputs(x)
        cost = self.in_unit(self._distribution(y_pred).log_prob(ops.cast(images, "int32")))
        if self.num_classes is not None:  # the one-hot vector of an invalid class is all zeros, which raises no error
            cost = checks.nan_beyond(cost, condition, self.num_classes)
        return self.mean_cost(cost, images, sample_weight)

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        if condition is not None:  # if it is missing, `call` raises
            self._check_condition(condition, len(images))

    # Likelihood.

    def scale(self, values):
        """Values 0 .. levels - 1 -> the network's inputs, float32, -1 to 1."""
        return scaled(values, self.levels)

    def network_inputs(self, inputs):
        """The inputs of `call` -> (scaled images, features that enter the gates or None)."""
        images, condition = split_inputs(inputs)
        checks.check_network_images(images, self.image_shape)
        if self.takes_condition if condition is None else not self.is_conditional:
            raise ValueError(
                f"condition must be given {'to' if self.is_conditional else 'only to'} a model made with num_classes "
                f"or condition_shape. Received: num_classes={self.num_classes}, condition_shape={self.condition_shape}"
            )
        return ops.cast(self.scale(images), self.compute_dtype), self.condition_features(condition)

    def condition_features(self, condition):
        """The features that enter the gates: h of Eq. 4, `[batch, features]`, or s of Eq. 5, `[batch, H, W, features]`.

        Labels, int `[batch]`, become one-hot vectors; vectors and maps are returned as they are; None gives None. A
        model with a network m(h) overrides this method, so that m(h) is computed once for all pixels of a sample.
        """
        if condition is None:
            return None
        if self.condition_shape is None:
            checks.check_network_labels("condition", condition)
            return ops.one_hot(condition, self.num_classes, dtype=self.compute_dtype)
        check_network_condition(condition, self.condition_shape)
        return ops.cast(condition, self.compute_dtype)

    def split_levels(self, maps):
        """The last convolution's output `[..., colours * levels]` -> logits, float32 `[..., colours, levels]`."""
        maps = ops.reshape(maps, (*ops.shape(maps)[:-1], self.colours, self.levels))
        return LOGIT_SCALE * ops.cast(maps, "float32")

    def _distribution(self, logits):
        return tfd.Independent(tfd.Categorical(logits=logits), reinterpreted_batch_ndims=3)

    def distribution(self, images, condition=None) -> tfd.Independent:
        """p(x_i | x_1, ..., x_{i-1}) of `images`: TFP Independent(Categorical), batch `[n]`, event `[H, W, colours]`.

        Arguments as for `log_prob`, at least one image. The values of tensors are not checked, since a graph cannot
        raise errors about them.
        """
        if not ops.is_tensor(images):
            images = checks.check_images(images, self.image_shape, self.levels)
            checks.check_some(images)
        if not (ops.is_tensor(images) and ops.is_tensor(condition)):
            condition = self._check_condition(condition, images.shape[0])
        return self._distribution(self(join_inputs(images, condition)))

    def log_prob(
        self, images: np.ndarray, condition: np.ndarray | int | None = None, batch_size: int = 64
    ) -> np.ndarray:
        """Log-likelihood in nats, float32 `[n]`.

        Args:
            images: uint8 `[n, height, width, colours]`.
            condition: int labels `[n]` for a model with `num_classes`, float `[n, *condition_shape]` for one with
                `condition_shape`, else None. A single label or a single condition is used for all images.
            batch_size: number of images computed at a time; it bounds the memory.

        Raises:
            ValueError: if images or condition have another dtype, shape or range, or if a condition is missing or not
                expected.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        condition = self._check_condition(condition, len(images))
        function = self._compile("log_prob", lambda x, *c: self.distribution(x, *c).log_prob(ops.cast(x, "int32")))
        return self._in_batches(function, batch_size, images, *([] if condition is None else [condition]))

    def bits_per_dim(
        self, images: np.ndarray, condition: np.ndarray | int | None = None, batch_size: int = 64
    ) -> np.ndarray:
        """Cost in bits per sub-pixel, float32 `[n]`: -log_prob / (height * width * colours * log 2).

        Arguments and errors as for `log_prob`.
        """
        return -self.log_prob(images, condition, batch_size) / (math.prod(self.image_shape) * math.log(2.0))

    # Sampling.

    def sample(
        self,
        n: int,
        condition: np.ndarray | int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        jit_compile: bool = False,
    ) -> np.ndarray:
        """Draws images, uint8 `[n, height, width, colours]`. The same seed gives the same images.

        Args:
            n: number of images.
            condition: as for `log_prob`.
            seed: seed of the noise, which NumPy draws, so that it does not depend on the backend.
            temperature: > 0. 1 samples from the model; lower values sharpen the distribution of every sub-pixel.
            jit_compile: whether to compile by XLA (JAX always does). The first call takes some seconds longer, later
                calls take a third of the time.

        Raises:
            ValueError: if an argument is out of range, or weights or logits are not finite (checks.NotFinite).
        """
        n = checks.check_integer("n", n, 1)
        blank = np.zeros((n, *self.image_shape), "uint8")
        return self._complete(blank, np.zeros(blank.shape, bool), condition, seed, temperature, jit_compile)

    def complete(
        self,
        images: np.ndarray,
        known_mask: np.ndarray | None = None,
        rows: int | None = None,
        condition: np.ndarray | int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        jit_compile: bool = False,
    ) -> np.ndarray:
        """Keeps the known pixels of `images` and draws the others in raster order; uint8, shaped as `images`.

        A drawn sub-pixel depends on all earlier sub-pixels, known or drawn, but not on later ones: the model has no
        other conditional distributions. Known pixels below a hole are kept, but do not influence what fills it.

        Args:
            images: uint8 `[n, height, width, colours]`.
            known_mask: bool, True where a pixel is known: `[height, width]`, `[n, height, width]` or the shape of
                `images`.
            rows: instead of `known_mask`, the number of upper rows that are known.
            condition, seed, temperature, jit_compile: as for `sample`.

        Raises:
            ValueError: if an argument is out of range, if not exactly one of `known_mask` and `rows` is given, or if
                weights or logits are not finite (checks.NotFinite).
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        known = checks.check_known(known_mask, rows, images.shape)
        return self._complete(images, known, condition, seed, temperature, jit_compile)

    def generate(self, uniforms, images, known, temperature, condition=None):
        """The sampler as a pure function of tensors, to compile or export; see `sample_raster` of raster.py.

        Values are NaN where logits are not finite: check before casting.
        """
        network = self.incremental(self.condition_features(condition))
        return sample_raster(network, self.scale, uniforms, images, known, temperature)

    def incremental(self, condition=None):
        """The network with the four methods of models/pixelcnn/raster.py.

        `condition`: the result of `condition_features`, or None.
        """
        raise NotImplementedError

    def _complete(self, images, known, condition, seed, temperature, jit_compile):
        checks.check_positive("temperature", temperature)
        jit_compile = checks.check_flag("jit_compile", jit_compile)
        condition = self._check_condition(condition, len(images))
        seed = checks.check_integer("seed", seed, 0)
        uniforms = np.random.default_rng(seed).random(images.shape, dtype="float32")
        arrays = [uniforms, images.astype("float32"), known.astype("float32")]
        arrays += [] if condition is None else [condition]
        generate = self._compile_answer("generate", self.generate, pixels=1, jit_compile=jit_compile)

        def draw(uniforms, images, known, *condition):
            return generate(uniforms, images, known, np.float32(temperature), *condition)

        if jit_compile or keras.backend.backend() == "jax":
            return np.concatenate(over_cores(draw, arrays))
        return draw(*arrays)  # TensorFlow's executor uses all cores by itself

    def _check_condition(self, condition, n):
        if self.condition_shape is None:
            return checks.check_condition(condition, self.num_classes, n)
        return checks.check_features("condition", condition, self.condition_shape, n)

    def get_config(self):
        shape = None if self.condition_shape is None else list(self.condition_shape)
        return {**super().get_config(), "num_classes": self.num_classes, "condition_shape": shape}


def join_inputs(images, condition=None):
    """The inputs of `call`: the images, or a dict with images and condition."""
    return images if condition is None else {"images": images, "condition": condition}


def split_inputs(inputs):
    """The inverse of `join_inputs`: (images, condition or None). Raises ValueError for a dict with other keys."""
    if not isinstance(inputs, dict):
        return inputs, None
    if "images" not in inputs or not inputs.keys() <= {"images", "condition"}:
        raise ValueError(f"x must be images, or a dict of 'images' and 'condition'. Received: keys {list(inputs)}")
    return inputs["images"], inputs.get("condition")


def check_network_condition(condition, condition_shape):
    """Raises ValueError if the vectors or maps that a network is called with are None or have another shape."""
    if condition is None or tuple(condition.shape[1:]) != condition_shape:
        expected = ", ".join(str(size) for size in condition_shape)
        received = None if condition is None else f"condition of shape {list(condition.shape)}"
        raise ValueError(f"condition must have shape [n, {expected}]. Received: {received}")
