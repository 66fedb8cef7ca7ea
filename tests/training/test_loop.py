"""The real loop on sixty-four tiny images: the loss falls, the schedule and the average are as said, NaN stops it."""

import dataclasses
import io
import types

import h5py
import keras
import numpy as np
import pytest

from image_generators.experiments import samples
from image_generators.models import weights_file
from image_generators.models.checks import NotFinite
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.reproduce.configs import pixelcnn
from image_generators.training import callbacks, checkpoints, presets
from image_generators.training import loop as training

CONFIG = {"filters": 8, "depth": 1, "first_kernel_size": 3}
PRESET = presets.Preset(
    CONFIG, 8, 4, learning_rate=0.02, warmup_steps=2, ema_momentum=0.5, steps_per_epoch=4, validation_images=8
)


def network_of(data, **config):
    keras.utils.set_random_seed(0)
    network = GatedPixelCNN(data.image_shape, data.levels, **{**CONFIG, **config})
    network.build()
    return network


def preset_of(**changes):
    return dataclasses.replace(PRESET, **changes)


def test_loss_falls(tiny, tmp_path):
    """Forty steps; the stripes cost 2 bits in four sub-pixels, so the best possible is 0.5 bits/dim, a guess is 2."""
    network = network_of(tiny)
    before, _ = training.evaluate(network_of(tiny), tiny.test)
    done = training.train(network, preset_of(steps=40, steps_per_epoch=20), tiny, tmp_path)
    assert done.steps == 40
    after, examples = training.evaluate(network, tiny.test)
    assert examples == 8 and before > 1.9 and after < 1.2
    np.testing.assert_allclose(after, network.bits_per_dim(tiny.test.images).mean(), rtol=1e-5)


def test_evaluate_counts_every_image_once(tiny):
    """Seven images in batches of three: the last batch is smaller and must weigh less."""
    network = network_of(tiny)
    network.logits.bias.assign(np.random.default_rng(0).normal(size=network.logits.bias.shape))
    value, examples = training.evaluate(network, tiny.test, 7, batch_size=3)
    each = network.bits_per_dim(tiny.test.images[:7])
    assert examples == 7 and np.ptp(each) > 0.1
    np.testing.assert_allclose(value, each.mean(), rtol=1e-5)


