"""Figures 3 and 6 and Equation 5: from flags to files by the smoke preset, and what they measure against NumPy."""

import dataclasses
import math
import types

import keras
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from image_generators.data import degradations
from image_generators.data.image_data import Split
from image_generators.data.sources import fallback
from image_generators.evaluation import recognition, records, tables
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.reproduce import eq5_spatial_tasks, fig3_class_conditional, fig6_autoencoder
from image_generators.reproduce.configs import pixelcnn as configs
from image_generators.training import checkpoints, warm_start
from image_generators.training import loop as training

DIGITS, PHOTOGRAPHS, SIDE = "sklearn-digits-8x8", "sklearn-photographs-16x16", 16


def finished(run_table, folder, experiment, *flags):
    ran = run_table(experiment, folder, "--preset=smoke", *flags)
    assert ran.result == 0, ran.result
    found = records.read_all(folder / "results", experiment.table)
    return types.SimpleNamespace(output=ran.output, results=folder / "results", **{r.model: r for r in found})


@pytest.fixture(scope="module")
def fig3(run_table, tmp_path_factory):
    return finished(run_table, tmp_path_factory.mktemp("fig3"), fig3_class_conditional.ON_MNIST)


@pytest.fixture(scope="module")
def fig6(run_table, tmp_path_factory):
    rows = "--rows=pixel_cnn_autoencoder_10,deconvolutional_autoencoder_10"
    return finished(run_table, tmp_path_factory.mktemp("fig6"), fig6_autoencoder.ON_MNIST, rows)


@pytest.fixture(scope="module")
def eq5(run_table, tmp_path_factory):
    """On small images: a quarter of the pixels to draw one after the other."""
    experiment = dataclasses.replace(eq5_spatial_tasks.EXPERIMENT, load=lambda _: fallback.photographs(SIDE))
    return finished(run_table, tmp_path_factory.mktemp("eq5"), experiment)


def size_of(path):
    with Image.open(path) as image:
        return image.size


# Figure 3.


def test_figure_3_has_one_row_per_class(fig3):
    record = fig3.class_gated_pixel_cnn
    assert record.model_config["num_classes"] == 10 and record.data == DIGITS
    assert size_of(fig3.results / record.samples)[1] == 10 * (2 * 8 + 1) + 1
    assert fig3.gated_pixel_cnn.model_config["num_classes"] is None and not fig3.gated_pixel_cnn.measurements


def test_figure_3_measures_labels_and_recognition(fig3):
    found = fig3.class_gated_pixel_cnn.measurements
    assert list(found) == [
        "label, bits an image (at most 3.32)",
        "own class likeliest, % of test images",
        "recognised, % of samples",
        "recognised, % of real test images",
    ]
    assert all(f"  {what}: {tables.measured(value)}" in fig3.output for what, value in found.items())


def test_both_rows_have_the_same_budget():
    """But for CIFAR-10 on an accelerator, where the second goes on from the first."""
    for of_data in (configs.CLASSES_CIFAR, configs.CLASSES_MNIST):
        for name in ("smoke", "quick", "cpu", "gpu"):
            plain, given = (of_data[model][name] for model in ("gated_pixel_cnn", "class_gated_pixel_cnn"))
            if given.start:
                assert given.start == "table1_cifar/gated_pixel_cnn-gpu-cifar10.weights.h5" and name == "gpu"
                assert (given.model, given.batch_size) == (plain.model, plain.batch_size)
            else:
                assert dataclasses.replace(given, measuring={}) == plain
    cifar = configs.CIFAR["gated_pixel_cnn"]
    assert configs.CLASSES_CIFAR["gated_pixel_cnn"] == cifar  # whose records stand in this table too


class Knowing:
    """Stands for a model of two classes whose log-likelihoods are given."""

    num_classes = 2

    def __init__(self, log_probs):
        self.log_probs = np.asarray(log_probs, "float32")

    def log_prob(self, images, label):
        return self.log_probs[:, label]


