"""Makes `keras.saving.load_model` know this package's classes after `import image_generators`, without loading Keras.

Where Keras is loaded already the classes are imported at once, else as soon as it has been.
"""

import importlib
import importlib.abc
import importlib.util
import sys

# Every module that defines a class registered with Keras.
MODULES = (
    "layers.conv_encoder",
    "layers.diagonal_bilstm",
    "layers.draw_cell",
    "layers.gated_block",
    "layers.gaussian_attention",
    "layers.image_stream",
    "layers.line_lstm",
    "layers.map_network",
    "layers.masked_conv",
    "layers.padded_lstm",
    "layers.row_lstm",
    "layers.up_conv",
    "layers.wide_dense",
    "models.chairs.generator",
    "models.draw.conv_classifier",
    "models.draw.draw",
    "models.draw.glimpse_classifier",
    "models.pixelcnn.autoencoder",
    "models.pixelcnn.embedding_network",
    "models.pixelcnn.gated_pixel_cnn",
    "models.pixelcnn.map_pixel_cnn",
    "models.pixelcnn.map_regression",
    "models.pixelcnn.multi_scale_pixel_rnn",
    "models.pixelcnn.pixel_cnn",
    "models.pixelcnn.pixel_rnn",
    "training.mirrored",
    "training.optimizers",
)


def register_with_keras():
    """Imports the modules with registered classes now if Keras is loaded, and otherwise right after it is."""
    if "keras" in sys.modules:
        _import_modules()
    else:
        sys.meta_path.insert(0, _AfterKeras())


def _import_modules():
    for module in MODULES:
        importlib.import_module(f"image_generators.{module}")


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as Python would, and adds a last step to its loading."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            exec_module = spec.loader.exec_module

            def exec_and_register(module):
                exec_module(module)
                # A module of this package that imports Keras registers its own classes, and cannot be imported twice.
                if not any(_is_being_imported(loaded) for loaded in list(sys.modules)):
                    _import_modules()

            spec.loader.exec_module = exec_and_register
        return spec


def _is_being_imported(name):
    spec = getattr(sys.modules[name], "__spec__", None)
    return name.startswith("image_generators.") and getattr(spec, "_initializing", False)
