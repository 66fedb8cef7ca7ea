"""Presets: how large a model is and how long it is trained, one frozen dataclass each.

smoke   seconds: the tests
quick   about two minutes a model on two CPU cores: the default
cpu     up to about an hour a model on one CPU core, or two without AVX-512
muon    about as long by another optimiser, of the models that have it
wide    the same for more weights in bfloat16, half an hour on two CPU cores that have it, of the model that has it
gpu     about half an hour on one modern GPU
paper   the paper's own setting, where it gives one
"""

import dataclasses

PRESET_NAMES = ("smoke", "quick", "cpu", "muon", "wide", "gpu", "paper")
DEFAULT = "quick"


@dataclasses.dataclass(frozen=True)
class Preset:
    """One experiment's size and schedule. Rates follow a linear warm-up, then a cosine down to zero."""

    model: dict  # constructor arguments beyond those that the data decide
    steps: int
    batch_size: int
    optimizer: str = "adam"  # or "muon": training/optimizers.py
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    clip_norm: float = 1.0  # of the whole gradient, in the loss's unit
    ema_momentum: float = 0.999  # weights are averaged; the average is what is evaluated and kept
    steps_per_epoch: int = 100  # between checkpoints, validations and sample grids
    validation_images: int = 256  # for the curve during training
    epoch_samples: int = 16  # drawn at the end of every epoch; 0: none
    evaluation_images: int = 10_000  # of train and of validation, at the end
    test_images: int | None = None  # at the end; None: all
    evaluation_batch: int = 16  # images measured at a time
    precision: str = "float32"
    xla: bool = False  # of training steps on TensorFlow; JAX compiles by XLA always
    devices: int = 1  # that share each batch: training/devices.py
    accumulate: int = 1  # parts of a batch that are computed one after the other, for a batch that memory cannot hold
    remat: bool = False  # blocks are computed again where the gradient needs them, instead of kept in memory
    start: str = ""  # weights of an unconditional Gated PixelCNN that a conditional one starts from, in results/
    start_map: str = ""  # weights of the model under squared error whose m(h), and encoder, it starts from, in results/
    measuring: dict = dataclasses.field(default_factory=dict)  # sizes of what a script itself measures at the end

    def __post_init__(self):
        if self.steps % self.steps_per_epoch:
            raise ValueError(
                "steps must be a multiple of steps_per_epoch: a run ends with a checkpoint. "
                f"Received: steps={self.steps}, steps_per_epoch={self.steps_per_epoch}"
            )


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

# Table 3 of arXiv 1502.04623; what it does not give (rate, batch, length) is ours.
_DRAW_CIFAR = {
    "smoke": Preset({"steps": 2, "units": 8, "latent": 4, "read_size": 4, "write_size": 4}, 6, 4, steps_per_epoch=2,
                    validation_images=8, evaluation_images=16, test_images=16, warmup_steps=2, ema_momentum=0.5),
    "quick": Preset({"steps": 8, "units": 128, "latent": 32, "read_size": 8, "write_size": 8}, 400, 20,
                    learning_rate=6e-3, ema_momentum=0.98, steps_per_epoch=200, validation_images=100,
                    evaluation_images=500, test_images=2500, evaluation_batch=100),
    "cpu": Preset({"steps": 16, "units": 256, "latent": 64, "read_size": 8, "write_size": 8}, 5000, 50,
                  steps_per_epoch=500, validation_images=500, evaluation_batch=100),
    "gpu": Preset({"steps": 64, "units": 400, "latent": 200, "read_size": 5, "write_size": 5}, 20_000, 100,
                  steps_per_epoch=1000, warmup_steps=500, evaluation_batch=100, xla=True),
    "paper": Preset({"steps": 64, "units": 400, "latent": 200, "read_size": 5, "write_size": 5}, 500_000, 100,
                    learning_rate=3e-4, steps_per_epoch=1000, warmup_steps=1000, evaluation_batch=100, xla=True),
}  # fmt: skip

