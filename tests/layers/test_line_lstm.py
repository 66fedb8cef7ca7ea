"""RowLSTM and DiagonalBiLSTM against Section 3 of arXiv 1601.06759, pixel by pixel in NumPy: values and gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.diagonal_bilstm import DiagonalBiLSTM, skew, unskew
from image_generators.layers.line_walk import lstm_step, lstm_step_reference, walk_reference, walk_through
from image_generators.layers.row_lstm import RowLSTM

UNITS = 6
CONDITIONS = {"none": None, "vector": (2,), "map": (4, 5, 2)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def masked(kernel, colours):
    """Mask B at the pixel's own place, the last tap; each quarter of the columns is a gate."""
    kernel = kernel.copy()
    for source, target in np.ndindex(kernel.shape[1:]):
        seen = source * colours // kernel.shape[1]
        own = target % UNITS * colours // UNITS
        if seen > own:
            kernel[-1, source, target] = 0
    return kernel


class Paper:
    """Eq. 3 for one image [H, W, channels]; `see(h, r, c)` gives what K_ss reads, `memory(c)` where c comes from."""

    def __init__(self, inputs, outside, kernel):
        self.inputs, self.outside, self.kernel = inputs, outside, kernel
        self.states = {}

    def hidden(self, *place):
        return self.states[place][0] if place in self.states else np.tanh(self.outside)

    def memory(self, *place):
        return self.states[place][1] if place in self.states else self.outside

    def step(self, row, column, neighbours, before):
        gates = self.inputs[row, column] + np.concatenate([self.hidden(*place) for place in neighbours]) @ self.kernel
        leave, keep, enter, content = np.split(gates, 4)
        memory = sigmoid(keep) * self.memory(*before) + sigmoid(enter) * np.tanh(content)
        self.states[row, column] = sigmoid(leave) * np.tanh(memory), memory

    def maps(self):
        height, width = self.inputs.shape[:2]
        return np.array([[self.hidden(r, c) for c in range(width)] for r in range(height)])


def paper_inputs(image, condition, colours, kernel, bias, condition_kernel=None):
    height, width, _ = image.shape
    kernel = masked(kernel[0], colours)
    gates = np.tile(bias, (height, width, 1))
    for r, c, tap in np.ndindex(height, width, len(kernel)):
        seen = c - (len(kernel) - 1) + tap
        if seen >= 0:
            gates[r, c] += image[r, seen] @ kernel[tap]
    return gates if condition is None else gates + condition @ condition_kernel


def paper_row_lstm(image, condition, colours, weights):
    *of_inputs, kernel, outside = weights
    paper = Paper(paper_inputs(image, condition, colours, *of_inputs), outside[0], kernel[0])
    for r, c in np.ndindex(image.shape[:2]):
        paper.step(r, c, [(r - 1, c - 1), (r - 1, c), (r - 1, c + 1)], before=(r - 1, c))
    return paper.maps()


def paper_diagonal_bilstm(image, condition, colours, weights):
    *of_inputs, kernel, outside = weights
    count = len(of_inputs) // 2
    from_left = of_inputs[:count], (kernel[0], outside[0])
    from_right = of_inputs[count:], (kernel[1], outside[1])
    flipped = condition if condition is None or condition.ndim == 1 else condition[:, ::-1]
    maps = []
    for (of_inputs, of_cell), x, h in ((from_left, image, condition), (from_right, image[:, ::-1], flipped)):
        paper = Paper(paper_inputs(x, h, colours, *of_inputs), of_cell[1], of_cell[0])
        for r, c in np.ndindex(image.shape[:2]):
            paper.step(r, c, [(r - 1, c), (r, c - 1)], before=(r, c - 1))
        maps.append(paper.maps())
    shifted = np.concatenate([np.zeros((1, *maps[1].shape[1:])), maps[1][:-1, ::-1]])
    return maps[0] + shifted


LAYERS = {
    "rows": (lambda colours: RowLSTM(UNITS, 3, colours), paper_row_lstm),
    "rows_k5": (lambda colours: RowLSTM(UNITS, 5, colours), paper_row_lstm),
    "diagonals": (lambda colours: DiagonalBiLSTM(UNITS, colours), paper_diagonal_bilstm),
}


