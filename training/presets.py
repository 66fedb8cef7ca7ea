"""Preset: how large a model is and how long it is trained. The presets themselves are in reproduce/configs/.

smoke   seconds: the tests
quick   about two minutes a model on two CPU cores: the default
cpu     up to about an hour a model on one CPU core, or two without AVX-512
muon    about as long by another optimiser, of the models that have it
wide    the same for more weights in bfloat16, half an hour on two CPU cores that have it, of the model that has it
gpu     about half an hour on one modern GPU
paper   the paper's own setting, where it gives one
"""

import dataclasses
from typing import TypeVar

T = TypeVar("T")

PRESET_NAMES = ("smoke", "quick", "cpu", "muon", "wide", "gpu", "paper")
DEFAULT = "quick"
OPTIMIZER_NAMES = ("adam", "muon")  # training/optimizers.py


@dataclasses.dataclass(frozen=True)
class Preset:
    """One experiment's size and schedule. Rates follow a linear warm-up, then a cosine down to zero."""

    model: dict  # constructor arguments beyond those that the data decide
    steps: int
    batch_size: int
    optimizer: str = "adam"  # or "muon": training/optimizers.py
    learning_rate: float = 1e-3
    weight_decay: float = 0.0  # of the kernels that Muon trains: a step shrinks them by rate x weight_decay
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
        if self.weight_decay and self.optimizer != "muon":
            raise ValueError(
                "weight_decay is for the optimizer muon. "
                f"Received: weight_decay={self.weight_decay}, optimizer={self.optimizer!r}"
            )


def choose(of_table: dict[str, dict[str, Preset]], model: str, name: str) -> Preset:
    """The preset `name` of `model` among those of a table, {model: {name: Preset}}; ValueError as for `preset`."""
    if model not in of_table:
        raise ValueError(f"model must be one of {sorted(of_table)}. Received: model={model!r}")
    return by_name(of_table[model], name)


def by_name(of_presets: dict[str, T], name: str) -> T:
    """What `of_presets`, {name of a preset: anything}, has of `name`; ValueError, listing what there is, otherwise."""
    if name not in of_presets:
        known = sorted(of_presets, key=PRESET_NAMES.index)
        raise ValueError(f"preset must be one of {known}. Received: preset={name!r}")
    return of_presets[name]
