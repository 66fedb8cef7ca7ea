"""AutoregressiveModel: what every pixel-by-pixel model answers, whatever its network.

    p(x) = prod_i p(x_i | x_1, ..., x_{i-1})            Eq. 1 of arXiv 1606.05328

over sub-pixels in raster order, R before G before B, each a categorical distribution over the levels. A subclass gives
the network, `call(inputs) -> logits`, and the four methods of models/pixelcnn/raster.py for sampling.
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

# Departure: the last 1x1 gives logits / 8. The distributions are the same; but logits of a sharp 256-way softmax lie
# far apart, and Adam, whose steps do not depend on the scale of a gradient, gets there in fewer of them.
LOGIT_SCALE = 8.0


class AutoregressiveModel(ImageModel):
    """Base of PixelCNN, GatedPixelCNN and their kin.

    Trained by `compile(optimizer)` and `fit` on uint8 images `[batch, height, width, colours]`, or on a dict
    {"images": ..., "condition": ...}. The loss is the negative log-likelihood, in `unit`.

    Args:
        image_shape: (height, width, colours); colours 3 (RGB) or 1 (grey, binary).
        levels: values of a sub-pixel, 0 .. levels - 1: 256, or 2 for binary images.
        num_classes: None, or the number of classes that the model is conditioned on; `condition` is then int labels
            `[batch]`, seen by the network as a one-hot vector.
        condition_shape: None, or the shape of one condition of another kind: (features,) for vectors, `condition`
            then float `[batch, features]`; (height, width, features) for maps.

    Raises:
        ValueError: for an argument that is none of these, or both kinds of condition.
    """

    def __init__(self, image_shape, levels=256, num_classes=None, condition_shape=None, **kwargs):
        super().__init__(image_shape, levels, **kwargs)
        self.num_classes = None if num_classes is None else checks.check_integer("num_classes", num_classes, 2)
        self.condition_shape = checks.check_condition_shape(condition_shape, num_classes)

    @property
    def is_conditional(self):
        return self.num_classes is not None or self.condition_shape is not None

    @property
    def takes_condition(self):
        """Whether every question must come with a condition."""
        return self.is_conditional

    # Training: plain compile() and fit().

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        images, condition = split_inputs(x)
        cost = self.in_unit(self._distribution(y_pred).log_prob(ops.cast(images, "int32")))
        if self.num_classes is not None:  # the one-hot vector of no class is zero, and says something plausible
            cost = checks.nan_beyond(cost, condition, self.num_classes)
        return self.mean_cost(cost, images, sample_weight)

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        if condition is not None:  # without one, `call` says what is missing
            self._check_condition(condition, len(images))

    # Likelihood.

    def scale(self, values):
        """What the network sees of values 0 .. levels - 1: float, -1 to 1."""
        return scaled(values, self.levels)

    def network_inputs(self, inputs):
        """(images scaled, what enters the gates or None), from what `call` is given."""
        images, condition = split_inputs(inputs)
        checks.check_network_images(images, self.image_shape)
        if self.takes_condition if condition is None else not self.is_conditional:
            raise ValueError(
                f"condition must be given {'to' if self.is_conditional else 'only to'} a model made with num_classes "
                f"or condition_shape. Received: num_classes={self.num_classes}, condition_shape={self.condition_shape}"
            )
        return ops.cast(self.scale(images), self.compute_dtype), self.condition_features(condition)

    def condition_features(self, condition):
        """What enters the gates: h of Eq. 4, `[batch, features]`, or s of Eq. 5, `[batch, height, width, features]`.

        Of labels, int [batch], the one-hot vectors; of vectors and maps, themselves; None stays None. A model with a
        network m(h) of its own computes it here: once for all pixels, in training and in sampling.
        """
        if condition is None:
            return None
        if self.condition_shape is None:
            checks.check_network_labels("condition", condition)
            return ops.one_hot(condition, self.num_classes, dtype=self.compute_dtype)
        check_network_condition(condition, self.condition_shape)
        return ops.cast(condition, self.compute_dtype)

    def split_levels(self, maps):
        """The last 1x1's output [..., colours * levels] -> logits float32 [..., colours, levels]."""
        maps = ops.reshape(maps, (*ops.shape(maps)[:-1], self.colours, self.levels))
        return LOGIT_SCALE * ops.cast(maps, "float32")

    def _distribution(self, logits):
        return tfd.Independent(tfd.Categorical(logits=logits), reinterpreted_batch_ndims=3)

    def distribution(self, images, condition=None):
        """p(. | earlier sub-pixels of `images`): TFP Independent(Categorical), batch [batch], event [H, W, colours].

        Arguments as of `log_prob`, at least one image. Tensors are taken as they are: a graph cannot look at values.
        """
        if not ops.is_tensor(images):
            images = checks.check_images(images, self.image_shape, self.levels)
            checks.check_some(images)
        if not (ops.is_tensor(images) and ops.is_tensor(condition)):
            condition = self._check_condition(condition, images.shape[0])
        return self._distribution(self(join_inputs(images, condition)))

    def log_prob(self, images, condition=None, batch_size=64):
        """Log-likelihood in nats, float32 [n].

        Args:
            images: uint8 [n, height, width, colours].
            condition: int labels [n] of a model made with num_classes, float [n, *condition_shape] of one made with
                condition_shape; one label, or one of condition_shape, stands for all.
            batch_size: images computed at a time; it bounds the memory.

        Raises:
            ValueError: images, or a condition, of another type, shape or range; a condition too few or too many.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        condition = self._check_condition(condition, len(images))
        function = self._compile("log_prob", lambda x, *c: self.distribution(x, *c).log_prob(ops.cast(x, "int32")))
        return self._in_batches(function, batch_size, images, *([] if condition is None else [condition]))

    def bits_per_dim(self, images, condition=None, batch_size=64):
        """Cost in bits per sub-pixel, float32 [n]: -log_prob / (height * width * colours * log 2).

        Arguments and errors as of `log_prob`.
        """
        return -self.log_prob(images, condition, batch_size) / (math.prod(self.image_shape) * math.log(2.0))

    # Sampling.

    def sample(self, n, condition=None, seed=0, temperature=1.0, jit_compile=False):
        """Draws images, uint8 [n, height, width, colours]; the same seed gives the same images.

        Args:
            n: how many.
            condition: as for `log_prob`.
            seed: of the noise (NumPy's, so that it does not depend on the backend).
            temperature: > 0; 1 samples the model, less sharpens every sub-pixel's distribution.
            jit_compile: compile by XLA (always so on JAX): the first call takes some seconds more, later ones a third
                of the time.

        Raises:
            ValueError: an argument is none of these; or weights or logits are not finite (checks.NotFinite).
        """
        n = checks.check_integer("n", n, 1)
        blank = np.zeros((n, *self.image_shape), "uint8")
        return self._complete(blank, np.zeros(blank.shape, bool), condition, seed, temperature, jit_compile)

    def complete(self, images, known_mask=None, rows=None, condition=None, seed=0, temperature=1.0, jit_compile=False):
        """Keeps the known pixels of `images` and draws the rest in raster order, uint8 as `images`.

        A drawn sub-pixel is conditioned on all earlier ones, known or drawn, and not on later known ones: the model
        gives no other conditional. Known pixels below a hole are kept, but the hole does not anticipate them.

        Args:
            images: uint8 [n, height, width, colours].
            known_mask: bool, True where known: [height, width], [n, height, width] or the shape of `images`.
            rows: instead of the mask, how many upper rows are known.
            condition, seed, temperature, jit_compile: as for `sample`.

        Raises:
            ValueError: an argument is none of these; a mask and rows, or neither; weights or logits are not finite.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        known = checks.check_known(known_mask, rows, images.shape)
        return self._complete(images, known, condition, seed, temperature, jit_compile)

    def generate(self, uniforms, images, known, temperature, condition=None):
        """The sampler as a pure function of tensors (models/pixelcnn/raster.py), to compile or export.

        Values are NaN where logits are not finite: check before casting.
        """
        network = self.incremental(self.condition_features(condition))
        return sample_raster(network, self.scale, uniforms, images, known, temperature)

    def incremental(self, condition=None):
        """The network as models/pixelcnn/raster.py wants it. `condition`: what `condition_features` gives, or None."""
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
        return draw(*arrays)  # TensorFlow's executor uses the cores itself

    def _check_condition(self, condition, n):
        if self.condition_shape is None:
            return checks.check_condition(condition, self.num_classes, n)
        return checks.check_features("condition", condition, self.condition_shape, n)

    def get_config(self):
        shape = None if self.condition_shape is None else list(self.condition_shape)
        return {**super().get_config(), "num_classes": self.num_classes, "condition_shape": shape}


def join_inputs(images, condition=None):
    """What `call` takes: the images, or a dict with them and the condition."""
    return images if condition is None else {"images": images, "condition": condition}


def split_inputs(inputs):
    """The inverse of `join_inputs`: (images, condition or None). Raises ValueError for a dict with other keys."""
    if not isinstance(inputs, dict):
        return inputs, None
    if "images" not in inputs or not inputs.keys() <= {"images", "condition"}:
        raise ValueError(f"x must be images, or a dict of 'images' and 'condition'. Received: keys {list(inputs)}")
    return inputs["images"], inputs.get("condition")


def check_network_condition(condition, condition_shape):
    """Raises ValueError where vectors or maps that a network is called with are of another shape (or None)."""
    if condition is None or tuple(condition.shape[1:]) != condition_shape:
        expected = ", ".join(str(size) for size in condition_shape)
        received = None if condition is None else f"condition of shape {list(condition.shape)}"
        raise ValueError(f"condition must have shape [n, {expected}]. Received: {received}")
