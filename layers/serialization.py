"""The names under which Keras saves and finds our classes."""

import keras

PACKAGE = "image_generators"


def serializable(former_package: str):
    """Registers a class with Keras as `image_generators>Name`.

    Files saved with the earlier name `former_package>Name` still load.
    """

    def register(cls):
        keras.saving.get_custom_objects()[f"{former_package}>{cls.__name__}"] = cls
        return keras.saving.register_keras_serializable(package=PACKAGE)(cls)

    return register
