"""ChairsGenerator: training and generation of chairs, tables and cars; arXiv 1411.5928.

The network is models/chairs/network.py. In training each picture is transformed at random
(models/chairs/transformations.py), and the network is told how. The loss is 10 |rgb - x m|^2 + |mask - m|^2, halved,
for each image, with pixels 0 to 1: the negative log-likelihood of normal distributions, but for a constant.
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

RGB_WEIGHT = 10.0  # of the squared error of colours, beside that of the mask


@serializable("models")
class ChairsGenerator(FeatureEditing, StyleFitting, ChairsNetwork):
    """The generator of arXiv 1411.5928, with one or two streams.

    Trained by `compile(optimizer)` and `fit` on {"images": uint8 [n, size, size, 4], "condition": float [n, 3]}: images
    are colours times the mask, and the mask; a condition is style (its number), azimuth and elevation in degrees.

    Args:
        image_shape: (size, size, 4), size 16, 32, 64, 128, 256 ...
        num_styles: designs, of one class of things or of several.
        streams: 2; or 1: image and mask are channels of one picture.
        deep: whether a 3x3 convolution follows each up-convolution but the last.
        mask_loss: "squared"; or "softmax": cross-entropy of the mask, taken as probability. Of a softmax's two maps
            only the difference matters: here it is one map.
        width: times all sizes of layers, for small networks.
        transformations: whether there are any; without, there is no such input.
        growth_steps: None; or the spread of transformations grows in training from 0 to 1, as the release's with 1e5:
            2 / (1 + exp(-step / growth_steps)) - 1.
        levels: 256.

    Raises:
        ValueError: for an argument that is none of these.
    """

    takes_condition = True
    unit = "squared_error"  # mean squared error of a colour of a pixel, 0 to 1

    def __init__(self, *args, **kwargs):
        # No casts on the way in: in bfloat16 style 301 would be style 300, and 313 degrees 312.
        checks.check_absent(self, kwargs, "autocast")
        super().__init__(*args, autocast=False, **kwargs)
        self._theta = keras.random.SeedGenerator(0)
        self._error = keras.metrics.Mean(name="squared_error")

    # Training: plain compile() and fit().

    def call(self, inputs, training=None):
        """{"images", "condition"} -> {"rgb", "mask", "targets"}, float32; in training all of transformed pictures."""
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
        """The paper's loss of each image: float32 [B].

        Args:
            rgb, mask: as `draw` gives them.
            targets: float [B, size, size, 4], 0 to 1.
        """
        colours, covered = targets[..., :3], targets[..., 3:]
        of_colours = 0.5 * RGB_WEIGHT * ops.sum(ops.square(rgb - colours), axis=(1, 2, 3))
        if self.mask_loss == "squared":
            return of_colours + 0.5 * ops.sum(ops.square(mask - covered), axis=(1, 2, 3))
        entropy = ops.softplus(mask) - covered * mask  # -m log p - (1 - m) log(1 - p) of p = sigmoid(mask)
        return of_colours + ops.sum(entropy, axis=(1, 2, 3))

    def _condition_type(self):
        return "float32", (3,)

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        chairs_checks.check_labels(condition, self.num_styles, len(images))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        cost = self.loss_of(y_pred["rgb"], y_pred["mask"], y_pred["targets"])
        cost = checks.nan_beyond(cost, x["condition"][:, 0], self.num_styles)  # no style is a vector of zeros
        return self.mean_cost(cost, x["images"], sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        wrong = ops.mean(ops.square(y_pred["rgb"] - y_pred["targets"][..., :3]), axis=(1, 2, 3))
        self._error.update_state(wrong, sample_weight=sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    # Likelihood and errors.

    def distribution(self, style, azimuth, elevation, transformation=None):
        """TFP distribution of {"rgb": [size, size, 3], "mask": [size, size, 1]}, 0 to 1, batch [n].

        Its -log_prob is the loss and a constant. With mask_loss "softmax" that of the mask is of intensities taken as
        probabilities, and a density of nothing. Arguments as of `generate`.
        """
        self.build()
        rgb, mask = self.draw(*self._check_inputs(style, azimuth, elevation, transformation))
        normal = lambda mean, scale: tfd.Independent(tfd.Normal(mean, scale), 3)  # noqa: E731
        bernoulli = lambda logits: tfd.Independent(tfd.Bernoulli(logits=logits, dtype="float32"), 3)  # noqa: E731
        of_mask = normal(mask, 1.0) if self.mask_loss == "squared" else bernoulli(mask)
        return tfd.JointDistributionNamed({"rgb": normal(rgb, RGB_WEIGHT**-0.5), "mask": of_mask})

    def errors(self, images, labels, batch_size=64):
        """(of colours, of the mask): mean squared errors of each image, float64 [n]; pixels 0 to 1, no transformation.

        Args:
            images: uint8 [n, size, size, 4].
            labels: [n, 3]: style, azimuth and elevation in degrees.
            batch_size: images computed at a time; it bounds the memory.

        Raises:
            ValueError: images or labels of another type, shape or range.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        styles, views = chairs_checks.check_labels(labels, self.num_styles, len(images))

        def errors(images, styles, views):
            targets = ops.cast(images, "float32") / 255.0
            theta = self._no_transformation(ops.shape(images)[0]) if self.transformations else None
            rgb, mask = self.draw(ops.one_hot(styles, self.num_styles), views, theta)
            wrong = ops.square(ops.concatenate([rgb, self.mask_of(mask)], axis=-1) - targets)
            return ops.mean(wrong[..., :3], axis=(1, 2, 3)), ops.mean(wrong[..., 3], axis=(1, 2))

        function = self._compile("errors", errors)
        return tuple(np.asarray(e, "float64") for e in self._in_batches(function, batch_size, images, styles, views))

    def squared_error(self, images, labels, batch_size=64):
        """Mean squared error of a colour of a pixel, 0 to 1: the paper's metric, there in 1e-3.

        See `errors`; ValueError for no images.
        """
        checks.check_some(images)
        return float(self.errors(images, labels, batch_size)[0].mean())

    def mask_error(self, images, labels, batch_size=64):
        """Mean squared error of the mask of a pixel, 0 to 1. See `errors`; ValueError for no images."""
        checks.check_some(images)
        return float(self.errors(images, labels, batch_size)[1].mean())

    # Generation.

    def generate(self, style, azimuth, elevation, transformation=None, batch_size=64):
        """Pictures of styles from anywhere. One of an argument stands for all.

        Args:
            style: integers [n], 0 to num_styles - 1; or vectors, float [n, num_styles], of any numbers: mixtures.
            azimuth: degrees [n], any: 0 and 360 are the same.
            elevation: degrees [n], -90 to 90.
            transformation: None, or float [n, 8] (models/chairs/transformations.py), also beyond the ranges of
                training.
            batch_size: pictures computed at a time; it bounds the memory.

        Returns: Generated.

        Raises:
            ValueError: an argument is none of these, or they are of different lengths; weights or what they make of
                the arguments are not finite.
        """
        given = self._check_inputs(style, azimuth, elevation, transformation)
        return Generated(*self._in_batches(self._compile_answer("paint", self.paint, pixels=2), batch_size, *given))

    def paint(self, styles, views, transformation=None):
        """`generate` as a pure function of tensors, to compile or export: (images, masks), float32, 0 to 255, whole.

        Values are NaN where the network's are not finite: check before casting.
        """
        return self._whole(*self.draw(styles, views, transformation))

    def _whole(self, rgb, mask):
        values = ops.concatenate([rgb, self.mask_of(mask)], axis=-1)
        values = ops.round(ops.clip(values, 0.0, 1.0) * 255.0)
        values = checks.nan_unless_finite(values, ops.concatenate([rgb, mask], axis=-1))
        return values[..., :3], values[..., 3]

    def _check_inputs(self, style, azimuth, elevation, transformation):
        """What `draw` takes, NumPy arrays of n rows: styles, views and, where the model has one, the transformation."""
        styles, views = chairs_checks.check_views(style, azimuth, elevation, self.num_styles)
        theta = chairs_checks.check_transformation(transformation, self.transformation_length)
        n = chairs_checks.agree(style=styles, view=views, transformation=views[:1] if theta is None else theta)
        given = [styles, views, *([] if theta is None else [theta])]
        return [chairs_checks.spread(array, n) for array in given]
