"""Presets of arXiv 1411.5928: {model: {name of a preset: Preset}}.

`paper` is the journal version's schedule, as far as it is known.
"""

import dataclasses

from image_generators.training.presets import Preset

_SHARED = {"warmup_steps": 200, "epoch_samples": 32, "evaluation_images": 2000, "evaluation_batch": 64}
_SCHEDULES = {
    "smoke": Preset({"width": 0.05}, 4, 4, steps_per_epoch=2, validation_images=8, epoch_samples=0,
                    evaluation_images=8, test_images=8, evaluation_batch=8, warmup_steps=2, ema_momentum=0.5),
    "quick": Preset({"width": 0.25}, 300, 16, ema_momentum=0.98, steps_per_epoch=150, validation_images=64,
                    **_SHARED | {"warmup_steps": 50, "evaluation_images": 200}),
    "cpu": Preset({"width": 0.4}, 8000, 16, steps_per_epoch=500, **_SHARED),
    "gpu": Preset({"width": 0.5}, 20_000, 64, ema_momentum=0.9995, steps_per_epoch=2000, xla=True,
                  **_SHARED | {"epoch_samples": 0}),
    # Adam, batch 128, 5e-4 halved every 100K steps from 250K on, to 500K. Departure: a cosine to zero, and averaging.
    "paper": Preset({"width": 1.0}, 500_000, 128, learning_rate=5e-4, ema_momentum=0.9999, steps_per_epoch=5000,
                    **_SHARED, xla=True),
}  # fmt: skip


def _of(**model):
    """The presets with these arguments of ChairsGenerator; a `width` multiplies that of the preset."""
    width = model.pop("width", 1.0)
    return {
        name: dataclasses.replace(preset, model={**preset.model, **model, "width": width * preset.model["width"]})
        for name, preset in _SCHEDULES.items()
    }


WIDE = 1.18  # times the width of 1s-S, so that 1s-S-wide has about as many parameters as 2s-S

NETWORKS = {
    "chairs_1s_s": _of(streams=1, mask_loss="softmax"),
    "chairs_1s_s_wide": _of(streams=1, mask_loss="softmax", width=WIDE),
    "chairs_2s_e": _of(),
    "chairs_2s_s": _of(mask_loss="softmax"),
    "chairs_1s_s_deep": _of(streams=1, mask_loss="softmax", deep=True),
}


def _without_transformations(of_network):
    """Departure: the small presets learn views alone, for which they have time enough."""
    small = {name: {**of_network[name].model, "transformations": False} for name in ("smoke", "quick", "cpu")}
    changed = {name: dataclasses.replace(of_network[name], model=model) for name, model in small.items()}
    return {**of_network, **changed}


_VIEWS = _without_transformations(_of())
_VIEWS["quick"] = dataclasses.replace(_VIEWS["quick"], steps=150, steps_per_epoch=75)  # of many networks in a table
_VIEWS["cpu"] = dataclasses.replace(_VIEWS["cpu"], steps=3000, model={**_VIEWS["cpu"].model, "width": 0.3})
_TWELVE = _VIEWS | {"cpu": dataclasses.replace(_VIEWS["cpu"], steps=4000)}  # three networks, four numbers of azimuths
TRANSFER = {model: _TWELVE for model in ("chairs_target_alone", "chairs_without_transfer", "chairs_with_transfer")}
ELEVATIONS = {model: _VIEWS for model in ("chairs_target_alone", "chairs_with_transfer")}
EXTRAPOLATION = {"chairs_extrapolated": _VIEWS}
