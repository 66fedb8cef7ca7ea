"""Presets of Table 2 of arXiv 1606.05328, ImageNet at 32x32 and 64x64: {size: {model: {name: Preset}}}; see presets.py.

The paper's are 20 layers of 384 maps, 5x5, 200,000 steps of 128 images in all. Its first kernel, head, rate and
regularisation are not given: as for CIFAR-10 here, without dropout, since 200,000 steps see an image 20 times.
"""

import dataclasses

from image_generators.training.presets import PRESETS, Preset

_GATED_CIFAR = PRESETS["table1_cifar"]["gated_pixel_cnn"]

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
_ROW_LSTM_CIFAR = PRESETS["table1_cifar"]["row_lstm"]
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
