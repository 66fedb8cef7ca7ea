"""Tables: the right record in the right row, numbers as measured, no number beside another data set's."""

import re

import example_records
import pytest
from example_records import BOUNDS, ROWS
from example_records import of_row as make_record

from image_generators.evaluation import records, tables


def fallback(**changes):
    titles = {"data": "digits", "data_title": "Handwritten digits", "data_source": "scikit-learn", "is_fallback": True}
    return make_record(**(titles | changes))


def markdown_tables(text):
    """The tables of a Markdown text, each as a list of {heading: cell}."""
    tables = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        heading, _, *lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
        tables.append([dict(zip(heading, line, strict=True)) for line in lines])
    return tables


def table(found, rows=ROWS, metric="bits_per_dim"):
    return tables.table(rows, found, metric, "Table 1")


def ours(found):
    """Our column of the row Gated PixelCNN."""
    return markdown_tables(table(found))[0][-1]["ours"]


def test_every_row_of_the_paper_is_shown_in_its_order_measured_or_not():
    (lines,) = markdown_tables(table([]))
    assert [(line["model"], line["paper"]) for line in lines] == [
        ("Uniform", "8.00"),
        ("NICE", "4.48"),
        ("Gated PixelCNN", "3.03 (2.90)"),
    ]
    assert {cell for line in lines for cell in list(line.values())[2:]} == {"-"}


def test_a_line_shows_the_value_and_how_it_was_measured():
    record = make_record(3.054, 2.949, 3.06, 9876, weights="table1_cifar/gated.weights.h5", weights_sha256="a" * 64)
    (lines,) = markdown_tables(table([record]))
    assert lines[-1] == {
        "model": "Gated PixelCNN",
        "paper": "3.03 (2.90)",
        "ours": "3.05 (2.95)",
        "data": "CIFAR-10, 9,876 test images",
        "preset": "quick",
        "steps": "12,345",
        "training time": "13 min",
        "an epoch": "13.7 h",
        "device": "AMD EPYC, 2 cores, 23 GiB",
        "command": "`python reproduce/table1_cifar.py --preset=quick`",
        "weights": "[gated.weights.h5](table1_cifar/gated.weights.h5)",
    }
    assert lines[0]["ours"] == "-"  # and no other row has it


@pytest.mark.parametrize(
    "test, train, shown", [(3.026, None, "3.03"), (3.0349, 2.906, "3.03 (2.91)"), (3.036, 1.0, "3.04 (1.00)")]
)
def test_numbers_are_rounded_correctly(test, train, shown):
    assert ours([make_record(test, train)]) == shown


def test_missing_values_are_shown_as_a_dash():
    assert ours([make_record(None, 2.95)]) == "- (2.95)"
    assert ours([make_record(None, None, 3.0)]) == "-"


def test_untrained_rows_show_no_preset_steps_or_time():
    record = make_record(8.0, row="Uniform", model="uniform", preset="", steps=0, epochs=0.0, wall_seconds=0.0)
    line = markdown_tables(table([record]))[0][0]
    assert (line["preset"], line["steps"], line["training time"], line["ours"]) == ("-", "-", "-", "8.00")


def test_the_best_run_is_chosen_on_validation_and_never_on_test():
    better = make_record(test=3.2, validation=3.1, preset="gpu")
    luckier = make_record(test=3.0, validation=3.3)
    assert ours([better, luckier]) == ours([luckier, better]) == "3.20"


def test_a_value_on_fewer_validation_images_does_not_win():
    whole = make_record(test=3.2, validation=3.2, examples=5000)
    few = make_record(test=3.0, validation=2.5, examples=64, preset="smoke")
    assert ours([few, whole]) == "3.20"


def test_without_validation_the_latest_run_is_shown_and_validated_runs_come_first():
    old = make_record(test=3.1, date="2024-01-01T00:00:00+00:00")
    new = make_record(test=3.2, date="2024-01-02T00:00:00+00:00")
    assert ours([new, old]) == ours([old, new]) == "3.20"
    assert ours([new, make_record(test=3.3, validation=3.3, date="2023-01-01T00:00:00+00:00")]) == "3.30"


def test_two_data_sets_of_a_row_have_a_line_each():
    other = make_record(test=2.0, validation=2.0, data="cifar10_v2", data_title="CIFAR-10 v2")
    (lines,) = markdown_tables(table([make_record(test=3.0, validation=3.0), other]))
    assert [(line["data"], line["ours"]) for line in lines[2:]] == [
        ("CIFAR-10, 1,000 test images", "3.00"),
        ("CIFAR-10 v2, 1,000 test images", "2.00"),
    ]


