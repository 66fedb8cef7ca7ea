"""tf.data pipelines without autotuning.

Autotuning runs a thread that wakes after 10 ms, then after twice as long each time, up to a minute. Deleting an
iterator waits for this thread, which usually misses the signal to stop (TensorFlow 2.21). A loop of five seconds could
end after ten, and a long run up to a minute late.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

PREFETCHED = 2  # elements prepared in advance


def without_autotuning(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """`dataset` with prefetching and without autotuning.

    Calls of `map` in it must give `num_parallel_calls` as a number, not as AUTOTUNE.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(PREFETCHED).with_options(options)
