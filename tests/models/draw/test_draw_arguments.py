"""Bad input to Draw: every message names the argument and says what was received."""

import numpy as np
import pytest

from image_generators.models.draw.draw import Draw

TINY = {"image_shape": (6, 5, 1), "steps": 2, "units": 4, "latent": 2, "read_size": 2, "write_size": 3}
IMAGES = np.zeros((2, 6, 5, 1), "uint8")


def refuses(message, error=ValueError):
    return pytest.raises(error, match=message)


@pytest.fixture(scope="module")
def model():
    return Draw(**TINY)


@pytest.mark.parametrize("name", ["steps", "units", "latent"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_counts_must_be_positive_integers(name, value):
    with refuses(f"{name}.*Received: {name}={value}"):
        Draw(**{**TINY, name: value})


@pytest.mark.parametrize("name", ["read_size", "write_size"])
@pytest.mark.parametrize("value", [0, 6, -1, 2.0, True, False])
def test_window_sizes_must_fit_the_image(name, value):
    """Zero is no window, and not None, which stands for no attention."""
    with refuses(f"{name}.*Received: {name}={value}"):
        Draw(**{**TINY, name: value})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"levels": 1}, "levels.*Received: levels=1"),
        ({"image_shape": (6, 5)}, r"image_shape.*Received: image_shape=\(6, 5\)"),
        ({"likelihood": "gaussian"}, "likelihood"),
        ({"levels": 256, "likelihood": "bernoulli"}, "likelihood.*Received: levels=256"),
    ],
)
def test_constructor_errors_name_the_argument(arguments, message):
    with refuses(message):
        Draw(**{**TINY, **arguments})


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES / 1, "images.*Received: .*float64"),
        (IMAGES > 0, "images.*Received: .*bool"),
        (IMAGES + 2, "images.*Received: .*2 to 2"),
        (IMAGES.astype("int32") - 1, "images.*Received: .*-1 to -1"),
        (IMAGES[:, :5], r"images.*Received: .*\[2, 5, 5, 1\]"),
        (IMAGES[0], r"images.*Received: .*\[6, 5, 1\]"),
        (None, "images.*Received: .*object"),
    ],
)
@pytest.mark.parametrize("ask", ["elbo", "log_prob_bound", "reconstruct"])
def test_bad_images_are_refused(model, ask, images, message):
    with refuses(message):
        getattr(model, ask)(images)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES / 1, "images.*Received: .*float64"),
        (IMAGES + 2, "images.*Received: .*2 to 2"),
        (IMAGES[:, :5], r"images.*Received: .*\[2, 5, 5, 1\]"),
    ],
)
@pytest.mark.parametrize("ask", ["fit", "evaluate", "validation_data"])
def test_bad_images_are_refused_in_training(ask, images, message):
    model = Draw(**TINY)
    model.compile("adam", run_eagerly=True)
    with refuses(message):
        if ask == "validation_data":
            model.fit(IMAGES, validation_data=(images,), verbose=0)
        else:
            getattr(model, ask)(images, verbose=0)


def test_pixel_values_above_the_levels_in_a_stream_give_a_nan_loss():
    """Of 0 and 255 for 0 and 1 the cost would be a number, and far below zero."""
    model = Draw(**TINY)
    model.compile(optimizer=None)
    cost = lambda images: model.test_on_batch(images)[0]  # noqa: E731
    assert np.isfinite(cost(IMAGES + 1)) and np.isnan(cost((IMAGES + 1) * 255))


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
@pytest.mark.parametrize(
    "ask, first", [("elbo", IMAGES), ("log_prob_bound", IMAGES), ("reconstruct", IMAGES), ("sample", 1)]
)
def test_seed_must_be_a_non_negative_integer(model, ask, first, seed):
    with refuses(f"seed.*Received: seed={seed!r}"):
        getattr(model, ask)(first, seed=seed)


@pytest.mark.parametrize("value", [0, -1, 2.5, True])
@pytest.mark.parametrize(
    "ask, first", [("elbo", IMAGES), ("log_prob_bound", IMAGES), ("reconstruct", IMAGES), ("sample", 1)]
)
def test_batch_size_must_be_a_positive_integer(model, ask, first, value):
    with refuses(f"batch_size.*Received: batch_size={value}"):
        getattr(model, ask)(first, batch_size=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_numbers_of_samples_must_be_positive_integers(model, value):
    with refuses(f"Received: n={value}"):
        model.sample(value)
    with refuses(f"importance_samples.*Received: importance_samples={value}"):
        model.log_prob_bound(IMAGES, importance_samples=value)
