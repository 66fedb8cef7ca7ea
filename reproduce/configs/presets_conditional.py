"""Presets of the conditional Gated PixelCNNs, each script's as {model: {name: Preset}}; see presets.py.

A conditional model has the size and the schedule of the unconditional one beside it: what differs is the condition.
"""

import dataclasses

from image_generators.training.presets import PRESETS, Preset


def _with(presets, **changes):
    """Each preset with the changes of its name: `_with(P, smoke={"steps": 4})`."""
    return {name: dataclasses.replace(preset, **changes.get(name, {})) for name, preset in presets.items()}


# Figure 3. `measuring`: the classifier that looks at samples, and how many samples and test images are judged a class.
_RECOGNITION = {
    "smoke": {"measuring": {"training_images": 64, "epochs": 1, "samples_a_class": 1, "test_images": 8}},
    "quick": {"measuring": {"training_images": 10_000, "epochs": 2, "samples_a_class": 10, "test_images": 100}},
    "cpu": {"measuring": {"training_images": 45_000, "epochs": 5, "samples_a_class": 100, "test_images": 1000}},
    "gpu": {"measuring": {"training_images": 45_000, "epochs": 5, "samples_a_class": 100, "test_images": 200}},
    "paper": {"measuring": {"training_images": 45_000, "epochs": 20, "samples_a_class": 500, "test_images": 2000}},
}
_RECOGNITION["muon"] = _RECOGNITION["cpu"]
_GATED_CIFAR = PRESETS["table1_cifar"]["gated_pixel_cnn"]
UNCONDITIONAL = "table1_cifar/gated_pixel_cnn-cpu-cifar10.weights.h5"
_FROM_MUON = {"start": UNCONDITIONAL.replace("-cpu-", "-muon-"), "steps": 4000, "learning_rate": 2e-3,
              "ema_momentum": 0.995}  # fmt: skip
_FROM_UNCONDITIONAL = {  # most of its work is the same
    "muon": _FROM_MUON,
    "gpu": {"start": UNCONDITIONAL.replace("-cpu-", "-gpu-"), "steps": 3000, "steps_per_epoch": 500,
            "learning_rate": 3e-4, "warmup_steps": 100, "ema_momentum": 0.998,
            "evaluation_images": 500, "test_images": 2000},  # measuring on a CPU takes longer than training
}  # fmt: skip
CLASSES_CIFAR = {
    "gated_pixel_cnn": _GATED_CIFAR,
    "class_gated_pixel_cnn": _with(
        _with({name: _GATED_CIFAR[name] for name in _RECOGNITION}, **_FROM_UNCONDITIONAL), **_RECOGNITION
    ),
}

# MNIST with 256 levels, which the paper does not model: sizes are ours.
_GATED_GREY = {
    "smoke": dataclasses.replace(_GATED_CIFAR["smoke"], model={"filters": 6, "depth": 2, "first_kernel_size": 3}),
    "quick": Preset({"filters": 24, "depth": 4, "head_filters": 48}, 1250, 4, learning_rate=4e-3, ema_momentum=0.99,
                    steps_per_epoch=250, validation_images=100, evaluation_images=500, test_images=2500),
    "cpu": Preset({"filters": 32, "depth": 6, "head_filters": 64}, 6000, 8, steps_per_epoch=500, warmup_steps=200,
                  learning_rate=3e-3, validation_images=256, evaluation_images=2000),
    "gpu": Preset({"filters": 64, "depth": 12, "kernel_size": 5, "head_filters": 128, "dropout": 0.1}, 40_000, 64,
                  steps_per_epoch=1000, warmup_steps=1000, ema_momentum=0.9995, evaluation_batch=100, xla=True),
}  # fmt: skip
CLASSES_MNIST = {"gated_pixel_cnn": _GATED_GREY, "class_gated_pixel_cnn": _with(_GATED_GREY, **_RECOGNITION)}

# Figure 6, on CIFAR-10 and on MNIST. `measuring`: images that the probe of codes learns from and is asked of, test
# images that are decoded, and how often each.
_CODES = {
    "smoke": {"measuring": {"training_images": 32, "test_images": 16, "decoded": 2, "samples": 2}},
    "quick": {"measuring": {"training_images": 5000, "test_images": 2000, "decoded": 16, "samples": 4}},
    "cpu": {"measuring": {"training_images": 20_000, "test_images": 10_000, "decoded": 64, "samples": 8}},
    "gpu": {"measuring": {"training_images": 45_000, "test_images": 10_000, "decoded": 256, "samples": 8}},
}
_SMALL = {"encoder_filters": 4, "map_filters": 6, "map_depth": 1}
_MEDIUM = {"encoder_filters": 16, "map_filters": 24, "map_depth": 1}
_LARGE = {"encoder_filters": 24, "map_filters": 48}
_LARGEST = {"encoder_filters": 64, "map_filters": 128, "map_depth": 4}


# The more a map tells, the more there is to learn anew, and the higher the rate may be; for holes 5e-3 lost it all.
_RATES = {"colourise": {"learning_rate": 5e-3}, "inpaint": {"learning_rate": 1e-3}}