def built(name, colours, condition, channels=6):
    layer = LAYERS[name][0](colours)
    layer.build((None, 4, 5, channels), None if condition is None else (None, *condition))
    random = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(size=weight.shape) * (0.5 if len(weight.shape) == 1 else 0.4))
    return layer


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients_equal_the_papers_recurrence(gradient, name, condition, colours):
    shape = CONDITIONS[condition]
    layer, paper = built(name, colours, shape), LAYERS[name][1]
    random = np.random.default_rng(0)
    image = random.normal(size=(4, 5, 6))
    told = None if shape is None else random.normal(size=shape)
    weights = [ops.convert_to_numpy(weight.value).astype("float64") for weight in layer.trainable_variables]
    expected = paper(image, told, colours, weights)

    given = [] if told is None else [told[None].astype("float32")]
    found = ops.convert_to_numpy(layer(image[None].astype("float32"), *given))[0]
    assert layer.compute_output_shape((None, 4, 5, 6)) == (None, 4, 5, UNITS) and found.shape == (4, 5, UNITS)
    np.testing.assert_allclose(found, expected, atol=2e-6)

    # Along a random direction in the space of everything that is differentiated.
    mixture = random.normal(size=expected.shape)

    def cost(x, *values):
        with keras.StatelessScope(state_mapping=list(zip(layer.trainable_variables, values, strict=True))):
            return ops.sum(layer(x, *given) * mixture.astype("float32"))

    gradients = gradient(cost, image[None].astype("float32"), *[w.astype("float32") for w in weights])
    for i, array in enumerate([image, *weights]):
        direction = random.normal(size=array.shape)
        either = []
        for sign in (1, -1):
            moved = [image, *weights]
            moved[i] = array + sign * 1e-5 * direction
            either.append((paper(moved[0], told, colours, moved[1:]) * mixture).sum())
        slope = (either[0] - either[1]) / 2e-5
        assert (gradients[i].reshape(array.shape) * direction).sum() == pytest.approx(slope, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("walks", [1, 2])
@pytest.mark.parametrize("length", [1, 2, 6])  # also lines shorter than the kernel
def test_the_walk_and_its_gradient_are_those_of_the_reference(gradient, length, walks):
    random = np.random.default_rng(0)
    shapes = (3, walks, 2, length, 4 * UNITS), (walks, 6 * UNITS, 4 * UNITS), (walks, UNITS)
    values = [random.normal(size=shape).astype("float32") for shape in shapes]
    mixture = random.normal(size=(3, walks, 2, length, UNITS)).astype("float32")
    fast, reference = (function(*values, 3, 2) for function in (walk_through, walk_reference))
    np.testing.assert_allclose(ops.convert_to_numpy(fast), ops.convert_to_numpy(reference), rtol=1e-5, atol=1e-6)

    def cost(walk):
        return lambda gates, kernel, outside: ops.sum(walk(gates, kernel, outside, 3, 2) * mixture)

    gradients = (gradient(cost(walk), *values) for walk in (walk_through, walk_reference))
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_step_is_that_of_the_reference():
    random = np.random.default_rng(0)
    gates, cell = (random.normal(size=(2, 3, size)).astype("float32") for size in (4 * UNITS, UNITS))
    for found, expected in zip(lstm_step(gates, cell), lstm_step_reference(gates, cell), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-6)


@pytest.mark.parametrize("height, width", [(3, 3), (2, 5), (5, 2), (1, 4), (4, 1)])
def test_unskew_undoes_skew_whose_columns_are_diagonals(height, width):
    maps = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype("float32")
    fill = np.array([7.0, 8.0, 9.0], "float32")
    skewed = ops.convert_to_numpy(skew(maps, fill))
    assert skewed.shape == (2, height, width + height - 1, 3)
    for row, column in np.ndindex(skewed.shape[1:3]):
        inside = 0 <= column - row < width
        expected = maps[:, row, column - row] if inside else np.tile(fill, (2, 1))
        np.testing.assert_array_equal(skewed[:, row, column], expected)
    np.testing.assert_array_equal(unskew(skewed), maps)


def test_second_diagonal_direction_mirrors_the_first_one_row_down():
    """With the weights of one in the other; each heard alone, for the other's output gates are shut."""
    layer = built("diagonals", 1, None)
    maps = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    layer.input_to_mirrored.set_weights(layer.input_to_state.get_weights())
    for weight in layer.walk.weights:
        weight.assign(ops.repeat(weight.value[:1], 2, axis=0))
    heard = []
    for other, seen in ((layer.input_to_mirrored, maps), (layer.input_to_state, maps[:, :, ::-1])):
        bias = ops.convert_to_numpy(other.bias.value)
        other.bias.assign(np.concatenate([np.full(UNITS, -1e4), bias[UNITS:]]))
        heard.append(ops.convert_to_numpy(layer(seen)))
        other.bias.assign(bias)
    from_left, from_right = heard
    np.testing.assert_allclose(from_right[:, 1:], from_left[:, :-1, ::-1], atol=1e-6)
    assert not from_right[:, 0].any() and from_left.all()


def test_forget_gate_starts_open():
    layer = RowLSTM(2)
    layer.build((None, 4, 5, 6))
    np.testing.assert_array_equal(layer.input_to_state.bias, [0, 0, 1, 1, 0, 0, 0, 0])
    assert np.abs(layer.walk.kernel).max() <= np.sqrt(6 / (3 * 2 + 4 * 2))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RowLSTM(4, colours=3), "units"),
        (lambda: DiagonalBiLSTM(4, colours=3), "units.*Received: units=4, colours=3"),
        (lambda: RowLSTM(6, kernel_size=4), "kernel_size.*Received: kernel_size=4"),
        (lambda: RowLSTM(6, kernel_size=True), "kernel_size.*Received: kernel_size=True"),
        (lambda: RowLSTM(6, colours=3).build((None, 4, 5, 7)), "channels.*Received: channels=7, colours=3"),
        (lambda: DiagonalBiLSTM(6)(np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 2))), r"Received: .*\(1, 2"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_layer_built_without_a_condition_refuses_one():
    layer = built("rows", 1, None)
    with pytest.raises(ValueError, match="condition"):
        layer(np.zeros((1, 4, 5, 6), "float32"), np.zeros((1, 2), "float32"))
