"""Presets of arXiv 1606.05328 and 1601.06759: {model: {name of a preset: Preset}} for each table and figure."""

import dataclasses

from image_generators.training.presets import Preset

# Table 1 of arXiv 1606.05328: CIFAR-10.
_GATED_CIFAR = {
    "smoke": Preset({"filters": 12, "depth": 2, "first_kernel_size": 3}, 6, 4, steps_per_epoch=2, validation_images=8,
                    epoch_samples=0, evaluation_images=16, test_images=16, warmup_steps=2, ema_momentum=0.5),
    "quick": Preset({"filters": 36, "depth": 4, "first_kernel_size": 5, "head_filters": 72}, 1000, 2,
                    optimizer="muon", learning_rate=9e-3, ema_momentum=0.995, steps_per_epoch=250, validation_images=64,
                    evaluation_images=500, test_images=2500),
    "cpu": Preset({"filters": 48, "depth": 6, "head_filters": 96}, 30_000, 2, steps_per_epoch=500, warmup_steps=200,
                  learning_rate=3e-3, evaluation_images=1000),
    "muon": Preset({"filters": 48, "depth": 6, "head_filters": 96}, 20_000, 4, steps_per_epoch=500, warmup_steps=200,
                   optimizer="muon", learning_rate=9e-3, evaluation_images=1000),
    "wide": Preset({"filters": 72, "depth": 8, "head_filters": 192}, 16_000, 4, steps_per_epoch=1000, warmup_steps=200,
                   optimizer="muon", learning_rate=7e-3, evaluation_images=2000, precision="mixed_bfloat16"),
    "gpu": Preset({"filters": 144, "depth": 16, "head_filters": 384}, 24_000, 64, steps_per_epoch=2000,
                  warmup_steps=1000, ema_momentum=0.9995, epoch_samples=0, evaluation_images=2000,
                  precision="mixed_bfloat16", xla=True),
    "paper": Preset({"filters": 384, "depth": 20, "kernel_size": 5, "head_filters": 1023, "dropout": 0.1}, 200_000, 128,
                    learning_rate=4e-4, steps_per_epoch=1000, warmup_steps=2000, ema_momentum=0.9995,
                    precision="mixed_bfloat16", xla=True),
}  # fmt: skip

_PIXEL_CNN_CIFAR = {
    "smoke": dataclasses.replace(_GATED_CIFAR["smoke"], model={"filters": 6, "depth": 2, "first_kernel_size": 3}),
    "quick": dataclasses.replace(_GATED_CIFAR["quick"], model={"filters": 36, "depth": 7, "head_filters": 72}),
    "cpu": dataclasses.replace(_GATED_CIFAR["cpu"], model={"filters": 48, "depth": 10, "head_filters": 96}),
    "muon": dataclasses.replace(_GATED_CIFAR["muon"], model={"filters": 48, "depth": 10, "head_filters": 96}),
    "gpu": dataclasses.replace(
        _GATED_CIFAR["gpu"], model={"filters": 129, "depth": 15, "head_filters": 1023, "dropout": 0.1}
    ),
    # Departure: h = 129 and a head of 1023 for the paper's 128 and 1024, which do not divide by three colours.
    "paper": dataclasses.replace(
        _GATED_CIFAR["paper"], model={"filters": 129, "depth": 15, "head_filters": 1023, "dropout": 0.1}, batch_size=16
    ),
}


def _recurrent(like, recurrence, **models):
    """The presets of PixelRNN on the schedules of `like`; `models`: {name: constructor arguments}."""
    return {
        name: dataclasses.replace(like[name], model={"recurrence": recurrence, **model})
        for name, model in models.items()
    }


_SMALL_RECURRENT = {"filters": 6, "depth": 1, "first_kernel_size": 3}
_ROW_LSTM_CIFAR = _recurrent(
    _PIXEL_CNN_CIFAR,
    "row_lstm",
    smoke=_SMALL_RECURRENT,
    quick={"filters": 36, "depth": 3, "head_filters": 72},
    cpu={"filters": 48, "depth": 6, "head_filters": 96},
    gpu={"filters": 96, "depth": 8, "head_filters": 384, "dropout": 0.1},
    paper={"filters": 129, "depth": 12, "head_filters": 1023},
)
_DIAGONAL_CIFAR = _recurrent(
    _PIXEL_CNN_CIFAR,
    "diagonal_bilstm",
    smoke=_SMALL_RECURRENT,
    quick={"filters": 36, "depth": 1, "head_filters": 72},
    cpu={"filters": 48, "depth": 2, "head_filters": 96},
    gpu={"filters": 96, "depth": 6, "head_filters": 384, "dropout": 0.1},
    paper={"filters": 129, "depth": 12, "head_filters": 1023},
)

