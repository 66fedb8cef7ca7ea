"""Signatures of served models: the name, dtype, shape, unit and meaning of every input and output.

KINDS is the only source: the export, the checks in the graph, the table in serving/README.md and the tests use it.

The first axis of every input and output, seeds and temperatures included, counts the images of a request. TensorFlow
Serving can therefore join requests into one batch and split it again, and an image depends only on its own inputs.
"""

import dataclasses

import keras

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.classifier import Classifier
from image_generators.models.draw.draw import Draw
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.autoregressive import AutoregressiveModel
from image_generators.models.pixelcnn.density_baselines import MultivariateGaussian, Uniform
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.serving.answers import (
    AutoregressiveAnswers,
    ChairsAnswers,
    ClassifierAnswers,
    DrawAnswers,
    EmbeddingAnswers,
    PixelCNNAutoencoderAnswers,
    RegressionAnswers,
)


@dataclasses.dataclass(frozen=True)
class Field:
    """An input or an output."""

    name: str
    dtype: str
    shape: tuple  # of one image: numbers, or names of sizes that `_size` looks up; served as [n, *shape]
    meaning: str  # with the unit
    where: str = ""  # only models with this attribute have the field
    unless: str = ""  # models with this attribute do not have the field
    below: str | int = ""  # integers: from 0 to below - 1; a number, or the name of an attribute of the model
    positive: bool = False  # floats: above zero
    limit: float = 0.0  # floats: from -limit to limit; 0 for no limit

    def exists(self, model: keras.Model) -> bool:
        """Whether `model` has this field."""
        has = lambda attribute: getattr(model, attribute, None) is not None  # noqa: E731
        return (not self.where or has(self.where)) and not (self.unless and has(self.unless))

    def resolved(self, model: keras.Model) -> "Field":
        """This field with the sizes of `model` in place of their names."""
        shape = [_size(model, size) for size in self.shape]
        shape = [size for sizes in shape for size in (sizes if isinstance(sizes, tuple) else (sizes,))]
        below = getattr(model, self.below) if isinstance(self.below, str) and self.below else self.below
        return dataclasses.replace(self, shape=tuple(shape), below=below)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of a served model, with its inputs and outputs."""

    name: str  # also the name of the method in serving/answers.py that computes it
    meaning: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    def resolved(self, model: keras.Model) -> "Signature":
        """This signature with the sizes of `model`, and only the fields that `model` has."""
        fields = {
            side: tuple(field.resolved(model) for field in getattr(self, side) if field.exists(model))
            for side in ("inputs", "outputs")
        }
        return dataclasses.replace(self, **fields)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Models that have the same signatures."""

    title: str
    answers: type  # class in serving/answers.py
    signatures: tuple[Signature, ...]  # the first is also `serving_default`


def _size(model, name):
    names = dict(zip(("height", "width", "channels"), model.image_shape, strict=True))
    return names[name] if name in names else getattr(model, name) if isinstance(name, str) else name


_IMAGE = ("height", "width", "channels")
_WINDOW = "centre x, centre y, stride and sigma of the window in pixels, where (1, 1) is the upper left one; gamma"

IMAGES = Field("images", "uint8", _IMAGE, "values 0 to levels - 1", below="levels")
SEED = Field("seed", "int64", (), "seed of this image's noise, any integer; the same seed gives the same image")
TEMPERATURE = Field(
    "temperature", "float32", (), "above 0; 1 samples from the model, lower values sharpen", positive=True
)
KNOWN_MASK = Field("known_mask", "bool", ("height", "width"), "true for the pixels of `images` to keep")
LABEL = Field("label", "int64", (), "class, 0 to num_classes - 1", where="num_classes", below="num_classes")
CONDITION = Field(
    "condition",
    "float32",
    ("condition_shape",),
    "vector or map to condition on",
    where="condition_shape",
    unless="condition_levels",
)
CONDITION_IMAGE = Field(
    "condition",
    "uint8",
    ("condition_shape",),
    "image to condition on",
    where="condition_levels",
    below="condition_levels",
)
CONDITIONS = (LABEL, CONDITION, CONDITION_IMAGE)  # a model has at most one of them

LOG_PROB_NATS = Field("log_prob_nats", "float32", (), "log-likelihood, nats per image")
BITS_PER_DIM = Field("bits_per_dim", "float32", (), "negative log-likelihood, bits per sub-pixel")
DRAWN = Field("images", "uint8", _IMAGE, "values 0 to levels - 1")
CANVASES = Field("canvases", "float32", ("steps", *_IMAGE), "sigmoid of the canvas after each step, 0 to 1")
WRITE_WINDOWS = Field("write_windows", "float32", ("steps", 5), _WINDOW, where="write_size")
READ_WINDOWS = Field("read_windows", "float32", ("steps", 5), _WINDOW, where="read_size")

CODES = Field("codes", "float32", ("bottleneck",), "code of the image; other signatures take it as `condition`")

SAMPLE = Signature("sample", "Draws one image for each seed.", (SEED, TEMPERATURE, *CONDITIONS), (DRAWN,))
ENCODE = Signature("encode", "Encodes images.", (IMAGES,), (CODES,))
MEAN = Signature("mean", "Predicts the mean image for a condition.", CONDITIONS, (DRAWN,))

