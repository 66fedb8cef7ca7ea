"""Figure 3 of arXiv 1606.05328: Gated PixelCNN given the class, beside the same network without it.

python reproduce/fig3_class_conditional.py                         CIFAR-10: what results/ holds, then quick runs
python reproduce/fig3_class_conditional.py --data=mnist
python reproduce/fig3_class_conditional.py --preset=cpu --rows=class_gated_pixel_cnn

The picture has a row for each class. Beside bits/dim, which the paper does not give for its classes of ImageNet:

label, bits an image   what the label tells the model of an image: log2 p(x | c) - log2 mean_c' p(x | c'), at most log2
                       of the number of classes
own class likeliest    of a hundred test images, how many are likelier given their own class than given any other
recognised             of a hundred samples, how many a classifier trained on real images takes for the class they were
                       drawn for; and of real test images
"""

import math

import numpy as np

from image_generators.evaluation import pictures, recognition
from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.experiments.samples import default_picture
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Figure 3 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): given the class"

ROWS = (
    Row("Gated PixelCNN", None, None, "", ("gated_pixel_cnn",), also_in=("table1_cifar",)),
    Row("Gated PixelCNN, given the class", None, None, "", ("class_gated_pixel_cnn",)),
)


def picture(network, data, n, seed=0):
    """Samples, a row for each class; without classes, any."""
    if network.num_classes is None:
        return default_picture(network, data, n, seed)
    columns, classes = max(1, n // 8), network.num_classes
    samples = network.sample(columns * classes, np.repeat(np.arange(classes), columns), seed)
    return pictures.label_rows(pictures.grid(samples, columns, scale=2, levels=data.levels), data.class_names)


def measure(network, data, preset, seed=0):
    """What the class tells the model, and what its samples tell a classifier; {} of a model without classes."""
    if network.num_classes is None:
        return {}
    sizes = preset.measuring
    images, labels = (each[: sizes["test_images"]] for each in (data.test.images, data.test.labels))
    bits, own = worth_of_labels(network, images, labels)
    print("training a classifier on real images", flush=True)
    real = [each[: sizes["training_images"]] for each in (data.train.images, data.train.labels)]
    judge = recognition.train(*real, len(data.class_names), data.levels, sizes["epochs"], seed)
    wanted = np.arange(network.num_classes)
    samples = [network.sample(sizes["samples_a_class"], label, seed + 1) for label in wanted]
    wanted = np.repeat(wanted, sizes["samples_a_class"])
    return {
        f"label, bits an image (at most {math.log2(network.num_classes):.2f})": bits,
        "own class likeliest, % of test images": own,
        "recognised, % of samples": recognition.recognised_percent(judge, np.concatenate(samples), wanted),
        "recognised, % of real test images": recognition.recognised_percent(judge, data.test.images, data.test.labels),
    }


def worth_of_labels(network, images, labels):
    """(mean of log2 p(x | c) - log2 mean_c' p(x | c'), percent of images likeliest under their own class c)."""
    log_probs = np.stack(
        [network.log_prob(images, label).astype("float64") for label in range(network.num_classes)], axis=1
    )  # [n, classes], nats
    own = log_probs[np.arange(len(labels)), labels]
    highest = log_probs.max(axis=1)
    average = highest + np.log(np.mean(np.exp(log_probs - highest[:, None]), axis=1))
    right = log_probs.argmax(axis=1) == labels
    return float(np.mean(own - average) / math.log(2.0)), 100.0 * float(right.mean())


def experiment(data, presets):
    return experiments.Experiment(
        "fig3_class_conditional", TITLE, ROWS, "bits_per_dim", data, presets, picture=picture, measure=measure
    )


EXPERIMENT = experiment("cifar10", configs.CLASSES_CIFAR)
ON_MNIST = experiment("mnist", configs.CLASSES_MNIST)

if __name__ == "__main__":
    experiments.main(EXPERIMENT, {"cifar10": EXPERIMENT, "mnist": ON_MNIST})
