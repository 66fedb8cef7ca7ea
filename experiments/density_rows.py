"""Rows of a likelihood table without a network: models/pixelcnn/density_baselines.py, fitted and measured."""

import functools
import time
from collections.abc import Callable

import numpy as np

from image_generators.evaluation import pictures, records
from image_generators.experiments.samples import SAMPLES


def uniform(data):
    """(the density, what a record notes of it)."""
    from image_generators.models.pixelcnn.density_baselines import Uniform

    return Uniform(data.image_shape), ""


def multivariate_gaussian(data):
    """(the density, what a record notes of it)."""
    from image_generators.models.pixelcnn.density_baselines import MultivariateGaussian

    density = MultivariateGaussian(data.image_shape)
    density.fit(np.concatenate([data.train.images, data.validation.images]))
    fitted = "Fitted to train and validation together: there is nothing to choose."
    return density, f"{fitted} A bound, by dequantisation noise."


def rows(table: str) -> dict[str, Callable]:
    """For Experiment.baselines of a table in bits/dim: {model: function of the data and the flags}."""
    return {fit.__name__: functools.partial(_row, table, fit) for fit in (uniform, multivariate_gaussian)}


def _row(table, fit, data, options):
    """Fits, measures and samples: (fields of the record, a grid of samples)."""
    start, cpu = time.perf_counter(), time.process_time()
    density, notes = fit(data)
    splits = {split: getattr(data, split).images for split in records.SPLITS}
    values = {split: float(density.bits_per_dim(images).mean(dtype="float64")) for split, images in splits.items()}
    wall = time.perf_counter() - start
    fields = records.UNTRAINED | {
        "model_config": {"image_shape": list(data.image_shape)},
        "values": values,
        "examples": {split: len(images) for split, images in splits.items()},
        "parameters": density.parameters,
        "wall_seconds": wall,
        "cpu_seconds": time.process_time() - cpu,
        "images_per_second": sum(map(len, splits.values())) / wall,
        "samples": f"{table}/{fit.__name__}-{data.name}.png",
        "notes": notes,
    }
    return fields, pictures.grid(density.sample(SAMPLES, seed=options.seed), scale=2)
