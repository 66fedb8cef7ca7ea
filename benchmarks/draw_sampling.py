"""Times sampling from DRAW's MNIST model (64 glimpses), and making cluttered digits for its classifier.

  python benchmarks/draw_sampling.py            one minute

Limits: 100 digits are drawn in less than a second, without compilation. A batch of 100 cluttered 100x100 images is made
in at most half the time of a training step on it (DrawClassifier, 8 glimpses of 12x12).
"""

import time

import keras
import numpy as np

from image_generators.benchmarks import timing
from image_generators.data import compose
from image_generators.data.batches import batches
from image_generators.data.image_data import Split
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.training import memory

BATCH = 100


def main():
    memory.keep_freed_memory()
    network = Draw()
    start = time.perf_counter()
    network.sample(BATCH)
    first = time.perf_counter() - start
    loop = cluttered_batches()
    seconds = timing.race(
        {
            "sample": lambda: network.sample(BATCH),
            "generate": lambda: next(loop),
            "train": classifier_step(*next(loop)),
        }
    )
    measured = {
        "seconds, 100 samples": seconds["sample"],
        "seconds, first call (with compilation)": first,
        "seconds, 100 cluttered images": seconds["generate"],
        "seconds a step, DrawClassifier on 100 of them": seconds["train"],
    }
    bars = {
        "seconds, 100 samples": (seconds["sample"], 1.0),
        "cluttered images / training step": (seconds["generate"] / seconds["train"], 0.5),
    }
    timing.report("draw_sampling", measured, bars)


def cluttered_batches():
    """The batches of `training.loop`, from as many digits as MNIST has for training."""
    random = np.random.default_rng(0)
    digits = random.integers(0, 256, (50_000, 28, 28, 1), dtype=np.uint8)
    split = Split(digits, random.integers(0, 10, len(digits)))
    return batches(split, BATCH, seed=0, augment=lambda images, rng: compose.cluttered(images, digits, rng))


def classifier_step(images, labels):
    network = DrawClassifier()
    network.build()
    network.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    return lambda: network.train_on_batch(images, labels)


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