_DRAW_MNIST = {
    "smoke": dataclasses.replace(
        _DRAW_CIFAR["smoke"],
        model={"steps": 2, "units": 8, "latent": 4, "read_size": 2, "write_size": 3},
        epoch_samples=0,
    ),
    "quick": Preset({"steps": 8, "units": 128, "latent": 50, "read_size": 8, "write_size": 8}, 1500, 25,
                    learning_rate=3e-3, clip_norm=5.0, ema_momentum=0.99, steps_per_epoch=250, validation_images=500,
                    evaluation_images=1000, evaluation_batch=100),
    "cpu": Preset({"steps": 16, "units": 256, "latent": 100, "read_size": 8, "write_size": 8}, 40_000, 50,
                  learning_rate=3e-3, clip_norm=5.0, steps_per_epoch=500, validation_images=500, evaluation_batch=100),
    "gpu": Preset({"steps": 64, "units": 256, "latent": 100, "read_size": 2, "write_size": 5}, 40_000, 100,
                  steps_per_epoch=1000, warmup_steps=500, evaluation_batch=100, xla=True),
    "paper": Preset({"steps": 64, "units": 256, "latent": 100, "read_size": 2, "write_size": 5}, 500_000, 100,
                    learning_rate=3e-4, steps_per_epoch=1000, warmup_steps=1000, evaluation_batch=100, xla=True),
}  # fmt: skip
# The same without attention; its sizes are not given in the paper.
_DRAW_MNIST_WITHOUT_ATTENTION = {
    name: dataclasses.replace(preset, model={**preset.model, "read_size": None, "write_size": None})
    for name, preset in _DRAW_MNIST.items()
}
_DRAW_MNIST_WITHOUT_ATTENTION["cpu"] = dataclasses.replace(  # whole images cost more a step
    _DRAW_MNIST_WITHOUT_ATTENTION["cpu"],
    steps=30_000,
    learning_rate=2e-3,
)

# Figures 8 and 9, intensities as probabilities. Two digits are not given in the paper: the MNIST model's setting, with
# windows as large as for SVHN.
_INTENSITIES = {"read_size": 12, "write_size": 12, "likelihood": "cross_entropy"}
_DRAW_TWO_DIGITS = {
    "smoke": dataclasses.replace(_DRAW_CIFAR["smoke"], model={"steps": 2, "units": 8, "latent": 4, **_INTENSITIES}),
    "quick": Preset({"steps": 8, "units": 128, "latent": 50, **_INTENSITIES}, 1500, 20, learning_rate=3e-3,
                    ema_momentum=0.99, steps_per_epoch=250, validation_images=200, evaluation_images=500,
                    test_images=1000, evaluation_batch=100),
    "cpu": Preset({"steps": 16, "units": 256, "latent": 100, **_INTENSITIES}, 4000, 50, steps_per_epoch=500,
                  validation_images=500, evaluation_images=2000, evaluation_batch=100),
    "gpu": Preset({"steps": 64, "units": 256, "latent": 100, **_INTENSITIES}, 20_000, 100, steps_per_epoch=1000,
                  warmup_steps=500, evaluation_batch=100, xla=True),
    "paper": Preset({"steps": 64, "units": 256, "latent": 100, **_INTENSITIES}, 500_000, 100, learning_rate=3e-4,
                    steps_per_epoch=1000, warmup_steps=1000, evaluation_batch=100, xla=True),
}  # fmt: skip
_SVHN_MODEL = {"steps": 32, "units": 800, "latent": 100, **_INTENSITIES}  # Table 3
_DRAW_SVHN = _DRAW_TWO_DIGITS | {
    "quick": dataclasses.replace(_DRAW_TWO_DIGITS["quick"], steps=750),
    "cpu": dataclasses.replace(_DRAW_TWO_DIGITS["cpu"], steps=5000),
    "gpu": dataclasses.replace(_DRAW_TWO_DIGITS["gpu"], model=_SVHN_MODEL),
    "paper": dataclasses.replace(_DRAW_TWO_DIGITS["paper"], model=_SVHN_MODEL),
}

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