def _by_muon(cpu, start_map, **changes):
    """The preset `muon` beside `cpu`, from weights that Muon gave, and m(h) from squared error's."""
    changes = {"model": cpu.model, "measuring": cpu.measuring, "start_map": start_map, **changes}
    return dataclasses.replace(_GATED_CIFAR["muon"], **_FROM_MUON | changes)


def _autoencoders(decoders, batch_size, start_map=""):
    """{model: presets} of the four auto-encoders.

    Args:
        decoders: {name: Preset}, sizes and schedules of the PixelCNN.
        batch_size: of squared error in `cpu`.
        start_map: which weights under squared error the PixelCNN's start from in `cpu` and `muon`, with {} for the
            bottleneck; without, there is no `muon`.
    """
    sizes = {"smoke": _SMALL, "quick": _MEDIUM, "cpu": _LARGE, "gpu": _LARGEST}
    presets = {}
    for bottleneck in (10, 100):
        code = {name: {"bottleneck": bottleneck, **size} for name, size in sizes.items()}
        squared = {name: {"model": code[name], "evaluation_batch": 64, "start": ""} for name in sizes}
        squared["cpu"] |= {"steps": 3000, "learning_rate": 2e-3, "batch_size": batch_size}
        presets[f"deconvolutional_autoencoder_{bottleneck}"] = _with(_with(decoders, **squared), **_CODES)
        decoded = {name: {"model": {**decoders[name].model, **code[name]}} for name in sizes}
        decoded["cpu"]["start_map"] = start_map.format(bottleneck)
        made = presets[f"pixel_cnn_autoencoder_{bottleneck}"] = _with(_with(decoders, **decoded), **_CODES)
        if start_map:
            made["muon"] = _by_muon(made["cpu"], start_map.format(bottleneck))
    return presets


DECODER_CIFAR = {name: _GATED_CIFAR[name] for name in ("smoke", "quick", "gpu")}
# Models under squared error have these presets too, and learn no sooner by Muon.
DECODER_CIFAR["quick"] = dataclasses.replace(DECODER_CIFAR["quick"], optimizer="adam", learning_rate=4e-3)
# On a CPU the PixelCNN starts from the weights of the unconditional one: most of its work is the same. A low rate: at
# 2e-3 it loses in the first hundred steps what it knew, and is a thousand steps later where it was.
DECODER_CIFAR["cpu"] = dataclasses.replace(
    _GATED_CIFAR["cpu"], steps=1500, batch_size=4, learning_rate=5e-4, ema_momentum=0.99, start=UNCONDITIONAL
)
_DECODER_GREY = _GATED_GREY | {"cpu": dataclasses.replace(_GATED_GREY["cpu"], steps=4000)}
CODES_MNIST = _autoencoders(_DECODER_GREY, batch_size=8)
# A photograph's code is heard late: a PixelCNN that does well without it learned in 1,500 steps to do without it. So
# encoder and m(h) start from what squared error made of them.
_DECODER_OF_CODES = DECODER_CIFAR | {"cpu": dataclasses.replace(DECODER_CIFAR["cpu"], steps=3000)}
CODES_CIFAR = _autoencoders(
    _DECODER_OF_CODES, 32, start_map="fig6_autoencoder/deconvolutional_autoencoder_{}-cpu-cifar10.weights.h5"
)

# Equation 5: the tasks of data/degradations.py. `measuring`: test images that are restored, and how often each.
_RESTORED = {
    "smoke": {"measuring": {"restored": 2, "samples": 2}},
    "quick": {"measuring": {"restored": 16, "samples": 4}},
    "cpu": {"measuring": {"restored": 128, "samples": 8}},
    "gpu": {"measuring": {"restored": 1000, "samples": 8}},
}
_MAPS = {
    "smoke": {"map_filters": 6, "map_depth": 1},
    "quick": {"map_filters": 24, "map_depth": 1},
    "cpu": {"map_filters": 48, "map_depth": 2},
    "gpu": {"map_filters": 128, "map_depth": 6},
}


def spatial(task):
    """{model: presets} of a task; its network m(h) halves what is as large as the image, to see further."""
    extra = {"map_halvings": 0 if task == "super_resolve" else 2, "keeps_known": task == "inpaint"}
    maps = {name: {**size, **extra} for name, size in _MAPS.items()}
    decoded = {name: {"model": {**DECODER_CIFAR[name].model, **maps[name]}} for name in maps}
    if task == "super_resolve":  # what a few pixels say of many is learned last
        decoded["cpu"]["steps"] = 3000
    squared = {name: {"model": maps[name], "evaluation_batch": 64, "start": ""} for name in maps}
    squared["cpu"] |= {"steps": 3000, "learning_rate": 2e-3}
    restored = _with(_with(DECODER_CIFAR, **decoded), **_RESTORED)
    squared_map = f"eq5_spatial_tasks/map_regression-cpu-cifar10-{task}.weights.h5"
    restored["muon"] = _by_muon(restored["cpu"], squared_map, **_RATES.get(task, {}))
    return {"map_regression": _with(_with(DECODER_CIFAR, **squared), **_RESTORED), "map_pixel_cnn": restored}
