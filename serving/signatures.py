"""Signatures: what a served model answers; names, shapes, units and meaning of all that goes in and comes out.

One table, KINDS. The export, the checks in the graph, the table in serving/README.md and the tests are made from it.

Every input and output has the images of a request as its first axis, seeds and temperatures too. So TensorFlow Serving
can join requests into one batch and part them again, and an image depends on its own row alone.
"""

import dataclasses

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
    shape: tuple  # of one image's part: numbers, or names that `_size` knows; [n, ...] when served
    meaning: str  # with the unit
    where: str = ""  # the attribute of a model without which it has no such field,
    unless: str = ""  # and the one with which it has none
    below: str | int = ""  # integers: 0 to one less than this, a number or an attribute of the model
    positive: bool = False  # floats: above zero
    limit: float = 0.0  # floats: where it is above zero, from minus to plus this

    def exists(self, model):
        """Whether `model` has such a field."""
        has = lambda attribute: getattr(model, attribute, None) is not None  # noqa: E731
        return (not self.where or has(self.where)) and not (self.unless and has(self.unless))

    def resolved(self, model):
        """The same for one model: numbers for names."""
        shape = [_size(model, size) for size in self.shape]
        shape = [size for sizes in shape for size in (sizes if isinstance(sizes, tuple) else (sizes,))]
        below = getattr(model, self.below) if isinstance(self.below, str) and self.below else self.below
        return dataclasses.replace(self, shape=tuple(shape), below=below)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A question, with what it takes and gives."""

    name: str  # also of the method of the kind's answers that computes it
    meaning: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    def resolved(self, model):
        """The same for one model: its sizes, and only the fields that it has."""
        fields = {
            side: tuple(field.resolved(model) for field in getattr(self, side) if field.exists(model))
            for side in ("inputs", "outputs")
        }
        return dataclasses.replace(self, **fields)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Models that answer alike."""

    title: str
    answers: type  # of serving/answers.py
    signatures: tuple[Signature, ...]  # the first one is also `serving_default`


def _size(model, name):
    names = dict(zip(("height", "width", "colours"), model.image_shape, strict=True))
    return names[name] if name in names else getattr(model, name) if isinstance(name, str) else name


_IMAGE = ("height", "width", "colours")
_WINDOW = "window in pixels, from the upper left one, (1, 1): centre x, centre y, stride, sigma; and gamma"

IMAGES = Field("images", "uint8", _IMAGE, "values 0 to levels - 1", below="levels")
SEED = Field("seed", "int64", (), "of this image's noise: any number; the same one gives the same image")
TEMPERATURE = Field("temperature", "float32", (), "1 samples the model; less sharpens; above 0", positive=True)
KNOWN_MASK = Field("known_mask", "bool", ("height", "width"), "true where the pixel of `images` is kept")
LABEL = Field("label", "int64", (), "class, 0 to num_classes - 1", where="num_classes", below="num_classes")
CONDITION = Field(
    "condition",
    "float32",
    ("condition_shape",),
    "what the image is of",
    where="condition_shape",
    unless="condition_levels",
)
CONDITION_IMAGE = Field(
    "condition",
    "uint8",
    ("condition_shape",),
    "what the image is of",
    where="condition_levels",
    below="condition_levels",
)
CONDITIONS = (LABEL, CONDITION, CONDITION_IMAGE)  # of which a model has one or none

LOG_PROB_NATS = Field("log_prob_nats", "float32", (), "log-likelihood, nats per image")
BITS_PER_DIM = Field("bits_per_dim", "float32", (), "cost, bits per sub-pixel")
DRAWN = Field("images", "uint8", _IMAGE, "values 0 to levels - 1")
CANVASES = Field("canvases", "float32", ("steps", *_IMAGE), "sigmoid of the canvas after every step, 0 to 1")
WRITE_WINDOWS = Field("write_windows", "float32", ("steps", 5), _WINDOW, where="write_size")
READ_WINDOWS = Field("read_windows", "float32", ("steps", 5), _WINDOW, where="read_size")

CODES = Field("codes", "float32", ("bottleneck",), "what the decoder gets of the image; `condition` elsewhere")

SAMPLE = Signature("sample", "An image a seed.", (SEED, TEMPERATURE, *CONDITIONS), (DRAWN,))
ENCODE = Signature("encode", "The codes of images.", (IMAGES,), (CODES,))
MEAN = Signature("mean", "The mean image given a condition.", CONDITIONS, (DRAWN,))

