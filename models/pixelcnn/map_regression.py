"""MapRegression: the baseline of MapPixelCNN: the same network m(h), trained with squared error to predict each pixel.

condition h -> m, deconvolutional -> map s -> 1x1 -> the mean of each sub-pixel

Squared error is the negative log-likelihood of independent normal distributions with one width, sigma. Sigma is learned
together with the means, so that the cost is in bits/dim, as for a PixelCNN; it does not change the best means.
"""

import math

import keras
import numpy as np
from keras import ops

from image_generators.layers.map_network import MapNetwork
from image_generators.layers.pixels import scaled
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.distributions import tfd
from image_generators.models.image_model import ImageModel
from image_generators.models.pixelcnn.autoregressive import check_network_condition, join_inputs, split_inputs
from image_generators.models.pixelcnn.map_pixel_cnn import (
    check_keeps_known,
    check_map_arguments,
    check_map_sizes,
    known_pixels,
)


@serializable("models")
class MapRegression(ImageModel):
    """The mean of the image given h, under squared error. Arguments as for MapPixelCNN.

    Trained by `compile(optimizer)` and `fit` on {"images": uint8 `[n, height, width, colours]`, "condition": ...}.
    """

    takes_condition = True

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        condition_shape: tuple[int, ...] = (10,),
        condition_levels: int | None = None,
        map_filters: int = 32,
        map_depth: int = 2,
        map_halvings: int = 0,
        keeps_known: bool = False,
        levels: int = 256,
        **kwargs,
    ):
        arguments = check_map_arguments(condition_shape, condition_levels, map_filters, map_depth, map_halvings)
        super().__init__(image_shape, levels, **kwargs)
        self.condition_shape = checks.check_condition_shape(condition_shape, None)
        self.condition_levels, self.map_filters, self.map_depth, self.map_halvings = arguments
        check_map_sizes(self)
        self.keeps_known = check_keeps_known(keeps_known, self)
        options = {"dtype": self.dtype_policy}
        size = self.image_shape[:2]
        self.map_network = MapNetwork(size, *arguments[1:], self.condition_levels, **options)
        self.means = keras.layers.Conv2D(self.colours, 1, data_format="channels_last", name="means", **options)

    def build_network(self):
        self.map_network.build((None, *self.condition_shape))
        self.means.build((None, *self.image_shape[:2], self.map_filters))
        self.log_sigma = self.add_weight(name="log_sigma", shape=(), initializer="zeros")  # of values -1 to 1

    def call(self, inputs, training=None):
        """{"images", "condition"} -> means, float32 `[B, H, W, colours]`; -1 to 1 stand for values 0 to levels - 1."""
        condition = self.condition_of(inputs)
        check_network_condition(condition, self.condition_shape)
        return self.means_given(condition)

    def condition_of(self, inputs):
        """The inputs of `call` -> the condition."""
        return split_inputs(inputs)[1]

    def means_given(self, condition):
        """h `[B, *condition_shape]` -> the means that `call` returns."""
        return ops.cast(self.means(ops.relu(self.map_network(condition))), "float32")

    def _log_prob(self, inputs, means):
        """Log-density per image in nats, in units where neighbouring values are 1 apart."""
        images, condition = split_inputs(inputs)
        checks.check_network_images(images, self.image_shape)
        density = tfd.Normal(means, ops.exp(ops.cast(self.log_sigma, "float32")))
        log_prob = density.log_prob(scaled(images, self.levels)) + math.log(2.0 / (self.levels - 1))
        if self.keeps_known:
            log_prob = ops.where(known_pixels(condition, self.levels), 0.0, log_prob)
        return ops.sum(log_prob, axis=(1, 2, 3))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.mean_cost(self.in_unit(self._log_prob(x, y_pred)), split_inputs(x)[0], sample_weight)

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        if condition is not None:  # if it is missing, `call` raises
            self._check_condition(condition, len(images))

    def log_prob(self, images: np.ndarray, condition: np.ndarray | None = None, batch_size: int = 64) -> np.ndarray:
        """Log-density in nats, float32 `[n]`; close to a log-probability if sigma is much larger than a level.

        Arguments and errors as for AutoregressiveModel.log_prob.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        condition = self._check_condition(condition, len(images))

        def answer(images, *condition):
            inputs = join_inputs(images, *condition)
            return self._log_prob(inputs, self(inputs))

        function = self._compile("log_prob", answer)
        return self._in_batches(function, batch_size, images, *([] if condition is None else [condition]))

    def mean(self, condition: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """The mean image given each condition, uint8 `[n, height, width, colours]`; n = 1 for a single condition.

        Raises:
            ValueError: if conditions have another dtype, shape or range, or weights or means are not finite.
        """
        condition = checks.as_array("condition", condition)
        if condition.shape == self.condition_shape:
            condition = condition[None]
        condition = self._check_condition(condition, len(condition) if condition.ndim else 1)
        return self._in_batches(self._compile_answer("paint", self.paint, pixels=1), batch_size, condition)

    def paint(self, condition):
        """`mean` as a pure function of tensors, to compile or export: values 0 to levels - 1, float32.

        Values are NaN where means are not finite: check before casting.
        """
        means = self.means_given(condition)
        values = ops.round(ops.clip((means + 1.0) / 2.0, 0.0, 1.0) * (self.levels - 1))
        values = checks.nan_unless_finite(values, means)
        if self.keeps_known:
            values = ops.where(known_pixels(condition, self.levels), ops.cast(condition[..., :-1], "float32"), values)
        return values

    def _check_condition(self, condition, n):
        if self.condition_levels is None:
            return checks.check_features("condition", condition, self.condition_shape, n)
        return checks.check_images(condition, self.condition_shape, self.condition_levels, name="condition", n=n)

    def get_config(self):
        names = ("condition_levels", "map_filters", "map_depth", "map_halvings", "keeps_known")
        shape = {"condition_shape": list(self.condition_shape)}
        return {**super().get_config(), **shape, **{name: getattr(self, name) for name in names}}