def test_worth_of_labels_equals_a_hand_calculation():
    """Of three images one has its own class ten times likelier, one a thousand times less, one neither."""
    ten, thousand = math.log(10), math.log(1000)
    network = Knowing([[-500, -500 - ten], [-600, -600 - thousand], [-90, -90]])
    bits, own = fig3_class_conditional.worth_of_labels(network, np.zeros(3), np.array([0, 1, 0]))
    expected = [1 / np.mean([1, 0.1]), 0.001 / np.mean([1, 0.001]), 1]
    assert bits == pytest.approx(np.mean(np.log2(expected)), abs=1e-4)
    assert own == pytest.approx(200 / 3)  # of equal ones the first


def test_the_classifier_learns_visible_classes():
    random, labels = np.random.default_rng(0), np.arange(256) % 4
    images = (random.integers(0, 60, (256, 8, 8, 1)) + 60 * labels[:, None, None, None]).astype("uint8")
    network = recognition.train(images[:192], labels[:192], 4, epochs=40)
    assert recognition.recognised_percent(network, images[192:], labels[192:]) > 90
    assert recognition.recognised_percent(network, images[192:], (labels[192:] + 1) % 4) < 10


def test_a_table_includes_its_shared_rows(tmp_path, fig3):
    """Figure 6 shows the unconditional model that Figure 3 has trained, as its own."""
    shared = tables.read_records(fig3.results, "fig6_autoencoder", fig6_autoencoder.ROWS)
    assert [record.model for record in shared] == ["gated_pixel_cnn"]
    page = tables.table(fig6_autoencoder.ROWS, shared, "bits_per_dim", "t")
    assert f"{fig3.gated_pixel_cnn.values['test']:.2f} (" in page
    assert "gated_pixel_cnn" not in fig6_autoencoder.EXPERIMENT.models  # and does not train it again


def test_other_metrics_form_a_table_of_the_page(fig3):
    page = tables.table(fig3_class_conditional.ROWS, [fig3.class_gated_pixel_cnn], "bits_per_dim", "t")
    found = fig3.class_gated_pixel_cnn.measurements["recognised, % of samples"]
    assert f"| recognised, % of samples | {tables.measured(found)} |" in page


# Figure 6.


def test_figure_6_rows_show_an_image_and_its_reconstructions(fig6):
    cell = 2 * 8 + 1
    for record, times in ((fig6.pixel_cnn_autoencoder_10, 7), (fig6.deconvolutional_autoencoder_10, 1)):
        assert size_of(fig6.results / record.samples) == ((1 + times) * cell + 1, 8 * cell + 1)
    together = fig6.results / "fig6_autoencoder" / f"{DIGITS}-reconstructions.png"
    assert size_of(together) == ((1 + 1 + 4) * cell + 1, 8 * cell + 1)


def test_figure_6_measures_the_information_in_codes(fig6):
    for record in (fig6.pixel_cnn_autoencoder_10, fig6.deconvolutional_autoencoder_10):
        found = record.measurements
        assert 0 <= found["class read from the code, % of test images"] <= 100
        assert found["squared error of as many principal components"] < found["squared error of one reconstruction"]
    squared = fig6.deconvolutional_autoencoder_10.measurements
    assert squared["squared error of the mean of 2"] == squared["squared error of one reconstruction"]
    sampled = fig6.pixel_cnn_autoencoder_10.measurements
    assert sampled["squared error of the mean of 2"] < sampled["squared error of one reconstruction"]


def test_a_linear_probe_finds_only_encoded_labels():
    random, labels = np.random.default_rng(0), np.arange(400) % 4
    codes = random.normal(size=(400, 6)) + 4 * np.eye(6)[labels]
    told = fig6_autoencoder.probe(codes[:200], codes[200:], labels[:200], labels[200:])
    noise = random.normal(size=(400, 6))
    untold = fig6_autoencoder.probe(noise[:200], noise[200:], labels[:200], labels[200:])
    assert told > 95 and untold < 45


# Equation 5.


def test_equation_5_rows_show_input_guess_samples_and_truth(eq5):
    cell = 2 * SIDE + 1
    for record, times in ((eq5.map_pixel_cnn, 6), (eq5.map_regression, 1)):
        assert record.data == f"{PHOTOGRAPHS}-super_resolve"
        assert size_of(eq5.results / record.samples) == ((3 + times) * cell + 1, 8 * cell + 1)
    together = eq5.results / "eq5_spatial_tasks" / f"{PHOTOGRAPHS}-super_resolve-restored.png"
    assert size_of(together) == ((3 + 1 + 5) * cell + 1, 8 * cell + 1)


