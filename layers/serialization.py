"""Names under which Keras saves and finds the classes of this package."""

import keras

PACKAGE = "image_generators"


def serializable(former_package):
    """Registers a class with Keras as `image_generators>Name`; files that say `former_package>Name` still load."""

    def register(cls):
        keras.saving.get_custom_objects()[f"{former_package}>{cls.__name__}"] = cls
        return keras.saving.register_keras_serializable(package=PACKAGE)(cls)

    return register
