"""Figure 1 of arXiv 1606.05328, measured: which pixels a prediction sees, in PixelCNN and in Gated PixelCNN.

python reproduce/fig1_blind_spot.py                              results/fig1_blind_spot/kernel3-depth5.png
python reproduce/fig1_blind_spot.py --kernel_size=5 --depth=3

A network of random weights predicts the pixel in the middle of a grey image; an earlier pixel is seen when the gradient
of the prediction with respect to it is not zero, for some of several random networks (a ReLU may hide a pixel in one).
PixelCNN's masked kernels reach up and to the right only diagonally, so that a wedge above to the right stays unseen,
however many layers there are: the blind spot. The vertical stack of Gated PixelCNN has none.
"""

import pathlib
import sys

import numpy as np
from absl import app, flags
from PIL import Image, ImageDraw, ImageFont

from image_generators.data import flag_values
from image_generators.evaluation import pictures, records

_NETWORKS = 8  # random ones: at least one of them shows a pixel that can be seen
_FILTERS = 8
_CELL = 18  # of the picture, in its pixels
_MOST = {"kernel_size": 31, "depth": 60, "size": 255}  # what a machine computes in minutes, and a picture can show
_COLOURS = {
    "seen": (255, 187, 102),
    "blind spot": (60, 60, 68),
    "too far": (205, 205, 210),
    "later": (240, 240, 240),
    "predicted": (214, 39, 40),
}


def define(values=flags.FLAGS):
    """Defines the flags."""
    size = "height and width of the image, odd; default: a little more than what is seen"
    flag_values.define("kernel_size", flag_values.odd(3, _MOST["kernel_size"]), 3, "kernel of every layer, odd", values)
    flag_values.define("depth", flag_values.integer(2, _MOST["depth"]), 5, "layers, the first included", values)
    flag_values.define("size", flag_values.odd(3, _MOST["size"]), None, size, values)
    results = "where fig1_blind_spot/ is written"
    flag_values.define("results_dir", flag_values.path, str(records.RESULTS), results, values)


def main(argv):
    options = flags.FLAGS
    if len(argv) > 1:
        sys.exit(f"fig1_blind_spot: every argument must be a --flag. Received: {' '.join(argv[1:])}")
    try:
        flag_values.check_folder("results_dir", options.results_dir, new=True)
        maps = receptive_fields(options.kernel_size, options.depth, options.size)
    except ValueError as error:
        sys.exit(f"fig1_blind_spot: {error}")
    for name, seen in maps.items():
        print(f"{name}: {_in_words(seen)}")
    stem = f"kernel{options.kernel_size}-depth{options.depth}"
    path = pathlib.Path(options.results_dir) / "fig1_blind_spot" / f"{stem}.png"
    pictures.save_png(path, draw(maps))
    print(f"drawn in {path.name}")


