"""walk_through: the recurrence of Eq. 3 of arXiv 1601.06759 over the lines of an image, with a hand-written gradient.

`walk_reference` is the same recurrence, step by step, as the paper has it; the tests compare the two.

Automatic differentiation of a loop keeps every intermediate result of every step and accumulates the kernel's gradient
step by step. The gradient here keeps only the states and the gates, and computes the kernel's gradient by one matrix
product after the loop. On one core, this reduced a training step of four Diagonal BiLSTMs on CIFAR-10 (h = 48, batch 2)
from 0.55 to 0.28 s.

Shapes: L lines, D walks side by side, n images, P pixels of a line, h units.
"""

from keras import ops


def lstm_step(gates, cell):
    """One step of Eq. 3: the new states (h, c).

    Args:
        gates: o, f, i, g before their activations, `[..., 4h]`.
        cell: c of the step before, `[..., h]`.
    """
    hidden, cell, *_ = _step(gates, cell)
    return hidden, cell


def _step(gates, cell):
    """(h, c, the gates o, f, i side by side [..., 3h], g [..., h])."""
    units = cell.shape[-1]
    ofi, g = ops.sigmoid(gates[..., : 3 * units]), ops.tanh(gates[..., 3 * units :])
    o, f, i = ops.split(ofi, 3, axis=-1)
    cell = f * cell + i * g  # Eq. 3
    return o * ops.tanh(cell), cell, ofi, g


def lstm_step_reference(gates, cell):
    """`lstm_step` as Eq. 3 has it, one gate after another."""
    o, f, i, g = ops.split(gates, 4, axis=-1)
    o, f, i, g = ops.sigmoid(o), ops.sigmoid(f), ops.sigmoid(i), ops.tanh(g)
    cell = f * cell + i * g
    return o * ops.tanh(cell), cell


def walk_reference(gates, kernel, outside, before: int, after: int):
    """`walk_through` literally: Eq. 3 for one line after another, differentiated automatically."""
    cell = ops.broadcast_to(outside[:, None, None], (*gates.shape[1:-1], outside.shape[-1]))
    hidden = ops.tanh(cell)
    end = hidden[:, :, :1]
    hiddens = []
    for line in ops.unstack(gates):
        recurrent = ops.matmul(neighbours(hidden, end, before, after), kernel[:, None])  # K_ss * h
        hidden, cell = lstm_step_reference(line + recurrent, cell)
        hiddens.append(hidden)
    return ops.stack(hiddens)


def neighbours(hidden, outside, before: int, after: int):
    """The inputs of K_ss at each pixel of a line: `[..., P, h]` -> `[..., P, taps * h]`.

    `outside`, `[..., 1, h]`, stands beyond both ends of the line.
    """
    length = hidden.shape[-2]
    line = ops.concatenate([outside] * before + [hidden] + [outside] * after, axis=-2)
    return ops.concatenate([line[..., j : j + length, :] for j in range(before + 1 + after)], axis=-1)


def _neighbours_transposed(d_neighbours, before, after):
    """The gradient of `neighbours`, without the ends of the line: [..., P, taps * h] -> [..., P, h]."""
    total, taps = 0.0, ops.split(d_neighbours, before + 1 + after, axis=-1)
    for j, tap in enumerate(taps):
        shift = j - before  # this tap sees the pixel `shift` places to the right
        zeros = ops.zeros_like(tap[..., : abs(shift), :])
        if shift > 0:
            tap = ops.concatenate([zeros, tap[..., :-shift, :]], axis=-2)
        elif shift < 0:
            tap = ops.concatenate([tap[..., -shift:, :], zeros], axis=-2)
        total = total + tap
    return total


