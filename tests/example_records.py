"""What several tests of scripts are made of: a record, and views of chairs."""

import numpy as np

from image_generators.data.chairs.view_data import Views
from image_generators.evaluation import records, tables

STYLES, AZIMUTHS, SIZE = 6, 8, 16


ROWS = [
    tables.Row("Uniform", 8.0, None, "paper A, Table 1", models=("uniform",)),
    tables.Row("NICE", 4.48, None, "paper A, Table 1"),
    tables.Row("Gated PixelCNN", 3.03, 2.9, "paper A, Table 1", models=("gated_pixel_cnn",)),
]
BOUNDS = [
    tables.Row("DRAW", 80.97, None, "paper D, Table 2", models=("draw",), sign="<="),
    tables.Row("DBN", 84.55, None, "paper R, Table 4", sign="~"),
    tables.Row("Row LSTM", None, None, "paper X, Table 9", models=("row_lstm",)),
]


def record(**fields):
    """A record of a network that was never trained; `fields` replace its fields."""
    told = {
        "table": "table",
        "row": "row",
        "model": "model",
        "model_config": {},
        "preset": "quick",
        "preset_settings": {"batch_size": 4},
        "data": "data",
        "data_title": "data",
        "data_source": "made up",
        "data_fingerprint": "0",
        "is_fallback": False,
        "metric": "nats",
        "values": {"validation": 1.0},
        "examples": {"validation": 10},
        "parameters": 1,
        "steps": 1,
        "epochs": 1.0,
        "wall_seconds": 1.0,
        "cpu_seconds": 1.0,
        "images_per_second": 1.0,
        "hardware": "a machine",
        "backend": "tensorflow",
        "versions": {},
        "seed": 0,
        "commit": "0" * 40,
        "date": "2024-01-01T00:00:00+00:00",
        "weights": None,
        "weights_sha256": None,
        "samples": None,
        "command": "python",
    }
    return records.Record(**told | fields)


def of_row(test=3.0, train=None, validation=None, examples=1000, **changes):
    """A record of the row Gated PixelCNN in `ROWS`, with these values."""
    values = {"train": train, "validation": validation, "test": test}
    fields = {
        "table": "table1_cifar",
        "row": "Gated PixelCNN",
        "model": "gated_pixel_cnn",
        "data": "cifar10",
        "data_title": "CIFAR-10",
        "metric": "bits_per_dim",
        "values": values,
        "examples": {split: examples for split, value in values.items() if value is not None},
        "parameters": 10,
        "steps": 12345,
        "wall_seconds": 754.0,
        "hardware": "AMD EPYC, 2 cores, 23 GiB",
        "command": "python reproduce/table1_cifar.py --preset=quick",
    }
    return record(**(fields | changes))


def chair_views(styles=STYLES, elevations=(20, 30), name="embedded_chairs", category="chair"):
    """Noise: of a style a colour and a pattern of its own, brighter from the front."""
    random = np.random.default_rng(len(name))
    style, elevation, azimuth = (
        grid.reshape(-1) for grid in np.meshgrid(range(styles), elevations, np.arange(AZIMUTHS) * 45.0, indexing="ij")
    )
    patterns = random.uniform(0, 0.7, (styles, SIZE, SIZE, 3))[style]
    colours = patterns + 0.3 * np.cos(np.radians(azimuth / 2))[:, None, None, None] ** 2
    mask = random.random((styles, SIZE, SIZE, 1))[style] < 0.5
    images = (255 * np.concatenate([colours * mask, mask], axis=-1)).astype("uint8")
    return Views(
        name=name,
        title=name,
        source="made up",
        is_fallback=False,
        images=images,
        styles=style.astype("int32"),
        azimuths=azimuth.astype("float32"),
        elevations=elevation.astype("float32"),
        style_names=tuple(f"style {i}" for i in range(styles)),
        categories=(category,) * styles,
        licences=("CC0",) * styles,
    )
