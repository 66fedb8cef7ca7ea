"""What Figures 4 and 5 of arXiv 1606.05328 share: images and their embeddings, and whose images samples are taken for.

As in Section 3.3: the embedding network is trained first (triplet_embedding.py) and then frozen; each training image
x comes with its own embedding, and the model is p(x | h(x)). What enters the gates is h times the square root of its
length: numbers of about 1, where those of a vector of length 1 are small.
"""

import dataclasses
import math
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from image_generators.data import compose, identities
from image_generators.data.image_data import ImageData, Split
from image_generators.evaluation import networks, records, tables
from image_generators.models.weights_file import Refused

if TYPE_CHECKING:
    import keras

    from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork

SAMPLED_AT_ONCE = 660  # bounds the memory
SHIFT = 2  # pixels
TURNED = ("omniglot",)  # where an image turned by 90 degrees is of another identity


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddedSplit(Split):
    """Images with their conditions, float32 [n, features], for labels."""

    identities: np.ndarray  # int32 [n]


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddedData(ImageData):
    """A data set of `EmbeddedSplit`s, and who embedded it."""

    network: "EmbeddingNetwork | None" = None
    judge: "EmbeddingNetwork | None" = None  # of another seed, where there is one


def episodes(data: ImageData, options: Any = None) -> ImageData:
    """Every split as episodes, for the embedding network; train with images shifted and, of characters, turned."""
    data = dataclasses.replace(data, augmentation=f"shifts by up to {SHIFT} pixels", augment=shift)
    if data.name in TURNED:
        source = f"{data.source}; training characters turned by 90, 180 and 270 degrees are other characters"
        data = dataclasses.replace(data, train=identities.rotated(data.train), source=source)
    return identities.episodes(data, identities.most_ways(data))


def shift(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by at most `SHIFT` pixels down, up, right or left; black comes in."""
    border = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
    return compose.random_crops(np.pad(images, border), images.shape[1], rng)


def embed(data: ImageData, results_dir: str | pathlib.Path) -> EmbeddedData:
    """Gives every image the embedding of the best network in `results_dir` of seed 0.

    Raises:
        weights_file.Refused: there is none for this data, or its weights are not those of its record.
    """
    fingerprint = episodes(data).fingerprint
    candidates = [
        record
        for record in records.read_all(results_dir, "triplet_embedding")
        if record.weights and record.data_fingerprint == fingerprint
    ]
    first, others = ([record for record in candidates if bool(record.seed) == wanted] for wanted in (False, True))
    if not first:
        raise Refused(
            f"{results_dir} must hold an embedding network of {data.title}, seed 0: run "
            "python reproduce/triplet_embedding.py on this data first"
        )
    record = tables.best(first)
    network = networks.restore(record, results_dir)
    splits = {name: _embed(getattr(data, name), network) for name in records.SPLITS}
    return EmbeddedData(
        **{field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
        | splits
        | {"labels_of": f"embedding {record.weights_sha256}"},
        network=network,
        judge=networks.restore(tables.best(others), results_dir) if others else None,
    )


def _embed(split, network):
    return EmbeddedSplit(split.images, condition(network.embed(split.images)), split.labels)


def condition(h: np.ndarray) -> np.ndarray:
    """Embeddings of length 1, [n, features], as they enter the gates."""
    return math.sqrt(h.shape[-1]) * h


def nats_given(network: "keras.Model", test: EmbeddedSplit, n: int) -> dict[str, float]:
    """Nats per image of the first `n` test images, given whose embedding? {what: nats}."""
    same, other = identities.partners(test.identities)
    given = {
        "the image itself": np.arange(len(test.images)),
        "another image of its identity": same,
        "an image of another identity": other,
    }
    return {
        f"nats, given the embedding of {whose}": _mean(-network.log_prob(test.images[:n], test.labels[at[:n]]))
        for whose, at in given.items()
    }


def identified(network: "keras.Model", data: EmbeddedData, n: int, seed: int = 0) -> dict[str, float]:
    """Is a sample nearer to a real image of its identity than to those of the others? {what: percent}.

    For every test identity three images: one is the source, whose embedding the sample is drawn for; one stands for the
    identity in the gallery; and the third takes the sample's place for comparison: so well are real images identified.
    Answered by the network that gave the embedding and, where there is one, by `data.judge`, which had no part in it.

    Args:
        network: given embeddings.
        data: EmbeddedData.
        n: about how many samples: as many rounds of all identities as fit, at least one.
        seed: of the samples.
    """
    test = data.test
    people = len(np.unique(test.identities))
    trials = identities.trials(test.identities, 3, max(1, n // people))  # [rounds, 3, identities]
    sources, gallery, others = trials.transpose(1, 0, 2)
    given = test.labels[sources.ravel()]
    drawn = [
        network.sample(len(part), part, seed + i)
        for i, part in enumerate(np.split(given, range(SAMPLED_AT_ONCE, len(given), SAMPLED_AT_ONCE)))
    ]
    queries = {"samples": np.concatenate(drawn), "real images": test.images[others.ravel()]}
    percentages = {}
    for judge, by in ((data.network, ""), (data.judge, " by a network of another seed")):
        for what, images in queries.items() if judge else ():
            places = _places(judge, images.reshape(*gallery.shape, *images.shape[1:]), test.images[gallery])
            percentages |= {
                f"{what} identified{by}, top {k} of {ways}, %": top_percent(places, gallery.shape[1], k, ways)
                for k, ways in _asked(gallery.shape[1])
            }
    return percentages | {f"chance, top {k} of {ways}, %": 100.0 * k / ways for k, ways in _asked(gallery.shape[1])}


def _asked(people):
    """(k, of how many): among all, the first and the first five; and among twenty."""
    return [(1, people)] + [(5, people)] * (people > 5) + [(1, 20)] * (people > 20)


def _places(judge, queries, gallery):
    """Place of each query's own image, [rounds, identities] of images [rounds, identities, height, width, channels]."""
    return np.stack([places(judge.embed(q), judge.embed(g)) for q, g in zip(queries, gallery, strict=True)])


def places(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """How many images are nearer to each query than its own: int [n], 0 where its own is the nearest.

    Args:
        queries, gallery: embeddings [n, d] of one image of each identity and of another, in the same order.

    One that is exactly as near counts as nearer: embeddings that are all alike identify none.
    """
    from image_generators.models.pixelcnn.triplet import squared_distances

    distances = np.array(squared_distances(queries, gallery))
    return (distances <= np.diagonal(distances)[:, None]).sum(axis=1) - 1


def top_percent(nearer_counts: np.ndarray, people: int, k: int, ways: int) -> float:
    """Percent of queries whose own image is among the `k` nearest of `ways` images, the others random ones of `people`.

    The mean over all such choices of others, not over some that are drawn.

    Args:
        nearer_counts: int, how many of all others are nearer than the own one (`places`).
    """
    others, drawn = people - 1, ways - 1
    # j of the drawn ones are of those that are nearer.
    chances = [
        sum(math.comb(nearer, j) * math.comb(others - nearer, drawn - j) for j in range(min(k, ways)))
        / math.comb(others, drawn)
        for nearer in np.ravel(nearer_counts).tolist()
    ]
    return 100.0 * _mean(np.array(chances))


def _mean(values):
    return float(np.mean(values, dtype="float64"))
