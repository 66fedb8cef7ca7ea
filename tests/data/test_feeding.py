"""Keras gets the batches that were meant, from pipelines without the thread that it would wait for."""

import itertools

import numpy as np
import pytest

from image_generators.data import feeding
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.training import loop as training
from image_generators.training import presets

tf = pytest.importorskip("tensorflow")


def a_batch(step):
    return {"images": np.full((3, 2, 2, 1), step, np.uint8), "condition": np.arange(3) + step}, np.full(3, step)


def same(found, expected):
    tf.nest.assert_same_structure(found, expected)
    for ours, theirs in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_endless_batches_begin_with_the_first_and_keep_their_order():
    dataset = feeding.endless(lambda: (a_batch(step) for step in itertools.count()))
    for step, found in zip(range(4), dataset.as_numpy_iterator(), strict=False):
        same(found, a_batch(step))


def test_once_shows_every_example_and_a_smaller_last_batch():
    examples = np.arange(20, dtype=np.uint8).reshape(5, 2, 2, 1), np.arange(5)
    (dataset,) = feeding.once(examples, batch_size=2)
    found = list(dataset.as_numpy_iterator())
    assert [len(batch[0]) for batch in found] == [2, 2, 1] and len(dataset) == 3
    same(tuple(np.concatenate(column) for column in zip(*found, strict=True)), examples)


def test_nothing_that_training_and_measuring_go_through_is_autotuned(tiny, tmp_path, monkeypatch):
    seen, go = [], tf.data.Dataset.__iter__

    def noticed(dataset):
        seen.append(dataset.options().autotune.enabled)
        return go(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", noticed)
    network = GatedPixelCNN(tiny.image_shape, tiny.levels, filters=4, depth=1, first_kernel_size=3)
    network.build()
    training.train(network, presets.Preset({}, 4, 2, steps_per_epoch=2, validation_images=4), tiny, tmp_path)
    training.evaluate(network, tiny.test)
    assert len(seen) >= 3 and not any(seen)  # of training, validation, measuring
