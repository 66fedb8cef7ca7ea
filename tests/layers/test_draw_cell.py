"""DrawCell: Eq. 3-8 of arXiv 1502.04623 step by step, and which noise reaches what."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.draw_cell import DrawCell, DrawDecoderCell

OPTIONS = {"units": 4, "latent": 2, "read_size": 2, "write_size": 3}
SETTINGS = {
    "attention": {},
    "none": {"read_size": None, "write_size": None},
    "read_alone": {"write_size": None},
    "write_alone": {"read_size": None},
    "colour": {"image_shape": (5, 6, 3)},
    "colour_and_scale": {"image_shape": (5, 6, 3), "canvas_channels": 6},
    "scale_without_attention": {"canvas_channels": 2, "read_size": None, "write_size": None},
}


def cell_with(image_shape=(5, 6, 1), seed=0, **options):
    """A cell with random weights, initial states included."""
    cell = DrawCell(image_shape, **{**OPTIONS, **options})
    cell.build((None, cell.latent))
    random = np.random.default_rng(seed)
    cell.set_weights([random.normal(0, 0.5, weight.shape) for weight in cell.weights])
    return cell


def inputs(cell, steps, n=2, seed=0):
    """(images [n, height, width, colours], noise [n, steps, latent])"""
    random = np.random.default_rng(seed)
    images = random.random((n, *cell.image_shape), "float32")
    return images, random.standard_normal((n, steps, cell.latent), "float32")


def run(cell, images, noise):
    """All steps: posteriors [n, steps, 2 * latent], and the last states."""
    network = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    posteriors, *states = network(noise, initial_state=cell.initial_state(images))
    return posteriors, states


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def affine(layer, x):
    kernel, bias = (np.asarray(weight, "float64") for weight in layer.get_weights())
    return x @ kernel + bias


def lstm(layer, x, state):
    """An LSTM with forget gates; Keras keeps them as input, forget, content, output."""
    kernel, recurrent, bias = (np.asarray(weight, "float64") for weight in layer.get_weights())
    hidden, memory = state
    i, f, content, o = np.split(x @ kernel + hidden @ recurrent + bias, 4)
    memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(content)
    return sigmoid(o) * np.tanh(memory), memory


def paper_steps(cell, image, noise, paper_attention):
    """Eq. 3-8 for one image [height, width, colours] and noise [steps, latent]: (posteriors, c_T, h_dec_T)."""
    height, width, colours = image.shape
    read, write = (paper_attention(size or 1, height, width) for size in (cell.read_size, cell.write_size))
    encoder = [ops.convert_to_numpy(value) for value in cell.initial]
    canvas, *decoder = (ops.convert_to_numpy(value) for value in cell.decoder.initial)
    canvas, posteriors = canvas.reshape(height, width, -1), []
    for step in noise:
        error = image - sigmoid(canvas[..., :colours])  # Eq. 3
        seen = [image, error]
        if cell.read_size:  # Eq. 27, of parameters from h_dec_{t-1}
            window = read.window(affine(cell.attention.linear, decoder[0]))
            seen = [read.read(each, window) for each in seen]
        seen = np.concatenate(seen, axis=1).ravel()  # Eq. 4: side by side
        encoder = lstm(cell.encoder, np.concatenate([seen, decoder[0]]), encoder)  # Eq. 5
        posteriors.append(affine(cell.posterior, encoder[0]))
        mean, log_sigma = np.split(posteriors[-1], 2)  # Eq. 1, 2
        decoder = lstm(cell.decoder.lstm, mean + np.exp(log_sigma) * step, decoder)  # Eq. 6, 7
        patch = affine(cell.decoder.patch, decoder[0])
        if cell.write_size:  # Eq. 28, 29, of other parameters, from h_dec_t
            window = write.window(affine(cell.decoder.attention.linear, decoder[0]))
            patch = write.write(patch.reshape(cell.write_size, cell.write_size, -1), window)
        canvas = canvas + patch.reshape(canvas.shape)  # Eq. 8
    return np.array(posteriors), canvas, decoder[0]


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
def test_steps_follow_equations_3_to_8(paper_attention, options, steps):
    cell = cell_with(**options)
    images, noise = inputs(cell, steps)
    posteriors, states = run(cell, images, noise)
    for i, (image, its_noise) in enumerate(zip(images, noise, strict=True)):
        expected, canvas, hidden = paper_steps(cell, image, its_noise, paper_attention)
        np.testing.assert_allclose(posteriors[i], expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(states[3][i], canvas.ravel(), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(states[4][i], hidden, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"write_size": None}])
def test_decoder_cell_paints_the_same_canvas_from_the_same_latents(options):
    cell = cell_with(**options)
    images, noise = inputs(cell, steps=3)
    posteriors, states = run(cell, images, noise)
    mean, log_sigma = np.split(ops.convert_to_numpy(posteriors), 2, axis=-1)
    latents = mean + np.exp(log_sigma) * noise
    outputs = keras.layers.RNN(cell.decoder, return_sequences=True)(latents)
    canvas, hidden = np.split(ops.convert_to_numpy(outputs), [30], axis=-1)
    np.testing.assert_allclose(canvas[:, -1], states[3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hidden[:, -1], states[4], rtol=1e-4, atol=1e-5)


def test_a_step_does_not_change_the_image():
    cell = cell_with()
    images, noise = inputs(cell, steps=3)
    _, states = run(cell, images, noise)
    np.testing.assert_array_equal(states[0], images.reshape(2, -1))


def test_the_error_image_is_of_the_canvas_before_the_step():
    """What a step writes changes the canvas, and nothing that the same step infers."""
    cell, other = cell_with(), cell_with()
    other.decoder.patch.set_weights([-weight for weight in cell.decoder.patch.get_weights()])
    images, noise = inputs(cell, steps=2)
    (ours, states), (theirs, other_states) = run(cell, images, noise), run(other, images, noise)
    np.testing.assert_array_equal(ours[:, 0], theirs[:, 0])
    assert (ops.convert_to_numpy(ours[:, 1]) != ops.convert_to_numpy(theirs[:, 1])).any()
    assert (ops.convert_to_numpy(states[3]) != ops.convert_to_numpy(other_states[3])).any()


@pytest.mark.parametrize("options", [{}, {"read_size": None, "write_size": None}], ids=["attention", "none"])
def test_a_posterior_depends_on_the_noise_of_earlier_steps_alone(gradient, options):
    cell, steps = cell_with(**options), 4
    images, noise = inputs(cell, steps, n=1)
    for t in range(steps):
        (found,) = gradient(lambda noise, t=t: ops.sum(run(cell, images, noise)[0][:, t] ** 3), noise)
        assert (found[0, :t] != 0).all() and (found[0, t:] == 0).all()


@pytest.mark.parametrize("options", [{}, {"read_size": None, "write_size": None}], ids=["attention", "none"])
def test_the_last_canvas_depends_on_the_noise_of_every_step(gradient, options):
    cell = cell_with(**options)
    images, noise = inputs(cell, steps=4, n=1)
    (found,) = gradient(lambda noise: ops.sum(run(cell, images, noise)[1][3] ** 3), noise)
    assert (found != 0).all()


def test_a_canvas_depends_on_latents_up_to_its_step(gradient):
    decoder, steps = cell_with().decoder, 3
    latents = np.random.default_rng(1).standard_normal((1, steps, 2), "float32")
    painter = keras.layers.RNN(decoder, return_sequences=True)
    for t in range(steps):
        (found,) = gradient(lambda latents, t=t: ops.sum(painter(latents)[:, t, :30] ** 3), latents)
        assert (found[0, : t + 1] != 0).all() and (found[0, t + 1 :] == 0).all()


def test_initial_states_are_learned_and_shared_by_all_images(gradient):
    cell = cell_with()
    images, noise = inputs(cell, steps=2, n=3)
    _, *states = cell.initial_state(images)
    for state, weight in zip(states, [*cell.initial, *cell.decoder.initial], strict=True):
        np.testing.assert_array_equal(state, np.repeat(ops.convert_to_numpy(weight)[None], 3, axis=0))

    def loss(*weights):
        with keras.StatelessScope(state_mapping=list(zip(cell.trainable_variables, weights, strict=True))):
            posteriors, states = run(cell, images, noise)
        return ops.sum(posteriors**3) + ops.sum(states[3] ** 3)

    values = [ops.convert_to_numpy(weight) for weight in cell.trainable_variables]
    for weight, found in zip(cell.trainable_variables, gradient(loss, *values), strict=True):
        assert found.any() and np.isfinite(found).all(), weight.path


def test_symbolic_and_eager_shapes_agree():
    cell = cell_with()
    images, noise = inputs(cell, steps=1)
    posterior, states = cell(noise[:, 0], cell.initial_state(images))
    assert tuple(posterior.shape) == cell.compute_output_shape((2, 2)) == (2, 4)
    assert [state.shape[-1] for state in states] == cell.state_size == [30, 4, 4, 30, 4, 4]
    assert cell.decoder.compute_output_shape((2, 2)) == (2, cell.decoder.output_size) == (2, 34)


@pytest.mark.parametrize("size", [0, 6, True])
def test_window_sizes_must_fit_the_image(size):
    for cell, name in ((DrawCell, "read_size"), (DrawCell, "write_size"), (DrawDecoderCell, "write_size")):
        with pytest.raises(ValueError, match=f"{name}.*Received: {name}={size}"):
            cell((5, 6, 1), **{name: size})


@pytest.mark.parametrize("name, value", [("units", 0), ("latent", 1.0), ("latent", True)])
def test_bad_sizes_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name}.*Received: {name}={value}"):
        DrawCell((5, 6, 1), **{name: value})
