"""The two-stream generator and its transformations in idiomatic PyTorch, for comparison."""

import math

import torch
import torch.nn.functional as F
from torch import nn

RANGES = torch.tensor([0.3, 0.1, 0.1, 0.1, 0.2, 0.7, 0.7, 1.5])


def two_layers(inputs):
    return nn.Sequential(nn.Linear(inputs, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU())


def up(inputs, outputs):
    return nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1)


class Stream(nn.Module):
    def __init__(self, maps, channels):
        super().__init__()
        self.first = nn.Linear(1024, 64 * maps[0])
        pairs = [layer for a, b in zip(maps, maps[1:], strict=False) for layer in (up(a, b), nn.ReLU())]
        self.stack = nn.Sequential(*pairs, up(maps[-1], channels))

    def forward(self, features):
        return self.stack(F.relu(self.first(features)).view(len(features), -1, 8, 8))


class ChairsGenerator(nn.Module):
    def __init__(self, size=128, num_styles=843):
        super().__init__()
        self.num_styles, larger = num_styles, int(math.log2(size)) - 6
        self.inputs = nn.ModuleList([two_layers(num_styles), two_layers(4), two_layers(8)])
        self.joint = nn.Sequential(nn.Linear(1536, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU())
        self.image = Stream([256, 256] + [92] * (1 + larger), 3)
        self.mask = Stream([128, 92] + [32] * (1 + larger), 1)

    def forward(self, images, labels):
        """uint8 [batch, 4, size, size], [batch, 3] -> the loss."""
        theta = draw(len(images))
        targets = transform(images.float() / 255, theta)
        angles = torch.deg2rad(labels[:, 1:])
        view = torch.cat([angles.sin(), angles.cos()], dim=1)
        inputs = F.one_hot(labels[:, 0].long(), self.num_styles).float(), view, theta
        features = self.joint(torch.cat([layer(x) for layer, x in zip(self.inputs, inputs, strict=True)], dim=1))
        colours = (self.image(features) - targets[:, :3]).square().sum()
        return 0.5 * (10 * colours + (self.mask(features) - targets[:, 3:]).square().sum()) / len(images)


def source(theta):
    """Affine maps from a transformed image to the original: [batch, 2, 3], in units of half the image's size."""
    zoom, stretch, cos, sin = theta[:, 0].exp(), theta[:, 1].exp(), theta[:, 4].cos(), theta[:, 4].sin()
    right = torch.stack([cos, -sin], dim=1) / (zoom * stretch)[:, None]
    down = torch.stack([sin, cos], dim=1) * (stretch / zoom)[:, None]
    linear = torch.stack([right, down], dim=1)
    return torch.cat([linear, -linear @ (2 * theta[:, 2:4, None])], dim=2)


def draw(n):
    theta = (2 * torch.rand(n, 8) - 1) * RANGES
    corners = torch.tensor([[x, y, 1.0] for x in (-1, 1) for y in (-1, 1)]).T
    while True:
        outside = (source(theta) @ corners).abs().amax(dim=(1, 2)) > 1.5
        if not outside.any():
            return theta
        theta[outside, :5] = ((2 * torch.rand(n, 5) - 1) * RANGES[:5])[outside]


def transform(rgba, theta):
    grid = F.affine_grid(source(theta), rgba.shape, align_corners=False)
    rgba = F.grid_sample(rgba, grid, align_corners=False)
    colours, mask = rgba[:, :3], rgba[:, 3]
    brightness, saturation, hue = theta[:, 5:, None, None].unbind(dim=1)
    value, chroma = colours.amax(dim=1), colours.amax(dim=1) - colours.amin(dim=1)
    red, green, blue = colours.unbind(dim=1)
    divisor = chroma.clamp(min=1e-6)
    sixths = torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4)
    sixths = torch.where(value == red, (green - blue) / divisor, sixths) + hue * (3 / math.pi)
    brighter = torch.minimum(value * brightness.exp(), torch.maximum(mask, value))
    chroma = chroma * torch.minimum(saturation.exp(), value / divisor) * brighter / value.clamp(min=1e-6)
    places = [(sixths + start) % 6 for start in (5, 3, 1)]
    colours = [brighter - chroma * torch.minimum(place, 4 - place).clamp(0, 1) for place in places]
    return torch.stack([*colours, mask], dim=1)