AUTOREGRESSIVE = Kind(
    "PixelCNN and its kin",
    AutoregressiveAnswers,
    (
        Signature("log_prob", "How likely images are.", (IMAGES, *CONDITIONS), (LOG_PROB_NATS, BITS_PER_DIM)),
        SAMPLE,
        Signature(
            "complete",
            "Keeps the known pixels and draws the others in raster order, each given all before it, known or drawn.",
            (IMAGES, KNOWN_MASK, SEED, TEMPERATURE, *CONDITIONS),
            (DRAWN,),
        ),
    ),
)
PIXEL_CNN_AUTOENCODER = Kind(
    "Auto-encoders with a PixelCNN as decoder",
    PixelCNNAutoencoderAnswers,
    (
        ENCODE,
        SAMPLE,
        Signature("reconstruct", "Images drawn given the codes of images.", (IMAGES, SEED, TEMPERATURE), (DRAWN,)),
        Signature("log_prob", "How likely images are, given their codes.", (IMAGES,), (LOG_PROB_NATS, BITS_PER_DIM)),
    ),
)
AUTOENCODER = Kind(
    "Auto-encoders trained under squared error",
    RegressionAnswers,
    (ENCODE, MEAN, Signature("reconstruct", "The mean images given the codes of images.", (IMAGES,), (DRAWN,))),
)
REGRESSION = Kind("Means given a condition", RegressionAnswers, (MEAN,))
DRAW = Kind(
    "DRAW",
    DrawAnswers,
    (
        Signature(
            "elbo",
            "A lower bound of the log-likelihood, by one sample of the latents. No bound for models made with "
            "likelihood='cross_entropy'.",
            (IMAGES, SEED),
            (
                Field("elbo_nats", "float32", (), "the bound, nats per image"),
                Field("reconstruction_nats", "float32", (), "its first part, log D(x | canvas)"),
                Field("kl_nats", "float32", ("steps",), "what each step costs; elbo = reconstruction - sum of these"),
            ),
        ),
        Signature("sample", "An image a seed.", (SEED,), (DRAWN,)),
        Signature("sample_steps", "The same, with how it came to be.", (SEED,), (DRAWN, CANVASES, WRITE_WINDOWS)),
        Signature("reconstruct", "Images from latents inferred from images: no samples.", (IMAGES, SEED), (DRAWN,)),
        Signature(
            "reconstruct_steps",
            "The same, with how it came to be.",
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
            "Which class an image shows.",
            (IMAGES,),
            (
                Field("probabilities", "float32", ("num_classes",), "of each class; they sum to 1"),
                Field("windows", "float32", ("glimpses", 5), _WINDOW, where="glimpses"),
            ),
        ),
    ),
)
EMBEDDINGS = Field("embeddings", "float32", ("features",), "vectors of length 1, close together for one identity")
EMBEDDING = Kind(
    "Embeddings of identities",
    EmbeddingAnswers,
    (Signature("embed", "Where images lie among others.", (IMAGES,), (EMBEDDINGS,)),),
)
STYLE = Field("style", "int64", (), "design, 0 to num_styles - 1", below="num_styles")
MIXTURE = Field("style", "float32", ("num_styles",), "share of each design: one 1 for one of them, or a mixture")
VIEW = (
    Field("azimuth", "float32", (), "degrees, from the front"),
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
    Field("masks", "uint8", ("height", "width"), "how much of a pixel is covered, 255 for all of it"),
)
CHAIRS = Kind(
    "Chairs, tables and cars",
    ChairsAnswers,
    (
        Signature("generate", "A design from anywhere.", (STYLE, *VIEW), ON_BLACK),
        Signature("generate_mixed", "The same, of any vector of styles.", (MIXTURE, *VIEW), ON_BLACK),
    ),
)

KINDS = {  # of several that fit, the first
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
    Uniform: "there is nothing to ask: every image of 8-bit values costs 8 bits/dim",
    MultivariateGaussian: "it has no weights file: it is fitted anew in seconds, to be a check of data and metric",
}


def kind_of(model_class):
    """The Kind of a class of models. TypeError: nobody said yet what it answers when served."""
    for base, kind in KINDS.items():
        if issubclass(model_class, base):
            return kind
    raise TypeError(
        f"model must be of {', '.join(base.__name__ for base in KINDS)}: serving/signatures.py says what each of these "
        f"answers. Received: {model_class.__name__}"
    )


def signatures_of(model):
    """The Signatures of one model, with its sizes."""
    return tuple(signature.resolved(model) for signature in kind_of(type(model)).signatures)
