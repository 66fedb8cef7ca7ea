"""Finds, from pixels alone, the grey digit from which a binarised digit was drawn.

TensorFlow Datasets shuffles MNIST and the fixed binarised MNIST independently, so their numbers do not correspond. Five
of six validation digits of the binarised set are among the first 50,000 stored digits of MNIST.
"""

import numpy as np

BLOCK = 4
AT_ONCE = 250
# How far the true digit may fall behind the best in the coarse comparison; usually it is a few units.
MARGIN = 15.0


def match(binary: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Matches each binary image with the grey image from which it was drawn.

    A pixel of a binary image is 1 with probability grey / 255. Sums over blocks of 4x4 pixels select about 40 of 60,000
    candidates; among these, the likelihood of all pixels decides. Each grey image is matched at most once: if several
    binary images want it, the one with the largest lead in likelihood gets it. Takes seconds for 10,000 images.

    Args:
        binary: uint8 `[n, height, width, 1]`, 0 or 1; height and width are multiples of 4.
        grey: uint8 `[m, height, width, 1]`, at least one.

    Returns:
        Indices in `grey`, int `[n]`; -1 if no remaining grey image is possible.
    """
    with np.errstate(divide="ignore"):
        log_chance = np.log(np.stack([255 - np.arange(256), np.arange(256)]) / 255)  # [2, 256]: of 0 and 1
    grey_blocks = _blocks(grey) / 255
    offsets = np.square(grey_blocks).sum(1) / 2
    pixels, grey_pixels = binary.reshape(len(binary), -1), grey.reshape(len(grey), -1)
    choices = []  # (lead of the best candidate over the next, binary image, candidates from best to worst)
    for start in range(0, len(binary), AT_ONCE):
        closeness = _blocks(binary[start : start + AT_ONCE]) @ grey_blocks.T - offsets
        for i, of_image in enumerate(closeness, start):
            candidates = np.flatnonzero(of_image > of_image.max() - MARGIN)
            log_prob = log_chance[pixels[i], grey_pixels[candidates]].sum(1)
            order = np.argsort(-log_prob)[: np.isfinite(log_prob).sum()]
            lead = log_prob[order[0]] - log_prob[order[1]] if len(order) > 1 else np.inf
            choices.append((lead, i, candidates[order]))
    return _distribute(choices)


def _distribute(choices):
    """Gives every image, in the order of decreasing leads, its best candidate that is not taken, or -1."""
    matches, taken = np.full(len(choices), -1), set()
    for _, i, candidates in sorted(choices, key=lambda choice: -choice[0]):
        matches[i] = next((c for c in candidates.tolist() if c not in taken), -1)
        taken.add(matches[i].item())
    return matches


def _blocks(images):
    n, height, width, _ = images.shape
    cut = images.reshape(n, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return cut.sum((2, 4), dtype=np.float32).reshape(n, -1)
