"""Measures how long `evaluate` and `fit` wait after the last batch, with our pipelines and with those of Keras.

  python benchmarks/data_pipelines.py          half a minute

Pipelines of Keras are autotuned and wait for the tuner at their end (data/sources/pipelines.py). The wait depends on
how long the pipeline ran, so it is summed over evaluations of 48 to 768 images and trainings of 10 to 160 steps.

Limit: our pipelines wait at most a twentieth as long as those of Keras.
"""

import time

import keras
import numpy as np

from image_generators.benchmarks import timing
from image_generators.data import feeding
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN

SHAPE, BATCH = (32, 32, 3), 16
IMAGES = (48, 96, 192, 384, 768)
STEPS = (10, 20, 40, 80, 160)


class LastBatch(keras.callbacks.Callback):
    """Records the time of the last batch."""

    def on_train_batch_end(self, batch, logs=None):
        self.at = time.perf_counter()

    on_test_batch_end = on_train_batch_end


def main():
    images = np.random.default_rng(0).integers(0, 256, (max(IMAGES), *SHAPE)).astype("uint8")
    network = GatedPixelCNN(SHAPE, filters=12, depth=1)
    network.compile("adam")

    def generator():
        while True:
            yield (images[:BATCH],)

    def evaluate(x, watch):
        network.evaluate(x, batch_size=BATCH, verbose=0, callbacks=[watch])

    def fit(x, steps, watch):
        network.fit(x, steps_per_epoch=steps, verbose=0, callbacks=[watch], shuffle=False)

    waited = {
        "evaluate, Keras' pipeline": [after(evaluate, images[:n]) for n in IMAGES],
        "evaluate, ours": [after(evaluate, *feeding.once((images[:n],), BATCH)) for n in IMAGES],
        "fit, Keras' pipeline": [after(fit, generator(), n) for n in STEPS],
        "fit, ours": [after(fit, feeding.endless(generator), n) for n in STEPS],
    }
    measured = {f"seconds waited, {name}": sum(parts) for name, parts in waited.items()}
    measured |= {f"the longest, {name}": max(parts) for name, parts in waited.items()}
    ours = sum(waited["evaluate, ours"] + waited["fit, ours"])
    keras_own = sum(waited["evaluate, Keras' pipeline"] + waited["fit, Keras' pipeline"])
    timing.report("data_pipelines", measured, {"waited, ours / Keras'": (ours / keras_own, 0.05)})


def after(work, *arguments):
    """Seconds between the last batch and the return of `work`."""
    watch = LastBatch()
    work(*arguments, watch)
    return time.perf_counter() - watch.at


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
