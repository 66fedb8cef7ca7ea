"""Figure 6 of arXiv 1606.05328: auto-encoders with a PixelCNN for a decoder, and with a deconvolutional one.

python reproduce/fig6_autoencoder.py                               CIFAR-10: what results/ holds, then quick runs
python reproduce/fig6_autoencoder.py --data=mnist
python reproduce/fig6_autoencoder.py --preset=cpu --rows=pixel_cnn_autoencoder_10,deconvolutional_autoencoder_10

The four share their encoder's architecture, each trained end to end with its own decoder. bits/dim are those of the
image given its code, without the cost of the code itself. Under squared error they are those of normal distributions of
one width round the mean (models/pixelcnn/map_regression.py). The paper's own patches are of ImageNet.

class read from the code   a linear probe (logistic regression) on the codes, % of test images; beside it the same probe
                           on as many principal components of the pixels
squared error              a sub-pixel, values 0 to 1: of a reconstruction, and of the mean of several

The picture of all, `<data>-reconstructions.png`: a row is a test image; from the left the image, and for a code of 10,
then of 100 numbers, the reconstruction under squared error and samples of the PixelCNN.
"""

import pathlib

import numpy as np

from image_generators.evaluation import networks, pictures, tables
from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Figure 6 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): auto-encoders"
_SHARED = ("table1_cifar", "fig3_class_conditional")

ROWS = (
    Row("Gated PixelCNN", None, None, "", ("gated_pixel_cnn",), also_in=_SHARED),
    Row("Squared error, bottleneck 10", None, None, "", ("deconvolutional_autoencoder_10",)),
    Row("Squared error, bottleneck 100", None, None, "", ("deconvolutional_autoencoder_100",)),
    Row("PixelCNN auto-encoder, bottleneck 10", None, None, "", ("pixel_cnn_autoencoder_10",)),
    Row("PixelCNN auto-encoder, bottleneck 100", None, None, "", ("pixel_cnn_autoencoder_100",)),
)
EXAMPLES = 8  # rows of a picture


def picture(network, data, n, seed=0):
    """Test images, a row each: the image, then its reconstructions."""
    images = data.test.images[:EXAMPLES]
    return _in_rows([images[:, None], reconstructions(network, images, max(1, n // EXAMPLES - 1), seed)], data.levels)


def _in_rows(columns, levels):
    """Blocks of images, each [rows, columns, height, width, channels], side by side in one picture."""
    together = np.concatenate(columns, axis=1)
    return pictures.grid(np.concatenate(together), together.shape[1], scale=2, levels=levels)


def reconstructions(network, images, samples, seed):
    """Each image decoded several times, or once where there is only one way: uint8 [n, times, *image]."""
    from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder

    if isinstance(network, DeconvolutionalAutoencoder):
        return network.reconstruct(images)[:, None]
    return np.stack([network.reconstruct(images, seed=seed + i) for i in range(samples)], axis=1)


def measure(network, data, preset, seed=0):
    """What of an image its code keeps."""
    from sklearn.decomposition import PCA

    sizes, levels = preset.measuring, data.levels
    train, test = data.train.images[: sizes["training_images"]], data.test.images[: sizes["test_images"]]
    labels = data.train.labels[: len(train)], data.test.labels[: len(test)]
    decoded = reconstructions(network, test[: sizes["decoded"]], sizes["samples"], seed + 1) / (levels - 1)
    truth = test[: sizes["decoded"], None] / (levels - 1)
    measurements = {
        "class read from the code, % of test images": probe(network.encode(train), network.encode(test), *labels),
        "squared error of one reconstruction": float(np.mean(np.square(decoded - truth))),
        f"squared error of the mean of {sizes['samples']}": float(
            np.mean(np.square(decoded.mean(axis=1, keepdims=True) - truth))
        ),
    }
    components = PCA(min(network.bottleneck, len(train)), random_state=0)
    codes = components.fit_transform(train.reshape(len(train), -1) / (levels - 1))
    flat = test.reshape(len(test), -1) / (levels - 1)
    back = components.inverse_transform(components.transform(flat[: sizes["decoded"]]))
    return measurements | {
        "class read from as many principal components, %": probe(codes, components.transform(flat), *labels),
        "squared error of as many principal components": float(np.mean(np.square(back - flat[: sizes["decoded"]]))),
    }


def probe(train, test, train_labels, test_labels):
    """Logistic regression on codes [n, numbers]: how many of a hundred test images get their class."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, train_labels)
    return 100.0 * float(classifier.score(test, test_labels))


def finish(records, data, options):
    """Draws the picture of all models that there are weights of."""
    images = data.test.images[:EXAMPLES]
    columns = [images[:, None]]
    for model in configs.CODES_CIFAR:
        mine = [record for record in records if record.model == model and record.data == data.name]
        if mine:
            network = networks.restore(tables.best(mine), options.results_dir)
            columns.append(reconstructions(network, images, 4, options.seed))
    path = pathlib.Path(options.results_dir) / "fig6_autoencoder" / f"{data.name}-reconstructions.png"
    pictures.save_png(path, _in_rows(columns, data.levels))
    print(f"All of them: {path}")


def experiment(data, presets):
    hooks = {"picture": picture, "measure": measure, "finish": finish}
    return experiments.Experiment("fig6_autoencoder", TITLE, ROWS, "bits_per_dim", data, presets, **hooks)


EXPERIMENT = experiment("cifar10", configs.CODES_CIFAR)
ON_MNIST = experiment("mnist", configs.CODES_MNIST)

if __name__ == "__main__":
    experiments.main(EXPERIMENT, {"cifar10": EXPERIMENT, "mnist": ON_MNIST})
