"""A stand-in for tensorflow_model_server in tests: the flags, protocols and errors of its that the tests need, no more.

It runs by itself, knows nothing of this repository, and loads SavedModels as the real one does: by the session loader,
requests straight to the C++ session, which checks no shape that is fed. Requests are joined and parted as by
tensorflow_serving/batching/batching_session.cc: along the first axis, failing together.
"""

import argparse
import concurrent.futures
import json
import pathlib
import queue
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, prediction_log_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

HTTP_STATUS = {3: 400, 5: 404, 9: 412, 14: 503}  # of error codes; others are 500


class ServerError(Exception):
    """An error code of gRPC, and a message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Servable:
    """One version of a model."""

    def __init__(self, path, batching):
        self.version = int(path.name)
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            self.meta = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.queues = {n: Batches(self._callable(n), batching) for n, s in self.meta.signature_def.items() if s.inputs}
        for record in tf.data.TFRecordDataset(str(path / "assets.extra/tf_serving_warmup_requests")):
            request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
            arrays = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            self.predict(request.model_spec.signature_name, arrays)

    def _callable(self, name):
        """A function of {input: array} to {output: array}: the C++ session, without Python's checks of what is fed."""
        signature = self.meta.signature_def[name]
        options = config_pb2.CallableOptions()
        inputs, outputs = sorted(signature.inputs), sorted(signature.outputs)
        options.feed.extend(signature.inputs[alias].name for alias in inputs)
        options.fetch.extend(signature.outputs[alias].name for alias in outputs)
        run = self.session._make_callable_from_options(options)

        def answer(arrays):
            try:
                return dict(zip(outputs, run(*(arrays[alias] for alias in inputs)), strict=True))
            except tf.errors.OpError as error:
                raise ServerError(error.error_code, error.message) from error

        return answer

    def signature(self, name):
        name = name or "serving_default"
        if name not in self.meta.signature_def:
            raise ServerError(9, f'Serving signature key "{name}" not found.')
        return self.meta.signature_def[name]

    def predict(self, name, arrays):
        signature = self.signature(name)
        if arrays.keys() != signature.inputs.keys():
            got, wanted = ",".join(sorted(arrays)), ",".join(sorted(signature.inputs))
            raise ServerError(3, f"input size does not match signature: {{{got}}} != {{{wanted}}}")
        for alias, array in arrays.items():
            wanted = tf.dtypes.as_dtype(signature.inputs[alias].dtype)
            if array.dtype != wanted.as_numpy_dtype:
                raise ServerError(3, f"Expects {alias} to be {wanted.name} but {array.dtype} is provided")
        return self.queues[name or "serving_default"].answer(arrays)


class Batches:
    """Joins requests that come within the timeout, as BatchingSession does."""

    def __init__(self, function, parameters):
        self.function, self.parameters = function, parameters
        self.tasks = queue.Queue()
        if parameters:
            threading.Thread(target=self._serve, daemon=True).start()

    def answer(self, arrays):
        if not self.parameters:
            return self.function(arrays)
        if any(array.ndim == 0 for array in arrays.values()):
            raise ServerError(3, "Batching input tensors must have at least one dimension")
        rows = {array.shape[0] for array in arrays.values()}
        if len(rows) > 1:
            raise ServerError(3, "Batching input tensors supplied in a given call must have equal 0th-dimension size")
        rows = rows.pop()
        if rows > self.parameters["max_batch_size"]:
            limit = self.parameters["max_batch_size"]
            raise ServerError(3, f"Task size {rows} is larger than maximum input batch size {limit}")
        answer = concurrent.futures.Future()
        self.tasks.put((arrays, rows, answer))
        return answer.result()

    def _serve(self):
        left = None
        while True:
            batch, size = [left or self.tasks.get()], (left or [None, 0])[1]
            size, left = batch[0][1], None
            end = time.monotonic() + self.parameters["batch_timeout_micros"] / 1e6
            while size < self.parameters["max_batch_size"]:
                try:
                    task = self.tasks.get(timeout=max(0.0, end - time.monotonic()))
                except queue.Empty:
                    break
                if size + task[1] > self.parameters["max_batch_size"]:
                    left = task
                    break
                batch.append(task)
                size += task[1]
            self._run(batch)

    def _run(self, batch):
        try:
            if any(len({task[0][name].shape[1:] for task in batch}) > 1 for name in batch[0][0]):
                raise ServerError(9, "Tensors from different tasks have different shapes and padding is turned off.")
            joined = {name: np.concatenate([task[0][name] for task in batch]) for name in batch[0][0]}
            outputs = self.function(joined)
            ends = np.cumsum([task[1] for task in batch])
            for name, array in outputs.items():
                if len(array) != ends[-1]:
                    raise ServerError(9, f"0th dimension of {name} does not equal the sum of the inputs'")
            for end, (_, rows, answer) in zip(ends, batch, strict=True):
                answer.set_result({name: array[end - rows : end] for name, array in outputs.items()})
        except Exception as error:
            for _, _, answer in batch:
                answer.set_exception(error)