def test_evaluate_does_not_change_a_compiled_model(tiny):
    network = network_of(tiny)
    network.compile(keras.optimizers.Adam())
    network.optimizer.build(network.trainable_variables)
    optimizer, before = network.optimizer, [np.array(v) for v in network.optimizer.variables]
    training.evaluate(network, tiny.test)
    assert network.optimizer is optimizer
    for one, other in zip(optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(np.array(one), other)


@pytest.mark.parametrize("steps, top", [(400, 100), (6, 3)])
def test_learning_rate_warms_up_and_decays_to_zero(steps, top):
    """A line up, half a cosine down; a warm-up longer than half of the run is cut to half."""
    schedule = training._optimizer(preset_of(steps=steps, steps_per_epoch=1, warmup_steps=100))._learning_rate
    expected = {0: 0, 1: 1 / top, top: 1, steps - 1: (1 - np.cos(np.pi / (steps - top))) / 2, steps: 0}
    for step, part in expected.items():
        np.testing.assert_allclose(float(schedule(step)), part * PRESET.learning_rate, rtol=1e-2, atol=1e-9)


def averages_of(network):
    return [np.array(v) for v in network.optimizer.variables if v.path.endswith("_average")]


def test_kept_weights_are_the_averaged_ones(tiny, tmp_path):
    network = network_of(tiny)
    training.train(network, PRESET, tiny, tmp_path)
    last = network_of(tiny)
    last.load_weights(tmp_path / "checkpoint.weights.h5")
    trios = zip(network.trainable_variables, averages_of(network), last.trainable_variables, strict=True)
    for kept, average, raw in trios:
        np.testing.assert_array_equal(np.array(kept), average)
        assert (np.array(kept) != np.array(raw)).any()


def test_steps_must_fill_whole_epochs():
    with pytest.raises(ValueError, match="steps_per_epoch.*steps=7, steps_per_epoch=4"):
        preset_of(steps=7)


def test_half_precision_resumes_at_the_recorded_step(tiny, tmp_path):
    """float16 overflows at the first scales of the loss and skips those steps; the data go on all the same."""
    preset = preset_of(precision="mixed_float16")
    network = network_of(tiny, dtype=preset.precision)
    training.train(network, preset, tiny, tmp_path)
    assert int(network.optimizer.iterations) < 8
    again = network_of(tiny, dtype=preset.precision)
    again.compile(training._optimizer(preset))
    assert checkpoints.Checkpoint(tmp_path / "checkpoint.weights.h5", 4, callbacks.Clock(4)).restore(again) == 2


# What stops a training.


def test_immediate_divergence_stops_and_keeps_nothing(tiny, tmp_path):
    with pytest.raises(training.TrainingFailed, match="epoch 1.*no good weights.*learning rate"):
        training.train(network_of(tiny), preset_of(learning_rate=1e30), tiny, tmp_path)
    assert not (tmp_path / "checkpoint.weights.h5").exists()


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_epoch_end"])
def test_later_divergence_stops_and_keeps_the_last_good_weights(tiny, tmp_path, monkeypatch, moment):
    """In the second of three epochs, as by a faulty step: the first, so that the loss shows it, or the last."""
    good = {}

    def poison(callback, epoch, logs=None):
        if epoch == 1:
            good.setdefault("file", (tmp_path / "checkpoint.weights.h5").read_bytes())
            bias = callback.model.logits.bias
            bias.assign(np.full(bias.shape, np.nan))

    monkeypatch.setattr(callbacks.EpochSeeds, moment, poison)
    network = network_of(tiny)
    with pytest.raises(training.TrainingFailed, match="epoch 2.*last good epoch are kept in") as error:
        training.train(network, preset_of(steps=12), tiny, tmp_path)
    path = tmp_path / "checkpoint.weights.h5"
    assert str(path) in str(error.value) and path.read_bytes() == good["file"]
    last = network_of(tiny)
    last.compile(training._optimizer(PRESET))
    assert checkpoints.Checkpoint(path, 4, callbacks.Clock(4)).restore(last) == 1
    for kept, average in zip(network.trainable_variables, averages_of(last), strict=True):
        np.testing.assert_array_equal(np.array(kept), average)
        assert np.isfinite(np.array(kept)).all()


def test_a_failed_run_writes_no_record_and_says_why(table1, tmp_path, monkeypatch):
    model = {"filters": 6, "depth": 1, "first_kernel_size": 3}
    broken = presets.Preset(model, 4, 4, learning_rate=1e30, steps_per_epoch=4, validation_images=4)
    monkeypatch.setitem(pixelcnn.CIFAR["gated_pixel_cnn"], "smoke", broken)
    ran = table1(tmp_path, "--preset=smoke", "--rows=gated_pixel_cnn")
    assert isinstance(ran.result, str) and "loss became" in ran.result and "learning rate" in ran.result
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []


def test_a_run_with_other_settings_is_refused_before_it_trains(tiny, tmp_path, monkeypatch):
    training.train(network_of(tiny), preset_of(steps=4), tiny, tmp_path)
    for network, preset, seed, said in (
        (network_of(tiny, filters=6), preset_of(steps=4), 0, "model.filters was 8, is 6"),
        (network_of(tiny), preset_of(steps=8), 0, "preset.steps was 4, is 8"),
        (network_of(tiny), preset_of(steps=4), 1, "seed was 0, is 1"),
    ):
        with pytest.raises(checkpoints.Refused, match=said):
            training.train(network, preset, tiny, tmp_path, seed)
    # How many images are measured does not change the weights.
    assert training.train(network_of(tiny), preset_of(steps=4, test_images=1), tiny, tmp_path).steps == 4
    assert training.train(network_of(tiny), preset_of(steps=4), tiny, tmp_path, seed=1, restart=True).steps == 4


def test_dropout_is_seeded_by_run_epoch_and_layer(tiny):
    """The same for the same epoch of the same run, whatever came before; else never the same."""
    network = network_of(tiny, depth=2, dropout=0.5)

    def states(seed, epoch):
        callback = callbacks.EpochSeeds(seed)
        callback.set_model(network)
        callback.on_epoch_begin(epoch)
        found = [v for v in network.variables if v.path.endswith("seed_generator_state")]
        return [tuple(keras.ops.convert_to_numpy(state).tolist()) for state in found]

    first = states(0, 0)
    others = states(0, 1) + states(1, 0)
    assert states(0, 0) == first
    assert len(first) == 4 and len(set(first + others)) == 12  # two stacks in two blocks


# What is seen of it.


def test_clock_times_steps_without_the_one_that_compiles(monkeypatch):
    """Two epochs of three steps of eight images: 100 s of compiling, then a step each second, then 50 s of samples."""
    now = types.SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: now.seconds)
    monkeypatch.setattr(callbacks.time, "process_time", lambda: 2 * now.seconds)
    clock, shown = callbacks.Clock(batch_size=8), []
    clock.spent |= {"wall": 10.0, "cpu": 20.0}  # of a run that was killed
    clock.on_train_begin()
    for epoch in range(2):
        clock.on_epoch_begin(epoch)
        for step, seconds in enumerate([100.0, 1.0, 1.0]):
            now.seconds += seconds
            clock.on_train_batch_end(step, logs := {})
            shown.append(logs["images/s"])
        clock.on_epoch_end(epoch, {})
        now.seconds += 50.0
    assert shown == [0, 8, 8, 0, 8, 8] and clock.images_per_second == 8
    assert clock.spent == {"wall": 10 + 254, "cpu": 20 + 508, "timed_steps": 4, "timed_seconds": 4}