AUTOREGRESSIVE = Kind(
    "PixelCNN, Gated PixelCNN and PixelRNN",
    AutoregressiveAnswers,
    (
        Signature(
            "log_prob", "Computes the log-likelihood of images.", (IMAGES, *CONDITIONS), (LOG_PROB_NATS, BITS_PER_DIM)
        ),
        SAMPLE,
        Signature(
            "complete",
            "Keeps the known pixels and draws the others in raster order, each given all pixels before it.",
            (IMAGES, KNOWN_MASK, SEED, TEMPERATURE, *CONDITIONS),
            (DRAWN,),
        ),
    ),
)
PIXEL_CNN_AUTOENCODER = Kind(
    "Auto-encoders with a PixelCNN decoder",
    PixelCNNAutoencoderAnswers,
    (
        ENCODE,
        SAMPLE,
        Signature("reconstruct", "Draws images given the codes of `images`.", (IMAGES, SEED, TEMPERATURE), (DRAWN,)),
        Signature(
            "log_prob",
            "Computes the log-likelihood of images given their codes.",
            (IMAGES,),
            (LOG_PROB_NATS, BITS_PER_DIM),
        ),
    ),
)
AUTOENCODER = Kind(
    "Auto-encoders trained with squared error",
    RegressionAnswers,
    (
        ENCODE,
        MEAN,
        Signature("reconstruct", "Predicts the mean images for the codes of `images`.", (IMAGES,), (DRAWN,)),
    ),
)
REGRESSION = Kind("Regression from a condition to the mean image", RegressionAnswers, (MEAN,))
DRAW = Kind(
    "DRAW",
    DrawAnswers,
    (
        Signature(
            "elbo",
            "Estimates a lower bound of the log-likelihood from one sample of the latents. With "
            "likelihood='cross_entropy' it is not a bound.",
            (IMAGES, SEED),
            (
                Field("elbo_nats", "float32", (), "the bound, nats per image"),
                Field("reconstruction_nats", "float32", (), "its first term, log D(x | canvas)"),
                Field(
                    "kl_nats", "float32", ("steps",), "KL divergence of each step; elbo = reconstruction - their sum"
                ),
            ),
        ),
        Signature("sample", "Draws one image for each seed.", (SEED,), (DRAWN,)),
        Signature(
            "sample_steps",
            "`sample`, with the canvas and window of each step.",
            (SEED,),
            (DRAWN, CANVASES, WRITE_WINDOWS),
        ),
        Signature(
            "reconstruct", "Infers latents from `images` and generates images from them.", (IMAGES, SEED), (DRAWN,)
        ),
        Signature(
            "reconstruct_steps",
            "`reconstruct`, with the canvas and windows of each step.",
            (IMAGES, SEED),
            (DRAWN, CANVASES, WRITE_WINDOWS, READ_WINDOWS),
        ),
    ),
)
CLASSIFIER = Kind(
    "Classifiers",
    ClassifierAnswers,
    (
        Signature(
            "classify",
            "Classifies images.",
            (IMAGES,),
            (
                Field("probabilities", "float32", ("num_classes",), "probability of each class"),
                Field("windows", "float32", ("glimpses", 5), _WINDOW, where="glimpses"),
            ),
        ),
    ),
)
EMBEDDINGS = Field("embeddings", "float32", ("features",), "unit vectors, close together for images of one identity")
EMBEDDING = Kind(
    "Embeddings of identities",
    EmbeddingAnswers,
    (Signature("embed", "Embeds images as unit vectors.", (IMAGES,), (EMBEDDINGS,)),),
)
STYLE = Field("style", "int64", (), "number of the design, 0 to num_styles - 1", below="num_styles")
MIXTURE = Field("style", "float32", ("num_styles",), "weight of each design: one-hot, or a mixture")
VIEW = (
    Field("azimuth", "float32", (), "degrees; 0 is the front"),
    Field("elevation", "float32", (), "degrees above the horizon, -90 to 90", limit=90.0),
    Field(
        "transformation",
        "float32",
        ("transformation_length",),
        "zoom, stretch, shift x and y, rotation, brightness, saturation, hue; 0 for none",
        where="transformation_length",
    ),
)
ON_BLACK = (
    Field("images", "uint8", ("height", "width", 3), "colours on black, 0 to 255"),
    Field("masks", "uint8", ("height", "width"), "coverage of each pixel, 0 to 255"),
)
CHAIRS = Kind(
    "Chairs, tables and cars",
    ChairsAnswers,
    (
        Signature("generate", "Generates a design as seen from any direction.", (STYLE, *VIEW), ON_BLACK),
        Signature("generate_mixed", "`generate`, with a weight for each design.", (MIXTURE, *VIEW), ON_BLACK),
    ),
)

KINDS = {  # the first class that fits counts
    PixelCNNAutoencoder: PIXEL_CNN_AUTOENCODER,
    AutoregressiveModel: AUTOREGRESSIVE,
    DeconvolutionalAutoencoder: AUTOENCODER,
    MapRegression: REGRESSION,
    Draw: DRAW,
    Classifier: CLASSIFIER,
    EmbeddingNetwork: EMBEDDING,
    ChairsGenerator: CHAIRS,
}
NOT_SERVED = {
    Uniform: "it gives every 8-bit image 8 bits/dim, so there is nothing to compute",
    MultivariateGaussian: "it has no weights file; it is fitted in seconds, as a check of data and metric",
}


def kind_of(model_class: type) -> Kind:
    """The Kind of a class of models.

    Raises:
        TypeError: KINDS has no entry for it.
    """
    for base, kind in KINDS.items():
        if issubclass(model_class, base):
            return kind
    raise TypeError(
        f"model must be an instance of one of {', '.join(base.__name__ for base in KINDS)}, the classes in KINDS of "
        f"serving/signatures.py. Received: {model_class.__name__}"
    )


def signatures_of(model: keras.Model) -> tuple[Signature, ...]:
    """The signatures of `model`, with its sizes. Raises as `kind_of`."""
    return tuple(signature.resolved(model) for signature in kind_of(type(model)).signatures)