def test_a_schedule_that_flags_gave_has_a_line_of_its_own():
    shown = {"preset": "cpu", "measurements": {"what": 1.0}, "samples": "of.png"}
    longer = make_record(test=2.0, validation=2.0, changed="steps9", **shown)
    page = table([longer, make_record(test=3.0, validation=3.0, **shown)])
    lines, measured = markdown_tables(page)
    assert list(measured[0]) == ["measured too", "Gated PixelCNN", "Gated PixelCNN, steps9"]
    assert "Samples of Gated PixelCNN, steps9:" in page
    assert [(line["preset"], line["ours"]) for line in lines[2:]] == [
        ("cpu", "3.00"),
        ("cpu, steps9", "2.00"),
    ]


@pytest.mark.parametrize("draw", ["table", "readme_table", "text_table"])
def test_fallback_numbers_stand_apart_and_without_published_ones(draw):
    """7.77 was measured on other images: it may not even follow a published number in the same block."""
    found = [fallback(test=7.77, validation=1.0), make_record(test=3.33, validation=3.0)]
    text = getattr(tables, draw)(ROWS, found, "bits_per_dim", "results/Table.md")
    real, apart = text.split("Handwritten digits", 1)
    assert "3.33" in real and "7.77" not in real
    assert "7.77" in apart and "3.03" not in apart and "paper:" not in apart and "NICE" not in apart
    assert "no published number stands beside ours" in apart and "scikit-learn" in apart


def test_each_fallback_data_set_has_its_own_heading():
    found = [fallback(test=7.7), fallback(test=6.6, data="faces", data_title="Faces")]
    text = table(found)
    assert re.findall("^## .*", text, re.MULTILINE) == [
        "## On other data: Handwritten digits",
        "## On other data: Faces",
    ]
    real, digits, faces = markdown_tables(text)
    assert {line["ours"] for line in real} == {"-"}
    assert [line["ours"] for line in digits + faces] == ["7.70", "6.60"]


def test_fallback_is_what_the_record_says_whatever_the_name():
    real, apart = markdown_tables(table([make_record(test=3.3), make_record(test=7.7, is_fallback=True)]))
    assert (real[-1]["ours"], apart[0]["ours"]) == ("3.30", "7.70")


def test_a_bound_is_shown_as_one_and_so_is_ours():
    record = make_record(90.5, row="DRAW", model="draw", metric="nats")
    text = tables.table(BOUNDS, [record], "nats", "Table 2")
    draw, dbn = markdown_tables(text)[0]
    assert (draw["paper"], draw["ours"]) == ("<= 80.97 [1]", "<= 90.50")
    assert dbn["paper"] == "~84.55 [2]"
    assert "Published numbers: [1] paper D, Table 2; [2] paper R, Table 4." in text
    assert "In nats: test (train); lower is better." in text


def test_a_row_without_any_number_is_left_out():
    nobody = BOUNDS[2]
    assert (nobody.published_test, nobody.published_train) == (None, None)
    assert nobody.name not in tables.table(BOUNDS, [], "nats", "Table 2")
    record = make_record(85.6, row=nobody.name, model=nobody.models[0], metric="nats")
    lines = markdown_tables(tables.table(BOUNDS, [record], "nats", "Table 2"))[0]
    assert [line["ours"] for line in lines] == ["-", "-", "85.60"]


def test_one_source_needs_no_number():
    assert "Published numbers: paper A, Table 1." in table([])


@pytest.mark.parametrize(
    "changes, metric, message",
    [
        (
            {"row": "PixelSNAIL"},
            "bits_per_dim",
            "rows",
        ),
        (
            {"row": "NICE"},
            "bits_per_dim",
            "rows",
        ),
        ({"metric": "nats"}, "bits_per_dim", "metric"),
        ({}, "bpd", "metric.*Received: 'bpd'"),
    ],
)
def test_a_record_that_does_not_belong_is_an_error_not_a_lost_line(changes, metric, message):
    with pytest.raises(ValueError, match=message):
        table([make_record(**changes)], metric=metric)


def test_ours_can_be_a_bound_where_the_paper_prints_no_sign():
    row = tables.Row("DRAW", 4.13, None, "paper R, Table 1", models=("draw",), ours_is_bound=True)
    record = make_record(6.95, row="DRAW", model="draw")
    (line,) = markdown_tables(tables.table([row], [record], "bits_per_dim", "Table"))[0]
    assert (line["paper"], line["ours"]) == ("4.13", "<= 6.95")


def test_pictures_of_a_classifier_are_not_called_samples():
    row = tables.Row("RAM", 3.36, None, "paper D", models=("ram",))
    record = make_record(6.86, row="RAM", model="ram", metric="error_percent", samples="table/ram.png")
    page = tables.table([row], [record], "error_percent", "Table")
    assert "Glimpses of RAM:" in page and "Samples" not in page


def test_an_unknown_sign_is_refused():
    with pytest.raises(ValueError, match="sign.*Received: '<'"):
        tables.Row("DRAW", 80.97, None, "paper D", sign="<")


