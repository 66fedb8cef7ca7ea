"""The script of Table 1 from its flags to its files, by the smoke preset on a machine without data and network."""

import functools
import os
import pathlib
import pty
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from image_generators.data.sources import fallback
from image_generators.evaluation import networks, pictures, records
from image_generators.experiments import network_rows, running
from image_generators.models import weights_file
from image_generators.reproduce import table1_cifar
from image_generators.training import callbacks, checkpoints, precision
from image_generators.training import loop as training

SCRIPT = str(pathlib.Path(__file__).parents[2] / "reproduce" / "table1_cifar.py")
NETWORKS = ("draw", "pixel_cnn", "gated_pixel_cnn")
DATA = "sklearn-photographs-16x16"
TITLE = "photographs of scikit-learn (16x16 crops), not CIFAR-10"


@pytest.fixture(scope="module")
def photographs():
    """What stands in for CIFAR-10, here a quarter of its size: there are many grids to draw, pixel by pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fallback, "photographs", functools.partial(fallback.photographs, 16))
        yield fallback.photographs()


@pytest.fixture(scope="module")
def table1(run_table, photographs):
    """`table1(folder, *flags)`: the script, on those."""
    return functools.partial(run_table, table1_cifar.EXPERIMENT)


@pytest.fixture(scope="module")
def smoke(table1, tmp_path_factory):
    """A finished smoke run of all five rows: its folder and what was printed."""
    folder = tmp_path_factory.mktemp("smoke")
    ran = table1(folder, "--preset=smoke")
    assert ran.result == 0, ran.result
    return folder, ran.output


@pytest.fixture(scope="module")
def by_model(smoke):
    """The records of that run: model -> record."""
    return {record.model: record for record in records.read_all(smoke[0] / "results", "table1_cifar")}


def kept_network(record, folder, data):
    network = networks.make_network(record.model, data, **record.model_config)
    network.load_weights(folder / "results" / record.weights)
    return network


def test_first_line_names_the_data_that_is_there(smoke):
    assert smoke[1].splitlines()[0].startswith(f"Data: {TITLE}, from scikit-learn")


def test_every_table_heading_names_the_data_that_is_there(smoke):
    lines = smoke[1].splitlines()
    headings = [i for i, line in enumerate(lines) if line == table1_cifar.TITLE]
    assert len(headings) == 2  # what results/ held before, and what this run measured
    assert all(lines[i + 1] == f"Here on {TITLE}" for i in headings)


def test_fallback_results_never_carry_the_name_of_cifar10(smoke, by_model):
    assert set(by_model) == set(table1_cifar.EXPERIMENT.models) - set(table1_cifar.EXPERIMENT.on_request)
    assert {record.data for record in by_model.values()} == {DATA}
    assert {record.data_title for record in by_model.values()} == {TITLE}
    assert all(record.is_fallback for record in by_model.values())
    names = [path.name for path in smoke[0].rglob("*")]
    assert names and not [name for name in names if "cifar10" in name]


def test_run_ends_with_a_table_of_what_it_measured(smoke, by_model):
    table = smoke[1].partition("\nThis run:\n")[2]
    for row in table1_cifar.ROWS:
        lines = [line for line in table.splitlines() if line.startswith(f"{row.name} ") and TITLE in line]
        ran = [by_model[model] for model in row.models if model in by_model]
        assert len(lines) == len(ran)
        assert all(f"{record.values['test']:.2f} (" in line for record, line in zip(ran, lines, strict=True))


@pytest.mark.parametrize("model", NETWORKS)
def test_values_in_the_record_are_those_of_the_weights_beside_it(smoke, by_model, photographs, model):
    """A fresh network, its own log_prob (DRAW: bound, by the noise of measurements), the first images of each split."""
    record = by_model[model]
    network = kept_network(record, smoke[0], photographs)
    assert record.examples == {"train": 16, "validation": 16, "test": 16}
    for split in records.SPLITS:
        images = getattr(photographs, split).images[:16]
        if model == "draw":
            callbacks.reseed(network, training.EVALUATION_SEED)
            reconstruction, kl = (np.array(part) for part in network.elbo_parts(images, network(images)))
            fresh = network.in_unit(reconstruction - kl.sum(axis=1)).mean()
        else:
            fresh = network.bits_per_dim(images).mean()
        np.testing.assert_allclose(record.values[split], fresh, rtol=1e-5)


@pytest.mark.parametrize("model", NETWORKS)
def test_kept_weights_are_the_averages_of_the_last_checkpoint(smoke, by_model, photographs, model):
    preset, record = table1_cifar.EXPERIMENT.preset(model, "smoke"), by_model[model]
    network, last = (kept_network(record, smoke[0], photographs) for _ in range(2))
    last.compile(training._optimizer(preset))
    path = smoke[0] / "runs" / "table1_cifar" / f"{model}-smoke-{DATA}" / "checkpoint.weights.h5"
    checkpoints.Checkpoint(path, preset.steps_per_epoch, callbacks.Clock(preset.batch_size)).restore(last)
    averages = [variable for variable in last.optimizer.variables if variable.path.endswith("_average")]
    trios = zip(network.trainable_variables, averages, last.trainable_variables, strict=True)
    for kept, average, raw in (map(np.array, trio) for trio in trios):
        np.testing.assert_array_equal(kept, average)
        assert (kept != raw).any()


@pytest.mark.parametrize("model", NETWORKS)
def test_record_describes_the_run(smoke, by_model, photographs, model):
    record, preset = by_model[model], table1_cifar.EXPERIMENT.preset(model, "smoke")
    assert (record.preset, record.steps, record.seed) == ("smoke", preset.steps, 0)
    assert record.epochs == preset.steps * preset.batch_size / len(photographs.train.images)
    assert record.data_fingerprint == photographs.fingerprint
    prefix = "" if keras.backend.backend() == "tensorflow" else f"KERAS_BACKEND={keras.backend.backend()} "
    assert record.command == f"{prefix}python reproduce/table1_cifar.py --preset=smoke"
    assert record.weights_sha256 == weights_file.sha256_of_file(smoke[0] / "results" / record.weights)
    assert record.parameters == kept_network(record, smoke[0], photographs).count_params()
    assert record.cpu_seconds > 0 and record.wall_seconds > 0
    # Six steps in all that time, most of it compiling; the speed is that of the steps.
    assert record.images_per_second > preset.steps * preset.batch_size / record.wall_seconds


def test_baselines_are_measured_on_all_images(by_model, photographs):
    sizes = {split: len(getattr(photographs, split).images) for split in records.SPLITS}
    for model in ("uniform", "multivariate_gaussian"):
        assert by_model[model].examples == sizes
    assert by_model["uniform"].values == pytest.approx(dict.fromkeys(records.SPLITS, 8.0), abs=1e-4)


@pytest.mark.parametrize("model", NETWORKS)
def test_samples_beside_the_record_are_those_of_its_weights(smoke, by_model, photographs, model):
    record = by_model[model]
    drawn = kept_network(record, smoke[0], photographs).sample(network_rows.SAMPLES, seed=record.seed)
    shown = np.asarray(Image.open(smoke[0] / "results" / record.samples))
    # A value that lies on the edge of a step of the cumulative distribution may fall to either side.
    assert (shown == pictures.grid(drawn, scale=2)).mean() > 0.999


@pytest.mark.parametrize("model", NETWORKS)
def test_a_run_leaves_checkpoint_curves_and_samples(smoke, by_model, model):
    run = smoke[0] / "runs" / "table1_cifar" / f"{model}-smoke-{DATA}"
    epochs = (1, 2, 3) if by_model[model].preset_settings["epoch_samples"] else ()  # some smoke presets want none
    assert sorted(path.name for path in run.glob("samples/*")) == [f"epoch_000{i}.png" for i in epochs]
    assert (run / "checkpoint.weights.h5").is_file()
    if keras.backend.backend() == "tensorflow":
        events = {path.parent.name for path in run.rglob("events.out.tfevents.*")}
        assert events == {"train", "validation"}
        assert "epoch_bits_per_dim" in curves(run / "tensorboard" / "train")


def curves(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload().Tags()["tensors"]


def test_same_command_again_does_not_train_again(table1, smoke, by_model):
    folder, record = smoke[0], by_model["gated_pixel_cnn"]
    checkpoint = folder / "runs" / "table1_cifar" / f"gated_pixel_cnn-smoke-{DATA}" / "checkpoint.weights.h5"
    written = checkpoint.stat().st_mtime_ns
    again = table1(folder, "--preset=smoke", "--rows=gated_pixel_cnn")
    assert again.result == 0 and "trained before, in 6 steps" in again.output and "Epoch" not in again.output
    assert checkpoint.stat().st_mtime_ns == written
    repeated = records.read(folder / "results" / "table1_cifar" / f"gated_pixel_cnn-smoke-{DATA}.json")
    for field in ("values", "steps", "wall_seconds", "images_per_second", "notes", "command"):
        assert getattr(repeated, field) == getattr(record, field)


def test_another_precision_is_another_run(table1, smoke, by_model):
    """The folder is that of the preset: it is refused before anything is trained, and nothing in it changes."""
    before = files_of(smoke[0])
    ran = table1(smoke[0], "--preset=smoke", "--rows=pixel_cnn", "--precision=mixed_float16")
    assert "preset.precision was float32, is mixed_float16" in ran.result and "--restart" in ran.result
    assert files_of(smoke[0]) == before


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "given, command", [([], "the same command"), (["--restart"], "the same command without --restart")]
)
def test_an_interrupt_prints_how_to_continue(table1, tmp_path, monkeypatch, given, command):
    monkeypatch.setattr(training, "train", interrupted)
    ran = table1(tmp_path, "--preset=smoke", "--rows=pixel_cnn", *given)
    assert ran.result == f"table1_cifar: stopped; {command} goes on from the last checkpoint"


def test_an_interrupt_while_data_are_read_or_weights_measured(table1, smoke, tmp_path, monkeypatch):
    """There is nothing to go on with."""
    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", interrupted)
        assert table1(smoke[0], "--evaluate_only", "--rows=pixel_cnn").result == "table1_cifar: stopped"
    monkeypatch.setattr(running.data_images, "load", interrupted)
    assert table1(tmp_path).result == "table1_cifar: stopped"


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_evaluate_only_measures_what_the_records_say_and_writes_nothing(table1, smoke, by_model):
    before = files_of(smoke[0])
    ran = table1(smoke[0], "--evaluate_only")
    assert ran.result == 0 and files_of(smoke[0]) == before
    for model in NETWORKS:
        name, value = table1_cifar.EXPERIMENT.row_of(model).name, f"{by_model[model].values['test']:.4f}"
        assert f"{name} on {TITLE}: test {value} bits/dim, 16 images; its record says {value}\n" in ran.output


def test_evaluate_only_takes_weights_by_their_file(table1, smoke, by_model, photographs, tmp_path):
    """A record finds its file by content, wherever it lies; without one the preset says what the network is."""
    record = by_model["pixel_cnn"]
    weights = tmp_path / "downloaded.weights.h5"
    weights.write_bytes((smoke[0] / "results" / record.weights).read_bytes())
    value = f"PixelCNN on {TITLE}: test {record.values['test']:.4f} bits/dim, 16 images; its record says"
    ran = table1(smoke[0], "--evaluate_only", "--rows=pixel_cnn", f"--weights={weights}")
    assert ran.result == 0 and value in ran.output

    (tmp_path / "results").mkdir()
    ran = table1(tmp_path, "--evaluate_only", "--rows=pixel_cnn", f"--weights={weights}", "--preset=smoke")
    assert (
        ran.result == 0 and f", {len(photographs.test.images)} images\n" in ran.output
    )  # no record says how many: all


def test_tampered_weights_are_refused_and_the_other_rows_are_measured(table1, smoke, by_model, tmp_path):
    """One changed bit in the middle of a kernel, which HDF5 itself doesn't notice."""
    import h5py

    record, other = by_model["pixel_cnn"], by_model["gated_pixel_cnn"].weights
    for name in (
        weights.replace(".weights.h5", end) for weights in (record.weights, other) for end in (".weights.h5", ".json")
    ):
        copy = tmp_path / "results" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((smoke[0] / "results" / name).read_bytes())
    tampered = tmp_path / "results" / record.weights
    with h5py.File(tampered, "r+") as file:
        file["first"]["vars"]["0"][0, 0, 0, 0] += 1e-3
    ran = table1(tmp_path, "--evaluate_only", "--rows=pixel_cnn,gated_pixel_cnn")
    assert str(tampered) in ran.result and "SHA-256" in ran.result
    assert f"Gated PixelCNN on {TITLE}: test" in ran.output and f"\nPixelCNN on {TITLE}: test" not in ran.output


