"""Times the generation of 64 images of 128x128 by the two-stream ChairsGenerator, and `fit_style`.

  python benchmarks/chairs_generation.py            one minute

The network has the sizes of the authors' release.

Limit: 64 images, of different styles and views, in less than 2 seconds, without compilation. The time of one step of
`fit_style` on four views is reported too.
"""

import time

import numpy as np

from image_generators.benchmarks import timing
from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.training import memory

STEPS = 10  # of fit_style


def main():
    memory.keep_freed_memory()
    network = ChairsGenerator((128, 128, 4), 843)
    network.build()
    styles, azimuths, elevation = np.arange(64), np.linspace(0, 360, 64), 20
    start = time.perf_counter()
    generated = network.generate(styles, azimuths, elevation)
    first = time.perf_counter() - start
    rgba = np.concatenate([generated.images, generated.masks[..., None]], axis=-1)[:4]
    fit = lambda: network.fit_style(rgba, azimuths[:4], elevation, steps=STEPS)  # noqa: E731
    generate = lambda: network.generate(styles, azimuths, elevation)  # noqa: E731
    seconds = timing.race({"generate": generate}, rounds=7)
    seconds |= timing.race({"fit_style": fit}, rounds=3, warm_up=1)
    measured = {
        "seconds, 64 pictures of 128x128": seconds["generate"],
        "seconds, first call (with compilation)": first,
        "seconds a step of fit_style, 4 views": seconds["fit_style"] / STEPS,
    }
    timing.report("chairs_generation", measured, {"seconds, 64 pictures of 128x128": (seconds["generate"], 2.0)})


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
