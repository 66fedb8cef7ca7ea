"""A tiny ChairsGenerator that several tests ask, and what it draws by NumPy."""

import numpy as np
from keras import ops

from image_generators.models.chairs.generator import ChairsGenerator

SIZE, STYLES = 16, 4


def small_generator(seed=0, **options):
    """A tiny network with random weights, which says something else of every style, view and transformation."""
    model = ChairsGenerator(**{"image_shape": (SIZE, SIZE, 4), "num_styles": STYLES, "width": 0.05, **options})
    model.build()
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        fan_in = np.prod(weight.shape[:-1]) / (4 if "up" in weight.path or "picture" in weight.path else 1)
        scale = 0.1 if len(weight.shape) == 1 else np.sqrt(2.0 / fan_in)
        weight.assign(random.normal(0, scale, weight.shape))
    return model


def reference(model, styles, azimuth, elevation, theta):
    """(rgb, mask) by NumPy in float64; `styles` vectors [n, K], angles in degrees [n], theta [n, 8]."""
    value = {
        weight.path.split("/", 1)[1]: ops.convert_to_numpy(weight.value).astype("float64") for weight in model.weights
    }
    relu = lambda x: np.maximum(x, 0.0)  # noqa: E731
    dense = lambda x, name: relu(x @ value[f"{name}/kernel"] + value[f"{name}/bias"])  # noqa: E731
    e, a = np.deg2rad(elevation), np.deg2rad(azimuth)
    view = np.stack([np.sin(e), np.cos(e), np.sin(a), np.cos(a)], axis=-1)
    given = {"style": styles, "view": view, "transformation": theta}
    joint = np.concatenate([dense(dense(x, f"{name}1"), f"{name}2") for name, x in given.items()], axis=-1)
    joint = dense(dense(joint, "fc3"), "fc4")

    def convolution(maps, kernel):
        n, (_, height, width, _) = len(kernel) // 2, maps.shape
        padded = np.pad(maps, [(0, 0), (n, n), (n, n), (0, 0)])
        taps = np.ndindex(kernel.shape[:2])
        return sum(padded[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in taps)

    def up(maps, name):
        batch, size, _, channels = maps.shape
        unpooled = np.zeros((batch, 2 * size, 2 * size, channels))
        unpooled[:, ::2, ::2] = maps
        return convolution(unpooled, value[f"{name}/kernel"][::-1, ::-1]) + value[f"{name}/bias"]

    found = []
    for stream in ("image", "mask")[: model.streams]:
        maps = dense(joint, f"{stream}/first").reshape(len(joint), 8, 8, -1)
        for i in range(int(np.log2(model.image_shape[0] // 8)) - 1):
            maps = relu(up(maps, f"{stream}/up_{i}"))
            if model.deep:
                name = f"{stream}/convolution_{i}"
                maps = relu(convolution(maps, value[f"{name}/kernel"]) + value[f"{name}/bias"])
        found.append(up(maps, f"{stream}/picture"))
    whole = np.concatenate(found, axis=-1)
    return whole[..., :3], whole[..., 3:]
