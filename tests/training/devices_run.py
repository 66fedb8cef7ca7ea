"""Trains a tiny network on one device and on two, in parts and rematerialised: python devices_run.py FOLDER CASE...

Writes FOLDER/<case>.npz for each of CASES: the losses after every step and of validation, and the kept weights.
"""

import dataclasses
import os
import pathlib
import signal
import sys

import keras
import numpy as np

from image_generators.data.image_data import ImageData, Split
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import callbacks, devices, presets
from image_generators.training import loop as training

MODEL = {"filters": 6, "depth": 1, "first_kernel_size": 3}
PRESET = presets.Preset(
    MODEL, 6, 8, learning_rate=0.02, warmup_steps=2, clip_norm=0.05, ema_momentum=0.7, steps_per_epoch=3,
    validation_images=6, epoch_samples=0,
)  # fmt: skip
CASES = {
    "one": {},
    "two": {"devices": 2},
    "parts": {"accumulate": 2},
    "two_remat": {"devices": 2, "remat": True},
    "all": {"devices": 2, "accumulate": 2, "remat": True},
    "muon": {"optimizer": "muon"},
    "muon_two": {"optimizer": "muon", "devices": 2},
}


def stripes():
    """Grey images of 4x4 pixels and four levels: the first column tells the rest. Labels: of the first row."""
    columns = np.random.default_rng(0).integers(0, 4, (80, 4, 1, 1))
    images = np.broadcast_to(columns, (80, 4, 4, 1)).astype("uint8")
    labels = images[:, 0, 0, 0].astype("int32")
    places = {"train": slice(64), "validation": slice(64, 72), "test": slice(72, 80)}
    splits = {name: Split(images[place], labels[place]) for name, place in places.items()}
    return ImageData("tiny", "stripes", **splits, class_names=tuple("0123"), levels=4, is_fallback=True, source="made")


class Losses(callbacks.EpochSeeds):
    """What every training has in every process; it writes down the losses, and ends its process at step KILL_AT."""

    told = []

    def on_train_batch_end(self, batch, logs=None):
        self.told.append(float(logs["loss"]))
        if len(self.told) == int(os.environ.get("KILL_AT", 0)):
            os.kill(os.getpid(), signal.SIGKILL)

    def on_epoch_end(self, epoch, logs=None):
        self.told.append(float(logs["val_loss"]))


def train(case, folder):
    """(losses, kept weights)."""
    preset, data = dataclasses.replace(PRESET, **CASES[case]), stripes()
    Losses.told = []
    keras.utils.set_random_seed(0)
    with devices.scope(preset.devices):
        network = GatedPixelCNN(data.image_shape, data.levels, num_classes=4, **MODEL, dtype=preset.precision)
        network.build()
        training.train(network, preset, data, folder / case)
    return Losses.told, [np.array(weight) for weight in network.get_weights()]


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    if not devices.on_jax():  # graphs that run a few times
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    callbacks.EpochSeeds = Losses
    devices.start(2)
    for case in sys.argv[2:]:
        try:
            losses, weights = train(case, folder)
        except devices.Lost as error:
            devices.exit_at_once(error)
        if devices.is_chief():
            np.savez(folder / f"{case}.npz", losses, *weights)
