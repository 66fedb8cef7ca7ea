"""What the signatures compute, as pure functions of tensors: one class per kind of model, one method per signature.

A method takes the inputs that signatures.py lists, by name and already checked, and returns a dict with at least the
outputs listed there. Pixels are floats, and NaN if the network's output is not finite; savedmodel.py checks and casts.
"""

import math

import tensorflow as tf

from image_generators.models.compiled import compiled
from image_generators.serving import noise


class AutoregressiveAnswers:
    """Answers of a models.pixelcnn.autoregressive.AutoregressiveModel."""

    def __init__(self, model):
        self.model = model
        self._generate = compiled(model, model.generate)  # one graph for `sample` and `complete`

    def log_prob(self, images, label=None, condition=None):
        condition = label if condition is None else condition
        nats = self.model.distribution(images, condition).log_prob(tf.cast(images, "int32"))
        return {"log_prob_nats": nats, "bits_per_dim": -nats / (math.prod(self.model.image_shape) * math.log(2.0))}

    def sample(self, seed, temperature, label=None, condition=None):
        zeros = tf.zeros((tf.shape(seed)[0], *self.model.image_shape))  # no pixel is known
        return self._draw(zeros, zeros, seed, temperature, label, condition)

    def complete(self, images, known_mask, seed, temperature, label=None, condition=None):
        images = tf.cast(images, "float32")
        known = tf.broadcast_to(tf.cast(known_mask, "float32")[..., None], tf.shape(images))
        return self._draw(images, known, seed, temperature, label, condition)

    def _draw(self, images, known, seed, temperature, label, condition):
        uniforms = noise.uniforms(seed, self.model.image_shape, noise.PIXELS)
        condition = label if condition is None else condition
        conditions = [] if condition is None else [condition]
        return {"images": self._generate(uniforms, images, known, temperature[:, None], *conditions)}


class PixelCNNAutoencoderAnswers(AutoregressiveAnswers):
    """Answers of a models.pixelcnn.autoencoder.PixelCNNAutoencoder."""

    def encode(self, images):
        return {"codes": tf.cast(self.model.encoder(images), "float32")}

    def reconstruct(self, images, seed, temperature):
        return self.sample(seed, temperature, condition=self.encode(images)["codes"])


class RegressionAnswers:
    """Answers of a models.pixelcnn.map_regression.MapRegression, auto-encoders included."""

    def __init__(self, model):
        self.model = model
        self._paint = compiled(model, model.paint)

    def mean(self, condition):
        return {"images": self._paint(condition)}

    def encode(self, images):
        return {"codes": tf.cast(self.model.encoder(images), "float32")}

    def reconstruct(self, images):
        return self.mean(self.encode(images)["codes"])


class DrawAnswers:
    """Answers of a models.draw.draw.Draw."""

    def __init__(self, model):
        self.model = model
        self._infer = compiled(model, model.infer)  # one graph each, shared by the signatures
        self._generate = compiled(model, model.generate)

    def elbo(self, images, seed):
        reconstruction, kl = self.model.elbo_parts(images, self._infer(images, self._latent_noise(seed)))
        total = reconstruction - tf.reduce_sum(kl, axis=-1)
        return {"elbo_nats": total, "reconstruction_nats": reconstruction, "kl_nats": kl}

    def sample_steps(self, seed):
        return self._paint(self._latent_noise(seed), seed)

    def reconstruct_steps(self, images, seed):
        latent_noise = self._latent_noise(seed)
        inferred = self._infer(images, latent_noise)
        return self._paint(inferred["mean"] + tf.exp(inferred["log_sigma"]) * latent_noise, seed)

    sample, reconstruct = sample_steps, reconstruct_steps  # the server returns only the images

    def _latent_noise(self, seed):
        return noise.normals(seed, (self.model.steps, self.model.latent), noise.LATENTS)

    def _paint(self, latents, seed):
        uniforms = noise.uniforms(seed, self.model.image_shape, noise.PIXELS)
        images, canvases, write, read = self._generate(latents, uniforms)
        return {"images": images, "canvases": canvases, "write_windows": write, "read_windows": read}


class ChairsAnswers:
    """Answers of a models.chairs.generator.ChairsGenerator."""

    def __init__(self, model):
        self.model = model
        self._paint = compiled(model, model.paint)  # one graph for both signatures

    def generate(self, style, azimuth, elevation, transformation=None):
        styles = tf.one_hot(style, self.model.num_styles)
        return self.generate_mixed(styles, azimuth, elevation, transformation)

    def generate_mixed(self, style, azimuth, elevation, transformation=None):
        views = tf.stack([azimuth, elevation], axis=-1)
        images, masks = self._paint(style, views, *([] if transformation is None else [transformation]))
        return {"images": images, "masks": masks}


class EmbeddingAnswers:
    """Answers of a models.pixelcnn.embedding_network.EmbeddingNetwork."""

    def __init__(self, model):
        self.model = model

    def embed(self, images):
        return {"embeddings": self.model(images)}


class ClassifierAnswers:
    """Answers of a models.draw.classifier.Classifier."""

    def __init__(self, model):
        self.model = model

    def classify(self, images):
        probabilities, windows = self.model.answer(images)
        return {"probabilities": probabilities, "windows": windows}