def test_weights_of_another_network_and_unfinished_ones_are_refused(table1, smoke, by_model):
    folder, flag = smoke[0], "--evaluate_only"
    other = folder / "results" / by_model["gated_pixel_cnn"].weights
    ran = table1(folder, flag, "--rows=pixel_cnn", f"--weights={other}", "--preset=smoke")
    assert str(other) in ran.result and "the weights of this PixelCNN" in ran.result
    unfinished = folder / "runs" / "table1_cifar" / f"pixel_cnn-smoke-{DATA}" / "checkpoint.weights.h5"
    ran = table1(folder, flag, "--rows=pixel_cnn", f"--weights={unfinished}", "--preset=smoke")
    assert str(unfinished) in ran.result and "checkpoint" in ran.result
    record = by_model["pixel_cnn"]
    text = folder / "results" / "table1_cifar" / f"pixel_cnn-smoke-{DATA}.json"
    ran = table1(folder, flag, "--rows=pixel_cnn", f"--weights={text}", f"--preset={record.preset}")
    assert str(text) in ran.result


def test_evaluate_only_without_weights_is_refused(table1, tmp_path):
    (tmp_path / "results").mkdir()
    ran = table1(tmp_path, "--evaluate_only")
    assert str(tmp_path / "results") in ran.result and TITLE in ran.result and "weights" in ran.result


