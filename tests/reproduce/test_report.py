"""Report: pages and documents hold what the records give, and nothing else of theirs is touched."""

import importlib
import re
import sys
import types

import pytest
from example_records import BOUNDS, ROWS
from example_records import of_row as make_record

from image_generators.evaluation import records
from image_generators.reproduce import report

README = "# Title\n\n<!-- table1_cifar:begin -->\nold\n<!-- table1_cifar:end -->\n\nlast words\n"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder with one record, beside a README with markers; the table's script is replaced by `ROWS`."""
    script = types.SimpleNamespace(ROWS=ROWS, TITLE="Table 1, CIFAR-10")
    monkeypatch.setitem(sys.modules, "image_generators.reproduce.table1_cifar", script)
    monkeypatch.setattr(report, "TABLES", {"table1_cifar": "bits_per_dim"})
    (tmp_path / "README.md").write_text(README)
    records.write(make_record(3.054), tmp_path / "results")
    return tmp_path / "results"


def run(results_dir, *flags):
    return report.main(report.parse(["report.py", f"--results_dir={results_dir}", *flags]))


def test_drawing_fills_the_page_and_the_readme_s_part_only(results):
    assert run(results) is None
    page = (results / "table1_cifar.md").read_text()
    assert page.startswith("<!-- Drawn by") and "# Table 1, CIFAR-10" in page and "| 3.05 |" in page
    readme = (results.parent / "README.md").read_text()
    assert readme.startswith("# Title\n\n<!-- table1_cifar:begin -->\n") and "| 3.05 |" in readme
    assert readme.endswith("\n<!-- table1_cifar:end -->\n\nlast words\n") and "old" not in readme
    assert (
        run(results) is None and (results.parent / "README.md").read_text() == readme
    )  # drawing again changes nothing


def test_each_table_fills_its_own_page_and_part(results, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "image_generators.reproduce.table2", types.SimpleNamespace(ROWS=BOUNDS, TITLE="Table 2, MNIST")
    )
    monkeypatch.setitem(report.TABLES, "table2", "nats")
    bound = make_record(90.5, table="table2", row="DRAW", model="draw", metric="nats")
    records.write(bound, results)
    readme = results.parent / "README.md"
    assert "<!-- table2:begin -->" in run(results)
    readme.write_text("<!-- table2:begin -->\n<!-- table2:end -->\n" + README)
    assert run(results) is None
    first, last = readme.read_text().split("<!-- table2:end -->")
    assert "| <= 90.50 |" in first and "| 3.05 |" not in first and "| 3.05 |" in last and "90.50" not in last
    pages = [(results / f"{name}.md").read_text() for name in ("table1_cifar", "table2")]
    assert ["# Table 2, MNIST" in page for page in pages] == ["90.50" in page for page in pages] == [False, True]


def test_a_table_without_records_takes_one_line_of_the_readme(results):
    next((results / "table1_cifar").glob("*.json")).unlink()
    assert run(results) is None
    readme = (results.parent / "README.md").read_text()
    assert "begin -->\nNothing of it is measured yet: `python reproduce/table1_cifar.py`.\n<!--" in readme


def test_a_page_of_results_has_more_than_the_readme_and_its_own_links(results):
    """The same records; in the README no commands, weights or what else was measured."""
    record = make_record(
        3.054, weights="table1_cifar/g.weights.h5", weights_sha256="a" * 64, measurements={"label, bits": 1.5}
    )
    records.write(record, results)
    (results / "pixelcnn.md").write_text(README)
    assert run(results) is None
    readme, page = (results.parent / "README.md").read_text(), (results / "pixelcnn.md").read_text()
    assert "| 3.05 |" in readme and "(results/table1_cifar.md)" in readme
    assert "--preset" not in readme and "weights" not in readme and "label, bits" not in readme
    assert "| 3.05 |" in page and "(table1_cifar.md)" in page and "`python reproduce/table1_cifar.py" in page
    assert "[g.weights.h5](table1_cifar/g.weights.h5)" in page and "| label, bits | 1.5 |" in page
    (results / "pixelcnn.md").write_text(page.replace("3.05", "3.03"))
    assert "pixelcnn.md" in run(results, "--check")


