"""SVHN's full numbers for TensorFlow Datasets, which has only single digits. Importing this module registers them.

The paper counts 231,053 training and 4,701 validation images. The archives train and extra hold 33,402 and 202,353
images, one more in total. The paper does not say which image it left out and which it held out.
Departure: all images are used, and 4,701 of both archives are held out at random, with a fixed seed.
"""

import pathlib

import numpy as np
import tensorflow_datasets as tfds

from image_generators.data.sources import svhn

URL = "http://ufldl.stanford.edu/housenumbers/"
VALIDATION_EXAMPLES = 4_701
VALIDATION_SEED = 1503


class SvhnFull(tfds.core.GeneratorBasedBuilder):
    """Splits train, validation and test of 64x64 images, without the digits' labels."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Street View House Numbers: full numbers, cut out with a margin and scaled to 64x64.",
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(svhn.SIZE, svhn.SIZE, 3))}),
            homepage=URL,
        )

    def _split_generators(self, dl_manager):
        archives = dl_manager.download_and_extract({name: f"{URL}{name}.tar.gz" for name in ("train", "extra", "test")})
        folders = {name: pathlib.Path(path) / name for name, path in archives.items()}
        listed = {name: svhn.numbers(folder) for name, folder in folders.items()}
        for_training = [(name, number) for name in ("train", "extra") for number in listed[name]]
        rng = np.random.Generator(np.random.Philox(VALIDATION_SEED))
        held_out = set(rng.permutation(len(for_training))[:VALIDATION_EXAMPLES].tolist())
        members = {
            "train": [number for i, number in enumerate(for_training) if i not in held_out],
            "validation": [number for i, number in enumerate(for_training) if i in held_out],
            "test": [("test", number) for number in listed["test"]],
        }
        return {split: self._generate_examples(folders, numbers) for split, numbers in members.items()}

    def _generate_examples(self, folders, numbers):
        for archive, number in numbers:
            for name, image in svhn.crops(folders[archive], [number]):
                yield f"{archive}/{name}", {"image": image}
