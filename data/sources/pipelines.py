"""tf.data pipelines without autotuning: `untuned(dataset)`.

Autotuning is a thread that looks at the pipeline after 10 ms and then after twice as long each time, up to a minute.
Whoever is done with an iterator waits for that thread, which as a rule sleeps through the word that it may go
(TensorFlow 2.21): what took five seconds ended after up to ten, and a long run up to a minute late.
"""

AHEAD = 2  # elements that are made while another is used


def untuned(dataset):
    """The elements of a tf.data.Dataset, made ahead of their use; of parallel calls in it the number must be given."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(AHEAD).with_options(options)
