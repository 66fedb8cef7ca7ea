"""Which grey digit a binarised digit was drawn from, found from the pixels alone.

MNIST and the fixed binarised MNIST have no common numbering once they are stored (TensorFlow Datasets shuffles each in
its own way), and five in six of the digits binarised for validation are among the first 50,000 of MNIST as stored.
"""

import numpy as np

BLOCK = 4
AT_ONCE = 250
# How far the true one may lie behind in the quick comparison; a few units are usual.
MARGIN = 15.0


def match(binary: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """For each binary image the grey one from which it was drawn, pixels being 1 with the grey value as probability.

    A comparison of sums over blocks of 4x4 pixels leaves some 40 of 60,000 candidates; among these the likelihood of
    all pixels decides. No two binary images get the same grey one: of twins, the clearer case chooses first. Takes
    seconds for 10,000 images.

    Args:
        binary: uint8 `[n, height, width, 1]`, 0 or 1; height and width divide by 4.
        grey: uint8 `[m, height, width, 1]`, at least one.

    Returns:
        Integers `[n]`, positions in `grey`; -1 where none that is left can have given the binary image.
    """
    with np.errstate(divide="ignore"):
        log_chance = np.log(np.stack([255 - np.arange(256), np.arange(256)]) / 255)  # of 0 and of 1, by grey value
    grey_blocks = _blocks(grey) / 255
    offsets = np.square(grey_blocks).sum(1) / 2
    pixels, grey_pixels = binary.reshape(len(binary), -1), grey.reshape(len(grey), -1)
    choices = []  # (by how much the best is ahead of the next, binary image, candidates with the best first)
    for start in range(0, len(binary), AT_ONCE):
        closeness = _blocks(binary[start : start + AT_ONCE]) @ grey_blocks.T - offsets
        for i, row in enumerate(closeness, start):
            candidates = np.flatnonzero(row > row.max() - MARGIN)
            log_prob = log_chance[pixels[i], grey_pixels[candidates]].sum(1)
            order = np.argsort(-log_prob)[: np.isfinite(log_prob).sum()]
            lead = log_prob[order[0]] - log_prob[order[1]] if len(order) > 1 else np.inf
            choices.append((lead, i, candidates[order]))
    return _distribute(choices)


def _distribute(choices):
    """Every image gets the best of its candidates that no clearer case has taken, or -1."""
    found, taken = np.full(len(choices), -1), set()
    for _, i, candidates in sorted(choices, key=lambda choice: -choice[0]):
        found[i] = next((c for c in candidates.tolist() if c not in taken), -1)
        taken.add(found[i].item())
    return found


def _blocks(images):
    n, height, width, _ = images.shape
    cut = images.reshape(n, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return cut.sum((2, 4), dtype=np.float32).reshape(n, -1)
