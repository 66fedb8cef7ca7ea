"""Trains one tiny model of each kind on one device and on two: python replicas_run.py FILE.

By plain Keras inside tf.distribute.MirroredStrategy, on models that nothing has built before. Writes what a step of
`fit` reports and the weights after it to FILE, an .npz, under <devices>/<model>/reports and <devices>/<model>/<i>.
"""

import contextlib
import sys

import every_model
import keras
import numpy as np
import tensorflow as tf

RATES = {"chairs_generator": 1e-4}
AS_GRAPHS = ("gated_pixel_cnn", "draw")  # those of the others take long to trace; they are evaluated, too


def run(name):
    """(what a step of `fit` and, of some, `evaluate` after it report; the weights after the step)."""
    model = every_model.small_model(name)
    data = tf.data.Dataset.from_tensor_slices(every_model.examples(model)).batch(8)
    optimizer, metrics = keras.optimizers.SGD(RATES.get(name, 0.1)), ["accuracy"] if name == "draw_classifier" else None
    model.compile(optimizer, metrics=metrics, run_eagerly=name not in AS_GRAPHS)
    reports = [values[0] for _, values in sorted(model.fit(data, verbose=0).history.items())]
    reports += model.evaluate(data, verbose=0) if name in AS_GRAPHS else []
    return np.array(reports), model.get_weights()


if __name__ == "__main__":
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two, found = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), {}
    for name in sys.argv[2:] or every_model.MODELS:
        for devices, scope in ((1, contextlib.nullcontext()), (2, two.scope())):
            with scope:
                reports, weights = run(name)
            found |= {f"{devices}/{name}/reports": reports}
            found |= {f"{devices}/{name}/{i}": weight for i, weight in enumerate(weights)}
    np.savez(sys.argv[1], **found)
