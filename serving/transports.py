"""Transports to TensorFlow Serving: its PredictionService over gRPC, and its REST API.

Each has `predict(signature, inputs, timeout=None)` and `signatures()`, takes and returns arrays, and raises
ServingError with a readable message.
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import numpy as np

_DTYPES = {"DT_UINT8": "uint8", "DT_INT64": "int64", "DT_FLOAT": "float32", "DT_BOOL": "bool"}


class ServingError(RuntimeError):
    """The server gave no answer, or refused; the message names the server and the reason."""


class Retryable(ServingError):
    """A refusal that may have another cause than the request itself."""


@contextlib.contextmanager
def reading_answer(server: str) -> Iterator[None]:
    """Context that reads an answer of `server`: any exception inside becomes a ServingError."""
    try:
        yield
    except ServingError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ServingError(f"{server} must answer as TensorFlow Serving does. Received: {reason}") from error


def transport(server: str, model: str, version: int | None, timeout: float) -> "Grpc | Rest":
    """Rest for "http://host:port", Grpc for "host:port". The arguments are those of `client.Client`.

    Raises:
        ValueError: `server` is not an address, or `model` is not a name.
    """
    if not isinstance(model, str) or not re.fullmatch(r"[\w.+-]+", model, re.ASCII):
        raise ValueError(
            f"model must be a name of ASCII letters, digits, '_', '.', '+' and '-'. Received: model={model!r}"
        )
    if not isinstance(server, str) or not re.fullmatch("[!-~]+", server) or not _is_address(server):
        raise ValueError(
            f"server must be host:port or http://host:port, in ASCII characters. Received: server={server!r}"
        )
    kind = Rest if "://" in server else Grpc
    return kind(server, model, version, timeout)


def _is_address(server):
    try:
        parts = urllib.parse.urlsplit(server if "://" in server else f"//{server}")
        return parts.scheme in ("", "http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number, or too large
        return False


class Grpc:
    """PredictionService of tensorflow_serving/apis, over gRPC."""

    def __init__(self, server, model, version, timeout):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

        self._grpc, self._tf, self._predict, self._metadata = grpc, tf, predict_pb2, get_model_metadata_pb2
        self._server, self._model, self._version, self._timeout = server, model, version, timeout
        unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(server, unlimited))

    def predict(self, signature, inputs, timeout=None):
        request = self._predict.PredictRequest(model_spec=self._spec())
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(self._tf.make_tensor_proto(array))
        outputs = self._call(self._stub.Predict, request, timeout).outputs
        with reading_answer(self._server):
            return {name: self._tf.make_ndarray(outputs[name]) for name in outputs}

    def signatures(self):
        request = self._metadata.GetModelMetadataRequest(model_spec=self._spec(), metadata_field=["signature_def"])
        response = self._call(self._stub.GetModelMetadata, request)
        names = self._tf.dtypes.as_dtype

        def fields(infos):
            return {
                name: (names(info.dtype).name, [None if d.size < 0 else d.size for d in info.tensor_shape.dim])
                for name, info in infos.items()
            }

        with reading_answer(self._server):
            message = self._metadata.SignatureDefMap()
            if not response.metadata["signature_def"].Unpack(message):
                raise ValueError("metadata without signature_def")
            definitions = message.signature_def
            signatures = {name: definitions[name] for name in definitions if not name.startswith("__")}
            return {n: {"inputs": fields(s.inputs), "outputs": fields(s.outputs)} for n, s in signatures.items()}

    def _spec(self):
        spec = self._predict.PredictRequest().model_spec
        spec.name = self._model
        if self._version is not None:
            spec.version.value = self._version
        return spec

    def _call(self, method, request, timeout=None):
        try:
            return method(request, timeout=timeout or self._timeout)
        except self._grpc.RpcError as error:
            code, codes = error.code(), self._grpc.StatusCode
            if code == codes.DEADLINE_EXCEEDED:
                raise ServingError(f"{self._server} did not answer in {self._timeout:g} s") from error
            retryable = code in (codes.INVALID_ARGUMENT, codes.FAILED_PRECONDITION, codes.UNAVAILABLE)
            kind = Retryable if retryable else ServingError
            raise kind(f"{self._server} refused ({code.name.lower()}): {error.details()}") from error


class Rest:
    """The REST API of TensorFlow Serving."""

    def __init__(self, server, model, version, timeout):
        self._server, self._timeout = server.rstrip("/"), timeout
        self._url = f"{self._server}/v1/models/{model}" + ("" if version is None else f"/versions/{version}")
        self._signatures = None

    def predict(self, signature, inputs, timeout=None):
        columns = {name: array.tolist() for name, array in inputs.items()}
        answer = self._call(":predict", {"signature_name": signature, "inputs": columns}, timeout)
        self._signatures = self._signatures or self.signatures()
        with reading_answer(self._server):
            outputs, names = answer["outputs"], self._signatures[signature]["outputs"]
            if len(names) == 1:  # REST omits the name of a single output
                outputs = dict.fromkeys(names, outputs)
            return {name: np.array(outputs[name]) for name in names}

    def signatures(self):
        answer = self._call("/metadata")

        def fields(infos):
            return {
                name: (_DTYPES.get(info["dtype"], info["dtype"]), _sizes(info["tensor_shape"]))
                for name, info in infos.items()
            }

        with reading_answer(self._server):
            definitions = answer["metadata"]["signature_def"]["signature_def"]
            signatures = {name: definitions[name] for name in definitions if not name.startswith("__")}
            return {n: {"inputs": fields(s["inputs"]), "outputs": fields(s["outputs"])} for n, s in signatures.items()}

    def _call(self, suffix, message=None, timeout=None):
        """The JSON of the answer, which must be complete within `timeout` seconds."""
        body = None if message is None else json.dumps(message).encode()
        request = urllib.request.Request(self._url + suffix, body, {"Content-Type": "application/json"})
        answer = concurrent.futures.Future()

        def ask():  # urllib's timeout holds for each packet, so a slow server could go on for ever
            try:
                answer.set_result(self._exchange(request))
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            return answer.result(timeout or self._timeout)
        except TimeoutError as error:
            raise ServingError(f"{self._server} did not answer in {self._timeout:g} s") from error

    def _exchange(self, request):
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            kind = Retryable if error.code in (400, 412, 503) else ServingError
            raise kind(f"{self._server} refused (HTTP {error.code}): {_reason(error)}") from error
        except http.client.HTTPException as error:  # such as the answer of the gRPC port
            raise ServingError(f"{self._server} must answer in HTTP. Received: {error!r}") from error
        except (OSError, ValueError) as error:  # ValueError: an invalid host name
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise reason from error
            raise Retryable(f"{self._server} cannot be reached: {reason}") from error
        with reading_answer(self._server):
            return json.loads(text)


def _sizes(shape):
    sizes = [int(dim["size"]) for dim in shape.get("dim", [])]
    return [None if size < 0 else size for size in sizes]


def _reason(error):
    try:
        text = error.read().decode(errors="replace")
        return json.loads(text)["error"]
    except Exception:  # not JSON, no such key, or the connection broke
        return error.reason
