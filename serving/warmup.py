"""Warm-up requests, which TensorFlow Serving runs before a version becomes available, so that no first call is slow.

The file is assets.extra/tf_serving_warmup_requests: a TFRecord file of PredictionLog protos. A graph does not depend on
the number of images, so one request with one image for each signature is enough.
"""

import os
import pathlib

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from image_generators.serving.signatures import Field, Signature

PATH = "assets.extra/tf_serving_warmup_requests"


def example(field: Field, n: int = 1) -> np.ndarray:
    """A valid value of a resolved `Field`: [n, *field.shape]."""
    return np.full((n, *field.shape), 1 if field.positive else 0, field.dtype)


def write(folder: str | os.PathLike, name: str, signatures: tuple[Signature, ...]) -> None:
    """Writes one request for each of the resolved `signatures` of the served model `name` into `folder`."""
    path = pathlib.Path(folder) / PATH
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature in signatures:
            file.write(_log(name, signature).SerializeToString())


def _log(name, signature):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = name, signature.name
    for field in signature.inputs:
        request.inputs[field.name].CopyFrom(tf.make_tensor_proto(example(field)))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
