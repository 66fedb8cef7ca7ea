"""Gated PixelCNN in idiomatic PyTorch, for comparison."""

import torch
import torch.nn.functional as F
from torch import nn


def gate(features):
    f, g = features.chunk(2, dim=1)  # Eq. 2 of arXiv 1606.05328
    return torch.tanh(f) * torch.sigmoid(g)


def colour_mask(in_channels, filters, strict):
    source = torch.arange(in_channels) * 3 // in_channels
    target = torch.arange(filters) * 3 // filters
    return (source < target[:, None] if strict else source <= target[:, None]).float()[:, :, None, None]


class MaskedConv(nn.Conv2d):
    """A convolution along rows whose last tap is the pixel itself, masked by colour."""

    def __init__(self, in_channels, filters, width, strict=False, halves=1):
        super().__init__(in_channels, filters, (1, width))
        mask = torch.ones_like(self.weight)
        mask[..., -1:] = colour_mask(in_channels, filters // halves, strict).repeat(halves, 1, 1, 1)
        self.register_buffer("mask", mask)

    def forward(self, maps):
        maps = F.pad(maps, (self.kernel_size[1] - 1, 0, 0, 0))
        return F.conv2d(maps, self.weight * self.mask, self.bias)


class Block(nn.Module):
    def __init__(self, in_channels, filters, n, first):
        super().__init__()
        self.first, self.reach = first, n // 2
        self.vertical = nn.Conv2d(in_channels, 2 * filters, (self.reach + 1, n))
        self.horizontal = MaskedConv(in_channels, 2 * filters, self.reach + 1, strict=first, halves=2)
        self.tap = nn.Conv2d(2 * filters, 2 * filters, 1, bias=False)
        self.output = MaskedConv(filters, filters, 1)

    def forward(self, vertical, horizontal):
        rows = self.reach + (1 if self.first else 0)
        padded = F.pad(vertical, (self.reach, self.reach, rows, 0))
        above = self.vertical(padded[:, :, :-1] if self.first else padded)
        output = self.output(gate(self.horizontal(horizontal) + self.tap(above)))
        return gate(above), output if self.first else output + horizontal


class GatedPixelCNN(nn.Module):
    def __init__(self, filters, depth, kernel_size, first_kernel_size, head_filters):
        super().__init__()
        sizes = [(3, first_kernel_size, True)] + [(filters, kernel_size, False)] * (depth - 1)
        self.blocks = nn.ModuleList(Block(channels, filters, n, first) for channels, n, first in sizes)
        self.hidden = MaskedConv(filters, head_filters, 1)
        self.logits = MaskedConv(head_filters, 3 * 256, 1)

    def forward(self, images):
        """uint8 [batch, 3, height, width] -> mean negative log-likelihood of a sub-pixel, in nats."""
        vertical = horizontal = images.float() / 127.5 - 1
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal)
        logits = self.logits(F.relu(self.hidden(F.relu(horizontal))))
        batch, _, height, width = logits.shape
        logits = logits.view(batch, 3, 256, height, width).transpose(1, 2)
        return F.cross_entropy(logits, images.long())
