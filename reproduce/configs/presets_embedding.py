"""Presets of Figures 4 and 5 of arXiv 1606.05328, whose sizes and schedules the paper does not give; see presets.py."""

import dataclasses

from image_generators.reproduce.configs.presets_conditional import DECODER_CIFAR
from image_generators.training.presets import PRESETS, Preset

# Batches of 20-way episodes: all numbers of images are multiples of 40.
NETWORK = {
    "embedding_network": {
        "smoke": Preset({"filters": 4, "depth": 2, "features": 8}, 6, 40, steps_per_epoch=2, validation_images=40,
                        evaluation_images=80, test_images=80, evaluation_batch=40, warmup_steps=2, ema_momentum=0.5),
        "quick": Preset({"filters": 32}, 1000, 80, ema_momentum=0.99, steps_per_epoch=250, validation_images=400,
                        evaluation_images=2000, evaluation_batch=200),
        "cpu": Preset({"filters": 32}, 5000, 80, steps_per_epoch=500, validation_images=2000, evaluation_images=4000,
                      evaluation_batch=200),
        "gpu": Preset({"filters": 64, "depth": 4}, 40_000, 160, steps_per_epoch=1000, validation_images=2000,
                      evaluation_batch=200, xla=True),
    }
}  # fmt: skip

# `measuring`: how many samples are asked for their identity, and how many test images are given other embeddings.
_MEASURING = {
    "smoke": {"identified": 3, "test_images": 16},
    "quick": {"identified": 659, "test_images": 500},
    "cpu": {"identified": 659, "test_images": 2000},
    "gpu": {"identified": 3295, "test_images": 10_000},
}
_CHARACTERS = {
    "smoke": PRESETS["table2_binarized_mnist"]["gated_pixel_cnn"]["smoke"],
    "quick": Preset({"filters": 16, "depth": 5}, 1500, 8, learning_rate=4e-3, ema_momentum=0.99, steps_per_epoch=250,
                    validation_images=200, evaluation_images=500, test_images=2000, evaluation_batch=50),
    # 5x5: through a vector the network learns where it is from borders alone, so it must see far.
    "cpu": Preset({"filters": 32, "depth": 6, "kernel_size": 5}, 6000, 8, learning_rate=3e-3, steps_per_epoch=500,
                  warmup_steps=200, validation_images=400, evaluation_images=2000, evaluation_batch=50),
    "gpu": Preset({"filters": 96, "depth": 10, "kernel_size": 5, "dropout": 0.1}, 40_000, 64, steps_per_epoch=1000,
                  warmup_steps=1000, ema_momentum=0.9995, evaluation_batch=100, xla=True),
}  # fmt: skip


_MAP_FILTERS = {"smoke": 4, "quick": 16, "cpu": 32, "gpu": 64}  # of m(h)


def _rows(plain, given):
    """Presets of a network without the embedding, and of those with it and with a map of it, which measure more."""
    given = {name: dataclasses.replace(given[name], measuring=measuring) for name, measuring in _MEASURING.items()}
    mapped = {
        name: dataclasses.replace(preset, model={**preset.model, "map_filters": _MAP_FILTERS[name]})
        for name, preset in given.items()
    }
    return {
        "gated_pixel_cnn": plain,
        "gated_pixel_cnn_of_embedding": given,
        "map_pixel_cnn_of_embedding": mapped,
    }


CHARACTERS = _rows(_CHARACTERS, _CHARACTERS)
# On a CPU those with an embedding start from the weights of the one without, which is Table 1's.
_FROM_TABLE_1 = DECODER_CIFAR | {"cpu": dataclasses.replace(DECODER_CIFAR["cpu"], steps=3000)}
PHOTOGRAPHS = _rows({name: PRESETS["table1_cifar"]["gated_pixel_cnn"][name] for name in _MEASURING}, _FROM_TABLE_1)
