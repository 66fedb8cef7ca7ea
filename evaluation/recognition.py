"""A classifier trained on real images, to ask of samples: does one see which class they were drawn for?

A small plain Keras network. What it says of samples means little without what it says of real test images, so the two
always stand side by side.
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

BATCH = 64


def train(
    images: np.ndarray, labels: np.ndarray, num_classes: int, levels: int = 256, epochs: int = 5, seed: int = 0
) -> "keras.Model":
    """A keras.Sequential, uint8 images [n, height, width, channels] -> logits [n, num_classes], trained on these.

    Args:
        images: uint8 [n, height, width, channels], values 0 .. levels - 1; at least 8 pixels high and wide.
        labels: int [n].
        epochs: passes over them.
        seed: of the weights and of the order.
    """
    import keras

    keras.utils.set_random_seed(seed)
    conv = {"kernel_size": 3, "padding": "same", "activation": "relu"}
    blocks = [(keras.layers.Conv2D(filters, **conv), keras.layers.MaxPooling2D()) for filters in (32, 64, 128)]
    network = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Rescaling(2.0 / (levels - 1), -1.0),
            *itertools.chain(*blocks),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(num_classes),
        ]
    )
    steps = epochs * -(-len(images) // BATCH)
    network.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    network.fit(images.astype("float32"), labels, batch_size=BATCH, epochs=epochs, verbose=2)
    return network


def recognised_percent(network: "keras.Model", images: np.ndarray, labels: np.ndarray) -> float:
    """How many of a hundred images get their label."""
    logits = network.predict(images.astype("float32"), batch_size=256, verbose=0)
    return 100.0 * float(np.mean(logits.argmax(axis=1) == labels))
