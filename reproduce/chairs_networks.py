"""Networks of arXiv 1411.5928 compared: one stream or two, losses of the mask, width, depth; error on held-out views.

python reproduce/chairs_networks.py                            embedded chairs: what results/ holds, then quick runs
python reproduce/chairs_networks.py --preset=cpu --rows=chairs_2s_s --steps=32000      half an hour of a core: sharp
python reproduce/chairs_networks.py --data=modelnet10_chairs --voxels=modelnet10_chair_voxels32.npz

1s, 2s     colour and mask from one stream of up-convolutions, or from one each
E, S       squared error (Euclidean) or softmax on the mask
wide       one stream, wider: about as many parameters as 2s-S
deep       a 3x3 convolution after each up-convolution

A tenth of all views is held out for test, a tenth to choose by; every style is seen in training. So a network is asked
for views of chairs that it knows from others. The published numbers are of rendered_chairs, and quoted from memory.
A picture shows held-out views, each with what the network makes of its style and angles on its right; whether that is
the right chair, from the right side, is measured too (chairs_recognition.py).
"""

from image_generators.evaluation.chairs import held_out
from image_generators.evaluation.chairs import recognition as chairs_recognition
from image_generators.evaluation.tables import Row
from image_generators.experiments import chairs
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import chairs as configs

TITLE = "Networks of Learning to Generate Chairs, Tables and Cars with Convolutional Networks (arXiv 1411.5928)"
_SOURCE = "arXiv 1411.5928, on rendered_chairs; recollected, not checked"

ROWS = (
    Row("1s-S", 3.51e-3, None, _SOURCE, ("chairs_1s_s",)),
    Row("1s-S-wide", 3.42e-3, None, _SOURCE, ("chairs_1s_s_wide",)),
    Row("2s-E", 3.43e-3, None, _SOURCE, ("chairs_2s_e",)),
    Row("2s-S", 3.44e-3, None, _SOURCE, ("chairs_2s_s",)),
    Row("1s-S-deep", 2.90e-3, None, _SOURCE, ("chairs_1s_s_deep",)),
)


def measure(network, data, preset, seed=0):
    """The error of the mask, and whether the pictures can be told apart."""
    return held_out.measure(network, data, preset, seed) | chairs_recognition.recognised(network, data)


EXPERIMENT = experiments.Experiment(
    "chairs_networks",
    TITLE,
    ROWS,
    "squared_error",
    chairs.SOURCES[0],
    configs.NETWORKS,
    define=chairs.define,
    load=lambda options: chairs.load(options).hold_out(),
    picture=held_out.picture,
    measure=measure,
)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
