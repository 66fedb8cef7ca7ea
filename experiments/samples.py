"""What a record shows of a network, where its table does not say otherwise."""

from image_generators.evaluation import pictures, windows

SAMPLES = 64  # images in a record's grid


def default_picture(network, data, n, seed=0):
    """What a network can do: a grid of samples; of a classifier, where it looks on validation images."""
    if network.needs_labels:
        return windows.glimpses(network, data.validation.images[: n // 8])
    return pictures.grid(network.sample(n, seed=seed), scale=2, levels=data.levels)
