"""Times sampling sixteen 32x32 colour images, compared with a forward pass, TFP's PixelCNN, and sampling at 64x64.

  python benchmarks/sampling.py            two minutes; --with_tfp adds TFP's sampler, which takes several more

Sampling is compiled by XLA (jit_compile=True). The graph without XLA, as it is exported, is timed too.

Limits: sampling takes at most as long as 2 forward passes (log_prob of the same batch by the same network, 8 gated
blocks with 66 maps), and is at least 100 times faster than tfp.distributions.PixelCNN(...).sample(16). 64x64 takes at
most 4.5 times as long as 32x32. The sampler's state grows with the width of the image, not with its area.
"""

import time

import keras
import numpy as np

from image_generators.benchmarks import timing
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import memory

NETWORK = {"filters": 66, "depth": 8, "kernel_size": 3, "first_kernel_size": 7, "head_filters": 66}


def main(with_tfp):
    memory.keep_freed_memory()
    small, large = (GatedPixelCNN((side, side, 3), **NETWORK) for side in (32, 64))
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3)).astype("uint8")
    start = time.perf_counter()
    small.sample(16, jit_compile=True)
    compile_seconds = time.perf_counter() - start
    seconds = timing.race(
        {
            "forward": lambda: small.log_prob(images),
            "sample": lambda: small.sample(16, jit_compile=True),
            "graph": lambda: small.sample(16),
            "sample64": lambda: large.sample(16, jit_compile=True),
        }
    )
    measured = {
        "seconds, forward pass (log_prob), 16 images 32x32": seconds["forward"],
        "seconds, 16 samples 32x32": seconds["sample"],
        "seconds, 16 samples 32x32, a graph without XLA": seconds["graph"],
        "seconds, 16 samples 64x64": seconds["sample64"],
        "seconds, first call (with compilation)": compile_seconds,
        "KiB remembered, 32x32": remembered(small, 32, 32) / 1024,
        "KiB remembered, 32 rows x 64 columns": remembered(small, 32, 64) / 1024,
        "KiB remembered, 64x64": remembered(small, 64, 64) / 1024,
    }
    bars = {
        "samples / forward pass": (seconds["sample"] / seconds["forward"], 2.0),
        "64x64 / 32x32": (seconds["sample64"] / seconds["sample"], 4.5),
        "memory of 64x64 / memory of 32 x 64": (remembered(small, 64, 64) / remembered(small, 32, 64), 1.0),
    }
    if with_tfp:
        measured["seconds, tfp.distributions.PixelCNN, 16 samples"] = tfp = tfp_seconds()
        bars["100 x ours / TFP's"] = (100 * seconds["sample"] / tfp, 1.0)
    timing.report("sampling", measured, bars)


def remembered(network, height, width):
    """Bytes of the sampler's state, which it carries between rows and pixels, for 16 images."""
    if not network.built:
        network.build()
    sampler = network.incremental()
    rows = sampler.start_image(16, width)
    _, _, pixels = sampler.start_row(rows, 0)
    return sum(4 * int(np.prod(keras.ops.shape(tensor))) for tensor in (*rows, *pixels))


def tfp_seconds():
    import tensorflow_probability as tfp

    peer = tfp.distributions.PixelCNN(
        image_shape=(32, 32, 3), num_resnet=1, num_hierarchies=3, num_filters=32, num_logistic_mix=5, dropout_p=0.0
    )
    start = time.perf_counter()
    peer.sample(16)
    return time.perf_counter() - start


if __name__ == "__main__":
    with_tfp = {"action": "store_true", "help": "also time TFP's sampler, which takes several minutes"}
    main(timing.arguments(__doc__, with_tfp=with_tfp).with_tfp)
