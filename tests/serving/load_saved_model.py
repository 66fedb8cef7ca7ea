"""Answers requests by TensorFlow's two loaders; run alone, without this repository: see alone.py.

Arguments: a folder of exported models and one of requests, <model>/<signature>/<input>.npy; the answers of loader L go
into <model>/<signature>/L.npz. The session loader, a server's, answers for all models; the object loader, which
test_server.py sets beside the server for all of them, for one of each kind of loop.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

try:
    import image_generators
except ModuleNotFoundError:
    image_generators = None
assert image_generators is None, "this process must not have the repository"

tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
exported, requests = map(pathlib.Path, sys.argv[1:])
BY_BOTH = ("gated", "draw", "draw_classifier")


def object_loader(path):
    loaded = tf.saved_model.load(str(path))

    def ask(signature, inputs):
        answer = loaded.signatures[signature](**{name: tf.constant(array) for name, array in inputs.items()})
        return {name: tensor.numpy() for name, tensor in answer.items()}

    return ask


def session_loader(path):
    # Each graph runs once: to optimise it takes longer. The server of test_server.py does, and gives the same answers.
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
    with session.graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(path))

    def ask(signature, inputs):
        names = meta.signature_def[signature]
        feed = {names.inputs[name].name: array for name, array in inputs.items()}
        return session.run({name: info.name for name, info in names.outputs.items()}, feed)

    return ask


for model in sorted(requests.iterdir()):
    for loader in (session_loader, object_loader)[: 1 + (model.name in BY_BOTH)]:
        ask = loader(exported / model.name / "1")
        for signature in sorted(model.iterdir()):
            inputs = {path.stem: np.load(path) for path in signature.glob("*.npy")}
            np.savez(signature / f"{loader.__name__}.npz", **ask(signature.name, inputs))
print("answered")