def walk_through(gates, kernel, outside, before: int, after: int):
    """h of all lines, `[L, D, n, P, h]`.

    Args:
        gates: what the inputs add to the gates o, f, i, g, `[L, D, n, P, 4h]`.
        kernel: K_ss, `[D, taps * h, 4h]`, taps = before + 1 + after.
        outside: c outside of the image, `[D, h]`; h there is its tanh.
        before, after: how many pixels K_ss sees on either side of a pixel's own place in the previous line.
    """
    lines, walks, _, length, _ = gates.shape
    taps, units = before + 1 + after, outside.shape[-1]

    def product(states, matrices):
        """[D, n, P, a] x [D, a, b] -> [D, n, P, b]."""
        flat = ops.matmul(ops.reshape(states, (walks, -1, states.shape[-1])), matrices)
        return ops.reshape(flat, (walks, -1, length, matrices.shape[-1]))

    @ops.custom_gradient
    def walk(gates, kernel, outside):
        batch = ops.shape(gates)[2]
        start_cell = ops.broadcast_to(outside[:, None, None], (walks, batch, length, units))
        start_hidden = ops.tanh(start_cell)
        end = start_hidden[:, :, :1]

        def forward(states, gates):
            hidden, cell, *_ = states
            states = _step(gates + product(neighbours(hidden, end, before, after), kernel), cell)
            return states, states

        start = (start_hidden, start_cell, ops.zeros_like(gates[0, ..., : 3 * units]), start_cell)
        _, (hiddens, cells, ofi, g) = ops.scan(forward, start, gates, length=lines)
        cells_before = ops.concatenate([start_cell[None], cells[:-1]])
        kernel_transposed = ops.swapaxes(kernel, 1, 2)

        def backward(gradients, step):
            """One line: gradients of (h, c, gates) as the line after it gives them -> those for the line before it."""
            d_hidden, d_cell, _ = gradients
            d_output, ofi, g, cell, cell_before = step
            o, f, i = ops.split(ofi, 3, axis=-1)
            d_hidden, tanh_cell = d_hidden + d_output, ops.tanh(cell)
            d_cell = d_cell + d_hidden * o * (1.0 - tanh_cell * tanh_cell)
            d_ofi = ops.concatenate([d_hidden * tanh_cell, d_cell * cell_before, d_cell * g], axis=-1)
            d_g = d_cell * i * (1.0 - g * g)
            d_gates = ops.concatenate([d_ofi * ofi * (1.0 - ofi), d_g], axis=-1)  # before the activations
            d_hidden = _neighbours_transposed(product(d_gates, kernel_transposed), before, after)
            gradients = (d_hidden, d_cell * f, d_gates)
            return gradients, gradients

        def gradient(d_hiddens):
            steps = (d_hiddens, ofi, g, cells, cells_before)
            start = (ops.zeros_like(start_hidden), ops.zeros_like(start_hidden), ops.zeros_like(gates[0]))
            (d_hidden, d_cell, _), (_, _, d_gates) = ops.scan(backward, start, steps, length=lines, reverse=True)
            hiddens_before = ops.concatenate([start_hidden[None], hiddens[:-1]])
            ends = ops.broadcast_to(end[None], (lines, *ops.shape(end)))
            inputs = neighbours(hiddens_before, ends, before, after)
            inputs, d_products = (
                ops.reshape(ops.swapaxes(tensor, 0, 1), (walks, -1, tensor.shape[-1])) for tensor in (inputs, d_gates)
            )
            d_kernel = ops.matmul(ops.swapaxes(inputs, 1, 2), d_products)
            d_ends = ops.zeros_like(outside)
            for j in range(taps):  # where a tap saw beyond the end of a line
                shift = j - before
                pixels = range(min(-shift, length)) if shift < 0 else range(max(length - shift, 0), length)
                for pixel in pixels:
                    d_pixel = ops.sum(d_gates[:, :, :, pixel], axis=(0, 2))[:, None]  # [D, 1, 4h]
                    d_ends += ops.matmul(d_pixel, kernel_transposed[:, :, j * units : (j + 1) * units])[:, 0]
            d_outside_hidden = ops.sum(d_hidden, axis=(1, 2)) + d_ends
            d_outside = ops.sum(d_cell, axis=(1, 2)) + d_outside_hidden * (1.0 - ops.tanh(outside) ** 2)
            return d_gates, d_kernel, d_outside

        return hiddens, gradient

    return walk(gates, kernel, outside)
