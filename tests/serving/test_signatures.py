"""Every model has its signatures, or a reason; the README's table is theirs."""

import importlib
import inspect
import pkgutil

import keras
import pytest

from image_generators import models
from image_generators.evaluation import records, tables
from image_generators.models.networks import NETWORKS
from image_generators.models.pixelcnn.density_baselines import Density
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.reproduce import report
from image_generators.serving import document, trained
from image_generators.serving.signatures import KINDS, NOT_SERVED, kind_of, signatures_of


def model_classes():
    """All classes of models in models/ that are no mere base of others: what can be made and asked."""
    names = [module.name for module in pkgutil.walk_packages(models.__path__, f"{models.__name__}.")]
    found = set()
    for name in names:
        module = importlib.import_module(name)
        for _, value in inspect.getmembers(module, inspect.isclass):
            if value.__module__ == module.__name__ and issubclass(value, (keras.Model, Density)):
                found.add(value)
    registered = keras.saving.get_custom_objects().values()  # a base of others may be a model itself
    return {c for c in found if c in registered or not c.__subclasses__()}


def test_every_model_is_served_or_has_a_reason():
    classes = model_classes()
    assert set(NETWORKS.values()) | {GatedPixelCNN} <= classes  # the search finds what there is
    for model_class in classes:
        assert (model_class in NOT_SERVED) != issubclass(model_class, tuple(KINDS)), (
            f"{model_class.__name__} needs signatures (KINDS) or a reason (NOT_SERVED) in serving/signatures.py"
        )
    assert set(NOT_SERVED) <= classes and all(NOT_SERVED.values())


def test_every_model_is_exported_in_these_tests(tiny_models):
    served = {model_class for model_class in model_classes() if model_class not in NOT_SERVED}
    assert {type(model) for model in tiny_models.values()} == served, "tests/serving/conftest.py: TINY lacks a model"


def test_an_unknown_model_is_refused():
    with pytest.raises(TypeError, match="AutoregressiveModel, .*, Draw, Classifier.*Received: Dense"):
        kind_of(keras.layers.Dense)


def test_signatures_are_those_of_the_model(tiny_models):
    """Its sizes; and only what it has: labels with classes, windows with attention."""
    by_name = {name: {s.name: s for s in signatures_of(model)} for name, model in tiny_models.items()}
    fields = lambda name, signature, side: {f.name: f for f in getattr(by_name[name][signature], side)}  # noqa: E731
    assert fields("gated", "complete", "inputs")["known_mask"].shape == (4, 5)
    assert "label" not in fields("pixel_cnn", "sample", "inputs")
    assert fields("gated", "sample", "inputs")["label"].below == 3
    assert fields("gated", "sample", "outputs")["images"].shape == (4, 5, 3)
    assert fields("draw", "reconstruct_steps", "outputs").keys() == {
        "images",
        "canvases",
        "write_windows",
        "read_windows",
    }
    assert fields("draw", "sample_steps", "outputs")["canvases"].shape == (3, 6, 5, 1)
    assert fields("draw_plain", "reconstruct_steps", "outputs").keys() == {"images", "canvases"}
    assert fields("draw_classifier", "classify", "outputs")["windows"].shape == (2, 5)
    assert fields("conv_classifier", "classify", "outputs").keys() == {"probabilities"}
    assert fields("draw_classifier", "classify", "outputs")["probabilities"].shape == (4,)


def test_every_field_says_what_it_is():
    for kind in KINDS.values():
        for signature in kind.signatures:
            assert callable(getattr(kind.answers, signature.name))
            for field in (*signature.inputs, *signature.outputs):
                assert field.name.isidentifier() and field.dtype in ("uint8", "int64", "float32", "bool")
                assert len(field.meaning) > 5


def test_a_model_with_another_condition_takes_it():
    """Vectors, maps and images as conditions need no more than the attributes that say so."""
    model = GatedPixelCNN((4, 5, 3), levels=4)
    model.condition_shape, model.condition_levels = (7,), None
    inputs = {f.name: f for f in {s.name: s for s in signatures_of(model)}["sample"].inputs}
    assert inputs["condition"].shape == (7,) and inputs["condition"].dtype == "float32"
    model.condition_shape, model.condition_levels = (2, 3, 1), 16
    inputs = {f.name: f for f in {s.name: s for s in signatures_of(model)}["sample"].inputs}
    assert inputs["condition"].shape == (2, 3, 1) and inputs["condition"].dtype == "uint8"
    assert inputs["condition"].below == 16


def test_the_readme_has_the_table_of_today():
    text = document.README.read_text(encoding="utf-8")
    assert document.redrawn(text) == text, "run: python serving/document.py"
    for kind in KINDS.values():
        for signature in kind.signatures:
            assert f"**`{signature.name}`**" in text
            assert all(f"`{f.name}` | {f.dtype}" in text for f in (*signature.inputs, *signature.outputs))
    with pytest.raises(ValueError, match="signatures:begin"):
        document.redrawn("no such place")


def test_the_script_refuses_arguments_that_it_does_not_know(monkeypatch, capsys):
    monkeypatch.setattr(document, "README", None)  # nothing is read or written
    for argument in ("--chek", "--che", "README.md"):
        with pytest.raises(SystemExit) as end:
            document.main([argument])
        assert end.value.code == 2 and argument in capsys.readouterr().err


def test_the_weights_served_are_those_of_the_tables():
    """The best record of each model and data set, by the rule of reproduce/report.py."""
    groups = {}
    for table in (*report.TABLES, "fig8_two_digits", "fig9_svhn"):  # two have records and no page
        for record in records.read_all(records.RESULTS, table):
            if record.weights:
                groups.setdefault(f"{record.model}-{record.data}", []).append(record)
    found = trained.find()
    assert found.keys() == groups.keys()
    for name, group in groups.items():
        assert found[name].record.weights == tables.best(group).weights
        assert found[name].record.model in NETWORKS
