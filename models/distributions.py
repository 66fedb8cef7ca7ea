"""TensorFlow Probability for the active Keras backend: `from image_generators.models.distributions import tfb, tfd`."""

import keras

if keras.backend.backend() == "tensorflow":
    from tensorflow_probability import bijectors as tfb
    from tensorflow_probability import distributions as tfd
elif keras.backend.backend() == "jax":
    from tensorflow_probability.substrates.jax import bijectors as tfb
    from tensorflow_probability.substrates.jax import distributions as tfd
else:
    raise ImportError(
        "Log-likelihoods need TensorFlow Probability, which runs on TensorFlow and JAX. "
        f"Received: KERAS_BACKEND={keras.backend.backend()!r}; set it to 'tensorflow' or 'jax'"
    )

__all__ = ["tfb", "tfd"]
