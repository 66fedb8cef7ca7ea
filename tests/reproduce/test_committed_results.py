"""What is in results/: every record's weights are the ones that it names, and today's code can load them."""

import dataclasses
import re

import pytest

from image_generators.evaluation import networks, records
from image_generators.models.networks import NETWORKS
from image_generators.reproduce import (
    fig8_two_digits,
    fig9_svhn,
    report,
    table1_cifar,
    table1_cluttered_mnist,
    table2_binarized_mnist,
)

TABLES = (*report.TABLES, "fig8_two_digits", "fig9_svhn")  # two have records and no page
RECORDS = [
    record
    for table in TABLES
    for record in records.read_all(records.RESULTS, table)
    if record.weights and record.model in NETWORKS
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: records.file_name(record).removesuffix(".json"))
def test_committed_weights_load(record):
    network = networks.restore(record, records.RESULTS)
    assert network.count_params() == record.parameters


def test_a_records_command_still_gives_its_settings():
    """Of the tables whose presets are not shared: a preset that changes wants its record measured anew."""
    before = {"gated_pixel_cnn-gpu-cifar10.json"}  # with dropout; it says so beside the table
    scripts = (fig8_two_digits, fig9_svhn, table1_cifar, table1_cluttered_mnist, table2_binarized_mnist)
    tables = {script.EXPERIMENT.table: script.EXPERIMENT for script in scripts}
    meant = {}
    for record in RECORDS:
        if record.table in tables and not record.changed:
            today = dataclasses.asdict(tables[record.table].preset(record.model, record.preset))
            now = {name: today.get(name) for name in record.preset_settings}
            meant[records.file_name(record)] = now == record.preset_settings
    assert len(meant) > 15 and {name for name, same in meant.items() if not same} == before


def test_every_file_of_weights_and_every_picture_has_its_record():
    for table in TABLES:
        kept = records.read_all(records.RESULTS, table)
        named = {name for record in kept for name in (record.weights, record.samples) if name}
        found = {
            path.relative_to(records.RESULTS).as_posix()
            for ending in ("*.weights.h5", "*.png")
            for path in (records.RESULTS / table).glob(ending)
        }
        assert {name for name in found if name.endswith(".h5")} == {name for name in named if name.endswith(".h5")}
        assert named <= found


def test_every_link_of_a_document_leads_to_a_file():
    documents = [
        *records.REPOSITORY.glob("*.md"),
        *records.RESULTS.glob("*.md"),
        *records.REPOSITORY.glob("serving/*.md"),
    ]
    links = [(page, link) for page in documents for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))]
    inside = [(page, link) for page, link in links if "://" not in link]
    assert len(inside) > 50
    assert [(page.name, link) for page, link in inside if not (page.parent / link).exists()] == []