# Binarised MNIST, Table 4 of arXiv 1601.06759.
_GATED_MNIST = {
    "smoke": dataclasses.replace(_GATED_CIFAR["smoke"], model={"filters": 6, "depth": 2, "first_kernel_size": 3}),
    "quick": Preset({"filters": 16, "depth": 5}, 1500, 8, learning_rate=4e-3, ema_momentum=0.99, steps_per_epoch=250,
                    validation_images=200, evaluation_images=500, evaluation_batch=50),
    "cpu": Preset({"filters": 32, "depth": 6}, 6000, 8, learning_rate=3e-3, steps_per_epoch=500,
                  validation_images=500, evaluation_images=2000, evaluation_batch=50),
    # Six layers of 3x3 see nine rows upwards, these 18 of the 28.
    "muon": Preset({"filters": 32, "depth": 8, "kernel_size": 5}, 6000, 8, optimizer="muon", learning_rate=9e-3,
                   steps_per_epoch=500, validation_images=500, evaluation_images=2000, evaluation_batch=50),
    "gpu": Preset({"filters": 64, "depth": 12, "kernel_size": 5, "dropout": 0.1}, 40_000, 64, steps_per_epoch=1000,
                  warmup_steps=1000, ema_momentum=0.9995, evaluation_batch=100, xla=True),
    "paper": Preset({"filters": 64, "depth": 12, "kernel_size": 5, "dropout": 0.1}, 200_000, 16, learning_rate=4e-4,
                    steps_per_epoch=1000, warmup_steps=2000, ema_momentum=0.9995, evaluation_batch=100),
}  # fmt: skip
_PIXEL_CNN_MNIST = {
    "smoke": _GATED_MNIST["smoke"],
    "quick": dataclasses.replace(_GATED_MNIST["quick"], model={"filters": 16, "depth": 8, "head_filters": 32}),
    "cpu": dataclasses.replace(_GATED_MNIST["cpu"], model={"filters": 32, "depth": 10, "head_filters": 32}),
    "gpu": dataclasses.replace(_GATED_MNIST["gpu"], model={"filters": 64, "depth": 12, "head_filters": 64}),
    # arXiv 1601.06759: 7 layers, h = 16, a head of 32.
    "paper": dataclasses.replace(_GATED_MNIST["paper"], model={"filters": 16, "depth": 7, "head_filters": 32}),
}

# arXiv 1601.06759: one layer with h = 32, and seven with h = 16, head 32; of its Row LSTM on MNIST it gives no sizes.
_ROW_LSTM_MNIST = _recurrent(
    _PIXEL_CNN_MNIST,
    "row_lstm",
    smoke=_SMALL_RECURRENT,
    quick={"filters": 16, "depth": 3, "head_filters": 32},
    cpu={"filters": 32, "depth": 3, "head_filters": 32},
    gpu={"filters": 64, "depth": 7, "head_filters": 64, "dropout": 0.1},
    paper={"filters": 16, "depth": 7, "head_filters": 32},
)
_ONE_LAYER = {"filters": 32, "depth": 1, "head_filters": 32}
_DIAGONAL_MNIST = _recurrent(
    _PIXEL_CNN_MNIST,
    "diagonal_bilstm",
    smoke=_SMALL_RECURRENT,
    quick={"filters": 16, "depth": 1, "head_filters": 32},
    cpu=_ONE_LAYER,
    gpu=_ONE_LAYER,
    paper=_ONE_LAYER,
)
_SEVEN_LAYERS = {"filters": 16, "depth": 7, "head_filters": 32}
_ALL_BUT_SMOKE = ("quick", "cpu", "gpu", "paper")
_DIAGONAL_7_MNIST = _recurrent(
    _PIXEL_CNN_MNIST, "diagonal_bilstm", smoke=_SMALL_RECURRENT, **dict.fromkeys(_ALL_BUT_SMOKE, _SEVEN_LAYERS)
)
_DIAGONAL_7_MNIST["cpu"] = dataclasses.replace(_DIAGONAL_7_MNIST["cpu"], steps=18_000)  # PixelRNN's best here


def _multi_scale(row_lstm):
    """Two Row LSTMs of those sizes: the small image's, a quarter as high and wide, and one that is told of it."""
    return {
        name: dataclasses.replace(preset, model={**preset.model, "map_filters": 4 if name == "smoke" else 32})
        for name, preset in row_lstm.items()
    }


