"""The README's Python runs, and the networks that its prose names can be made."""

import pathlib
import re

import numpy as np
import pytest

from image_generators.models.networks import NETWORKS

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SMALLER = {
    "filters=48, depth=5, head_filters=96": "filters=6, depth=1",
    "steps=64": "steps=2",
    "width=0.5": "width=0.02",
}


RANDOM = np.random.default_rng(0)
GIVEN = {  # what a snippet takes for granted, by the model it makes
    "trained.find()": {},
    "GatedPixelCNN(": {"images": RANDOM.integers(0, 256, (2, 32, 32, 3)).astype("uint8")},
    "Draw(": {"images": RANDOM.integers(0, 2, (2, 28, 28, 1)).astype("uint8")},
    "ChairsGenerator(": {
        "images": RANDOM.integers(0, 256, (2, 64, 64, 4)).astype("uint8"),
        "azimuths": [0, 90],
        "elevations": [20, 20],
    },
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippets_run(snippet):
    """Of smaller networks, line by line; where a comment tells the shape that a line gives, it gives that."""
    (names,) = (dict(given) for model, given in GIVEN.items() if model in snippet)
    for full, small in SMALLER.items():
        snippet = snippet.replace(full, small)
    for line in snippet.splitlines():
        code, _, comment = line.partition("  # ")
        told = re.match(r"(?:\.(\w+) )?uint8 (\[[\d, ]+\])", comment)
        if told is None:
            exec(code, names)
            continue
        given = eval(code, names)
        array = getattr(given, told[1]) if told[1] else given
        assert (str(array.dtype), str(list(array.shape))) == ("uint8", told[2]), code


def test_snippets_are_found_and_take_smaller_networks():
    assert len(SNIPPETS) == len(GIVEN)
    assert [full for full in SMALLER if not any(full in snippet for snippet in SNIPPETS)] == []


CLASSES = {network.__name__: network for network in NETWORKS.values()}
MADE = [call for call in re.findall(r"`(\w+\([^`]*\))`", README) if call.partition("(")[0] in CLASSES]


@pytest.mark.parametrize("call", MADE)
def test_networks_of_the_prose_can_be_made(call):
    model = eval(call, dict(CLASSES))
    model.build()
    assert model.count_params() > 0
