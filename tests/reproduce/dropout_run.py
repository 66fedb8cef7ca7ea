"""Table 1's script with a preset in which seeds matter: dropout, an average of the weights, three epochs of four steps.

Its record's picture is blank: a sampler takes longer to compile than all the training.

python dropout_run.py [flags]                  as reproduce/table1_cifar.py
KILL_AT=6 python dropout_run.py [flags]        the same, but SIGKILL comes at step 6, in the middle of the second epoch
"""

import dataclasses
import os
import signal

import numpy as np

from image_generators.experiments import experiment as rows
from image_generators.reproduce import table1_cifar
from image_generators.training import callbacks, presets

MODEL = {"filters": 6, "depth": 1, "first_kernel_size": 3, "dropout": 0.4}
PRESET = presets.Preset(
    MODEL, 12, 4, learning_rate=0.02, warmup_steps=2, ema_momentum=0.7, steps_per_epoch=4, validation_images=4,
    epoch_samples=0, evaluation_images=8, test_images=8,
)  # fmt: skip


class KillingProgress(callbacks.Progress):
    """The progress bar, which every training has; SIGKILL, which no handler sees, comes with it."""

    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.steps += 1
        if self.steps == int(os.environ["KILL_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    table1_cifar.EXPERIMENT.presets["gated_pixel_cnn"]["smoke"] = PRESET
    if "KILL_AT" in os.environ:
        callbacks.Progress = KillingProgress
    blank = np.zeros((2, 2, 3), "uint8")
    rows.main(dataclasses.replace(table1_cifar.EXPERIMENT, picture=lambda network, data, n, seed=0: blank))
