"""Draw: its two costs, samples that have seen no image, and learning."""

import keras
import numpy as np
import pytest
from keras import ops

from image_generators.models.distributions import tfd
from image_generators.models.draw.draw import Draw

SETTINGS = {
    "attention": {},
    "none": {"read_size": None, "write_size": None},
    "colour_bytes": {"image_shape": (5, 6, 3), "levels": 256},
    "intensities": {"image_shape": (5, 6, 3), "levels": 256, "likelihood": "cross_entropy"},
}
EACH = pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
ATTENTION_OR_NONE = pytest.mark.parametrize(
    "options", [SETTINGS["attention"], SETTINGS["none"]], ids=["attention", "none"]
)


def noise_of(model, n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, model.steps, model.latent), "float32")


def inferred(model, images, seed=0):
    """What `infer` gives from the noise of `seed`, as NumPy arrays."""
    return {
        name: ops.convert_to_numpy(value)
        for name, value in model.infer(images, noise_of(model, len(images), seed)).items()
    }


# The two costs.


def test_the_constant_of_the_kl_is_one_half_for_each_latent_dimension_of_each_step(shared_draw, random_images):
    """Eq. 10, 11: 1/2 sum (mu^2 + sigma^2 - log sigma^2) - T z/2; the paper's T/2 is for one dimension."""
    model = shared_draw(latent=3, steps=4)
    images = random_images(model, 3)
    found = inferred(model, images)
    mean, log_variance = (found[name].astype("float64") for name in ("mean", "log_sigma"))
    log_variance *= 2
    squares = (mean**2 + np.exp(log_variance) - log_variance).sum(axis=(1, 2)) / 2
    kl = model.elbo(images).kl
    assert kl.shape == (3, 4)
    np.testing.assert_allclose(kl.sum(axis=1), squares - 4 * 3 / 2, rtol=1e-4)


def test_the_kl_is_the_mean_log_ratio_of_posterior_to_prior(shared_draw, random_images):
    """By TFP's densities at 20,000 draws of Q, to five standard errors, for every image and step."""
    model = shared_draw()
    images = random_images(model, 3)
    found = inferred(model, images)
    q, p = tfd.Normal(found["mean"], np.exp(found["log_sigma"])), tfd.Normal(0.0, 1.0)
    noise = np.random.default_rng(1).standard_normal((20_000, *found["mean"].shape), "float32")
    draws = found["mean"] + np.exp(found["log_sigma"]) * noise
    ratios = np.sum(np.array(q.log_prob(draws)) - np.array(p.log_prob(draws)), axis=-1)  # [draws, images, steps]
    error = ratios.std(axis=0) / np.sqrt(len(ratios))
    assert (np.abs(model.elbo(images).kl - ratios.mean(axis=0)) < 5 * error).all()


@EACH
def test_the_elbo_is_reconstruction_less_the_kl_of_all_steps(shared_draw, random_images, options):
    model = shared_draw(**options)
    images = random_images(model, 3)
    found = model.elbo(images, seed=3)
    np.testing.assert_allclose(found.total, found.reconstruction - found.kl.sum(axis=1), rtol=1e-5)
    assert (found.kl > 0).all() and found.total.dtype == np.float32
    canvas = inferred(model, images, seed=3)["canvas"]
    expected = model._likelihood.log_prob(canvas, images.astype("float32"), model.levels)
    np.testing.assert_allclose(found.reconstruction, expected, rtol=1e-4)
    assert model.likelihood == options.get("likelihood", "bernoulli" if model.levels == 2 else "discretized_logistic")