def test_samples_are_shown_below_the_table_they_belong_to():
    found = [make_record(samples="table1_cifar/a.png"), fallback(samples="table1_cifar/b.png")]
    real, apart = table(found).split("Handwritten digits", 1)
    assert "![Gated PixelCNN](table1_cifar/a.png)" in real and "b.png" not in real
    assert "![Gated PixelCNN](table1_cifar/b.png)" in apart and "a.png" not in apart


def test_a_pipe_does_not_end_a_cell():
    assert r" A \| B |" in table([make_record(hardware="A | B")])


def test_documents_show_our_rows_and_link_from_their_own_folder():
    record = make_record(weights="table1_cifar/g.h5", weights_sha256="a" * 64)
    text = tables.page_table(ROWS, [record], "bits_per_dim", "results/table1_cifar.md")
    (lines,) = markdown_tables(text)
    assert [line["model"] for line in lines] == ["Uniform", "Gated PixelCNN"]
    columns = ["model", "paper", "ours", "data", "steps", "time"]
    assert list(lines[1]) == [*columns, "an epoch", "device", "command", "weights"]
    assert (lines[1]["paper"], lines[1]["ours"]) == ("3.03 (2.90)", "3.00")
    assert lines[1]["weights"] == "[g.h5](results/table1_cifar/g.h5)"
    assert "[results/table1_cifar.md](results/table1_cifar.md)" in text
    (lines,) = markdown_tables(tables.readme_table(ROWS, [record], "bits_per_dim", "results/table1_cifar.md"))
    assert list(lines[1]) == [*columns, "device"]


def test_the_terminal_s_columns_are_aligned_with_ours_beside_the_paper_s():
    lines = tables.text_table(ROWS, [make_record(3.054)], "bits_per_dim", "Table 1").splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("model"))
    body = lines[header : header + 4]
    for name, cell in (("paper", "3.03 (2.90)"), ("ours", "3.05"), ("data", "CIFAR-10,"), ("steps", "12,345")):
        assert body[0].index(name) == body[3].index(cell)
    assert body[0].index("ours") == body[2].index("-", body[2].index("4.48"))


def test_a_run_s_own_line_puts_ours_beside_the_paper_s():
    record = make_record(3.054, 2.949, 3.061)
    assert tables.comparison(ROWS[2], record) == (
        "Gated PixelCNN on CIFAR-10: test 3.05 bits/dim (paper 3.03), train 2.95 bits/dim (paper 2.90), "
        "validation 3.06 bits/dim"
    )
    bound = make_record(90.5, row="DRAW", model="draw", metric="nats")
    assert tables.comparison(BOUNDS[0], bound) == "DRAW on CIFAR-10: test <= 90.50 nats (paper <= 80.97)"
    line = tables.comparison(ROWS[2], fallback(test=3.054))
    assert "on Handwritten digits (no published number): test 3.05 bits/dim" in line
    assert "3.03" not in line


@pytest.mark.parametrize(
    "seconds, shown",
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3569, "59 min"),
        (3571, "1.0 h"),
        (12240, "3.4 h"),
        (1e7, "116 days"),
    ],
)
def test_durations_are_formatted(seconds, shown):
    assert tables.duration(seconds) == shown


@pytest.mark.parametrize(
    "hardware, notes, shown",
    [
        ("AMD EPYC, 2 cores, 24 GiB", "On 1 CPU thread(s). Started from", "AMD EPYC, 1 of 2 cores, 24 GiB"),
        ("AMD EPYC, 2 cores, 24 GiB", "Started from", "AMD EPYC, 2 cores, 24 GiB"),
        ("AMD EPYC, 1 cores, 24 GiB", "On 1 CPU thread(s).", "AMD EPYC, 1 core, 24 GiB"),
        ("NVIDIA H100 80GB HBM3", "On 1 CPU thread(s).", "NVIDIA H100 80GB HBM3"),
    ],
)
def test_the_device_says_how_many_cores_were_used(hardware, notes, shown):
    (lines,) = markdown_tables(table([make_record(hardware=hardware, notes=notes)]))
    assert lines[-1]["device"] == shown


def test_a_shared_row_stands_beside_rows_of_its_own_budget(tmp_path):
    """Of several presets those that the table itself has; all, where it has none of them."""
    row = tables.Row("shared", None, None, "", ("network",), also_in=("other",))
    for preset, value in (("cpu", 2.0), ("gpu", 1.0)):
        shared = {"table": "other", "row": "shared", "model": "network", "preset": preset, "metric": "nats"}
        records.write(example_records.record(**shared, values={"validation": value}), tmp_path)
    assert {record.preset for record in tables.read_records(tmp_path, "own", [row])} == {"cpu", "gpu"}
    records.write(example_records.record(table="own", row="own", preset="cpu"), tmp_path)
    found = [record for record in tables.read_records(tmp_path, "own", [row]) if record.table == "other"]
    assert [record.preset for record in found] == ["cpu"]