def test_progress_bar_shows_cost_and_speed_and_not_the_loss_again(tiny, tmp_path, monkeypatch, capsys):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    training.train(network_of(tiny), preset_of(steps=4), tiny, tmp_path)
    text = terminal.getvalue()
    assert "1/4" in text and "4/4" in text
    last = text.split("\r")[-1]
    for name in ("bits_per_dim: ", "val_bits_per_dim: ", "images/s: "):
        assert name in last
    assert "loss" not in text


def test_output_to_a_file_has_one_line_per_epoch(tiny, tmp_path, capsys):
    training.train(network_of(tiny), preset_of(), tiny, tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if "bits_per_dim" in line]
    assert len(lines) == 2 and all("images/s" in line and "\x1b" not in line for line in lines)


def test_every_epoch_writes_a_picture(tiny, tmp_path):
    """Samples of the same noise: they differ because the weights do."""
    training.train(
        network_of(tiny),
        preset_of(steps=12),
        tiny,
        tmp_path,
        picture=lambda network: samples.default_picture(network, tiny, 4),
    )
    grids = [path.read_bytes() for path in sorted((tmp_path / "samples").glob("epoch_*.png"))]
    assert len(grids) == len(set(grids)) == 3


# Weights.


def test_weights_survive_a_file_without_the_optimizer(tiny, tmp_path):
    network, path = network_of(tiny), tmp_path / "new" / "kept.weights.h5"
    network.logits.bias.assign(np.arange(network.logits.bias.shape[0]))
    assert training.save_weights(network, path) == weights_file.sha256_of_file(path)
    again = network_of(tiny)
    weights_file.load(again, path, weights_file.sha256_of_file(path))
    for one, other in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with h5py.File(path) as file:
        assert "optimizer" not in file
    network.compile(keras.optimizers.Adam())
    with pytest.raises(ValueError, match="optimizer"):
        training.save_weights(network, path)


def test_weights_with_a_part_missing_are_refused(tiny, tmp_path):
    """Keras leaves a list in a list that it does not find as it was, with a warning."""
    path = tmp_path / "kept.weights.h5"
    network = PixelCNN(tiny.image_shape, tiny.levels, filters=4, depth=2, first_kernel_size=3)
    network.build()
    training.save_weights(network, path)
    weights_file.load(network, path)
    with h5py.File(path, "r+") as file:
        del file["blocks/container_1"]
    with pytest.raises(checkpoints.Refused, match=str(path)):
        weights_file.load(network, path)


def test_weights_of_a_deeper_network_are_refused(tiny, tmp_path):
    """Keras passes over what a file has beyond the network, without a warning."""
    path = tmp_path / "kept.weights.h5"
    deep, shallow = (
        GatedPixelCNN(tiny.image_shape, tiny.levels, filters=4, depth=depth, first_kernel_size=3) for depth in (3, 2)
    )
    for network in (deep, shallow):
        network.build()
    training.save_weights(deep, path)
    with pytest.raises(checkpoints.Refused, match="25 .*18"):
        weights_file.load(shallow, path)


def test_a_file_cut_short_is_refused(tiny, tmp_path):
    network, path = network_of(tiny), tmp_path / "kept.weights.h5"
    training.save_weights(network, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(checkpoints.Refused, match="weights"):
        weights_file.load(network, path)


def test_training_goes_on_where_a_picture_cannot_be_drawn(tmp_path):
    """Of weights that became too large after the last step: the next epoch's loss tells."""

    def picture(model):
        raise NotFinite("logits and outputs must be finite")

    shown = callbacks.Pictures(tmp_path, picture)
    shown.set_model(types.SimpleNamespace(stop_training=False))
    shown.on_epoch_end(0)
    assert not list(tmp_path.iterdir())
