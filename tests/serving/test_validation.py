"""What the graph itself refuses, asked as the server asks: the C++ session, which checks no shape that is fed."""

import functools
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from image_generators.models.checks import NotFinite
from image_generators.models.image_model import ImageModel
from image_generators.serving import savedmodel
from image_generators.serving.validation import MAX_ROWS


@pytest.fixture(scope="module")
def ask(exported):
    """`ask(model, signature, inputs)` by a session, without Python's own checks; a model is a name or a folder."""
    sessions = {}

    @functools.cache
    def call_of(model, signature, fields):
        """(the call that a server makes once and uses for every request, the names of its outputs)."""
        if model not in sessions:
            # A configuration of its own: as a server does, it optimises graphs.
            session = tf.compat.v1.Session(graph=tf.Graph(), config=tf.compat.v1.ConfigProto())
            with session.graph.as_default():
                folder = str(exported / model / "1" if isinstance(model, str) else model)
                sessions[model] = session, tf.compat.v1.saved_model.load(session, ["serve"], folder)
        session, meta = sessions[model]
        names = meta.signature_def[signature]
        options = config_pb2.CallableOptions()
        options.feed.extend(names.inputs[name].name for name in fields)
        options.fetch.extend(info.name for info in names.outputs.values())
        return session._make_callable_from_options(options), list(names.outputs)

    def ask(model, signature, inputs):
        call, names = call_of(model, signature, tuple(inputs))
        return dict(zip(names, call(*inputs.values()), strict=True))

    return ask


def replaced(name, value):
    """A change of a good request of three rows: another value of one input."""
    return lambda inputs: {**inputs, name: value(inputs[name])}


def all_rows(count):
    """A change of a good request: so many rows of everything."""
    return lambda inputs: {name: np.resize(array, (count, *array.shape[1:])) for name, array in inputs.items()}


