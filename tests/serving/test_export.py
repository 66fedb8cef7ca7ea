"""An export is whole or absent, plain TensorFlow, as large as its weights, and refused where it was changed."""

import os
import re
import shutil
import subprocess

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from image_generators.serving import config, manifest, warmup
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