CIFAR = {
    "gated_pixel_cnn": _GATED_CIFAR,
    "pixel_cnn": _PIXEL_CNN_CIFAR,
    "row_lstm": _ROW_LSTM_CIFAR,
    "diagonal_bilstm": _DIAGONAL_CIFAR,
    "multi_scale_row_lstm": _multi_scale(_ROW_LSTM_CIFAR),
}
BINARIZED_MNIST = {
    "gated_pixel_cnn": _GATED_MNIST,
    "pixel_cnn": _PIXEL_CNN_MNIST,
    "row_lstm": _ROW_LSTM_MNIST,
    "diagonal_bilstm": _DIAGONAL_MNIST,
    "diagonal_bilstm_7": _DIAGONAL_7_MNIST,
    "multi_scale_row_lstm": _multi_scale(_ROW_LSTM_MNIST),
}
# Conditional models.
# A conditional model has the size and the schedule of the unconditional one beside it: what differs is the condition.


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
        presets_of_model = presets[f"pixel_cnn_autoencoder_{bottleneck}"] = _with(_with(decoders, **decoded), **_CODES)
        if start_map:
            presets_of_model["muon"] = _by_muon(presets_of_model["cpu"], start_map.format(bottleneck))
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


# Figures 4 and 5 of arXiv 1606.05328, whose sizes and schedules the paper does not give.

# Batches of 20-way episodes: all numbers of images are multiples of 40.
EMBEDDING_NETWORK = {
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
    "smoke": _GATED_MNIST["smoke"],
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
PHOTOGRAPHS = _rows({name: _GATED_CIFAR[name] for name in _MEASURING}, _FROM_TABLE_1)

# Table 2 of arXiv 1606.05328, ImageNet at 32x32 and 64x64: {size: {model: {name: Preset}}}.
# The paper's are 20 layers of 384 maps, 5x5, 200,000 steps of 128 images in all. Its first kernel, head, rate and
# regularisation are not given: as for CIFAR-10 here, without dropout, since 200,000 steps see an image 20 times.


_GATED_32 = {
    "smoke": _GATED_CIFAR["smoke"],
    "quick": _GATED_CIFAR["quick"],
    "cpu": _GATED_CIFAR["cpu"],
    "gpu": Preset({"filters": 192, "depth": 12, "kernel_size": 5, "head_filters": 384}, 24_000, 64,
                  steps_per_epoch=500, warmup_steps=1000, ema_momentum=0.9995, precision="mixed_bfloat16", xla=True,
                  evaluation_batch=64),
    "paper": Preset({"filters": 384, "depth": 20, "kernel_size": 5, "head_filters": 1023}, 200_000, 128,
                    learning_rate=4e-4, steps_per_epoch=1000, warmup_steps=2000, ema_momentum=0.9995,
                    precision="mixed_bfloat16", xla=True, evaluation_batch=64),
}  # fmt: skip

# Four times the pixels: a quarter of the steps or of the batch, but in `paper`.
_GATED_64 = {
    "smoke": dataclasses.replace(_GATED_32["smoke"], evaluation_images=4, test_images=4, validation_images=4),
    "quick": dataclasses.replace(_GATED_32["quick"], steps=500, batch_size=1, ema_momentum=0.99, evaluation_images=100,
                                 test_images=500, validation_images=16),
    "cpu": dataclasses.replace(_GATED_32["cpu"], steps=15_000, batch_size=1, evaluation_images=250, test_images=2500,
                               validation_images=64),
    "gpu": dataclasses.replace(_GATED_32["gpu"], batch_size=16, evaluation_images=2500, evaluation_batch=16),
    "paper": dataclasses.replace(_GATED_32["paper"], evaluation_batch=16),
}  # fmt: skip

# Row LSTM, arXiv 1601.06759: 12 layers of 384 with batches of 64, 4 of 512 (here 513, which three colours divide) with
# batches of 32. Departure: the paper's 64x64 network has no residual connections.
_ROW_LSTM_32 = {name: dataclasses.replace(_GATED_32[name], model=_ROW_LSTM_CIFAR[name].model) for name in _GATED_32}
_ROW_LSTM_64 = {name: dataclasses.replace(_GATED_64[name], model=_ROW_LSTM_CIFAR[name].model) for name in _GATED_64}
_PAPER = {"recurrence": "row_lstm", "head_filters": 1023}
_ROW_LSTM_32["paper"] = dataclasses.replace(
    _ROW_LSTM_32["paper"], model=_PAPER | {"filters": 384, "depth": 12}, batch_size=64
)
_ROW_LSTM_64["paper"] = dataclasses.replace(
    _ROW_LSTM_64["paper"], model=_PAPER | {"filters": 513, "depth": 4}, batch_size=32
)

_OF_SIZE = {32: (_GATED_32, _ROW_LSTM_32), 64: (_GATED_64, _ROW_LSTM_64)}
IMAGENET = {
    size: {"gated_pixel_cnn": gated, "class_gated_pixel_cnn": gated, "row_lstm": row_lstm}
    for size, (gated, row_lstm) in _OF_SIZE.items()
}
