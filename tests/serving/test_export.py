"""An export is whole or absent, plain TensorFlow, as large as its weights, and refused where it was changed."""

import dataclasses
import json
import os
import re
import resource
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from image_generators.evaluation import records
from image_generators.models import weights_file
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.serving import config, manifest, trained, warmup
from image_generators.serving import export as export_script
from image_generators.serving.export import export
from image_generators.serving.signatures import signatures_of


def nodes(path):
    """All nodes of a SavedModel, those of its function library too."""
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        yield from graph.graph_def.node
        for function in graph.graph_def.library.function:
            yield from function.node_def


def test_graphs_hold_nothing_but_stock_ops(exported, tiny_models):
    """No op that needs XLA, none that is not TensorFlow's own, no Python."""
    from tensorflow.python.framework import op_def_registry

    kinds = set()
    for name in tiny_models:
        saved = saved_model_pb2.SavedModel.FromString((exported / name / "1" / "saved_model.pb").read_bytes())
        functions = {f.signature.name for graph in saved.meta_graphs for f in graph.graph_def.library.function}
        for node in nodes(exported / name / "1"):
            kinds.add(node.op)
            assert node.op in functions or op_def_registry.get(node.op) is not None, node.op
            assert not re.match("Xla|.*PyFunc|.*Python|Batch.*Function|.*TPU", node.op), node.op
            compiled = node.attr.get("_XlaMustCompile")
            assert compiled is None or not compiled.b, node.name
        for graph in saved.meta_graphs:
            assert not any(f.attr["_XlaMustCompile"].b for f in graph.graph_def.library.function)
    assert {"While", "StatelessRandomUniformV2", "Assert", "EnsureShape"} <= kinds or {"StatelessWhile"} & kinds


def test_the_search_for_ops_finds_what_must_not_be_there(tmp_path):
    """In functions too, where all of this project's ops are."""

    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32)], jit_compile=True)
    def compiled(x):
        return tf.raw_ops.XlaDynamicUpdateSlice(input=x, update=x[:1], indices=[0]) if False else x + 1

    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32)])
    def outer(x):
        return {"y": tf.numpy_function(lambda v: v, [compiled(x)], tf.float32)}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path), signatures=outer)
    found = list(nodes(tmp_path))
    assert any(re.match(".*PyFunc", node.op) for node in found)
    assert any(node.attr["_XlaMustCompile"].b for node in found)


def test_signatures_are_named_and_shaped_as_the_table_says(exported, tiny_models):
    for name, model in tiny_models.items():
        saved = saved_model_pb2.SavedModel.FromString((exported / name / "1" / "saved_model.pb").read_bytes())
        found = saved.meta_graphs[0].signature_def
        signatures = {signature.name: signature for signature in signatures_of(model)}
        assert found.keys() == {*signatures, "serving_default", "__saved_model_init_op"}
        signatures["serving_default"] = next(iter(signatures.values()))
        for key, signature in signatures.items():
            for infos, fields in ((found[key].inputs, signature.inputs), (found[key].outputs, signature.outputs)):
                shapes = {alias: [d.size for d in info.tensor_shape.dim] for alias, info in infos.items()}
                assert shapes == {f.name: [-1, *f.shape] for f in fields}, (name, key)
                dtypes = {alias: tf.dtypes.as_dtype(info.dtype).name for alias, info in infos.items()}
                assert dtypes == {f.name: f.dtype for f in fields}, (name, key)


def test_warm_up_calls_every_signature_once(exported, tiny_models):
    """With values that the checks let pass: the server of test_server.py asks itself these before it starts."""
    for name, model in tiny_models.items():
        file = exported / name / "1" / warmup.PATH
        logs = [prediction_log_pb2.PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(file))]
        requests = [log.predict_log.request for log in logs]
        assert {request.model_spec.name for request in requests} == {name}
        signatures = signatures_of(model)
        assert [r.model_spec.signature_name for r in requests] == [signature.name for signature in signatures]
        for request, signature in zip(requests, signatures, strict=True):
            shapes = {field: tf.make_ndarray(proto).shape for field, proto in request.inputs.items()}
            assert shapes == {field.name: (1, *field.shape) for field in signature.inputs}


def watched(monkeypatch, base):
    """What a server that polls `base` sees while an export is under way: names that are numbers."""
    seen = []
    write = warmup.write

    def spy(*arguments):
        seen.append(sorted(path.name for path in base.iterdir()))
        write(*arguments)

    monkeypatch.setattr(warmup, "write", spy)
    return seen


