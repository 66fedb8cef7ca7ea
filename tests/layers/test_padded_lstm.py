"""PaddedLSTMCell is keras.layers.LSTMCell: its numbers, its weights, its gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.layers.padded_lstm import PaddedLSTMCell

RANDOM = np.random.default_rng(0)
SEQUENCES = RANDOM.normal(size=(3, 4, 5)).astype("float32")


def twins(units=6):
    """Keras' cell and ours, with the same random weights."""
    cells = keras.layers.LSTMCell(units), PaddedLSTMCell(units)
    for cell in cells:
        cell.build((None, SEQUENCES.shape[-1]))
    weights = [RANDOM.normal(size=weight.shape) for weight in cells[0].weights]
    for cell in cells:
        cell.set_weights(weights)
    return cells


def test_outputs_equal_keras_lstm():
    theirs, ours = (keras.layers.RNN(cell, return_state=True)(SEQUENCES) for cell in twins())
    for expected, found in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6)


def test_kernels_padded_once_serve_every_step():
    _, cell = twins()
    network = keras.layers.RNN(cell)
    apart = ops.convert_to_numpy(network(SEQUENCES))
    with cell.padded():
        together = ops.convert_to_numpy(network(SEQUENCES))
    np.testing.assert_array_equal(together, apart)


def test_changed_kernels_are_padded_again():
    _, cell = twins()
    network = keras.layers.RNN(cell)
    with cell.padded():
        network(SEQUENCES)
    cell.set_weights([np.zeros(weight.shape) for weight in cell.weights])
    with pytest.raises(ZeroDivisionError), cell.padded():
        assert not ops.any(network(SEQUENCES))
        raise ZeroDivisionError  # an error inside forgets them, too
    cell.set_weights([np.ones(weight.shape) for weight in cell.weights])
    assert ops.all(network(SEQUENCES) != 0)


def test_training_equals_keras_lstm():
    def trained(cell, padded):
        class Network(keras.Model):
            def __init__(self):
                super().__init__()
                self.loop = keras.layers.RNN(cell)

            def call(self, sequences):
                if not padded:
                    return self.loop(sequences)
                with cell.padded():
                    return self.loop(sequences)

        network = Network()
        network.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=keras.backend.backend() == "jax")
        network.fit(SEQUENCES, np.ones((3, 6)), epochs=3, batch_size=3, verbose=0)
        return cell.get_weights()

    theirs, ours = twins()
    for expected, found in zip(trained(theirs, padded=False), trained(ours, padded=True), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_weight_names_are_those_of_keras():
    theirs, ours = twins()
    assert [(w.name, w.shape) for w in ours.variables] == [(w.name, w.shape) for w in theirs.variables]


def test_a_config_makes_the_same_cell():
    cell = PaddedLSTMCell(3, name="mine", dtype="mixed_bfloat16")
    again = PaddedLSTMCell.from_config(cell.get_config())
    assert again.get_config() == cell.get_config()
    assert (again.units, again.name, again.compute_dtype) == (3, "mine", "bfloat16")


def test_outputs_have_the_compute_dtype():
    cell = PaddedLSTMCell(6, dtype="mixed_bfloat16")
    with_context = keras.layers.RNN(cell, dtype="mixed_bfloat16")
    apart = with_context(SEQUENCES)
    with cell.padded():
        together = with_context(SEQUENCES)
    assert keras.backend.standardize_dtype(together.dtype) == "bfloat16"
    np.testing.assert_array_equal(*(ops.convert_to_numpy(ops.cast(x, "float32")) for x in (apart, together)))


@pytest.mark.parametrize("option", [{"use_bias": False}, {"activation": "relu"}, {"dropout": 0.5}])
def test_unsupported_keras_options_are_refused(option):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{next(iter(option))}'"):
        PaddedLSTMCell(3, **option)
