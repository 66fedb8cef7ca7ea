"""Times a training step of PixelRNN (two blocks, h = 32, binary 28x28 images, batch 16) and of the same in PyTorch.

  pip install -r requirements-benchmarks.txt && python benchmarks/pixel_rnn.py            three minutes

Row LSTM and Diagonal BiLSTM are compared with PyTorch versions that also process a row or diagonal per step. Row LSTM
is also compared with its recurrence pixel by pixel, as in Eq. 3 of arXiv 1601.06759, in PyTorch. The step of a Gated
PixelCNN with as many weights per layer shows the cost of recurrence. All use the same images, Adam, float32, process
and memory setting (training/memory.py).

The time of one layer: images of n x n pixels have n rows and 2n - 1 diagonals. So if height and width double and the
batch keeps its number of pixels, a layer takes at most twice as long.
"""

import keras
import numpy as np
import torch
from keras import ops

from image_generators.benchmarks import timing, torch_pixel_rnn
from image_generators.layers.diagonal_bilstm import DiagonalBiLSTM
from image_generators.layers.row_lstm import RowLSTM
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN
from image_generators.training import memory

BATCH, SHAPE = 16, (28, 28, 1)
NETWORK = {"filters": 32, "depth": 2, "head_filters": 32}
TITLES = {"row_lstm": "Row LSTM", "diagonal_bilstm": "Diagonal BiLSTM"}
LAYERS = {"Row LSTM": RowLSTM, "Diagonal BiLSTM": DiagonalBiLSTM}


def main():
    memory.keep_freed_memory()
    images = np.random.default_rng(0).integers(0, 2, (BATCH, *SHAPE)).astype("uint8")
    contenders = {"PyTorch, pixel by pixel": torch_step("pixel_by_pixel", images)}
    for recurrence, title in TITLES.items():
        contenders[f"PyTorch, {title}"] = torch_step(recurrence, images)
        contenders[f"Keras, {title}"] = keras_step(PixelRNN(SHAPE, 2, recurrence=recurrence, **NETWORK), images)
    contenders["Keras, Gated PixelCNN"] = keras_step(GatedPixelCNN(SHAPE, 2, **NETWORK), images)
    seconds = timing.race(contenders)
    measured = {f"seconds a step, {name}": value for name, value in seconds.items()}
    bars = {
        f"{title}: Keras step / PyTorch twin's step": (seconds[f"Keras, {title}"] / seconds[f"PyTorch, {title}"], 1.0)
        for title in TITLES.values()
    }
    bars["Row LSTM: Keras step / pixel by pixel"] = (
        seconds["Keras, Row LSTM"] / seconds["PyTorch, pixel by pixel"],
        0.5,
    )
    for title, layer_class in LAYERS.items():
        grown = timing.race({f"{n}x{n}": forward_of(layer_class, n) for n in (16, 32, 64)})
        measured |= {f"seconds, a layer of {title}, {name}": value for name, value in grown.items()}
        bars[f"{title}: a layer over 64x64 / 32x32, as many pixels"] = (grown["64x64"] / grown["32x32"], 2.0)
    timing.report("pixel_rnn", measured, bars)


def keras_step(network, images):
    network.build()
    network.compile(keras.optimizers.Adam(1e-3))
    return lambda: network.train_on_batch(images)


def torch_step(recurrence, images):
    network = torch_pixel_rnn.PixelRNN(recurrence, **NETWORK, levels=2)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    def step():
        optimizer.zero_grad()
        network(pixels).backward()
        optimizer.step()

    return step


def forward_of(layer_class, n):
    """A compiled layer with 8 units on n x n images, 4096 pixels in all."""
    import tensorflow as tf

    layer = layer_class(8)
    maps = np.random.default_rng(0).normal(size=(4096 // n**2, n, n, 16)).astype("float32")
    layer.build(maps.shape)
    run = tf.function(layer)
    return lambda: ops.convert_to_numpy(run(tf.constant(maps)))


if __name__ == "__main__":
    timing.arguments(__doc__)
    main()
