"""`rendered_chairs` for TensorFlow Datasets, with whole models held out. Importing this module registers it.

    from image_generators.data.chairs import rendered_chairs_builder
    config = tfds.download.DownloadConfig(manual_dir=folder)  # with rendered_chairs.tar or a folder rendered_chairs
    tfds.load("rendered_chairs/128", split="train", download_and_prepare_kwargs={"download_config": config})

data/chairs/rendered_chairs.py reads, crops and downsamples the views. The splits are those of `Views.hold_out_styles`.
"""

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from image_generators.data.chairs import rendered_chairs
from image_generators.data.chairs.view_data import SIZES, held_out_styles, standard_views
from image_generators.data.sources.catalogue import DataError


class RenderedChairs(tfds.core.GeneratorBasedBuilder):
    """Splits train, validation and test, with a configuration for each size in pixels: "64", "128", "256"."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=str(size), description=f"{size} pixels") for size in SIZES]
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"manual_dir must hold {rendered_chairs.REMEDY.partition(';')[0]}."

    @property
    def size(self) -> int:
        """Height and width of the images in pixels."""
        return int(self.builder_config.name)

    def _info(self):
        shape = (self.size, self.size)
        return tfds.core.DatasetInfo(
            builder=self,
            description="Chairs from 31 azimuths and 2 elevations (Aubry et al. 2014), those of arXiv 1411.5928.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(*shape, 3), doc="colour times coverage, on black"),
                    "mask": tfds.features.Image(shape=(*shape, 1), doc="coverage"),
                    "style": tfds.features.Scalar(np.int32, doc="number of the model, 0 to 808"),
                    "model": tfds.features.Text(doc="its folder in the archive"),
                    "azimuth": tfds.features.Scalar(np.float32, doc="degrees"),
                    "elevation": tfds.features.Scalar(np.float32, doc="degrees"),
                }
            ),
            homepage="https://www.di.ens.fr/willow/research/seeing3Dchairs/",
        )

    def _split_generators(self, dl_manager):
        designs = rendered_chairs.designs(rendered_chairs.find(dl_manager.manual_dir))
        return {
            split: self._generate_examples(designs, styles)
            for split, styles in held_out_styles(range(len(designs))).items()
        }

    def _generate_examples(self, designs, styles):
        azimuths, elevations = standard_views()
        left_out = 0
        for style in sorted(map(int, styles)):
            try:
                images = designs[style].draw(self.size, azimuths, elevations)
            except DataError as error:
                left_out += 1
                logging.warning("%s is left out, number %d of this split: %s", designs[style].name, left_out, error)
                continue
            for i, rgba in enumerate(images):
                yield (
                    f"{style:03d}-{i:02d}",
                    {
                        "image": rgba[..., :3],
                        "mask": rgba[..., 3:],
                        "style": style,
                        "model": designs[style].name,
                        "azimuth": azimuths[i],
                        "elevation": elevations[i],
                    },
                )
