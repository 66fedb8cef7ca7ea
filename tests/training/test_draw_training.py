"""What DRAW's models bring to training: noise in every step, labels, batches that are composed afresh."""

import dataclasses
import functools

import keras
import numpy as np
import pytest

from image_generators.data.image_data import Split
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.training import callbacks, presets
from image_generators.training import loop as training

PRESET = presets.Preset(
    {}, 6, 4, learning_rate=0.02, warmup_steps=2, ema_momentum=0.7, steps_per_epoch=2, validation_images=4
)


def shifted(images, rng):
    """Each image moved down by some rows: enough to tell one batch's random numbers from another's."""
    shifts = rng.integers(4, size=len(images))
    return np.stack([np.roll(image, shift, axis=0) for image, shift in zip(images, shifts, strict=True)])


@pytest.fixture(scope="module")
def labelled(tiny):
    """The tiny images with labels (the first row, at whatever place: 0 or 1 where it is dark or bright) and shifts."""

    def label(split):
        return Split(split.images, (split.images.sum(axis=(1, 2, 3)) > 24).astype("int32"))

    splits = {name: label(getattr(tiny, name)) for name in ("train", "validation", "test")}
    return dataclasses.replace(tiny, **splits, class_names=("dark", "bright"), augmentation="shifts", augment=shifted)


def network_of(kind, data):
    keras.utils.set_random_seed(0)
    if kind is Draw:
        network = Draw(data.image_shape, data.levels, steps=2, units=4, latent=3, read_size=2, write_size=2)
    elif kind is DrawClassifier:
        network = DrawClassifier(data.image_shape, 2, glimpses=2, units=4, glimpse_size=2, levels=data.levels)
    else:
        network = ConvClassifier(data.image_shape, 2, kernel_size=2, strides=1, units=8, levels=data.levels)
    network.build()
    network.compile = functools.partial(network.compile, run_eagerly=True)  # a few small steps: compiling takes longer
    return network


@pytest.mark.parametrize("kind", [Draw, DrawClassifier])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(labelled, tmp_path, monkeypatch, kind):
    """Stopped in the middle of its second epoch: noise, shifts and the order of the data go on where they were."""

    class Interrupted(callbacks.Progress):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == 3:
                raise KeyboardInterrupt

    whole = network_of(kind, labelled)
    training.train(whole, PRESET, labelled, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(callbacks, "Progress", Interrupted)
        training.train(network_of(kind, labelled), PRESET, labelled, tmp_path / "stopped")
    resumed = network_of(kind, labelled)
    keras.utils.set_random_seed(7)  # a new process has drawn other numbers
    training.train(resumed, PRESET, labelled, tmp_path / "stopped")
    fresh = network_of(kind, labelled).get_weights()
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert any((one != before).any() for one, before in zip(whole.get_weights(), fresh, strict=True))


def test_noise_is_seeded_by_run_and_epoch(tiny):
    network = network_of(Draw, tiny)
    callback, images = callbacks.EpochSeeds(3), tiny.test.images

    def means(epoch):
        """Of Q(Z_2), which depend on the noise of the first step."""
        callback.set_model(network)
        callback.on_epoch_begin(epoch)
        return keras.ops.convert_to_numpy(network(images)["mean"])[:, 1]

    first = means(0)
    assert (means(1) != first).any()
    np.testing.assert_array_equal(means(0), first)
    assert (keras.ops.convert_to_numpy(network(images)["mean"])[:, 1] != first).any()  # every step has its own


def test_a_second_measurement_gives_the_same_bound(tiny):
    """Whatever was drawn before it; on eight images noise shows in the fourth digit."""
    network = network_of(Draw, tiny)
    first, _ = training.evaluate(network, tiny.test, batch_size=4)
    training.evaluate(network, tiny.validation, batch_size=4)
    assert training.evaluate(network, tiny.test, batch_size=4)[0] == first
    again = network_of(Draw, tiny)
    again(tiny.test.images)
    assert training.evaluate(again, tiny.test, batch_size=4)[0] == first
    plain = network.evaluate(tiny.test.images, batch_size=4, return_dict=True, verbose=0)
    assert plain[network.unit] != first  # without seeding it is another number


def test_classifier_learns_the_label_beside_each_image(labelled, tmp_path):
    """A wrong order of labels, or one of another batch, would leave half of the answers wrong."""
    network = network_of(ConvClassifier, labelled)
    preset = dataclasses.replace(PRESET, steps=60, steps_per_epoch=30, batch_size=16)
    training.train(network, preset, labelled, tmp_path)
    error, examples = training.evaluate(network, training.examples(labelled, "train"))
    assert examples == 64 and error < 10
    split = labelled.test
    assert training.evaluate(network, split)[0] == pytest.approx(network.error_percent(split.images, split.labels))
