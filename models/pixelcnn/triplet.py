"""The triplet loss of FaceNet (arXiv 1503.03832, Eq. 1 to 4) over all triplets of a batch.

    L = sum [ |f(a) - f(p)|^2 - |f(a) - f(n)|^2 + margin ]_+                    Eq. 3 of arXiv 1503.03832

over anchors a, positives p of the same identity and negatives n of another one. Section 3.3 of arXiv 1606.05328 trains
its embedding with this loss, and gives neither the margin nor the choice of triplets.
"""

from keras import ops

MINING = ("all", "semi_hard")


def squared_distances(first, second):
    """|first_i - second_j|^2 of vectors `[n, d]` and `[m, d]`: `[n, m]`, never below zero."""
    squares = ops.sum(ops.square(first), axis=1)[:, None] + ops.sum(ops.square(second), axis=1)
    return ops.relu(squares - 2.0 * ops.matmul(first, ops.transpose(second)))


def triplet_loss(embeddings, identities, margin: float = 0.2, mining: str = "all"):
    """The mean of Eq. 3 over chosen triplets of a batch, a scalar; zero if none is chosen.

    Args:
        embeddings: float `[n, d]`.
        identities: int `[n]`.
        margin: how much farther a negative should be than the positive, in squared distance.
        mining: "all" chooses every triplet that violates the margin. (Averaging over the others too would make the
            gradient vanish as their number grows.) "semi_hard" excludes triplets whose negative is nearer than the
            positive (Eq. 4): trained on the hardest triplets alone, all embeddings collapse to a point.
    """
    distances = squared_distances(embeddings, embeddings)  # [n, n]
    same = identities[:, None] == identities  # [n, n]
    positive = ops.logical_and(same, ops.logical_not(ops.eye(ops.shape(identities)[0], dtype="bool")))
    to_positive, to_negative = distances[:, :, None], distances[:, None, :]  # [a, p, 1], [a, 1, n]
    violation = ops.relu(to_positive - to_negative + margin)  # Eq. 3: [a, p, n]
    chosen = ops.logical_and(positive[:, :, None], ops.logical_not(same)[:, None, :])
    chosen = ops.logical_and(chosen, violation > 0)
    if mining == "semi_hard":
        chosen = ops.logical_and(chosen, to_negative > to_positive)  # Eq. 4
    chosen = ops.cast(chosen, violation.dtype)
    return ops.sum(violation * chosen) / ops.maximum(ops.sum(chosen), 1.0)
