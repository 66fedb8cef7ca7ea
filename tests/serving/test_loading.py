"""What was exported, loaded in fresh processes that cannot import this repository, answers as the Keras models do."""

import pathlib
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.classifier import Classifier
from image_generators.models.draw.draw import Draw
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.serving import noise

HERE = pathlib.Path(__file__).parent


def keras_answer(model, signature, inputs):
    """The same question put to the Keras model, by the methods that it has for it, with the same noise."""
    images = inputs.get("images")
    if isinstance(model, Classifier):
        answer = model.classify(images)
        return {"probabilities": answer.probabilities, "windows": answer.windows}
    if isinstance(model, ChairsGenerator):
        return model.generate(**inputs)._asdict()
    if signature == "embed":
        return {"embeddings": model.embed(images)}
    if signature == "encode":
        return {"codes": model.encode(images)}
    if isinstance(model, MapRegression):
        return {"images": model.mean(inputs["condition"]) if signature == "mean" else model.reconstruct(images)}
    return (_draw_answer if isinstance(model, Draw) else _autoregressive_answer)(model, signature, inputs)


def _autoregressive_answer(model, signature, inputs):
    images, seed = inputs.get("images"), inputs.get("seed")
    condition = inputs.get("label", inputs.get("condition"))
    if signature == "log_prob":
        nats, bits = model.log_prob(images, condition), model.bits_per_dim(images, condition)
        return {"log_prob_nats": nats, "bits_per_dim": bits}
    if signature == "reconstruct":
        images, condition = None, model.encode(images)
    uniforms = noise.uniforms(seed, model.image_shape, noise.PIXELS)
    known = inputs.get("known_mask", np.zeros((len(seed), *model.image_shape[:2]), bool))
    known = np.broadcast_to(known[..., None], uniforms.shape).astype("float32")
    images = np.zeros(uniforms.shape, "float32") if images is None else images.astype("float32")
    given = [] if condition is None else [condition]
    return {"images": _integers(model.generate(uniforms, images, known, inputs["temperature"][:, None], *given))}


def _draw_answer(model, signature, inputs):
    images, seed = inputs.get("images"), inputs.get("seed")
    latents = latent_noise = noise.normals(seed, (model.steps, model.latent), noise.LATENTS)
    inferred = None if images is None else model.infer(images, latent_noise)
    if signature == "elbo":
        reconstruction, kl = model.elbo_parts(images, inferred)
        total = reconstruction - keras.ops.sum(kl, axis=-1)
        return {"elbo_nats": total, "reconstruction_nats": reconstruction, "kl_nats": kl}
    if inferred is not None:
        latents = inferred["mean"] + keras.ops.exp(inferred["log_sigma"]) * latent_noise
    values, canvases, write, read = model.generate(latents, noise.uniforms(seed, model.image_shape, noise.PIXELS))
    return {"images": _integers(values), "canvases": canvases, "write_windows": write, "read_windows": read}


def _integers(values):
    return keras.ops.convert_to_numpy(values).astype("uint8")


@pytest.fixture(scope="module")
def answers(tiny_models, exported, requests_of, alone, tmp_path_factory):
    """[(model, signature, inputs, {loader: outputs})] of every signature of every tiny model."""
    folder, asked = tmp_path_factory.mktemp("requests"), []
    for name, model in tiny_models.items():
        for signature, inputs in requests_of(model).items():
            (folder / name / signature).mkdir(parents=True)
            for field, array in inputs.items():
                np.save(folder / name / signature / f"{field}.npy", array)
            asked.append((name, signature, inputs))
    assert alone(HERE / "load_saved_model.py", exported, folder, folder=folder) == "answered\n"
    return [
        (name, signature, inputs, {path.stem: np.load(path) for path in (folder / name / signature).glob("*.npz")})
        for name, signature, inputs in asked
    ]


def test_both_loaders_give_the_answers_of_keras(tiny_models, answers):
    """Images exactly, numbers to 1e-4: the same noise on both sides."""
    loaders = [loader for *_, by_loader in answers for loader in by_loader]
    assert loaders.count("session_loader") == len(answers) and loaders.count("object_loader") > 8
    for name, signature, inputs, by_loader in answers:
        expected = keras_answer(tiny_models[name], signature, inputs)
        for loader, outputs in by_loader.items():
            assert outputs.files, (name, signature, loader)
            for field in outputs.files:
                said = f"{field} of {signature} of {name} by {loader}"
                if outputs[field].dtype == np.uint8:
                    np.testing.assert_array_equal(outputs[field], expected[field], said)
                else:
                    np.testing.assert_allclose(outputs[field], expected[field], rtol=1e-5, atol=1e-4, err_msg=said)


def test_answers_are_finite_and_differ_between_rows(answers):
    """Else the test above would show little."""
    for name, signature, _, by_loader in answers:
        outputs = by_loader["session_loader"]
        field = "images" if "images" in outputs.files else outputs.files[0]
        rows = outputs[field]
        assert np.isfinite(rows).all() and (rows[0] != rows[1]).any(), (name, signature)


def test_saved_model_cli_runs_a_signature(exported, requests_of, tiny_models, answers, alone, tmp_path):
    inputs = requests_of(tiny_models["gated"])["sample"]
    given = []
    for name, array in inputs.items():
        np.save(tmp_path / f"{name}.npy", array)
        given.append(f"{name}={tmp_path / name}.npy")
    cli = pathlib.Path(sys.executable).with_name("saved_model_cli")
    flags = ["--dir", exported / "gated" / "1", "--tag_set", "serve", "--signature_def", "sample"]
    alone(cli, "run", *flags, "--inputs", ";".join(given), "--outdir", tmp_path, folder=tmp_path)
    expected = keras_answer(tiny_models["gated"], "sample", inputs)["images"]
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), expected)


@pytest.mark.parametrize("name", ["gated", "draw"])
def test_an_image_depends_only_on_its_own_row(exported, requests_of, tiny_models, name):
    """Rows of a request in another order, or alone, give the same images: a server may join and part requests."""
    sample = tf.saved_model.load(str(exported / name / "1")).signatures["sample"]
    inputs = requests_of(tiny_models[name], rows=4)["sample"]
    images = lambda rows: sample(**{n: tf.constant(a[rows]) for n, a in inputs.items()})["images"].numpy()  # noqa: E731
    together = images([0, 1, 2, 3])
    np.testing.assert_array_equal(images([2, 0]), together[[2, 0]])
    np.testing.assert_array_equal(images([3]), together[[3]])


def test_the_noise_is_philox():
    """Written down, so that no version and no host may change it: the same seed, the same answer."""
    found = noise.uniforms(np.array([0, 1, 0, 2**53 - 1]), (2,), noise.PIXELS).numpy()
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).all()
    expected = [[0.21101546, 0.706010], [0.8784882, 0.45998025], [0.21101546, 0.706010], [0.9917413, 0.40849161]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (noise.uniforms(np.array([0]), (2,), noise.LATENTS).numpy() != found[:1]).all()
    normals = noise.normals(np.arange(100), (50,), noise.LATENTS).numpy()
    assert abs(normals.mean()) < 0.05 and abs(normals.std() - 1) < 0.05
    assert len(np.unique(normals)) > 4990  # neighbouring seeds are other streams
