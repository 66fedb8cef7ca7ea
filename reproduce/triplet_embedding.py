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

import numpy as np

from image_generators.evaluation import pictures
from image_generators.evaluation.tables import Row
from image_generators.experiments import embeddings
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Embedding of identities (Section 3.3 of arXiv 1606.05328): 20-way one-shot identification"

ROWS = (Row("Embedding network, triplet loss", None, None, "", ("embedding_network",)),)

LOOKED_THROUGH = 2000  # validation images that neighbours are looked for in


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
        prepare=embeddings.episodes,
        picture=picture,
    )


EXPERIMENTS = {data: experiment(data) for data in ("omniglot", "cifar10", "lfw")}
EXPERIMENT = EXPERIMENTS["omniglot"]

if __name__ == "__main__":
    experiments.main(EXPERIMENT, EXPERIMENTS)
