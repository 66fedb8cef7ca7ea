"""Adam and Muon, as presets name them: Keras' own, with what training here needs beside.

FusedAdam   Adam, whose step is one operation of TensorFlow for each weight instead of eleven.
Muon        momentum made orthogonal, of every matrix and convolution but the last layer; Adam for the others.

Where a batch is computed in parts (`gradient_accumulation_steps`), rate and averages follow the batches, so that the
weights are those of a whole batch; Keras' own follow the parts.
"""

import re

import keras
from keras import ops

from image_generators.layers.serialization import serializable

_ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


class _WholeBatches:
    """An optimiser's rate and averaged weights, which step with batches."""

    def _get_current_learning_rate(self):
        if self.gradient_accumulation_steps and callable(self._learning_rate):
            return self._learning_rate(self.iterations)
        return super()._get_current_learning_rate()

    def _update_model_variables_moving_average(self, trainable_variables):
        if not self.gradient_accumulation_steps:
            return super()._update_model_variables_moving_average(trainable_variables)
        # After the last part of a batch, when the weights have moved; the first batch's weights are the first average.
        is_last = ops.equal((self._iterations + 1) % self.gradient_accumulation_steps, 0)
        momentum = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        momentum = ops.where(is_last, momentum, 1.0)
        for weight, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            decay = ops.cast(momentum, weight.dtype)
            average.assign(decay * average + (1 - decay) * weight)


@serializable("reproduce")
class FusedAdam(_WholeBatches, keras.optimizers.Adam):
    """As keras.optimizers.Adam; with `amsgrad`, and on JAX, where XLA fuses the operations anyway, it is that.

    The numbers are the same. Adam reads and writes little per multiplication, so that its time is that of memory: a
    step of 32 million weights, those of the chairs' generator, takes a quarter of the time when each is fetched once.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not _ON_TENSORFLOW or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        index, dtype = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2 = (tf.cast(beta, dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(ops.convert_to_tensor(self.iterations) + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


@serializable("reproduce")
class Muon(_WholeBatches, keras.optimizers.Muon):
    """keras.optimizers.Muon, which takes matrices only, for convolutions too: as matrices of taps x inputs, outputs.

    A kernel's momentum is replaced by the nearest orthogonal matrix (Jordan et al., 2024), times 0.2 of the root of its
    larger side, so that a rate means about what it means for Adam (arXiv 2502.16982). Without weight decay kernels grow
    as the root of the number of steps, until gates saturate: long runs need it, as that paper found.

    Args:
        learning_rate: of kernels; that of Adam is a third of it.
        weight_decay: decoupled, of the kernels that are made orthogonal: a step shrinks each by rate x weight_decay.
        exclude_layers: patterns of paths whose kernels Adam trains, by default the last layer of our networks.
    """

    def __init__(
        self, learning_rate=0.01, adam_lr_ratio=1 / 3, exclude_layers=("logits",), weight_decay=None, **options
    ):
        super().__init__(
            learning_rate,
            adam_lr_ratio=adam_lr_ratio,
            exclude_layers=list(exclude_layers),
            weight_decay=weight_decay,
            **{"adam_weight_decay": None} | options,
        )

    def _should_use_adamw(self, variable):
        excluded = any(re.search(pattern, variable.path) for pattern in self.exclude_layers)
        return len(variable.shape) < 2 or excluded

    def zeropower_via_newtonschulz5(self, x, steps):
        return ops.reshape(super().zeropower_via_newtonschulz5(_matrix(x), steps), x.shape)

    def lr_adjust(self, x):
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel):
    """[..., inputs, outputs] -> [taps * inputs, outputs]"""
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


OPTIMIZERS = {"adam": FusedAdam, "muon": Muon}
