"""Which weights are exported, and what the script says of those that cannot be."""

import dataclasses
import json
import os
import re
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from image_generators.evaluation import records
from image_generators.models import weights_file
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.serving import config, manifest, trained
from image_generators.serving import export as export_script


@pytest.fixture
def classifier(tiny_models):
    return tiny_models["conv_classifier"]  # the quickest to trace


@pytest.fixture
def results(tmp_path):
    """A folder of results with a record of a tiny model, and its weights."""
    model = GatedPixelCNN((3, 4, 1), levels=2, filters=2, depth=1, first_kernel_size=3)
    model.build()
    folder, weights = tmp_path / "results", "table/gated_pixel_cnn-x.weights.h5"
    (folder / "table").mkdir(parents=True)
    model.save_weights(folder / weights)
    names = ("name", "trainable", "dtype")
    config = {name: value for name, value in model.get_config().items() if name not in names}
    digest = weights_file.sha256_of_file(folder / weights)
    committed = records.read_all(records.RESULTS, "table1_cifar")[0]
    record = dataclasses.replace(
        committed,
        table="table",
        model="gated_pixel_cnn",
        model_config=config,
        preset="",
        changed="",
        data="x",
        weights=weights,
        weights_sha256=digest,
    )
    assert records.write(record, folder).name == "gated_pixel_cnn-x.json"
    return folder


def test_weights_come_from_results_or_from_a_file_with_its_record(results):
    (by_name,) = export_script.chosen("gated_pixel_cnn-x", None, results)
    (by_model,) = export_script.chosen("gated_pixel_cnn", None, results)
    (by_file,) = export_script.chosen("all", results / "table" / "gated_pixel_cnn-x.weights.h5", None)
    assert by_name == by_model == by_file and by_name.name == "gated_pixel_cnn-x"
    np.testing.assert_equal(by_name.load().get_weights(), by_file.load().get_weights())
    with pytest.raises(trained.Refused, match="--model.*gated_pixel_cnn-x.*Received: 'draw'"):
        export_script.chosen("draw", None, results)


def test_weights_that_are_not_those_of_the_record_are_refused(results):
    (found,) = trained.find(results).values()
    found.weights.write_bytes(found.weights.read_bytes() + b" ")
    with pytest.raises(trained.Refused, match="SHA-256"):
        found.load()
    found.weights.unlink()
    with pytest.raises(trained.Refused, match="Received"):
        found.load()
    with pytest.raises(trained.Refused, match="other"):
        trained.of_file(results / "table" / "other.weights.h5")


@pytest.mark.parametrize(
    "field, value",
    [
        ("data", "../../../elsewhere"),
        ("data", "/elsewhere"),
        ("weights", "../table/gated_pixel_cnn-x.weights.h5"),
        ("weights", "/elsewhere.weights.h5"),
        ("weights_sha256", None),
        ("weights_sha256", ""),
        ("model", "resnet"),
        ("model", ["gated_pixel_cnn"]),
        ("model_config", None),
        ("values", "cut short"),
    ],
)
def test_a_bad_record_is_named_and_the_others_are_found(results, caplog, field, value):
    good = json.loads((results / "table" / "gated_pixel_cnn-x.json").read_text())
    bad = results / "table" / "bad.json"
    bad.write_text("{" if value == "cut short" else json.dumps(good | {field: value}))
    (results / "table" / "bad.weights.h5").write_bytes((results / good["weights"]).read_bytes())
    assert list(trained.find(results)) == ["gated_pixel_cnn-x"]
    assert ("resnet" if value == "resnet" else str(bad)) in caplog.text
    with pytest.raises(ValueError, match="resnet" if value == "resnet" else str(bad)):
        trained.of_file(results / "table" / "bad.weights.h5")


def test_files_of_other_kinds_are_ignored(results, caplog):
    for folder in records.OTHER_FOLDERS:
        (results / folder).mkdir()
        (results / folder / "file.json").write_text("{}")
    assert list(trained.find(results)) == ["gated_pixel_cnn-x"] and not caplog.records


