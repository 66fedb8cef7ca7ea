"""DRAW with attention in idiomatic PyTorch, for comparison."""

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    """N x N Gaussian filters over square images; Eq. 19-29."""

    def __init__(self, units, size, side):
        super().__init__()
        self.side, self.stride = side, (side - 1) / max(size - 1, 1)
        self.linear = nn.Linear(units, 5)
        self.register_buffer("pixels", torch.arange(1.0, side + 1))
        self.register_buffer("offsets", torch.arange(1.0, size + 1) - size / 2 - 0.5)

    def forward(self, hidden):
        """hidden [batch, units] -> filters F_Y, F_X [batch, N, side], and gamma [batch, 1, 1]."""
        centre_x, centre_y, log_variance, log_stride, log_gamma = self.linear(hidden).chunk(5, dim=1)
        inverse = torch.exp(-log_variance)[..., None]
        offsets = self.stride * torch.exp(log_stride) * self.offsets
        return *(self.filters(centre, offsets, inverse) for centre in (centre_y, centre_x)), log_gamma.exp()[..., None]

    def filters(self, centre, offsets, inverse_variance):
        means = (self.side + 1) / 2 * (centre + 1) + offsets
        return torch.softmax(-0.5 * (self.pixels - means[..., None]).square() * inverse_variance, dim=-1)


class Draw(nn.Module):
    def __init__(self, side=28, steps=64, units=256, latent=100, read_size=2, write_size=5):
        super().__init__()
        self.steps, self.latent, self.write_size = steps, latent, write_size
        self.read_attention = Attention(units, read_size, side)
        self.write_attention = Attention(units, write_size, side)
        self.encoder = nn.LSTMCell(2 * read_size**2 + units, units)
        self.posterior = nn.Linear(units, 2 * latent)
        self.decoder = nn.LSTMCell(latent, units)
        self.patch = nn.Linear(units, write_size**2)
        self.initial_canvas = nn.Parameter(torch.zeros(side, side))
        self.initial_states = nn.Parameter(torch.zeros(4, units))

    def read(self, images, error, hidden):
        rows, columns, gamma = self.read_attention(hidden)
        columns = columns.mT
        return torch.cat([(gamma * (rows @ each @ columns)).flatten(1) for each in (images, error)], dim=1)

    def write(self, hidden):
        rows, columns, gamma = self.write_attention(hidden)
        return rows.mT @ self.patch(hidden).view(-1, self.write_size, self.write_size) @ columns / gamma

    def forward(self, images):
        """uint8 [batch, side, side], values 0 or 1 -> mean of -log D(x | c_T) + KL, in nats an image."""
        images, batch = images.float(), len(images)
        canvas = self.initial_canvas.expand(batch, -1, -1)
        encoder_hidden, encoder_memory, hidden, memory = (s.expand(batch, -1) for s in self.initial_states)
        noise = torch.randn(self.steps, batch, self.latent)
        posteriors = []
        for step in range(self.steps):
            seen = self.read(images, images - torch.sigmoid(canvas), hidden)
            encoder_hidden, encoder_memory = self.encoder(
                torch.cat([seen, hidden], dim=1), (encoder_hidden, encoder_memory)
            )
            posteriors.append(self.posterior(encoder_hidden))
            mean, log_sigma = posteriors[-1].chunk(2, dim=1)
            hidden, memory = self.decoder(mean + log_sigma.exp() * noise[step], (hidden, memory))
            canvas = canvas + self.write(hidden)
        mean, log_sigma = torch.stack(posteriors).chunk(2, dim=2)
        kl = 0.5 * (mean.square() + torch.exp(2 * log_sigma) - 2 * log_sigma - 1).sum()
        return (F.binary_cross_entropy_with_logits(canvas, images, reduction="sum") + kl) / batch
