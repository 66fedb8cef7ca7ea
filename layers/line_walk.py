"""walk_through: the recurrence of Eq. 3 of arXiv 1601.06759 over the lines of an image, with its gradient by hand.

Back-propagation through a loop keeps every intermediate of every step and adds up the kernel's gradient step by step.
By hand it keeps the states and the opened gates, and one matrix product after the loop gives the kernel's gradient. A
training step of four Diagonal BiLSTMs on CIFAR-10 (h = 48, batch 2) went from 0.55 to 0.28 s of one core so.

Shapes: L lines, D walks side by side, n images, P pixels of a line, h units.
"""

from keras import ops


def lstm_step(gates, memory):
    """(h, c) of Eq. 3: gates [..., 4h] before their activations, memory c_before [..., h]."""
    hidden, memory, *_ = _step(gates, memory)
    return hidden, memory


def _step(gates, memory):
    """(h, c, opened gates o f i [..., 3h], content g [..., h])."""
    units = memory.shape[-1]
    opened, content = ops.sigmoid(gates[..., : 3 * units]), ops.tanh(gates[..., 3 * units :])
    leave, keep, enter = ops.split(opened, 3, axis=-1)
    memory = keep * memory + enter * content
    return leave * ops.tanh(memory), memory, opened, content


def neighbours(hidden, outside, before, after):
    """What K_ss sees at each place of a line: [..., P, h] -> [..., P, taps * h]; `outside` [..., 1, h] at its ends."""
    length = hidden.shape[-2]
    line = ops.concatenate([outside] * before + [hidden] + [outside] * after, axis=-2)
    return ops.concatenate([line[..., j : j + length, :] for j in range(before + 1 + after)], axis=-1)


def _to_neighbours(gradient, before, after):
    """The transpose of `neighbours`, but for its ends: [..., P, taps * h] -> [..., P, h]."""
    total, taps = 0.0, ops.split(gradient, before + 1 + after, axis=-1)
    for j, tap in enumerate(taps):
        shift = j - before  # this tap looked so far along the line
        nothing = ops.zeros_like(tap[..., : abs(shift), :])
        if shift > 0:
            tap = ops.concatenate([nothing, tap[..., :-shift, :]], axis=-2)
        elif shift < 0:
            tap = ops.concatenate([tap[..., -shift:, :], nothing], axis=-2)
        total = total + tap
    return total


def walk_through(gates, kernel, outside, before, after):
    """h of all lines, [L, D, n, P, h].

    Args:
        gates: what the inputs say to them, [L, D, n, P, 4h].
        kernel: K_ss, [D, taps * h, 4h], taps = before + 1 + after.
        outside: c outside of the image, [D, h]; h is its tanh.
        before, after: pixels of the line before that are seen on either side of a pixel's own place.
    """
    lines, walks, _, length, _ = gates.shape
    taps, units = before + 1 + after, outside.shape[-1]

    def product(states, matrices):
        """[D, n, P, a] x [D, a, b]."""
        flat = ops.matmul(ops.reshape(states, (walks, -1, states.shape[-1])), matrices)
        return ops.reshape(flat, (walks, -1, length, matrices.shape[-1]))

    @ops.custom_gradient
    def walk(gates, kernel, outside):
        batch = ops.shape(gates)[2]
        start_memory = ops.broadcast_to(outside[:, None, None], (walks, batch, length, units))
        start_hidden = ops.tanh(start_memory)
        end = start_hidden[:, :, :1]

        def forward(states, gates):
            hidden, memory, *_ = states
            states = _step(gates + product(neighbours(hidden, end, before, after), kernel), memory)
            return states, states

        start = (start_hidden, start_memory, ops.zeros_like(gates[0, ..., : 3 * units]), start_memory)
        _, (hiddens, memories, opened, contents) = ops.scan(forward, start, gates, length=lines)
        memories_before = ops.concatenate([start_memory[None], memories[:-1]])
        transposed = ops.swapaxes(kernel, 1, 2)

        def backward(gradients, step):
            of_hidden, of_memory, _ = gradients
            above, opened, content, memory, memory_before = step
            leave, keep, enter = ops.split(opened, 3, axis=-1)
            of_hidden, squashed = of_hidden + above, ops.tanh(memory)
            of_memory = of_memory + of_hidden * leave * (1.0 - squashed * squashed)
            of_opened = ops.concatenate([of_hidden * squashed, of_memory * memory_before, of_memory * content], axis=-1)
            of_content = of_memory * enter * (1.0 - content * content)
            of_gates = ops.concatenate([of_opened * opened * (1.0 - opened), of_content], axis=-1)
            of_hidden = _to_neighbours(product(of_gates, transposed), before, after)
            gradients = (of_hidden, of_memory * keep, of_gates)
            return gradients, gradients

        def gradient(upstream):
            steps = (upstream, opened, contents, memories, memories_before)
            start = (ops.zeros_like(start_hidden), ops.zeros_like(start_hidden), ops.zeros_like(gates[0]))
            (of_hidden, of_memory, _), (_, _, of_gates) = ops.scan(backward, start, steps, length=lines, reverse=True)
            hiddens_before = ops.concatenate([start_hidden[None], hiddens[:-1]])
            ends = ops.broadcast_to(end[None], (lines, *ops.shape(end)))
            seen = neighbours(hiddens_before, ends, before, after)
            by_walk = [ops.reshape(ops.swapaxes(each, 0, 1), (walks, -1, each.shape[-1])) for each in (seen, of_gates)]
            of_kernel = ops.matmul(ops.swapaxes(by_walk[0], 1, 2), by_walk[1])
            at_ends = ops.zeros_like(outside)
            for j in range(taps):  # where a tap looked past the end of a line
                past = j - before
                places = range(min(-past, length)) if past < 0 else range(max(length - past, 0), length)
                for place in places:
                    of_place = ops.sum(of_gates[:, :, :, place], axis=(0, 2))[:, None]  # [D, 1, 4h]
                    at_ends += ops.matmul(of_place, transposed[:, :, j * units : (j + 1) * units])[:, 0]
            of_outside_hidden = ops.sum(of_hidden, axis=(1, 2)) + at_ends
            of_outside = ops.sum(of_memory, axis=(1, 2)) + of_outside_hidden * (1.0 - ops.tanh(outside) ** 2)
            return of_gates, of_kernel, of_outside

        return hiddens, gradient

    return walk(gates, kernel, outside)