@pytest.fixture
def classifier(tiny_models):
    return tiny_models["conv_classifier"]  # the quickest to trace


@pytest.mark.parametrize(
    "name, value", [("version", -1), ("version", "2"), ("version", 2**63), ("max_rows", 0), ("max_rows", 2**40)]
)
def test_bad_versions_and_row_limits_are_refused(classifier, tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name}.*Received: {name}={value!r}"):
        export(classifier, tmp_path, "m", **{name: value})
    assert not list(tmp_path.iterdir())


def test_a_version_appears_whole_or_not_at_all(classifier, tmp_path, monkeypatch):
    seen = watched(monkeypatch, tmp_path / "m")
    assert export(classifier, tmp_path, "m") == tmp_path / "m" / "1"
    assert len(seen) == 1 and all(not name.isdecimal() and name.startswith(".") for name in seen[0])
    assert export(classifier, tmp_path, "m") == tmp_path / "m" / "2"
    manifest.verify(tmp_path / "m" / "2")
    with pytest.raises(FileExistsError, match="version.*Received: 2"):
        export(classifier, tmp_path, "m", version=2)

    def fails(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(manifest, "write", fails)
    with pytest.raises(OSError, match="no space left"):
        export(classifier, tmp_path, "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["1", "2"]


def test_of_two_exports_of_one_version_one_fails(classifier, tmp_path, monkeypatch):
    """The other process's version is not replaced, whoever looked first."""
    monkeypatch.setattr(config, "versions_of", lambda base: [])
    path = export(classifier, tmp_path, "m", version=1)
    before = (path / manifest.PATH).read_bytes()
    with pytest.raises(OSError):
        export(classifier, tmp_path, "m", version=1)
    assert (path / manifest.PATH).read_bytes() == before


def damages(version):
    """{what happened to an export: how}."""
    data = next(version.glob("variables/*.data-*"))

    def flip(path):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def rewrite(change):
        lines = (version / manifest.PATH).read_text().splitlines()
        (version / manifest.PATH).write_text("".join(f"{line}\n" for line in change(lines)))

    def by_link(path):
        path.rename(version.parent / path.name)
        path.symlink_to(version.parent / path.name)

    return {
        "graph truncated": lambda: os.truncate(version / "saved_model.pb", 1000),
        "weights truncated": lambda: os.truncate(data, 10),
        "weights changed": lambda: flip(data),
        "graph changed": lambda: flip(version / "saved_model.pb"),
        "file missing": lambda: (version / warmup.PATH).unlink(),
        "file added": lambda: (version / "saved_model.cpb").write_bytes(b""),
        "hidden file added": lambda: (version / "variables" / ".x").write_bytes(b""),
        "link added": lambda: (version / "saved_model.cpb").symlink_to("saved_model.pb"),
        "link to nothing added": lambda: (version / "saved_model.cpb").symlink_to("nothing"),
        "link to a folder added": lambda: (version / "more").symlink_to("variables"),
        "pipe added": lambda: os.mkfifo(version / "pipe"),
        "file replaced by a link": lambda: by_link(version / "saved_model.pb"),
        "sums replaced by a link": lambda: by_link(version / manifest.PATH),
        "file added and line doubled": lambda: ((version / "x").write_bytes(b""), rewrite(lambda a: [*a, a[0]])),
        "line doubled": lambda: rewrite(lambda lines: [*lines, lines[-1]]),
        "line missing": lambda: rewrite(lambda lines: lines[1:]),
        "line of another kind": lambda: rewrite(lambda lines: ["# sums", *lines]),
        "line in capitals": lambda: rewrite(lambda lines: [lines[0][:64].upper() + lines[0][64:], *lines[1:]]),
        "name with a line's end": lambda: (version / "x\ny").write_bytes(b""),
        "sums missing": lambda: (version / manifest.PATH).unlink(),
        "sums empty": lambda: (version / manifest.PATH).write_text(""),
        "sums truncated": lambda: os.truncate(version / manifest.PATH, 100),
        "sums overwritten": lambda: (version / manifest.PATH).write_bytes(b"\xff" * 100),
    }


def test_a_changed_export_is_refused(exported, tmp_path):
    """By manifest.verify, and by start.sh before the server starts."""
    for damage in ("nothing", "empty folders", *damages(exported / "conv_classifier" / "1")):
        folder = tmp_path / damage.replace(" ", "_")
        version = folder / "m" / "1"
        shutil.copytree(exported / "conv_classifier" / "1", version)
        config.write(folder)
        if damage == "empty folders":
            (version / "assets" / "empty").mkdir(parents=True)
        damages(version).get(damage, lambda: None)()
        start = ["bash", folder / "start.sh", "--port=1"]
        started = subprocess.run(start, env={**os.environ, "TF_MODEL_SERVER": "echo"}, capture_output=True, text=True)
        if damage in ("nothing", "empty folders"):
            manifest.verify(version)
            assert started.stdout == "--port=1\n", started.stderr
        else:
            with pytest.raises(manifest.Damaged, match=re.escape(str(version))):
                manifest.verify(version)
            assert started.returncode == 1 and "--port" not in started.stdout, damage
            assert "m/1/ is not what was exported" in started.stderr, damage


def test_tensorflow_refuses_truncated_exports(exported, tmp_path):
    for damage in ("graph truncated", "weights truncated", "weights changed"):
        version = tmp_path / damage.replace(" ", "_")
        shutil.copytree(exported / "conv_classifier" / "1", version)
        damages(version)[damage]()
        with pytest.raises(
            Exception, match="(?i)cannot parse|not parse|data loss|checksum|truncated|read|out of range"
        ):
            tf.saved_model.load(str(version))


def test_manifest_is_what_sha256sum_writes(exported, capsys):
    version = exported / "draw" / "1"
    assert subprocess.run(["sha256sum", "--check", "--strict", "--quiet", manifest.PATH], cwd=version).returncode == 0
    assert manifest.main([str(version)]) == 0 and "as exported" in capsys.readouterr().out
    assert "must be an exported version" in manifest.main([str(exported)])


def test_configuration_is_what_the_server_reads(exported, tiny_models):
    text = (exported / "models.config").read_text()
    models = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert [(m.name, m.base_path, m.model_platform) for m in models] == [
        (name, f"/models/{name}", "tensorflow") for name in sorted(tiny_models)
    ]
    compose = (exported / "compose.yaml").read_text()
    for flag in config.server_flags():
        assert f"      - {flag}\n" in compose
    assert {"/models/start.sh", *config.server_flags()} <= set(config.docker_command(exported))
    for file in ("models.config", "batching.config"):
        assert f"/models/{file}" in compose and (exported / file).is_file()
    # No batch may be larger than what the graphs take: requests would be refused for being joined.
    assert "max_batch_size { value: 8 }" in (exported / "batching.config").read_text()
    subprocess.run(["bash", "-n", exported / "start.sh"], check=True)


def test_only_folders_named_by_digits_are_versions(exported, tmp_path):
    """`1.bak` is neither served nor checked nor counted, and does not stop the server."""
    version = tmp_path / "m" / "1"
    shutil.copytree(exported / "conv_classifier" / "1", version)
    shutil.copytree(version, tmp_path / "m" / "1.bak")
    shutil.copytree(version, tmp_path / "copies" / "2.bak")
    for backup in ("m/1.bak", "copies/2.bak"):
        (tmp_path / backup / config.ABOUT).write_text("not the record of an export")
    config.write(tmp_path)
    assert config.models_in(tmp_path) == ["m"]
    assert config.versions_of(tmp_path / "m") == [version]
    start = ["bash", tmp_path / "start.sh", "--port=1"]
    started = subprocess.run(start, env={**os.environ, "TF_MODEL_SERVER": "echo"}, capture_output=True, text=True)
    assert started.stdout == "--port=1\n", started.stderr
    shutil.rmtree(version)  # nothing is left to serve
    assert subprocess.run(start, env={**os.environ, "TF_MODEL_SERVER": "echo"}, capture_output=True).returncode == 1


@pytest.mark.parametrize("about", ["", "[]", "{}", '{"max_rows": null}', '{"max_rows": 0}'])
def test_a_foreign_export_json_is_named(exported, tmp_path, about):
    version = tmp_path / "m" / "1"
    shutil.copytree(exported / "conv_classifier" / "1", version)
    (version / config.ABOUT).write_text(about)
    with pytest.raises(ValueError, match=f"{re.escape(str(version / config.ABOUT))}.*max_rows"):
        config.write(tmp_path)


# Weights.


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