def test_the_tables_are_those_of_the_scripts_and_of_the_documents():
    """Every script names its table as its file is called; its metric is one; README or pages have a place for it."""
    drawn, problems = report.files()
    assert problems == []
    assert {path.name for path in drawn} >= {"README.md", *report.PAGES}
    for name, metric in report.TABLES.items():
        experiment = importlib.import_module(f"image_generators.reproduce.{name}").EXPERIMENT
        assert (experiment.table, experiment.metric) == (name, metric) and metric in records.METRICS
    for name in (*report.TABLES, *report.OTHERS):
        assert any(f"<!-- {name}:begin -->" in text for text in drawn.values())


def test_check_fails_until_drawn_and_again_after_a_new_record(results, capsys):
    assert "not what the records give" in run(results, "--check")
    assert (results.parent / "README.md").read_text() == README and not (results / "table1_cifar.md").exists()
    run(results)
    assert run(results, "--check") is None
    assert "wrote 0 of 2 files; the others are what the records give" in capsys.readouterr().out
    records.write(make_record(3.01, preset="gpu", date="2025-01-01T00:00:00+00:00"), results)
    assert "README.md" in run(results, "--check") and "table1_cifar.md" in run(results, "--check")


def test_check_sees_a_number_typed_by_hand(results):
    run(results)
    readme = results.parent / "README.md"
    readme.write_text(readme.read_text().replace("| 3.05 |", "| 3.03 |"))
    assert "README.md" in run(results, "--check") and "table1_cifar.md" not in run(results, "--check")


@pytest.mark.parametrize(
    "text", ["# Title\n", README + README, "<!-- table1_cifar:end -->\n<!-- table1_cifar:begin -->\n"]
)
def test_a_readme_without_markers_is_refused(results, text):
    (results.parent / "README.md").write_text(text)
    assert re.search("README.md.*<!-- table1_cifar:begin -->", run(results))
    assert (results.parent / "README.md").read_text() == text


def test_a_folder_elsewhere_needs_no_readme(results):
    (results.parent / "README.md").unlink()
    assert run(results) is None and (results / "table1_cifar.md").exists()
    assert [path.name for path in results.parent.iterdir()] == ["results"]


def test_a_broken_record_is_named_and_the_other_tables_are_drawn(results, monkeypatch):
    """Its own table stays as it was: it must not lose a result."""
    monkeypatch.setitem(
        sys.modules, "image_generators.reproduce.table2", types.SimpleNamespace(ROWS=BOUNDS, TITLE="Table 2, MNIST")
    )
    monkeypatch.setitem(report.TABLES, "table2", "nats")
    records.write(make_record(90.5, table="table2", row="DRAW", model="draw", metric="nats"), results)
    (results.parent / "README.md").write_text("<!-- table2:begin -->\n<!-- table2:end -->\n" + README)
    bad = results / "table1_cifar" / "bad.json"
    bad.write_text("{}")
    for flags in ((), ("--check",)):
        assert f"table1_cifar is not drawn: {bad} " in run(results, *flags)
    bad.unlink()
    records.write(make_record(3.0, row="no such row"), results)
    assert "'no such row'" in run(results)
    assert not (results / "table1_cifar.md").exists() and "90.50" in (results / "table2.md").read_text()
    readme = (results.parent / "README.md").read_text()
    assert "| <= 90.50 |" in readme and readme.endswith(README)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null"])
def test_a_damaged_file_of_another_kind_is_named(results, text):
    (results / "compress").mkdir()
    (results / "compress" / "bad.json").write_text(text)
    assert f"compress is not drawn: a file in {results / 'compress'} is damaged" in run(results)
    assert (results / "table1_cifar.md").exists()


def test_a_missing_results_folder_is_refused(results):
    assert "results_dir" in run(results / "absent")
