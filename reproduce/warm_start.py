"""A conditional Gated PixelCNN that starts from the weights of an unconditional one."""

import numpy as np

from models import weights_file
from models.gated_pixel_cnn import GatedPixelCNN


def start_from(model, path):
    """Gives a conditional Gated PixelCNN the weights of an unconditional one; the condition starts without a say.

    Its kernels in the gates become zero, so that the two models are the same until training tells them apart.

    Args:
        model: a built GatedPixelCNN with a condition.
        path: `.weights.h5` file of one without, of the same sizes.

    Raises:
        weights_file.Refused: as for `weights_file.load`.
    """
    own = {"name", "trainable", "dtype", "num_classes", "condition_shape"}
    config = model.get_config()
    plain = GatedPixelCNN(**{name: config[name] for name in GatedPixelCNN().get_config() if name not in own})
    plain.build()
    weights_file.load(plain, path)
    known = {weight.path.split("/", 1)[1]: weight for weight in plain.weights}
    for weight in model.weights:
        name = weight.path.split("/", 1)[1]
        if name in known:
            weight.assign(known[name])
        elif name.endswith("_condition"):
            weight.assign(np.zeros(weight.shape, "float32"))
