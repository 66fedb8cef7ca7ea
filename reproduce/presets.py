"""Presets: how large a model is and how long it is trained, one frozen dataclass each.

smoke   seconds: the tests
quick   about two minutes a model on two CPU cores: the default
cpu     about an hour a model on one CPU core
gpu     about half an hour on one modern GPU
paper   the paper's own setting, where it gives one
"""

import dataclasses

PRESET_NAMES = ("smoke", "quick", "cpu", "gpu", "paper")
DEFAULT = "quick"


@dataclasses.dataclass(frozen=True)
class Preset:
    """One experiment's size and schedule. Rates follow a linear warm-up, then a cosine down to zero."""

    model: dict  # constructor arguments beyond those that the data decide
    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    clip_norm: float = 1.0  # of the whole gradient, in the loss's unit
    ema_momentum: float = 0.999  # weights are averaged; the average is what is evaluated and kept
    steps_per_epoch: int = 100  # between checkpoints, validations and sample grids
    validation_images: int = 256  # for the curve during training
    evaluation_images: int = 10_000  # of train and of validation, at the end
    test_images: int | None = None  # at the end; None: all
    evaluation_batch: int = 16  # images measured at a time
    precision: str = "float32"
    xla: bool = False  # of training steps on TensorFlow; JAX compiles by XLA always

    def __post_init__(self):
        if self.steps % self.steps_per_epoch:
            raise ValueError(
                "steps must be a multiple of steps_per_epoch: a run ends with a checkpoint. "
                f"Received: steps={self.steps}, steps_per_epoch={self.steps_per_epoch}"
            )


_GATED_CIFAR = {
    "smoke": Preset({"filters": 12, "depth": 2, "first_kernel_size": 3}, 6, 4, steps_per_epoch=2, validation_images=8,
                    evaluation_images=16, test_images=16, warmup_steps=2, ema_momentum=0.5),
    "quick": Preset({"filters": 36, "depth": 4, "first_kernel_size": 5, "head_filters": 72}, 1000, 2,
                    learning_rate=4e-3, ema_momentum=0.995, steps_per_epoch=250, validation_images=64,
                    evaluation_images=500),
    "cpu": Preset({"filters": 48, "depth": 6, "head_filters": 96}, 30_000, 2, steps_per_epoch=500, warmup_steps=200,
                  learning_rate=3e-3, evaluation_images=1000),
    "gpu": Preset({"filters": 192, "depth": 12, "kernel_size": 5, "head_filters": 384, "dropout": 0.1}, 24_000, 64,
                  steps_per_epoch=500, warmup_steps=1000, ema_momentum=0.9995, precision="mixed_bfloat16", xla=True),
    "paper": Preset({"filters": 384, "depth": 20, "kernel_size": 5, "head_filters": 1023, "dropout": 0.1}, 200_000, 128,
                    learning_rate=4e-4, steps_per_epoch=1000, warmup_steps=2000, ema_momentum=0.9995,
                    precision="mixed_bfloat16", xla=True),
}  # fmt: skip

_PIXEL_CNN_CIFAR = {
    "smoke": dataclasses.replace(_GATED_CIFAR["smoke"], model={"filters": 6, "depth": 2, "first_kernel_size": 3}),
    "quick": dataclasses.replace(_GATED_CIFAR["quick"], model={"filters": 36, "depth": 7, "head_filters": 72}),
    "cpu": dataclasses.replace(_GATED_CIFAR["cpu"], model={"filters": 48, "depth": 10, "head_filters": 96}),
    "gpu": dataclasses.replace(
        _GATED_CIFAR["gpu"], model={"filters": 129, "depth": 15, "head_filters": 1023, "dropout": 0.1}
    ),
    # Departure: h = 129 and a head of 1023 for the paper's 128 and 1024, which do not divide by three colours.
    "paper": dataclasses.replace(
        _GATED_CIFAR["paper"], model={"filters": 129, "depth": 15, "head_filters": 1023, "dropout": 0.1}, batch_size=16
    ),
}

PRESETS = {
    "table1_cifar": {"gated_pixel_cnn": _GATED_CIFAR, "pixel_cnn": _PIXEL_CNN_CIFAR},
}


def preset(table, model, name):
    """The preset `name` of `model` in `table`; ValueError, listing what there is, for an unknown one."""
    if model not in PRESETS[table]:
        raise ValueError(f"model must be one of {sorted(PRESETS[table])}. Received: model={model!r}")
    of_model = PRESETS[table][model]
    if name not in of_model:
        raise ValueError(f"preset must be one of {sorted(of_model, key=PRESET_NAMES.index)}. Received: preset={name!r}")
    return of_model[name]