# Gradients explode now and then on their way through the windows, to hundreds of times their usual norm of 7: each is
# scaled to the same. At twice the rate, in a run of 60,000 steps of 8 glimpses, that was not enough: after 8,300 steps
# the windows left the image within two hundred, and did not come back.
_GLIMPSES_8 = {
    "smoke": Preset({"glimpses": 2, "units": 8, "glimpse_size": 4}, 6, 4, steps_per_epoch=2, validation_images=8,
                    evaluation_images=16, test_images=16, warmup_steps=2, ema_momentum=0.5),
    "quick": Preset({"glimpses": 8, "units": 256, "glimpse_size": 12}, 1000, 25, clip_norm=0.2, ema_momentum=0.99,
                    steps_per_epoch=250, validation_images=500, evaluation_images=1000, evaluation_batch=100),
    "cpu": Preset({"glimpses": 8, "units": 256, "glimpse_size": 12}, 40_000, 50, learning_rate=5e-4, clip_norm=0.2,
                  steps_per_epoch=500, warmup_steps=200, validation_images=1000, evaluation_batch=100),
    "gpu": Preset({"glimpses": 8, "units": 256, "glimpse_size": 12}, 100_000, 100, learning_rate=5e-4, clip_norm=0.2,
                  steps_per_epoch=1000, warmup_steps=500, evaluation_batch=100, xla=True),
    "paper": Preset({"glimpses": 8, "units": 256, "glimpse_size": 12}, 500_000, 100, learning_rate=3e-4, clip_norm=0.2,
                    steps_per_epoch=1000, warmup_steps=1000, evaluation_batch=100, xla=True),
}  # fmt: skip
_GLIMPSES_4 = {
    name: dataclasses.replace(preset, model={**preset.model, "glimpses": min(4, preset.model["glimpses"])})
    for name, preset in _GLIMPSES_8.items()
}
_CONV_CLUTTERED = {
    name: dataclasses.replace(preset, model={"units": 8} if name == "smoke" else {})
    for name, preset in _GLIMPSES_8.items()
}
# It has no windows to lose. After 4,000 steps by 1e-3, 3e-3, 6e-3, 1.5e-2: 67, 57, 57, 75 % wrong on validation.
_CONV_CLUTTERED |= {
    "cpu": dataclasses.replace(_CONV_CLUTTERED["cpu"], steps=100_000, learning_rate=3e-3),
    "gpu": dataclasses.replace(_CONV_CLUTTERED["gpu"], learning_rate=3e-3),
}

PRESETS = {
    "table1_cifar": {
        "draw": _DRAW_CIFAR,
        "gated_pixel_cnn": _GATED_CIFAR,
        "pixel_cnn": _PIXEL_CNN_CIFAR,
        "row_lstm": _ROW_LSTM_CIFAR,
        "diagonal_bilstm": _DIAGONAL_CIFAR,
        "multi_scale_row_lstm": _multi_scale(_ROW_LSTM_CIFAR),
    },
    "table2_binarized_mnist": {
        "draw": _DRAW_MNIST,
        "draw_without_attention": _DRAW_MNIST_WITHOUT_ATTENTION,
        "gated_pixel_cnn": _GATED_MNIST,
        "pixel_cnn": _PIXEL_CNN_MNIST,
        "row_lstm": _ROW_LSTM_MNIST,
        "diagonal_bilstm": _DIAGONAL_MNIST,
        "diagonal_bilstm_7": _DIAGONAL_7_MNIST,
        "multi_scale_row_lstm": _multi_scale(_ROW_LSTM_MNIST),
    },
    "table1_cluttered_mnist": {
        "conv_classifier": _CONV_CLUTTERED,
        "draw_classifier_4": _GLIMPSES_4,
        "draw_classifier_8": _GLIMPSES_8,
    },
    "fig8_two_digits": {"draw": _DRAW_TWO_DIGITS},
    "fig9_svhn": {"draw": _DRAW_SVHN},
}


def preset(table, model, name):
    """The preset `name` of `model` in `table`; ValueError, listing what there is, for an unknown one."""
    return choose(PRESETS[table], model, name)


def choose(of_table, model, name):
    """The preset `name` of `model` among those of a table, {model: {name: Preset}}; ValueError as for `preset`."""
    if model not in of_table:
        raise ValueError(f"model must be one of {sorted(of_table)}. Received: model={model!r}")
    return by_name(of_table[model], name)


def by_name(of_presets, name):
    """What `of_presets`, {name of a preset: anything}, has of `name`; ValueError, listing what there is, otherwise."""
    if name not in of_presets:
        known = sorted(of_presets, key=PRESET_NAMES.index)
        raise ValueError(f"preset must be one of {known}. Received: preset={name!r}")
    return of_presets[name]