BAD = {  # model, signature, what is changed, what is said
    "wrong height": ("gated", "log_prob", replaced("images", lambda a: a[:, 1:]), r"images.*\[3,3,5,3\].*\[\?,4,5,3\]"),
    "no rows axis": ("gated", "log_prob", replaced("images", lambda a: a[0]), r"images.*\[4,5,3\]"),
    "grey for colour": ("gated", "log_prob", replaced("images", lambda a: a[..., :1]), r"images.*\[3,4,5,1\]"),
    "mask too small": ("gated", "complete", replaced("known_mask", lambda a: a[:, :, :1]), r"known_mask.*\[3,4,1\]"),
    "level": (
        "gated",
        "log_prob",
        replaced("images", lambda a: a + 4),
        "images must have values 0 to 3.*image.*0.*of.*3",
    ),
    "level of digits": ("draw", "elbo", replaced("images", lambda a: a + 2), "images.*0 to 1"),
    "label": (
        "gated",
        "sample",
        replaced("label", lambda a: a * 0 + 3),
        "label must have values 0 to 2.*image.*0.*of.*3",
    ),
    "label below": ("gated", "sample", replaced("label", lambda a: a - 9), "label.*0 to 2"),
    "NaN": ("gated", "sample", replaced("temperature", lambda a: a * np.nan), "temperature.*finite"),
    "infinity": ("gated", "sample", replaced("temperature", lambda a: a / 0), "temperature.*finite"),
    "no heat": ("gated", "sample", replaced("temperature", lambda a: a * 0), "temperature"),
    "design": ("chairs_generator", "generate", replaced("style", lambda a: a + 3), "style.*0 to 2"),
    "below the ground": (
        "chairs_generator",
        "generate",
        replaced("elevation", lambda a: a - 92),
        "elevation.*-90 to 90",
    ),
    "no direction": (
        "chairs_generator",
        "generate_mixed",
        replaced("azimuth", lambda a: a / 0),
        "azimuth.*finite",
    ),
    "nobody": ("gated", "sample", all_rows(0), "seed must have 1 to 8 .*0"),
    "nobody drawn": ("draw", "sample", all_rows(0), "seed must have 1 to 8 .*0"),
    "nine": ("draw", "sample_steps", all_rows(9), "seed must have 1 to 8 .*9"),
    "a million": ("pixel_cnn", "sample", all_rows(10**6), "seed must have 1 to 8 .*1000000"),
    "a seed too few": ("gated", "complete", replaced("seed", lambda a: a[1:]), "seed must have as many .* as images"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_a_reason_and_the_next_an_answer(ask, tiny_models, requests_of, name):
    model, signature, change, said = BAD[name]
    good = requests_of(tiny_models[model])[signature]
    with np.errstate(divide="ignore"):
        bad = change(good)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){said}"):
        ask(model, signature, bad)
    assert all(len(array) == 3 for array in ask(model, signature, good).values())


SECRETS = {  # model, signature, input, rows of several clients, the bad row
    "label": ("gated", "sample", "label", [0, 1, 4711], 2),
    "temperature": ("gated", "sample", "temperature", [0.123456, -7.890123, 0.654321], 1),
    "elevation": ("chairs_generator", "generate", "elevation", [12.3456, 78.9012, 98.7654], 2),
    "style": ("chairs_generator", "generate_mixed", "style", [0.123456, np.nan, 0.654321], 1),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_refusal_names_the_row_and_hides_other_values(ask, tiny_models, requests_of, name):
    """Those whose requests were joined with a bad one get the same message."""
    model, signature, field, values, bad_row = SECRETS[name]
    good = requests_of(tiny_models[model])[signature]
    inputs = replaced(field, lambda a: (a * 0 + np.reshape(values, (3, *[1] * (a.ndim - 1)))).astype(a.dtype))(good)
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        ask(model, signature, inputs)
    assert re.search(rf"{field} must .* for image\D* 0\D*{bad_row}\D*of\D*3", refused.value.message)
    for value in {str(value).lstrip("-")[:5] for value in values} - {"0", "1"}:
        assert value not in refused.value.message


def test_a_wrong_dtype_is_refused(ask, tiny_models, requests_of):
    good = requests_of(tiny_models["gated"])["log_prob"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="(?i)type|uint8"):
        ask("gated", "log_prob", {"images": good["images"].astype("float32")})


def test_the_maximum_number_of_rows_is_answered(ask, tiny_models, requests_of):
    answer = ask("draw", "sample", requests_of(tiny_models["draw"], rows=8)["sample"])
    assert answer["images"].shape == (8, 6, 5, 1)
    assert MAX_ROWS == 64


def with_weights(model, weights):
    """A new model of the same settings."""
    other = type(model).from_config(model.get_config())
    other.build()
    other.set_weights(weights)
    return other


@pytest.mark.parametrize(
    "name", ["pixel_cnn_autoencoder", "deconvolutional_autoencoder", "draw", "draw_classifier", "chairs_generator"]
)
def test_a_network_with_nan_weights_fails(ask, tiny_models, requests_of, tmp_path, monkeypatch, name):
    """Whatever it asks. Export would refuse the weights."""
    monkeypatch.setattr(ImageModel, "check_weights", lambda self: None)
    model = tiny_models[name]
    savedmodel.save(with_weights(model, [np.full_like(w, np.nan) for w in model.get_weights()]), tmp_path)
    for signature, inputs in requests_of(model).items():
        with pytest.raises(tf.errors.InvalidArgumentError, match="finite"):
            ask(tmp_path, signature, inputs)


def test_a_request_whose_logits_overflow_fails(ask, tiny_models, requests_of, tmp_path):
    """Of finite weights: logits are the last layer's output times 8."""
    model = with_weights(tiny_models["gated"], tiny_models["gated"].get_weights())
    model.logits.bias.assign(np.linspace(-3e38, 1, model.logits.bias.shape[0]))
    savedmodel.save(model, tmp_path)
    for signature in ("sample", "complete"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="images.*finite"):
            ask(tmp_path, signature, requests_of(model)[signature])


def test_a_model_whose_weights_are_not_finite_is_not_exported(tiny_models, tmp_path):
    *weights, last = tiny_models["gated"].get_weights()
    with pytest.raises(NotFinite, match="weights"):
        savedmodel.save(with_weights(tiny_models["gated"], [*weights, last * np.inf]), tmp_path / "1")
    assert not (tmp_path / "1").exists()
