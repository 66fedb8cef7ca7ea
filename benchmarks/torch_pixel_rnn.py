"""PixelRNN for grey images in idiomatic PyTorch, for comparison; also its recurrence pixel by pixel."""

import torch
import torch.nn.functional as F
from torch import nn


def lstm_step(gates, memory):
    o, f, i, g = gates.chunk(4, dim=-1)
    memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(memory), memory


class Walk(nn.Module):
    """Recurrence over lines, [lines, batch, length, 4h] -> [lines, batch, length, h]; a line is a row or a diagonal.

    `taps` is 3 for rows and 2 for diagonals (the pixel above and the one in the same row). A matrix product of
    concatenated neighbours is faster on a CPU than nn.Conv1d.
    """

    def __init__(self, units, taps):
        super().__init__()
        self.units, self.taps = units, taps
        self.state = nn.Linear(taps * units, 4 * units, bias=False)

    def forward(self, lines):
        _, batch, length, _ = lines.shape
        hidden = memory = lines.new_zeros(batch, length, self.units)
        outputs = []
        for line in lines:
            padded = F.pad(hidden, (0, 0, 1, self.taps - 2))
            seen = torch.cat([padded[:, j : j + length] for j in range(self.taps)], dim=-1)
            hidden, memory = lstm_step(line + self.state(seen), memory)
            outputs.append(hidden)
        return torch.stack(outputs)


class RowLSTM(nn.Module):
    def __init__(self, channels, units):
        super().__init__()
        self.inputs, self.walk = nn.Conv2d(channels, 4 * units, (1, 2)), Walk(units, taps=3)

    def forward(self, maps):
        gates = self.inputs(F.pad(maps, (1, 0)))  # [B, 4h, H, W]
        return self.walk(gates.permute(2, 0, 3, 1)).permute(1, 3, 0, 2)


def skew(maps):
    batch, channels, height, width = maps.shape
    flat = F.pad(maps, (0, height)).flatten(2)[..., :-height]
    return flat.view(batch, channels, height, width + height - 1)


def unskew(maps, width):
    batch, channels, height, columns = maps.shape
    return F.pad(maps.flatten(2), (0, height)).view(batch, channels, height, columns + 1)[..., :width]


class DiagonalBiLSTM(nn.Module):
    def __init__(self, channels, units):
        super().__init__()
        self.inputs = nn.ModuleList(nn.Conv2d(channels, 4 * units, 1) for _ in range(2))
        self.walks = nn.ModuleList(Walk(units, taps=2) for _ in range(2))

    def cross(self, i, maps):
        columns = skew(self.inputs[i](maps)).permute(3, 0, 2, 1)  # [W + H - 1, B, H, 4h]
        return unskew(self.walks[i](columns).permute(1, 3, 2, 0), maps.shape[-1])

    def forward(self, maps):
        from_right = self.cross(1, maps.flip(-1)).flip(-1)
        return self.cross(0, maps) + F.pad(from_right, (0, 0, 1, 0))[:, :, :-1]


class PixelByPixel(nn.Module):
    """RowLSTM's recurrence for one pixel after another, as in Eq. 3 of arXiv 1601.06759."""

    def __init__(self, channels, units):
        super().__init__()
        self.units = units
        self.inputs, self.state = nn.Conv2d(channels, 4 * units, (1, 2)), nn.Linear(3 * units, 4 * units, bias=False)

    def forward(self, maps):
        gates = self.inputs(F.pad(maps, (1, 0))).permute(2, 3, 0, 1)  # [H, W, B, 4h]
        height, width, batch, _ = gates.shape
        outside = gates.new_zeros(batch, self.units)
        above, memories, rows = [outside] * (width + 2), [outside] * width, []
        for r in range(height):
            row = [outside]
            for c in range(width):
                total = gates[r, c] + self.state(torch.cat(above[c : c + 3], dim=-1))
                hidden, memories[c] = lstm_step(total, memories[c])
                row.append(hidden)
            above = [*row, outside]
            rows.append(torch.stack(row[1:]))
        return torch.stack(rows).permute(2, 3, 0, 1)


RECURRENCES = {"row_lstm": RowLSTM, "diagonal_bilstm": DiagonalBiLSTM, "pixel_by_pixel": PixelByPixel}


class PixelRNN(nn.Module):
    def __init__(self, recurrence, filters, depth, head_filters, levels):
        super().__init__()
        self.levels = levels
        self.first = nn.Conv2d(1, 2 * filters, 7, padding=3)
        mask = torch.ones_like(self.first.weight)
        mask[:, :, 3, 3:] = mask[:, :, 4:] = 0
        self.register_buffer("mask", mask)
        layer = RECURRENCES[recurrence]
        self.blocks = nn.ModuleList(
            nn.Sequential(layer(2 * filters, filters), nn.Conv2d(filters, 2 * filters, 1)) for _ in range(depth)
        )
        self.hidden, self.logits = nn.Conv2d(2 * filters, head_filters, 1), nn.Conv2d(head_filters, levels, 1)

    def forward(self, images):
        """uint8 [batch, 1, height, width] -> mean negative log-likelihood of a pixel, in nats."""
        pixels = images.float() * (2 / (self.levels - 1)) - 1
        maps = F.conv2d(pixels, self.first.weight * self.mask, self.first.bias, padding=3)
        for block in self.blocks:
            maps = maps + block(maps)
        return F.cross_entropy(self.logits(F.relu(self.hidden(F.relu(maps)))), images[:, 0].long())