def test_equation_5_measures_similarity(eq5):
    assert list(eq5.map_regression.measurements) == [
        "PSNR of the mean under squared error, dB",
        "SSIM of the mean under squared error",
        "PSNR of bicubic, dB",
        "SSIM of bicubic",
        "PSNR of what remains of it, dB",
    ]
    truth = fallback.photographs(SIDE).test.images[:2]
    bicubic = degradations.enlarge(degradations.shrink(truth))
    psnr = np.mean([peak_signal_noise_ratio(*pair) for pair in zip(truth, bicubic, strict=True)])
    assert eq5.map_regression.measurements["PSNR of bicubic, dB"] == pytest.approx(psnr, rel=1e-6)


def test_ssim_of_equal_and_of_inverted_images():
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    same, negative = (eq5_spatial_tasks.similarity("x", other, images) for other in (images, 255 - images))
    assert same == {"PSNR of x, dB": 100, "SSIM of x": 1}
    assert negative["PSNR of x, dB"] < 6 and negative["SSIM of x"] < 0


@pytest.fixture
def options(eq5, tmp_path):
    Image.fromarray(fallback.photographs(SIDE).test.images[0]).save(tmp_path / "photo.png")
    names = {"images": [[str(tmp_path / "photo.png")]], "output": str(tmp_path / "out.png")}
    return types.SimpleNamespace(results_dir=str(eq5.results), seed=0, **names)


def test_a_users_own_files_are_restored(options, capsys):
    options.images = 2 * options.images
    assert eq5_spatial_tasks.restore_files("super_resolve", options) == 0
    assert size_of(options.output) == ((3 + 1 + 5) * (2 * SIDE + 1) + 1, 2 * (2 * SIDE + 1) + 1)
    assert options.output in capsys.readouterr().out


def test_restore_errors_name_the_flag_or_file(options, tmp_path):
    said = eq5_spatial_tasks.restore_files("colourise", options)
    assert said.startswith("eq5_spatial_tasks: --images needs weights") and said.endswith("none for colourise")
    foreign = types.SimpleNamespace(model="gated_pixel_cnn", data="x-colourise", values={}, date="")
    with pytest.MonkeyPatch.context() as patch:  # records of the task, but of no network that restores images
        patch.setattr(eq5_spatial_tasks.records, "read_all", lambda *_: [foreign])
        assert eq5_spatial_tasks.restore_files("colourise", options) == said
    (tmp_path / "text.png").write_text("no image")
    options.images = [[str(tmp_path / "text.png")]]
    options.output = "x.jpg"  # said before anything is read or restored
    assert "Received: 'x.jpg'" in eq5_spatial_tasks.restore_files("colourise", options)
    options.output = None
    assert "Received: " in eq5_spatial_tasks.restore_files("super_resolve", options)


@pytest.mark.parametrize("task", degradations.TASKS)
def test_every_task_has_presets_and_a_picture_of_its_input(task):
    made = configs.spatial(task)
    assert set(made) == {"map_regression", "map_pixel_cnn"}
    assert made["map_pixel_cnn"]["cpu"].start and not made["map_regression"]["cpu"].start
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    remains = degradations.TASKS[task].take(images, np.random.default_rng(0))
    shown = eq5_spatial_tasks.shown(remains, (32, 32))
    assert shown.shape == (2, 32, 32, 3) and shown.dtype == np.uint8


def test_training_passes_labels_and_images(tiny):
    """A conditional model is fitted and measured on what stands in the labels' place."""
    splits = {name: getattr(tiny, name).images for name in ("train", "validation", "test")}
    splits = {name: Split(images, images[:, 0, 0, 0].astype("int32")) for name, images in splits.items()}
    data = dataclasses.replace(tiny, class_names=tuple("0123"), **splits)
    keras.utils.set_random_seed(0)
    network = GatedPixelCNN(data.image_shape, data.levels, num_classes=4, filters=4, depth=1, first_kernel_size=3)
    value, n = training.evaluate(network, data.test, batch_size=8)
    assert n == 8
    assert value == pytest.approx(network.bits_per_dim(data.test.images, data.test.labels).mean(), rel=1e-5)