class Server:
    """All models of a models.config."""

    def __init__(self, config_file, batching):
        config = text_format.Parse(pathlib.Path(config_file).read_text(), model_server_config_pb2.ModelServerConfig())
        self.models = {}
        for model in config.model_config_list.config:
            versions = [path for path in pathlib.Path(model.base_path).iterdir() if path.name.isdecimal()]
            self.models[model.name] = Servable(max(versions, key=lambda path: int(path.name)), batching)

    def find(self, name, version=None):
        model = self.models.get(name)
        if model is None or version not in (None, model.version):
            raise ServerError(5, f"Servable not found for request: {name} {version or 'Latest'}")
        return model

    def metadata(self, name, version=None):
        model = self.find(name, version)
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=dict(model.meta.signature_def))
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = name, model.version
        response.metadata["signature_def"].Pack(signatures)
        return response, signatures


class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer):
    """PredictionService, Predict and GetModelMetadata."""

    def __init__(self, server):
        self.server = server

    def Predict(self, request, context):
        from tensorflow_serving.apis import predict_pb2

        def answer():
            spec = request.model_spec
            model = self.server.find(spec.name, spec.version.value if spec.HasField("version") else None)
            arrays = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            response = predict_pb2.PredictResponse(model_spec=spec)
            response.model_spec.version.value = model.version
            for name, array in model.predict(spec.signature_name, arrays).items():
                if not request.output_filter or name in request.output_filter:
                    response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
            return response

        return self._or_abort(answer, context)

    def GetModelMetadata(self, request, context):
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return self._or_abort(lambda: self.server.metadata(spec.name, version)[0], context)

    def _or_abort(self, answer, context):
        try:
            return answer()
        except ServerError as error:
            status = next(code for code in grpc.StatusCode if code.value[0] == error.code)
            context.abort(status, str(error))


class Rest(BaseHTTPRequestHandler):
    """The predict API in both formats, metadata and status."""

    server_version, protocol_version = "model_server", "HTTP/1.1"
    served = None  # Server

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(lambda model, what, *_: self._predict(model, what, body))

    def log_message(self, *_):
        pass

    def _answer(self, method):
        match = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata|:predict)?", self.path)
        try:
            if not match:
                raise ServerError(5, f"Malformed request: {self.command} {self.path}")
            version = int(match[2]) if match[2] else None
            status, content = 200, method(self.served.find(match[1], version), match[3], match[1], version)
        except ServerError as error:
            status, content = HTTP_STATUS.get(error.code, 500), {"error": str(error)}
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _get(self, model, what, name, version):
        if what == "/metadata":
            response, signatures = self.served.metadata(name, version)
            options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
            content = json.loads(json_format.MessageToJson(signatures, **options))
            spec = {"name": name, "signature_name": "", "version": str(response.model_spec.version.value)}
            return {"model_spec": spec, "metadata": {"signature_def": content}}
        status = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": str(model.version), "state": "AVAILABLE", "status": status}]}

    def _predict(self, model, what, body):
        if what != ":predict":
            raise ServerError(5, f"Malformed request: POST {self.path}")
        try:
            content = json.loads(body)
        except ValueError as error:
            raise ServerError(3, f"JSON Parse error: {error}") from error
        name = content.get("signature_name", "")
        infos = model.signature(name).inputs
        by_row = "instances" in content
        given = content["instances" if by_row else "inputs"]
        if by_row and isinstance(given[0], dict):
            given = {alias: [row[alias] for row in given] for alias in given[0]}
        elif not isinstance(given, dict):  # the only input, without its name
            given = dict.fromkeys(infos, given)
        arrays = {alias: _array(alias, values, infos[alias]) for alias, values in given.items() if alias in infos}
        outputs = {alias: array.tolist() for alias, array in model.predict(name, arrays).items()}
        if len(outputs) == 1:
            return {"predictions" if by_row else "outputs": next(iter(outputs.values()))}
        if by_row:
            rows = zip(*outputs.values(), strict=True)
            return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}
        return {"outputs": outputs}


def _array(alias, values, info):
    """JSON to a tensor, by the rules of tensorflow_serving/util/json_tensor.cc."""
    dtype = tf.dtypes.as_dtype(info.dtype)
    accepted = {"bool": (bool,), "float32": (int, float)}.get(dtype.name, (int,))

    def check(value):
        if isinstance(value, list):
            for each in value:
                check(each)
        elif type(value) not in accepted:
            raise ServerError(3, f"JSON Value: {value!r} is not of expected type: {dtype.name}")

    check(values)
    try:
        return np.array(values).astype(dtype.as_numpy_dtype)
    except ValueError as error:
        raise ServerError(3, f"{alias}: encountered list at unexpected size") from error


def batching_parameters(path):
    """{name: number} of a batching parameters file."""
    return {name: int(value) for name, value in re.findall(r"^(\w+) \{ value: (\d+) \}", path.read_text(), re.M)}


def main():
    parser = argparse.ArgumentParser()
    for name in ("port", "rest_api_port", "rest_api_timeout_in_ms"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--model_config_file")
    parser.add_argument("--enable_batching")
    parser.add_argument("--batching_parameters_file", type=pathlib.Path)
    flags = parser.parse_args()
    batching = batching_parameters(flags.batching_parameters_file) if flags.enable_batching == "true" else None
    server = Server(flags.model_config_file, batching)
    workers = grpc.server(concurrent.futures.ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(server), workers)
    workers.add_insecure_port(f"127.0.0.1:{flags.port}")
    workers.start()
    Rest.served = server
    ThreadingHTTPServer(("127.0.0.1", flags.rest_api_port), Rest).serve_forever()


if __name__ == "__main__":
    main()
