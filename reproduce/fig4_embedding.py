"""Figure 4 of arXiv 1606.05328: Gated PixelCNN given an embedding, on identities that training never saw.

python reproduce/triplet_embedding.py                first: trains the embedding network
python reproduce/fig4_embedding.py                   Omniglot: what results/ holds, then quick runs
python reproduce/fig4_embedding.py --preset=cpu --rows=map_pixel_cnn_of_embedding
python reproduce/fig4_embedding.py --data=cifar10    classes, seen in training; --data=lfw: people

The paper's portraits are private; Omniglot has 659 test characters that no training image shows. A row of the picture
is a character: the source, whose embedding is given; eight samples; two drawings by other people. The paper gives no
number. It does not say either how its embedding enters the gates: as a vector, alike at every pixel (Eq. 4), or through
a deconvolutional m(h) that says something of each place (Eq. 5); so there is a row for each. Here, beside nats with and
without the embedding, on the same budget:

nats, given the embedding of   the image itself, as in training; another image of its identity, which cannot tell of the
                               image more than whose it is; an image of another identity
identified                     of a hundred samples, how many the embedding network places nearest to another image of
                               their identity (experiments/embeddings.py)
"""

import numpy as np

from image_generators.data import identities
from image_generators.evaluation import pictures
from image_generators.evaluation.tables import Row
from image_generators.experiments import embeddings
from image_generators.experiments import experiment as experiments
from image_generators.experiments.samples import default_picture
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Figure 4 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): given an embedding"

ROWS = (
    Row("Gated PixelCNN", None, None, "", ("gated_pixel_cnn",)),
    Row("Gated PixelCNN, given the embedding (Eq. 4)", None, None, "", ("gated_pixel_cnn_of_embedding",)),
    Row("Gated PixelCNN, given a map of the embedding (Eq. 5)", None, None, "", ("map_pixel_cnn_of_embedding",)),
)

SAMPLES = 8  # of an identity
OTHERS = 2  # real images of it, beside them


def prepare(data, options):
    return embeddings.embed(data, options.results_dir)


def picture(network, data, n, seed=0):
    """Test identities, a row each: the source, samples, other real images; without a condition, any samples."""
    if network.condition_shape is None:
        return default_picture(network, data, n, seed)
    sources, *others = shown(data.test, max(2, n // SAMPLES), 1 + OTHERS)
    samples = network.sample(len(sources) * SAMPLES, data.test.labels[sources].repeat(SAMPLES, axis=0), seed)
    columns = [
        (data.test.images[sources], 1),
        (samples, SAMPLES),
        (data.test.images[np.stack(others, axis=1).ravel()], OTHERS),
    ]
    return pictures.beside([pictures.grid(images, n, scale=2, levels=data.levels) for images, n in columns])


def shown(test, rows, each):
    """Positions of `each` images of at most `rows` identities, evenly from all: int [each, rows]."""
    trials = identities.trials(test.identities, each, 1)[0]
    return trials[:, np.unique(np.linspace(0, trials.shape[1] - 1, rows).astype(int))]


def measure(network, data, preset, seed=0):
    """What the embedding tells the model, and what samples tell the embedding network; {} of a model without it."""
    if network.condition_shape is None:
        return {}
    measurements = embeddings.nats_given(network, data.test, preset.measuring["test_images"])
    return measurements | embeddings.identified(network, data, preset.measuring["identified"], seed)


def experiment(data, presets):
    return experiments.Experiment(
        "fig4_embedding", TITLE, ROWS, "nats", data, presets, prepare=prepare, picture=picture, measure=measure
    )


EXPERIMENTS = {
    "omniglot": experiment("omniglot", configs.CHARACTERS),
    "cifar10": experiment("cifar10", configs.PHOTOGRAPHS),
    "lfw": experiment("lfw", configs.PHOTOGRAPHS),
}
EXPERIMENT = EXPERIMENTS["omniglot"]

if __name__ == "__main__":
    experiments.main(EXPERIMENT, EXPERIMENTS)