def test_a_conditional_model_starts_as_the_unconditional_one(tmp_path):
    """Also one with a network m(h), whose own weights stay what they were."""
    sizes = {"image_shape": (4, 4, 1), "levels": 4, "filters": 4, "depth": 2, "first_kernel_size": 3}
    plain, given, mapped = (
        GatedPixelCNN(**sizes),
        GatedPixelCNN(**sizes, num_classes=3),
        MapPixelCNN(**sizes, condition_shape=(2, 2, 1), condition_levels=4, map_filters=3),
    )
    for network in (plain, given, mapped):
        network.build()
    training.save_weights(plain, tmp_path / "plain.weights.h5")
    images = np.random.default_rng(0).integers(0, 4, (3, 4, 4, 1)).astype("uint8")
    kept = [np.array(weight) for weight in mapped.map_network.weights]
    for network, condition in ((given, [0, 1, 2]), (mapped, images[:, :2, :2])):
        assert (np.abs(network.log_prob(images, condition) - plain.log_prob(images)) > 1e-3).any()
        warm_start.start_from(network, tmp_path / "plain.weights.h5")
        np.testing.assert_allclose(network.log_prob(images, condition), plain.log_prob(images), rtol=1e-6)
    for weight, before in zip(mapped.map_network.weights, kept, strict=True):
        np.testing.assert_array_equal(weight, before)
    with pytest.raises(checkpoints.Refused, match="Received"):
        warm_start.start_from(given, tmp_path / "absent.weights.h5")
    with pytest.raises(checkpoints.Refused, match="GatedPixelCNN"):
        wide = GatedPixelCNN(**{**sizes, "filters": 8}, num_classes=3)
        wide.build()
        warm_start.start_from(wide, tmp_path / "plain.weights.h5")


def test_a_decoder_starts_with_what_squared_error_made_of_encoder_and_map(tmp_path):
    """The same code and the same map of it, so that only the gates have to learn; other sizes are refused."""
    sizes = {"image_shape": (8, 8, 1), "levels": 4, "encoder_filters": 4, "map_filters": 6, "map_depth": 1}
    decoder = {"filters": 4, "depth": 1, "first_kernel_size": 3}
    squared = DeconvolutionalAutoencoder(**sizes, bottleneck=5)
    made, wider = (PixelCNNAutoencoder(**sizes, **decoder, bottleneck=n) for n in (5, 6))
    for network in (squared, made, wider):
        network.build()
    training.save_weights(squared, tmp_path / "squared.weights.h5")
    images = np.random.default_rng(0).integers(0, 4, (3, 8, 8, 1)).astype("uint8")
    code = squared.encode(images)
    assert np.abs(made.encode(images) - code).max() > 1e-3
    parts = made.map_network.weights + made.encoder.weights
    others = [weight for weight in made.weights if all(weight is not part for part in parts)]
    kept = [np.array(weight) for weight in others]
    warm_start.start_map_from(made, tmp_path / "squared.weights.h5")
    np.testing.assert_allclose(made.encode(images), code, rtol=1e-6)
    np.testing.assert_allclose(made.map_network(code), squared.map_network(code), rtol=1e-6)
    for weight, before in zip(others, kept, strict=True):
        np.testing.assert_array_equal(weight, before)
    with pytest.raises(checkpoints.Refused, match="DeconvolutionalAutoencoder"):
        warm_start.start_map_from(wider, tmp_path / "squared.weights.h5")
    with pytest.raises(checkpoints.Refused, match="Received"):
        warm_start.start_map_from(made, tmp_path / "absent.weights.h5")


def test_missing_weights_to_start_from_are_refused(run_table, tmp_path):
    given = ("--preset=cpu", "--rows=pixel_cnn_autoencoder_10")
    ran = run_table(fig6_autoencoder.EXPERIMENT, tmp_path, *given)
    start = "table1_cifar/gated_pixel_cnn-cpu-cifar10.weights.h5"
    assert f"this preset starts from the weights {start}, which {tmp_path / 'results'} does not have" in ran.result


def test_an_unknown_preset_is_refused_at_once(run_table, tmp_path):
    ran = run_table(fig6_autoencoder.EXPERIMENT, tmp_path, "--preset=paper")
    assert ran.result.startswith("fig6_autoencoder: ") and ran.result.endswith("Received: preset='paper'")
