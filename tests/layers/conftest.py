"""The masks, the convolution and the attention of the papers, written as loops."""

import math

import numpy as np
import pytest


def _paper_mask(rows, columns, in_channels, filters, mask_type, colours):
    mask = np.zeros((rows, columns, in_channels, filters))
    for i, j, source, target in np.ndindex(mask.shape):
        down, right = i - rows // 2, j - columns // 2
        seen_colour, own_colour = source // (in_channels // colours), target // (filters // colours)
        if down < 0 or (down == 0 and right < 0):  # the rows above, and the pixels to the left
            mask[i, j, source, target] = 1
        elif down == right == 0:  # R, then G, then B
            mask[i, j, source, target] = seen_colour < own_colour or (mask_type == "B" and seen_colour == own_colour)
    return mask


def _plain_conv(maps, kernel):
    rows, columns = kernel.shape[:2]
    _, height, width, _ = maps.shape
    around = [(0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
    padded = np.pad(np.asarray(maps, "float64"), around)
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(rows) for j in range(columns)
    )  # [B, H, W, filters]


@pytest.fixture(scope="session")
def paper_mask():
    """`paper_mask(rows, columns, in_channels, filters, mask_type, colours)`: Section 2 of arXiv 1606.05328."""
    return _paper_mask


@pytest.fixture(scope="session")
def plain_conv():
    """`plain_conv(maps, kernel)`: zero-padded "same" convolution in NumPy, one tap after another."""
    return _plain_conv


class _PaperAttention:
    """Section 3.2 of arXiv 1502.04623 for one image, [height, width, channels], and one window, in float64."""

    def __init__(self, size, height, width):
        self.size, self.height, self.width = size, height, width

    def window(self, raw):
        """Eq. 21-24: the five numbers of a linear layer -> g_X, g_Y, delta, sigma, gamma."""
        x, y, log_variance, log_stride, log_gamma = np.asarray(raw, "float64")
        stride = (max(self.width, self.height) - 1) / max(self.size - 1, 1) * math.exp(log_stride)
        centre = (self.width + 1) / 2 * (x + 1), (self.height + 1) / 2 * (y + 1)
        return np.array([*centre, stride, math.sqrt(math.exp(log_variance)), math.exp(log_gamma)])

    def filters(self, window):
        """Eq. 19, 20, 25, 26: F_Y [N, height] and F_X [N, width]; i and a count from 1."""
        x, y, stride, sigma, _ = np.asarray(window, "float64")
        banks = [np.zeros((self.size, pixels)) for pixels in (self.height, self.width)]
        for bank, centre in zip(banks, (y, x), strict=True):
            for i in range(1, self.size + 1):
                mean = centre + (i - self.size / 2 - 0.5) * stride
                for a in range(1, bank.shape[1] + 1):
                    bank[i - 1, a - 1] = math.exp(-((a - mean) ** 2) / (2 * sigma**2))
                bank[i - 1] /= bank[i - 1].sum()
        return banks

    def read(self, image, window):
        """Eq. 27: each cell of the patch is a Gaussian spot of the image, times gamma."""
        rows, columns = self.filters(window)
        patch = np.zeros((self.size, self.size, image.shape[-1]))
        for i, j, channel in np.ndindex(patch.shape):
            patch[i, j, channel] = window[4] * (np.outer(rows[i], columns[j]) * image[..., channel]).sum()
        return patch

    def write(self, patch, window):
        """Eq. 29: each cell of the patch leaves such a spot, over gamma."""
        rows, columns = self.filters(window)
        image = np.zeros((self.height, self.width, patch.shape[-1]))
        for i, j, channel in np.ndindex(patch.shape):
            image[..., channel] += np.outer(rows[i], columns[j]) * patch[i, j, channel] / window[4]
        return image


@pytest.fixture(scope="session")
def paper_attention():
    """`paper_attention(size, height, width)`: `window(raw)`, `filters`, `read` and `write` by loops."""
    return _PaperAttention
