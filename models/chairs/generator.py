"""ChairsGenerator: training and generation of chairs, tables and cars; arXiv 1411.5928.

The network is models/chairs/network.py. In training, each image is transformed at random
(models/chairs/transformations.py), and the transformation is an input of the network. The training objective is

    L = 1/2 (10 |rgb - x m|^2 + |mask - m|^2)                    for each image, with pixels 0 to 1

(with the weights of the authors' release): up to a constant, the negative log-likelihood of normal distributions.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.serialization import serializable
from image_generators.models import checks, replicas
from image_generators.models.chairs import checks as chairs_checks
from image_generators.models.chairs import transformations
from image_generators.models.chairs.features import FeatureEditing
from image_generators.models.chairs.images import Generated
from image_generators.models.chairs.network import ChairsNetwork
from image_generators.models.chairs.style import StyleFitting
from image_generators.models.distributions import tfd

RGB_WEIGHT = 10.0  # weight of the colours' squared error; that of the mask's is 1


@serializable("models")
class ChairsGenerator(FeatureEditing, StyleFitting, ChairsNetwork):
    """The generator of arXiv 1411.5928, with one or two streams.

    Trained by `compile(optimizer)` and `fit` on {"images": uint8 `[n, size, size, 4]`, "condition": float `[n, 3]`}.
    Images have four channels: the colours times the mask, and the mask. A condition is the number of a style, and
    azimuth and elevation in degrees.

    Args:
        image_shape: (size, size, 4), size 16, 32, 64, 128, 256 ...
        num_styles: number of styles (3D models), of one object class or several.
        streams: 2; or 1, with the mask as the fourth channel of the image.
        deep: whether a 3x3 convolution follows each up-convolution but the last.
        mask_loss: "squared"; or "softmax", the cross-entropy of the mask as a probability. Only the difference of the
            softmax's two maps matters, so there is one map.
        width: factor of all layer sizes, for small networks.
        transformations: whether images are transformed in training. If False, the network has no such input.
        growth_steps: None; or the spread of transformations grows during training from 0 to 1, as
            2 / (1 + exp(-step / growth_steps)) - 1 (1e5 in the authors' release).
        levels: 256.

    Raises:
        ValueError: if an argument is out of range.
    """

    takes_condition = True
    unit = "squared_error"  # mean squared error per colour and pixel, pixels 0 to 1

    def __init__(self, *args, **kwargs):
        # No autocast of inputs: in bfloat16, style 301 would become 300, and 313 degrees would become 312.
        checks.check_absent(self, kwargs, "autocast")
        super().__init__(*args, autocast=False, **kwargs)
        self._theta = keras.random.SeedGenerator(0)
        self._error = keras.metrics.Mean(name="squared_error")

    # Training: plain compile() and fit().

    def call(self, inputs, training=None):
        """{"images", "condition"} -> {"rgb", "mask", "targets"}, float32; transformed at random in training."""
        images, labels = inputs["images"], ops.cast(inputs["condition"], "float32")
        checks.check_network_images(images, self.image_shape)
        targets = ops.cast(images, "float32") / 255.0
        theta = None
        if self.transformations:
            theta = self._no_transformation(ops.shape(images)[0])
            if training:
                spread = self._spread()
                theta = replicas.draw(lambda n: transformations.draw(n, self._theta, spread), ops.shape(images)[0])
                targets = transformations.apply(targets, theta)
        styles = ops.one_hot(ops.cast(labels[:, 0], "int32"), self.num_styles, dtype=self.compute_dtype)
        rgb, mask = self.draw(styles, labels[:, 1:], theta)
        return {"rgb": rgb, "mask": mask, "targets": targets}

    def _no_transformation(self, n):
        return ops.zeros((n, self.transformation_length), dtype="float32")

    def _spread(self):
        if self.growth_steps is None:
            return 1.0
        self.steps_seen.assign_add(1.0)
        return 2.0 / (1.0 + ops.exp(-self.steps_seen / self.growth_steps)) - 1.0

    def loss_of(self, rgb, mask, targets):
        """The training objective of arXiv 1411.5928 for each image: float32 `[B]`.

        Args:
            rgb, mask: the results of `draw`.
            targets: float `[B, size, size, 4]`, 0 to 1: x m and m.
        """
        colours, m = targets[..., :3], targets[..., 3:]
        rgb_loss = 0.5 * RGB_WEIGHT * ops.sum(ops.square(rgb - colours), axis=(1, 2, 3))  # 1/2 10 |rgb - x m|^2
        if self.mask_loss == "squared":  # networks "-E" of the paper
            return rgb_loss + 0.5 * ops.sum(ops.square(mask - m), axis=(1, 2, 3))  # 1/2 |mask - m|^2
        # Networks "-S": -m log p - (1 - m) log(1 - p) with p = sigmoid(mask).
        entropy = ops.softplus(mask) - m * mask
        return rgb_loss + ops.sum(entropy, axis=(1, 2, 3))

    def _condition_type(self):
        return "float32", (3,)

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        chairs_checks.check_labels(condition, self.num_styles, len(images))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        cost = self.loss_of(y_pred["rgb"], y_pred["mask"], y_pred["targets"])
        # The one-hot vector of an invalid style is all zeros, which raises no error.
        cost = checks.nan_beyond(cost, x["condition"][:, 0], self.num_styles)
        return self.mean_cost(cost, x["images"], sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        errors = ops.mean(ops.square(y_pred["rgb"] - y_pred["targets"][..., :3]), axis=(1, 2, 3))
        self._error.update_state(errors, sample_weight=sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    # Likelihood and errors.

    def distribution(
        self,
        style: int | np.ndarray,
        azimuth: float | np.ndarray,
        elevation: float | np.ndarray,
        transformation: np.ndarray | None = None,
    ) -> tfd.JointDistributionNamed:
        """TFP distribution of {"rgb": `[size, size, 3]`, "mask": `[size, size, 1]`}, 0 to 1, batch `[n]`.

        Its -log_prob is the loss plus a constant. With mask_loss "softmax", the mask's term is the cross-entropy of
        intensities treated as probabilities, which is not a density. Arguments as for `generate`.
        """
        self.build()
        rgb, mask = self.draw(*self._check_inputs(style, azimuth, elevation, transformation))
        normal = lambda mean, scale: tfd.Independent(tfd.Normal(mean, scale), 3)  # noqa: E731
        bernoulli = lambda logits: tfd.Independent(tfd.Bernoulli(logits=logits, dtype="float32"), 3)  # noqa: E731
        mask_distribution = normal(mask, 1.0) if self.mask_loss == "squared" else bernoulli(mask)
        return tfd.JointDistributionNamed({"rgb": normal(rgb, RGB_WEIGHT**-0.5), "mask": mask_distribution})

    def errors(self, images: np.ndarray, labels: np.ndarray, batch_size: int = 64) -> tuple[np.ndarray, np.ndarray]:
        """Mean squared errors of each image, (colours, mask), float64 `[n]`; pixels 0 to 1, no transformation.

        Args:
            images: uint8 `[n, size, size, 4]`.
            labels: `[n, 3]`: style, azimuth and elevation in degrees.
            batch_size: number of images computed at a time; it bounds the memory.

        Raises:
            ValueError: if images or labels have another dtype, shape or range.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        styles, views = chairs_checks.check_labels(labels, self.num_styles, len(images))

        def errors(images, styles, views):
            targets = ops.cast(images, "float32") / 255.0
            theta = self._no_transformation(ops.shape(images)[0]) if self.transformations else None
            rgb, mask = self.draw(ops.one_hot(styles, self.num_styles), views, theta)
            squared = ops.square(ops.concatenate([rgb, self.mask_of(mask)], axis=-1) - targets)
            return ops.mean(squared[..., :3], axis=(1, 2, 3)), ops.mean(squared[..., 3], axis=(1, 2))

        function = self._compile("errors", errors)
        return tuple(np.asarray(e, "float64") for e in self._in_batches(function, batch_size, images, styles, views))

    def squared_error(self, images: np.ndarray, labels: np.ndarray, batch_size: int = 64) -> float:
        """Mean squared error per colour and pixel, pixels 0 to 1: the paper's metric, which it gives in units of 1e-3.

        Arguments as for `errors`. Raises ValueError if there are no images.
        """
        checks.check_some(images)
        return float(self.errors(images, labels, batch_size)[0].mean())

    def mask_error(self, images: np.ndarray, labels: np.ndarray, batch_size: int = 64) -> float:
        """Mean squared error of the mask per pixel, 0 to 1. Arguments and errors as for `squared_error`."""
        checks.check_some(images)
        return float(self.errors(images, labels, batch_size)[1].mean())

    # Generation.

    def generate(
        self,
        style: int | np.ndarray,
        azimuth: float | np.ndarray,
        elevation: float | np.ndarray,
        transformation: np.ndarray | None = None,
        batch_size: int = 64,
    ) -> Generated:
        """Images of styles from any viewpoint. An argument with a single value is used for all images.

        Args:
            style: integers `[n]`, 0 to num_styles - 1; or vectors, float `[n, num_styles]`, such as mixtures of styles.
            azimuth: degrees `[n]`, any; 0 and 360 are the same.
            elevation: degrees `[n]`, -90 to 90.
            transformation: None, or float `[n, 8]` (models/chairs/transformations.py), also beyond the ranges used in
                training.
            batch_size: number of images computed at a time; it bounds the memory.

        Raises:
            ValueError: if an argument is out of range, if lengths differ, or if weights or outputs are not finite.
        """
        inputs = self._check_inputs(style, azimuth, elevation, transformation)
        return Generated(*self._in_batches(self._compile_answer("paint", self.paint, pixels=2), batch_size, *inputs))

    def paint(self, styles, views, transformation=None):
        """`generate` as a pure function of tensors, to compile or export: (images, masks), float32, integers 0 to 255.

        Values are NaN where the network's outputs are not finite: check before casting.
        """
        return self._to_pixels(*self.draw(styles, views, transformation))

    def _to_pixels(self, rgb, mask):
        values = ops.concatenate([rgb, self.mask_of(mask)], axis=-1)
        values = ops.round(ops.clip(values, 0.0, 1.0) * 255.0)
        values = checks.nan_unless_finite(values, ops.concatenate([rgb, mask], axis=-1))
        return values[..., :3], values[..., 3]

    def _check_inputs(self, style, azimuth, elevation, transformation):
        """The arguments of `draw` as NumPy arrays of n rows: styles, views and, if there is one, transformation."""
        styles, views = chairs_checks.check_views(style, azimuth, elevation, self.num_styles)
        theta = chairs_checks.check_transformation(transformation, self.transformation_length)
        n = chairs_checks.agree(style=styles, view=views, transformation=views[:1] if theta is None else theta)
        inputs = [styles, views, *([] if theta is None else [theta])]
        return [chairs_checks.spread(array, n) for array in inputs]