def test_a_bad_file_of_weights_is_named_and_the_others_are_exported(results, tmp_path):
    """By the script, which then exits with 1. What a killed export left is gone."""
    good = records.read(results / "table" / "gated_pixel_cnn-x.json")
    bad = dataclasses.replace(good, data="bad", weights="table/bad.weights.h5")
    records.write(bad, results)
    (results / bad.weights).write_bytes(b"damaged")
    (tmp_path / "export" / "gated_pixel_cnn-x" / ".partial-1-0a").mkdir(parents=True)
    message = run_script(f"--results_dir={results}", f"--out={tmp_path / 'export'}")
    assert re.fullmatch("export: gated_pixel_cnn-bad: .*SHA-256.*", message)
    manifest.verify(tmp_path / "export" / "gated_pixel_cnn-x" / "1")
    assert "gated_pixel_cnn-x" in (tmp_path / "export" / "models.config").read_text()
    assert not list((tmp_path / "export").rglob(".partial-*"))


def test_a_full_disk_is_reported_and_leaves_no_files(classifier, tmp_path):
    """A limit on the size of files stands in for it: one that the graph exceeds, then one that the weights exceed."""
    classifier.save(tmp_path / "mine.keras")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (20_000, 100):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        try:
            message = run_script(f"--weights={tmp_path / 'mine.keras'}", f"--out={tmp_path / 'export'}")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert re.match(f"export: {tmp_path / 'export'}/mine .*Received: ", message)
        assert [path.name for path in (tmp_path / "export").rglob("*")] == ["mine"]


def run_script(*given):
    """The message with which serving/export.py exits; None where it succeeds."""
    options = flags.FlagValues()
    export_script.define(options)
    options["verbosity"] = flags.FLAGS["verbosity"]
    options(["export.py", *given])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flags, "FLAGS", options)
        try:
            export_script.main(["export.py"])
        except SystemExit as stop:
            return stop.code


def test_keras_files_load_in_safe_mode(tiny_models, tmp_path):
    model = tiny_models["conv_classifier"]
    model.save(tmp_path / "good.keras")
    loaded = trained.of_file(tmp_path / "good.keras").load()
    np.testing.assert_equal(loaded.get_weights(), model.get_weights())
    unsafe = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    unsafe.save(tmp_path / "unsafe.keras")
    with pytest.raises(trained.Refused, match="safe mode"):
        trained.of_file(tmp_path / "unsafe.keras").load()
    (tmp_path / "broken.keras").write_bytes(b"PK")
    with pytest.raises(trained.Refused, match="broken.keras"):
        trained.of_file(tmp_path / "broken.keras").load()


def test_a_committed_model_exports_to_little_more_than_its_weights(tmp_path):
    """By the script, as its README says; log_prob of real weights, to 1e-4."""
    name = "gated_pixel_cnn-binarized_mnist"
    command = [sys.executable, export_script.__file__, f"--model={name}", f"--out={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(trained.RESULTS.parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    assert f"docker compose --file {tmp_path}/compose.yaml up" in result.stdout
    version = tmp_path / name / "1"
    manifest.verify(version)
    found = trained.find()[name]
    assert json.loads((version / config.ABOUT).read_text()) == {
        "max_rows": 64,
        "record": dataclasses.asdict(found.record),
    }
    assert "max_batch_size { value: 64 }" in (tmp_path / "batching.config").read_text()
    size = sum(path.stat().st_size for path in version.rglob("*") if path.is_file())
    # The graph grows with the layers, not with the weights.
    assert size < 4 * found.record.parameters + 0.2e6 * found.record.model_config["depth"]
    model = found.load()
    images = np.random.default_rng(0).integers(0, 2, (2, 28, 28, 1)).astype("uint8")
    answer = tf.saved_model.load(str(version)).signatures["log_prob"](images=tf.constant(images))
    np.testing.assert_allclose(answer["log_prob_nats"], model.log_prob(images), rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(answer["bits_per_dim"], model.bits_per_dim(images), atol=1e-5)