@pytest.mark.parametrize(
    "given, named",
    [
        (["--rows=pixel_rnn"], ["--rows", "'pixel_rnn'", "gated_pixel_cnn"]),
        (["--weights=there.weights.h5"], ["--weights", "--evaluate_only"]),
        (
            ["--evaluate_only", "--rows=pixel_cnn", "--weights=no/such.weights.h5"],
            ["--weights", "'no/such.weights.h5'"],
        ),
        (["--evaluate_only", "--weights=no/such.weights.h5"], ["--weights", "one row in --rows"]),
        (["--evaluate_only", "--results_dir=no/such"], ["results_dir", "'no/such'"]),
        (["--data_dir=no/such"], ["data_dir", "'no/such'"]),
        (["--results_dir={file}"], ["--results_dir", "{file}"]),
        (["--runs_dir={file}"], ["--runs_dir", "{file}"]),
        (["--runs_dir={file}/below"], ["--runs_dir", "{file}/below"]),
    ],
)
def test_unsupported_flags_are_refused_by_name(table1, tmp_path, monkeypatch, given, named):
    """Before anything is trained, with the argument and what was received."""
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("it trains"))
    file = tmp_path / "file"
    file.write_text("in its place")
    ran = table1(tmp_path, *(flag.format(file=file) for flag in given))
    assert isinstance(ran.result, str), ran.output
    assert [name for name in named if name.format(file=file) not in ran.result] == []


