"""Gated PixelCNN, Generating Chairs and DRAW in Keras 3: one import name for the folders of this repository.

`image_generators.layers` is the folder layers/, `image_generators.models` the folder models/, and so on. Importing this
package alone loads neither Keras nor TensorFlow. Once both are imported, in either order, `keras.saving.load_model`
knows the classes of this package.
"""

import importlib.util
import pathlib
import sys

from image_generators import _keras_registration

__version__ = "0.1.0"


def _check_one_checkout():
    """Raises ImportError where this file, the folders beside it and the running script are not of one checkout."""
    package = pathlib.Path(__file__).resolve().parent
    layers = importlib.util.find_spec("image_generators.layers")
    installed = pathlib.Path(layers.origin).resolve().parents[1] if layers and layers.origin else None
    if installed not in (package, package.parent):  # an installed wheel; a checkout
        raise ImportError(
            f"image_generators must be installed from the checkout that is used, {package.parent}. "
            f"Received: an installation from {installed}. Run: pip install -e {package.parent}"
        )
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    for folder in pathlib.Path(script).resolve().parents if script else ():
        if (folder / "image_generators" / "__init__.py").is_file():
            if folder != package.parent:
                raise ImportError(
                    f"{script} needs image_generators of its own checkout, {folder}. "
                    f"Received: an installation from {package.parent}. Run: pip install -e {folder}"
                )
            break


_check_one_checkout()
_keras_registration.register_with_keras()