def receptive_fields(kernel_size=3, depth=5, size=None):
    """{name: bool [size, size]}, True where the prediction of the middle pixel sees the pixel; both networks.

    Args:
        kernel_size: of every layer after the first, and of the first layer of the gated network, odd, at least 3.
        depth: layers: the first (mask A) and depth - 1 blocks (mask B), at least 2.
        size: height and width of the image, odd; by default as wide as the gated network sees.

    Raises:
        ValueError: an argument is not such a number, or above _MOST.
    """
    for name, value in (("kernel_size", kernel_size), ("depth", depth), ("size", 3 if size is None else size)):
        odd, least = ("an integer", 2) if name == "depth" else ("an odd integer", 3)
        if not isinstance(value, int) or not least <= value <= _MOST[name] or (least == 3 and value % 2 == 0):
            raise ValueError(f"{name} must be {odd} from {least} to {_MOST[name]}. Received: {name}={value!r}")
    from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
    from image_generators.models.pixelcnn.pixel_cnn import PixelCNN

    size = size or 2 * depth * (kernel_size // 2) + 3
    if size > _MOST["size"]:
        raise ValueError(
            f"size must be given, at most {_MOST['size']}, where the network sees more. "
            f"Received: kernel_size={kernel_size}, depth={depth}, which needs size={size}"
        )
    shared = {"image_shape": (size, size, 1), "filters": _FILTERS, "kernel_size": kernel_size}
    shared["first_kernel_size"] = kernel_size
    return {
        "PixelCNN": receptive_field(lambda: _of_floats(PixelCNN)(depth=depth - 1, **shared)),
        "Gated PixelCNN": receptive_field(lambda: _of_floats(GatedPixelCNN)(depth=depth, **shared)),
    }


def _of_floats(network_class):
    """The class for images as the network sees them, so that there is something to differentiate with respect to."""

    class OfFloats(network_class):
        def network_inputs(self, inputs):
            return inputs, None

    return OfFloats


def receptive_field(make_model):
    """bool [height, width]: whether the prediction of the middle pixel of a grey image depends on the pixel."""
    import keras

    seen = 0.0
    for seed in range(_NETWORKS):
        keras.utils.set_random_seed(seed)
        model = make_model()
        model.build()
        seen = seen + np.abs(_gradient(model, np.random.default_rng(seed)))
    return seen > 0


def _gradient(model, generator):
    """Of a random mixture of the middle pixel's logits, with respect to the image: [height, width]."""
    import keras

    height, width, _ = model.image_shape
    image = generator.uniform(-1, 1, (1, height, width, 1)).astype("float32")
    mixture = generator.normal(size=model.levels).astype("float32")

    def prediction(image):
        return keras.ops.sum(model(image)[0, height // 2, width // 2, 0] * mixture)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        image = tf.convert_to_tensor(image)
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = prediction(image)
        return tape.gradient(value, image).numpy()[0, ..., 0]
    import jax

    return np.asarray(jax.grad(prediction)(image))[0, ..., 0]


def draw(maps):
    """The maps side by side, each under its name and over what it counts: uint8 [height, width, 3]."""
    return np.concatenate([_panel(name, seen) for name, seen in maps.items()], axis=1)


def _panel(name, seen):
    size = len(seen)
    margin, font = _CELL, ImageFont.load_default(_CELL - 3)
    words = _in_words(seen)
    width = max(size * _CELL, int(max(map(font.getlength, (name, words))))) + 2 * margin
    panel = Image.new("RGB", (width, size * _CELL + 4 * margin), "white")
    pen = ImageDraw.Draw(panel)
    pen.text((margin, margin / 2), name, fill=0, font=font)
    pen.text((margin, (size + 2.2) * _CELL), words, fill=0, font=font)
    for (r, c), kind in np.ndenumerate(_kinds(seen)):
        left, top = margin + c * _CELL, 2 * margin + r * _CELL
        pen.rectangle((left + 1, top + 1, left + _CELL - 1, top + _CELL - 1), fill=_COLOURS[kind])
    return np.asarray(panel)


def _kinds(seen):
    """What each pixel is, a name of _COLOURS."""
    earlier, size = _past(len(seen)), len(seen)
    kinds = np.select([seen, earlier & _window(seen), earlier], ["seen", "blind spot", "too far"], "later")
    kinds[size // 2, size // 2] = "predicted"
    return kinds


def _past(size):
    """bool [size, size]: pixels before the middle one in raster order."""
    return np.arange(size * size).reshape(size, size) < size * size // 2


def _in_words(seen):
    kinds = _kinds(seen)
    blind = (kinds == "blind spot").sum()
    return f"blind to {blind} of {blind + (kinds == 'seen').sum()} earlier pixels in reach"


def _window(seen):
    """bool, as `seen`: the rectangle of earlier rows and columns that the receptive field spans, both sides alike."""
    middle = len(seen) // 2
    rows, columns = np.nonzero(seen)
    reach_up, reach_side = middle - rows.min(), np.abs(columns - middle).max()
    window = np.zeros_like(seen)
    window[middle - reach_up : middle + 1, middle - reach_side : middle + reach_side + 1] = True
    return window


if __name__ == "__main__":
    define()
    app.run(main)
