"""The embedding network of Section 3.3 of arXiv 1606.05328: a triplet loss on identities, error of identification.

python reproduce/triplet_embedding.py                  Omniglot: what results/ holds, then a quick run
python reproduce/triplet_embedding.py --preset=cpu
python reproduce/triplet_embedding.py --data=cifar10   classes for identities; --data=lfw: people

The paper's network, trained on a private collection of portraits, has no number. Measured here is 20-way one-shot
identification: of twenty characters that training never saw, one drawing each, which is another drawing of? (Of classes
or people, as many as each split has, at most twenty.) The picture: in the first column validation images, beside each
its nearest among the other validation images, the nearest first.

In training images are shifted by up to two pixels, and Omniglot's characters turned by 90, 180 and 270 degrees count as
other characters. Figures 4 and 5 take the run of seed 0, and have samples judged by a run of another seed where there
is one.
"""

import dataclasses

import numpy as np

from image_generators.data import compose, identities
from image_generators.evaluation import pictures
from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Embedding of identities (Section 3.3 of arXiv 1606.05328): 20-way one-shot identification"

ROWS = (Row("Embedding network, triplet loss", None, None, "", ("embedding_network",)),)

LOOKED_THROUGH = 2000  # validation images that neighbours are looked for in
SHIFT = 2  # pixels
TURNED = ("omniglot",)  # where an image turned by 90 degrees is of another identity


def prepare(data, options=None):
    """Every split as episodes; train with images shifted and, of characters, turned."""
    data = dataclasses.replace(data, augmentation=f"shifts by up to {SHIFT} pixels", augment=shift)
    if data.name in TURNED:
        source = f"{data.source}; training characters turned by 90, 180 and 270 degrees are other characters"
        data = dataclasses.replace(data, train=identities.rotated(data.train), source=source)
    return identities.episodes(data, identities.most_ways(data))


def shift(images, rng):
    """Each image moved by at most `SHIFT` pixels down, up, right or left; black comes in."""
    border = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
    return compose.random_crops(np.pad(images, border), images.shape[1], rng)


def picture(network, data, n, seed=0):
    """Validation images and their nearest neighbours, a row each."""
    images = data.validation.images[:LOOKED_THROUGH]
    rows = max(2, n // 8)
    asked = np.linspace(0, len(images) - 1, rows).astype(int)
    h = network.embed(images)
    nearest = np.argsort(-h[asked] @ h.T, axis=1)  # of length 1: the most alike are the nearest
    nearest = np.stack([line[line != own][:9] for line, own in zip(nearest, asked, strict=True)])
    show = {"scale": 2, "levels": data.levels}
    return pictures.beside(
        [pictures.grid(images[asked], 1, **show), pictures.grid(images[nearest.ravel()], nearest.shape[1], **show)]
    )


def experiment(data):
    return experiments.Experiment(
        "triplet_embedding",
        TITLE,
        ROWS,
        "error_percent",
        data,
        configs.EMBEDDING_NETWORK,
        prepare=prepare,
        picture=picture,
    )


EXPERIMENTS = {data: experiment(data) for data in ("omniglot", "cifar10", "lfw")}
EXPERIMENT = EXPERIMENTS["omniglot"]

if __name__ == "__main__":
    experiments.main(EXPERIMENT, EXPERIMENTS)
