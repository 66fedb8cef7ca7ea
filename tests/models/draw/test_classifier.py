"""What every Classifier refuses: labels that are none, where they would train another loss in silence."""

import numpy as np
import pytest

from image_generators.models.draw.glimpse_classifier import DrawClassifier

IMAGES, LABELS = np.random.default_rng(0).integers(0, 4, (4, 6, 5, 1)).astype("uint8"), np.array([0, 1, 2, 1])


def compiled_classifier():
    model = DrawClassifier((6, 5, 1), num_classes=3, glimpses=1, units=3, glimpse_size=2, levels=4)
    model.compile("sgd", run_eagerly=True)
    return model


@pytest.mark.parametrize(
    "labels, said",
    [
        (LABELS[:, None], r"labels.*Received: .*\[4, 1\]"),  # as keras.datasets gives them
        (LABELS + 0.7, r"labels.*Received: .*\[4\].*float64"),
        (LABELS + 1, "labels.*Received: .*1 to 3"),
        (None, r"labels.*Received: .*\[\].*object"),
    ],
)
@pytest.mark.parametrize("ask", ["fit", "evaluate", "validation_data"])
def test_bad_labels_are_refused(ask, labels, said):
    with pytest.raises(ValueError, match=said):
        if ask == "validation_data":
            compiled_classifier().fit(IMAGES, LABELS, validation_data=(IMAGES, labels), verbose=0)
        else:
            getattr(compiled_classifier(), ask)(IMAGES, labels, verbose=0)


@pytest.mark.parametrize("labels", [LABELS[:, None], LABELS + 0.7])
def test_labels_of_a_stream_must_be_an_integer_vector(labels):
    with pytest.raises(ValueError, match="labels.*Received"):
        compiled_classifier().test_on_batch(IMAGES, labels)


def test_error_percent_needs_at_least_one_image():
    with pytest.raises(ValueError, match=r"images.*Received: .*\[0, 6, 5, 1\]"):
        compiled_classifier().error_percent(IMAGES[:0], LABELS[:0])
    assert 0 <= compiled_classifier().error_percent(IMAGES, LABELS) <= 100


def test_pixel_values_above_the_levels_in_a_stream_give_a_nan_loss():
    cost = lambda images: compiled_classifier().test_on_batch(images, LABELS)[0]  # noqa: E731
    assert np.isfinite(cost(IMAGES)) and np.isnan(cost(IMAGES * 2))


def test_keras_metrics_are_reported_beside_the_models_own():
    model = compiled_classifier()
    model.compile("adam", metrics=["accuracy"])
    found = model.evaluate(IMAGES, LABELS, return_dict=True, verbose=0)
    assert found["error_percent"] == pytest.approx(100 * (1 - found["accuracy"]))
    with pytest.raises(ValueError, match="labels.*Received: a list"):
        model.fit(IMAGES, LABELS.tolist(), verbose=0)