def test_script_on_a_terminal_shows_cost_and_speed_while_it_trains(bare_machine, tmp_path):
    """The whole command as typed, with XLA and mixed precision, its output on a pseudo-terminal."""
    given = ["--preset=smoke", "--rows=gated_pixel_cnn", "--precision=mixed_bfloat16", "--xla"]
    given += [f"--results_dir={tmp_path / 'results'}", f"--runs_dir={tmp_path / 'runs'}"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, SCRIPT, *given], env=bare_machine, stdout=theirs, stderr=subprocess.PIPE
    )
    os.close(theirs)
    output = b""
    with process.stderr:
        while chunk := _read(ours):
            output += chunk
        errors = process.stderr.read().decode()
    os.close(ours)
    assert process.wait() == 0, errors
    text = output.decode()
    assert text.startswith("Data: photographs of scikit-learn (32x32 crops), not CIFAR-10, from")
    warning = precision.warning("mixed_bfloat16")  # None on a processor that has bfloat16
    assert warning is None or warning in text
    bars = [part for part in text.split("\r") if "2/2" in part and "images/s" in part]
    assert bars and all("bits_per_dim: " in bar and " loss: " not in bar for bar in bars)
    assert "UserWarning" not in errors and "Traceback" not in errors
    record = records.read(
        tmp_path / "results" / "table1_cifar" / "gated_pixel_cnn-smoke-sklearn-photographs-32x32.json"
    )
    assert record.preset_settings["precision"] == "mixed_bfloat16" and record.preset_settings["xla"] is True
    assert 7.9 < record.values["test"] < 8.1


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""
