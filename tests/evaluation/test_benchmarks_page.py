"""What a benchmark reports is kept whole, and stands in the page as met or missed."""

from image_generators.benchmarks import timing
from image_generators.evaluation import benchmarks_page


def test_every_ratio_is_shown_beside_its_limit(tmp_path, capsys):
    assert benchmarks_page.read_all(tmp_path) == []
    bars = {"ours / theirs": (0.7812, 1.0), "memory": (1.5, 1.2)}
    timing.report("step", {"seconds, ours": 0.5}, bars, tmp_path)
    assert "MISSED" in capsys.readouterr().out
    (content,) = benchmarks_page.read_all(tmp_path)
    assert content["measured"] == {"seconds, ours": 0.5}
    page = benchmarks_page.page([content])
    assert "| [step](benchmarks/step.json) | ours / theirs | 0.78 | 1 |" in page
    assert "| memory | 1.50, missed | 1.2 |" in page and content["hardware"] in page


def test_a_machine_of_one_core_and_another():
    contents = [{"benchmark": "step", "bars": {}, "hardware": f"AMD EPYC, {n} cores, 24 GiB"} for n in (1, 2)]
    page = benchmarks_page.page(contents)
    assert page.endswith("in one run, on AMD EPYC, 1 core, 24 GiB or AMD EPYC, 2 cores, 24 GiB.\n")
