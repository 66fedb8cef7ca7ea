"""Table 2 on ImageNet, without it: photographs of its sizes, by their own name; and from files as TFDS writes them."""

import keras
import numpy as np
import pytest

from image_generators.data.image_data import ImageData, Split
from image_generators.data.sources import streamed
from image_generators.evaluation import records
from image_generators.experiments import dry_run
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.reproduce import table2_imagenet
from image_generators.reproduce.configs import pixelcnn as configs
from image_generators.training import loop as training
from image_generators.training import presets

EXPERIMENTS = table2_imagenet.EXPERIMENTS


@pytest.fixture(scope="module")
def smoke(run_table, tmp_path_factory):
    """A finished smoke run, given the class, on what stands in for the data: its folder and what was printed."""
    folder = tmp_path_factory.mktemp("smoke")
    ran = run_table(EXPERIMENTS["imagenet_resized_32"], folder, "--preset=smoke", "--rows=class_gated_pixel_cnn")
    assert ran.result == 0, ran.result
    return folder, ran.output


def test_without_data_it_runs_end_to_end_by_the_substitutes_name(smoke):
    folder, output = smoke
    assert output.startswith("Data: photographs of scikit-learn (32x32 crops), not ImageNet resized by a box filter")
    (record,) = records.read_all(folder / "results", "table2_imagenet")
    assert record.is_fallback and record.data == "sklearn-photographs-32x32" and 7.5 < record.values["test"] < 8.5
    assert record.row == "Gated PixelCNN given the class, 32x32" and record.model_config["num_classes"] == 2
    assert (folder / "results" / record.weights).is_file() and (folder / "results" / record.samples).is_file()
    assert not [path for path in folder.rglob("*") if "imagenet_resized" in path.name]


def test_rows_are_those_of_their_size(smoke):
    """The paper's numbers of both sizes are shown; what is measured belongs to one."""
    published = {row.name: (row.published_test, row.published_train) for row in table2_imagenet.ROWS}
    assert published["Gated PixelCNN, 32x32"] == (3.83, 3.77) and published["Gated PixelCNN, 64x64"] == (3.57, 3.48)
    for name, experiment in EXPERIMENTS.items():
        given_classes = ["class_gated_pixel_cnn"] * name.startswith("imagenet_resized")
        assert experiment.models == ["row_lstm", "gated_pixel_cnn", *given_classes]
        size = name.rpartition("_")[2]
        assert all(experiment.row_of(model).name.endswith(f"{size}x{size}") for model in experiment.models)
    assert "Conv DRAW, 64x64" in smoke[1]


def test_the_papers_preset_is_the_papers():
    for size in streamed.SIZES:
        preset = configs.IMAGENET[size]["gated_pixel_cnn"]["paper"]
        assert (preset.model["depth"], preset.model["filters"], preset.model["kernel_size"]) == (20, 384, 5)
        assert (preset.steps, preset.batch_size) == (200_000, 128)
        assert set(configs.IMAGENET[size]["gated_pixel_cnn"]) == set(presets.PRESET_NAMES) - {"muon", "wide"}


# Streamed training.


@pytest.fixture
def opened(small_imagenet):
    return streamed.load("downsampled_imagenet", 32, small_imagenet.folder, download=False)


def test_training_from_files_is_training_from_memory(opened, tmp_path):
    def held(split):
        return Split(split.images[:], None)

    in_memory = ImageData(
        name="held", title="held", train=held(opened.train), validation=held(opened.validation), test=held(opened.test),
        class_names=(), levels=256, is_fallback=True, source="made up",
    )  # fmt: skip
    preset = presets.Preset({}, 2, 4, warmup_steps=1, steps_per_epoch=2, validation_images=4, ema_momentum=0.5)
    weights = []
    for name, data in (("files", opened), ("memory", in_memory)):
        keras.utils.set_random_seed(0)
        network = GatedPixelCNN(data.image_shape, filters=3, depth=1, first_kernel_size=3)
        network.build()
        training.train(network, preset, data, tmp_path / name)
        weights.append(network.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# The dry run.


def test_a_dry_run_estimates_and_does_nothing(run_table, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("it trains"))
    ran = run_table(EXPERIMENTS["downsampled_imagenet_32"], tmp_path, "--preset=smoke", "--dry_run")
    assert ran.result == 0 and list(tmp_path.iterdir()) == []
    lines = ran.output.splitlines()
    network = GatedPixelCNN((32, 32, 3), **configs.IMAGENET[32]["gated_pixel_cnn"]["smoke"].model)
    network.build()
    told = "\n".join(
        lines[lines.index("Gated PixelCNN, 32x32, preset smoke: a few steps are timed, which may take minutes") :]
    )
    assert f"parameters  {network.count_params():,}\n" in told
    assert "steps       6 of 4 images, 24 in all; timed on those of photographs of scikit-learn" in told
    assert "GiB a device" in told and "time        about " in told and told.endswith("downloaded")


def test_a_dry_run_downloads_nothing(run_table, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "image_generators.data.sources.prepared.obstacle", lambda entry: pytest.fail("it asks for a download")
    )
    monkeypatch.setattr("image_generators.experiments.dry_run.print_estimate", lambda *_: None)
    ran = run_table(EXPERIMENTS["downsampled_imagenet_64"], tmp_path, "--preset=paper", "--dry_run")
    assert ran.result == 0 and "photographs of scikit-learn (64x64 crops)" in ran.output


def test_an_estimate_grows_with_the_images_and_shrinks_with_devices(monkeypatch, tiny):
    """A step of n images takes n milliseconds and holds n megabytes more than nothing."""
    network = GatedPixelCNN(tiny.image_shape, tiny.levels, filters=2, depth=1)
    network.build()

    def measure(network, data, size):
        return dry_run._Slice(size, size / 1000, 10**6 * {1: 0, 4: 1, 16: 4, 32: 16}[size], 10**6 * size)

    monkeypatch.setattr(dry_run, "_slice", measure)
    preset = presets.Preset({}, 1000, 32)
    one = dry_run.estimate(network, preset, tiny)
    assert (one.slice_size, one.bytes_an_image, one.passes) == (32, 10**6, 500)
    np.testing.assert_allclose([one.step_seconds, one.seconds], [0.032, 32.0])
    assert one.fixed_bytes > 5 * 4 * one.parameters  # weights, gradients, two moments and the average
    assert one.device_bytes == one.fixed_bytes + 32 * 10**6

    network = GatedPixelCNN(tiny.image_shape, tiny.levels, filters=2, depth=1)
    network.build()
    monkeypatch.setattr(dry_run, "_memory", lambda: one.fixed_bytes + 10**6)
    two = dry_run.estimate(network, presets.Preset({}, 1000, 32, devices=2, accumulate=4), tiny)
    np.testing.assert_allclose([two.step_seconds, two.device_bytes - two.fixed_bytes], [0.016, 4 * 10**6])
    text = "\n".join(dry_run.lines(two, presets.Preset({}, 1000, 32, devices=2, accumulate=4), tiny))
    assert "TOO MUCH" in text and "on 2 devices" in text