def test_the_reconstruction_of_a_binary_image_is_its_cross_entropy_with_the_last_canvas(shared_draw, random_images):
    model = shared_draw()
    images = random_images(model, 3)
    p = 1 / (1 + np.exp(-inferred(model, images)["canvas"].astype("float64")))
    expected = np.log(np.where(images == 1, p, 1 - p)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(model.elbo(images).reconstruction, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "name, unit, scale",
    [
        ("attention", "nats", 1),
        ("colour_bytes", "bits_per_dim", 90 * np.log(2)),
        ("intensities", "cross_entropy_nats", 1),
    ],
)
def test_the_loss_is_the_mean_of_the_negative_elbo_in_the_models_unit(shared_draw, random_images, name, unit, scale):
    model = shared_draw(**SETTINGS[name])
    images = random_images(model, 3)
    expected = -model.elbo(images, seed=2).total / scale
    output = model.infer(images, noise_of(model, 3, seed=2))
    assert model.unit == unit
    assert float(model.compute_loss(x=images, y_pred=output)) == pytest.approx(expected.mean(), rel=1e-5)
    weights = np.float32([0, 1, 3])
    weighted = float(model.compute_loss(x=images, y_pred=output, sample_weight=weights))
    assert weighted == pytest.approx((weights * expected).mean(), rel=1e-5)


def test_the_noise_of_training_is_fresh_every_time(shared_draw, random_images):
    model = shared_draw()
    images = random_images(model, 3)
    first, second = (ops.convert_to_numpy(model(images)["mean"]) for _ in range(2))
    np.testing.assert_allclose(first[:, 0], second[:, 0], rtol=1e-5)  # no noise yet
    assert (first[:, 1:] != second[:, 1:]).all()


def test_every_image_step_and_dimension_has_noise_of_its_own(shared_draw, random_images):
    """Copies of one image agree at step 1 alone, where no noise has come in."""
    model = shared_draw()
    kl = model.elbo(np.repeat(random_images(model, 1), 3, axis=0)).kl
    assert len(np.unique(kl[:, 0].round(4))) == 1 and len(np.unique(kl[:, 1])) == len(np.unique(kl[:, 2])) == 3


# Samples and reconstructions.


def weights_of(model, *layers):
    return [weight for layer in layers for weight in (layer if isinstance(layer, list) else layer.weights)]


def test_a_sample_is_made_by_the_decoder_alone(make_draw):
    """Whatever reads images may change: a sample has seen none."""
    model = make_draw()
    before, (_, trace) = model.sample(3, seed=3), model.sample(3, seed=3, trace=True)
    cell = model.cell
    sees = weights_of(model, cell.encoder, cell.attention, cell.posterior, cell.initial)
    assert {id(weight) for weight in sees} | {id(weight) for weight in cell.decoder.weights} == set(
        map(id, model.weights)
    )
    for weight in sees:
        weight.assign(weight.value * -3 + 1)
    np.testing.assert_array_equal(model.sample(3, seed=3), before)
    for weight in weights_of(model, cell.decoder.patch):
        weight.assign(weight.value * -3 + 1)
    assert (model.sample(3, seed=3) != before).any()
    assert trace.read_windows is None


@EACH
def test_the_same_seed_gives_the_same_samples(shared_draw, options):
    model = shared_draw(**options)
    found = model.sample(3, seed=7)
    assert found.dtype == np.uint8 and found.shape == (3, *model.image_shape) and found.max() < model.levels
    np.testing.assert_array_equal(found, model.sample(3, seed=7))
    assert (found != model.sample(3, seed=8)).any()
    assert len({image.tobytes() for image in found}) == 3  # one noise each


@pytest.mark.parametrize("name", ["attention", "none", "colour_bytes"])
def test_results_do_not_depend_on_the_batch(shared_draw, random_images, name):
    model = shared_draw(**SETTINGS[name])
    images = random_images(model, 3)
    np.testing.assert_array_equal(model.sample(3, seed=1, batch_size=1), model.sample(3, seed=1))
    np.testing.assert_array_equal(model.reconstruct(images, seed=1, batch_size=1), model.reconstruct(images, seed=1))
    for in_batches, at_once in zip(model.elbo(images, 1, batch_size=1), model.elbo(images, 1), strict=True):
        np.testing.assert_allclose(in_batches, at_once, rtol=1e-4, atol=1e-5)


@ATTENTION_OR_NONE
def test_a_reconstruction_is_painted_from_the_latents_that_were_inferred(shared_draw, random_images, options):
    model = shared_draw(**options)
    images = random_images(model, 3)
    found, trace = model.reconstruct(images, seed=2, trace=True)
    canvas = 1 / (1 + np.exp(-inferred(model, images, seed=2)["canvas"]))
    np.testing.assert_allclose(trace.canvases[:, -1], canvas, rtol=1e-4, atol=1e-5)
    uniforms = np.random.default_rng((2, 1)).random(images.shape, "float32")
    np.testing.assert_array_equal(found, uniforms < trace.canvases[:, -1])
    of_others = model.reconstruct(1 - images, seed=2, trace=True)[1]
    assert (trace.canvases[:, -1] != of_others.canvases[:, -1]).any(axis=(1, 2, 3)).all()  # it has seen them


def test_a_trace_has_the_window_of_every_step(shared_draw, random_images):
    """A read goes by the decoder's last state, a write by its new one; what is written moves the canvas."""
    model = shared_draw()
    images = random_images(model, 3)
    found, trace = model.reconstruct(images, seed=2, trace=True)
    assert trace.canvases.shape == (3, 3, 6, 5, 1)
    assert trace.write_windows.shape == trace.read_windows.shape == (3, 3, 5)
    first = model.cell.attention(ops.convert_to_numpy(model.cell.decoder.initial[1])[None])
    np.testing.assert_allclose(trace.read_windows[:, 0], np.repeat(first, 3, axis=0), rtol=1e-5)
    assert (np.diff(trace.canvases, axis=1) != 0).any(axis=(2, 3, 4)).all()
    np.testing.assert_array_equal(found, model.reconstruct(images, seed=2))
    _, without = shared_draw(**SETTINGS["none"]).reconstruct(images, trace=True)
    assert without.write_windows is None and without.read_windows is None


@EACH
@pytest.mark.parametrize("ask", ["sample", "reconstruct"])
def test_without_a_trace_the_same_images_come_without_their_canvases(
    shared_draw, random_images, monkeypatch, options, ask
):
    """Every canvas of every step would be many times as large as the images, whatever the batch."""
    model = shared_draw(**options)
    first = random_images(model, 5) if ask == "reconstruct" else 5
    traced, _ = getattr(model, ask)(first, seed=4, trace=True)
    joined, join = [], model._join
    monkeypatch.setattr(Draw, "_join", lambda self, parts: joined.append(parts[0].shape) or join(parts))
    images = getattr(model, ask)(first, seed=4, batch_size=2)
    np.testing.assert_array_equal(images, traced)
    assert images.dtype == np.uint8 and joined == [(2, *model.image_shape)]


@pytest.mark.parametrize("name", ["attention", "colour_bytes"])
def test_bounds_of_no_images_are_empty(shared_draw, name):
    model = shared_draw(**SETTINGS[name])
    none = np.zeros((0, *model.image_shape), "uint8")
    found = model.elbo(none)
    assert [part.shape for part in found] == [(0,), (0,), (0, 3)]
    assert model.reconstruct(none).shape == none.shape
    if model.levels == 2:
        assert model.log_prob_bound(none, 2).shape == (0,)


# Training.


def bars(n, seed=0):
    """Binary 6x5 images: the upper three rows, or the lower three."""
    upper = np.random.default_rng(seed).integers(0, 2, (n, 1, 1, 1))
    return np.broadcast_to((np.arange(6)[:, None, None] < 3) == upper, (n, 6, 5, 1)).astype("uint8")


@pytest.fixture(scope="module")
def trained():
    """(a Draw that has learned bars, its history)"""
    keras.utils.set_random_seed(0)
    model = Draw((6, 5, 1), steps=2, units=8, latent=2, read_size=2, write_size=3)
    model.compile(keras.optimizers.Adam(0.05))
    return model, model.fit(bars(32), batch_size=32, epochs=60, verbose=0).history


def test_training_lowers_the_loss_towards_the_entropy_of_the_data(trained):
    """Bars are one bit: log 2 nats of 30 log 2 at the start."""
    model, history = trained
    assert history["loss"] == history["nats"]
    assert history["loss"][0] > 18 and np.mean(history["loss"][-10:]) < 6
    bound = model.log_prob_bound(bars(20, seed=1), 30).mean()
    assert -5 < bound < -np.log(2) + 0.1


def test_reconstructions_resemble_their_images_and_samples_do_not(trained):
    model, _ = trained
    images = bars(40, seed=1)
    assert (model.reconstruct(images) != images).mean() < 0.05
    samples = model.sample(40)
    assert (samples != images).mean() > 0.3
    upper = samples[:, :3].mean(axis=(1, 2, 3))
    assert upper.min() < 0.2 and upper.max() > 0.8  # but there are bars of both kinds


@EACH
def test_every_weight_learns(make_draw, random_images, options):
    """One step of gradient descent moves each of them."""
    model = make_draw(**options)
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    loss = model.train_on_batch(random_images(model, 6), return_dict=True)
    assert np.isfinite(loss["loss"]) and loss["loss"] == loss[model.unit]
    for weight, old in zip(model.weights, before, strict=True):
        new = ops.convert_to_numpy(weight.value)
        assert np.isfinite(new).all() and (new != old).any(), weight.path


def test_colour_images_are_learned_in_bits_per_dim():
    """Of one colour each: 8 bits/dim to a uniform distribution, more to a new model, less to one that has seen them."""
    keras.utils.set_random_seed(0)
    colours = np.random.default_rng(0).integers(20, 76, (32, 1, 1, 3))
    images = np.broadcast_to(colours, (32, 4, 5, 3)).astype("uint8")
    model = Draw((4, 5, 3), levels=256, steps=2, units=8, latent=2, read_size=None, write_size=None)
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    history = model.fit(images, batch_size=32, epochs=8, verbose=0).history
    assert model.likelihood == "discretized_logistic" and history["bits_per_dim"] == history["loss"]
    assert history["loss"][-1] < 7.5 < 8 < history["loss"][0]


def test_half_precision_keeps_the_costs_in_float32(make_draw, random_images):
    low, full = make_draw(dtype="mixed_float16"), make_draw()
    images = random_images(low, 3)
    found, expected = low.elbo(images), full.elbo(images)
    assert all(part.dtype == np.float32 for part in found)
    np.testing.assert_allclose(found.total, expected.total, rtol=0.05)
    low.compile("adam", run_eagerly=True)
    assert np.isfinite(low.train_on_batch(images, return_dict=True)["loss"])
