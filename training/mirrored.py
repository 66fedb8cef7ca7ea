"""What tf.distribute needs beside Keras, so that several devices take the step that one would take."""

from typing import TYPE_CHECKING

import keras

from image_generators.layers.serialization import serializable
from image_generators.training.optimizers import FusedAdam, Muon

if TYPE_CHECKING:
    import tensorflow as tf


def strategy(devices: list[str]) -> "tf.distribute.Strategy":
    """tf.distribute.MirroredStrategy over some devices, by name."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


class _Mirrored:
    """An optimiser that adds up the devices' gradients before it clips them; Keras' own clips each device's part."""

    def apply(self, grads, trainable_variables=None):
        # Rematerialised, a weight that changes nothing may have no gradient on one device and zeros on another.
        weights = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        grads = [
            keras.ops.zeros_like(weight) if grad is None else grad for grad, weight in zip(grads, weights, strict=True)
        ]
        return super().apply(grads, trainable_variables)

    def _clip_gradients(self, grads):
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        return super()._clip_gradients(context.all_reduce(tf.distribute.ReduceOp.SUM, grads) if context else grads)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars


@serializable("reproduce")
class MirroredAdam(_Mirrored, FusedAdam):
    """FusedAdam for several devices."""


@serializable("reproduce")
class MirroredMuon(_Mirrored, Muon):
    """Muon for several devices."""


OPTIMIZERS = {"adam": MirroredAdam, "muon": MirroredMuon}
