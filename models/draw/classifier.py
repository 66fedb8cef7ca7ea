"""Classifier: the base class of the networks of Table 1 of arXiv 1502.04623."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from image_generators.models import checks
from image_generators.models.distributions import tfd
from image_generators.models.image_model import ImageModel


class Classification(NamedTuple):
    """Predictions for n images."""

    probabilities: np.ndarray  # float32 [n, classes]
    windows: np.ndarray  # float32 [n, glimpses, 5], as in layers/gaussian_attention.py; [n, 0, 5] without attention

    @property
    def labels(self) -> np.ndarray:
        """The most probable classes, int `[n]`."""
        return self.probabilities.argmax(axis=-1)


class Classifier(ImageModel):
    """Images -> logits. Trained by `fit(images, labels)`; the loss is the cross-entropy, the metric error_percent.

    Labels are int `[n]`, 0 to num_classes - 1. Subclasses implement `look`.

    Args:
        image_shape: (height, width, colours).
        num_classes: number of classes, at least 2.
        levels: number of values of a sub-pixel, 0 .. levels - 1.
    """

    needs_labels = True
    unit = "error_percent"

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int = 10, levels: int = 256, **kwargs):
        super().__init__(image_shape, levels, **kwargs)
        self.num_classes = checks.check_integer("num_classes", num_classes, 2)
        self._error = keras.metrics.Mean(name="error_percent")

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> logits float32 [B, classes]."""
        return self._look(inputs)[0]

    def _look(self, images):
        checks.check_network_images(images, self.image_shape)
        logits, windows = self.look(ops.cast(images, self.compute_dtype) / (self.levels - 1))
        return ops.cast(logits, "float32"), ops.cast(windows, "float32")

    def look(self, inputs):
        """Images with values 0 to 1, `[B, H, W, colours]` -> (logits `[B, classes]`, windows `[B, glimpses, 5]`)."""
        raise NotImplementedError

    def distribution(self, images) -> tfd.Categorical:
        """p(class | image): TFP Categorical, batch `[n]`."""
        return tfd.Categorical(logits=self(images))

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        checks.check_labels("labels", labels, self.num_classes, len(images))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        checks.check_network_labels("labels", y)
        cost = -tfd.Categorical(logits=y_pred).log_prob(ops.clip(checks.without_loss(y), 0, self.num_classes - 1))
        return self.mean_cost(checks.nan_beyond(cost, y, self.num_classes), x, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        labels = checks.without_loss(y)
        is_error = ops.cast(ops.argmax(y_pred, axis=-1), labels.dtype) != labels
        self._error.update_state(100.0 * ops.cast(is_error, "float32"), sample_weight=sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def answer(self, images):
        """(probabilities `[batch, classes]`, windows) as a pure function of tensors, to compile or export."""
        logits, windows = self._look(images)
        return ops.softmax(logits), windows

    def classify(self, images: np.ndarray, batch_size: int = 100) -> Classification:
        """Classifies uint8 images `[n, height, width, colours]`. Raises ValueError for other images."""
        images = checks.check_images(images, self.image_shape, self.levels)
        return Classification(*self._in_batches(self._compile_answer("classify", self.answer), batch_size, images))

    def error_percent(self, images: np.ndarray, labels: np.ndarray, batch_size: int = 100) -> float:
        """The percentage of images that are misclassified. Raises ValueError if there are no images."""
        checks.check_some(images)
        labels = checks.check_labels("labels", labels, self.num_classes, len(images))
        return 100.0 * float(np.mean(self.classify(images, batch_size).labels != labels))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
