"""EmbeddingNetwork: embeds images of the same identity close together, others apart; Section 3.3 of arXiv 1606.05328.

A convolutional network whose output is a vector h of length 1, trained with a triplet loss on identities. A Gated
PixelCNN is conditioned on h.

The paper does not give the sizes; these are ours.
"""

import keras
import numpy as np
from keras import ops

from image_generators.layers.serialization import serializable
from image_generators.models import checks, replicas
from image_generators.models.image_model import ImageModel
from image_generators.models.pixelcnn.triplet import MINING, triplet_loss


@serializable("models")
class EmbeddingNetwork(ImageModel):
    """Blocks of a 3x3 convolution, ReLU and 2x2 max-pooling, whose number of maps doubles; then a linear layer.

    Trained by `fit(images, identities)` on batches of data/identities.py. The metric, `error_percent`, is the error of
    N-way one-shot identification inside the batch: see `compute_metrics`.

    Args:
        image_shape: (height, width, colours).
        levels: 256, or 2 for binary images.
        ways: N, the number of identities of an episode; a batch has a multiple of 2 * ways images.
        filters: maps of the first convolution.
        depth: number of blocks.
        features: length of h.
        margin: margin of the triplet loss, in squared distance.
        mining: "all" or "semi_hard": which triplets count (models/pixelcnn/triplet.py).

    Raises:
        ValueError: if an argument is out of range.
    """

    needs_labels = True
    needs_identities = True
    unit = "error_percent"

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        levels: int = 256,
        ways: int = 20,
        filters: int = 32,
        depth: int = 3,
        features: int = 64,
        margin: float = 0.2,
        mining: str = "all",
        **kwargs,
    ):
        super().__init__(image_shape, levels, **kwargs)
        self.ways = checks.check_integer("ways", ways, 2)
        self.filters = checks.check_integer("filters", filters, 1)
        self.depth = checks.check_integer("depth", depth, 1)
        self.features = checks.check_integer("features", features, 1)
        checks.check_positive("margin", margin)
        checks.check_choice("mining", mining, MINING)
        self.margin, self.mining = margin, mining
        options = {"dtype": self.dtype_policy}
        image_options = {"data_format": "channels_last", **options}
        self.stack = []
        for i in range(self.depth):
            maps = self.filters * 2**i
            self.stack += [
                keras.layers.Conv2D(
                    maps, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"convolution_{i}",
                    **image_options,
                ),
                keras.layers.MaxPooling2D(padding="same", name=f"pooling_{i}", **image_options),
            ]  # fmt: skip
        self.stack.append(keras.layers.Flatten(name="flatten", **image_options))
        self.stack.append(keras.layers.Dense(self.features, name="embedding", **options))
        self._error = keras.metrics.Mean(name="error_percent")

    def build_network(self):
        shape = (None, *self.image_shape)
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs, training=None):
        """uint8 images [B, H, W, colours] -> h, float32 [B, features], of length 1."""
        checks.check_network_images(inputs, self.image_shape)
        maps = ops.cast(inputs, self.compute_dtype) / (self.levels - 1)
        for layer in self.stack:
            maps = layer(maps)
        return ops.normalize(ops.cast(maps, "float32"), axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The triplet loss of the whole batch."""
        checks.check_network_labels("labels", y)
        if sample_weight is not None:
            raise ValueError("sample_weight must be None: the loss is of triplets, not of images. Received: weights")
        embeddings, identities = map(replicas.whole_batch, (y_pred, y))
        loss = triplet_loss(embeddings, identities, self.margin, self.mining)
        return self.mean_cost(loss[None], x[None])  # one cost for the whole batch

    def _check_examples(self, images, condition, labels):
        super()._check_examples(images, condition, labels)
        checks.check_labels("labels", labels, None, len(images))

    def _check_batches(self, n, batch_size):
        episode = 2 * self.ways
        if n % episode or min(n, batch_size) % episode:
            raise ValueError(
                f"batch_size and the number of images must be multiples of 2 * ways, {episode}. "
                f"Received: batch_size={batch_size}, {n} images"
            )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The error of N-way one-shot identification, in both directions.

        A batch consists of episodes: one image of each of N identities, then another image of each in the same order.
        An image is identified correctly if the nearest of the N images in the other half has its identity.
        """
        halves = ops.reshape(replicas.whole_batch(y_pred), (-1, 2, self.ways, self.features))
        first, second = halves[:, 0], halves[:, 1]  # [episodes, N, features]
        similarity = ops.matmul(first, ops.transpose(second, (0, 2, 1)))  # of unit vectors: the largest is the nearest
        identities = ops.arange(self.ways, dtype="int32")
        errors = [ops.cast(ops.argmax(similarity, axis=axis) != identities, "float32") for axis in (1, 2)]
        self._error.update_state(100.0 * ops.stack(errors))
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def embed(self, images: np.ndarray, batch_size: int = 100) -> np.ndarray:
        """uint8 images `[n, height, width, colours]` -> h, float32 `[n, features]`, of length 1.

        Raises ValueError for images of another dtype, shape or range.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        return self._in_batches(self._compile_answer("embed", self), batch_size, images)

    def get_config(self):
        names = ("ways", "filters", "depth", "features", "margin", "mining")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
