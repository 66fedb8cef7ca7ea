"""Table 3 of arXiv 1502.04623: the `paper` presets are the paper's settings, and the page says so."""

import dataclasses

import pytest

from image_generators.reproduce import table3_draw_settings
from image_generators.reproduce.configs import draw as configs

PAPER = {  # task: glimpses, LSTM units, z, read, write
    "100x100 MNIST classification": (8, 256, None, 12, None),
    "MNIST model": (64, 256, 100, 2, 5),
    "SVHN model": (32, 800, 100, 12, 12),
    "CIFAR model": (64, 400, 200, 5, 5),
}


@pytest.mark.parametrize("task", table3_draw_settings.TASKS, ids=lambda task: task.name)
def test_the_paper_preset_has_the_papers_settings(task):
    assert table3_draw_settings.ours(task) == task.published == PAPER[task.name]


def test_all_tasks_are_there():
    assert [task.name for task in table3_draw_settings.TASKS] == list(PAPER)


def test_the_page_in_results_is_up_to_date():
    assert table3_draw_settings.PATH.read_text(encoding="utf-8") == table3_draw_settings.page()


def test_a_changed_preset_is_visible_in_the_table(monkeypatch):
    of_model = configs.SVHN["draw"]
    smaller = dataclasses.replace(of_model["paper"], model={**of_model["paper"].model, "units": 799, "write_size": 11})
    monkeypatch.setitem(of_model, "paper", smaller)
    lines = [line for line in table3_draw_settings.page().splitlines() if line.startswith("| SVHN model")]
    assert lines[0].endswith("| the paper | 32 | 800 | 100 | 12x12 | 12x12 |")
    assert lines[1].endswith("--rows=draw` | 32 | 799 | 100 | 12x12 | 11x11 |")


def test_arguments_are_refused_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(table3_draw_settings, "PATH", None)
    with pytest.raises(SystemExit, match="no arguments.*Received: --check"):
        table3_draw_settings.main(["table3_draw_settings.py", "--check"])
