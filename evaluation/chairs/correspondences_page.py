"""What chairs_correspondences.py measured, as Markdown: no more than the standard library, for report.py."""

import json
import pathlib

METHODS = {
    "morph_deepflow": "Tracked through the network's morph, from each image to the next, by DeepFlow",
    "morph_dis": "The same by DIS",
    "leaps_dis": "Tracked through five of its images, by DIS",
    "deepflow": "DeepFlow between the two images",
    "dis": "DIS between the two images",
    "sift": "Nearest SIFT descriptor of the chair's pixels",
    "staying": "The same place",
}
PUBLISHED = (  # all, simple, difficult; recollected: accounts of the paper differ
    ("Optical flow between the two images (DeepFlow)", "5.2", "3.3", "6.3"),
    ("SIFT flow", "4.0", "2.8", "4.8"),
    ("Tracked through the network's morph", "3.4 to 3.9", "", ""),
    ("Human", "1.1", "", ""),
)


def read_all(results_dir):
    """What was measured, by file name."""
    paths = sorted(pathlib.Path(results_dir, "chairs_correspondences").glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def page(contents):
    """What was measured, in Markdown."""
    return "\n\n".join([part for content in contents for part in _measured(content)] + _published()) + "\n"


def _measured(content):
    subsets = list(content["points"])
    yield f"## {content['data_title']}"
    lines = [("mean error in pixels; lower is better", *subsets)]
    lines += [
        (METHODS[name], *(f"{errors[subset]:.2f}" for subset in subsets))
        for name, errors in content["measured"].items()
    ]
    lines += [("points", *(f"{content['points'][subset]:,}" for subset in subsets))]
    lines += [("pairs of images", *(f"{content['pairs'][subset]:,}" for subset in subsets))]
    yield _table(lines)
    yield (
        f"Points of the surface in two views of a chair, 12 to 35 (near) and 58 to 93 degrees (far) apart; corners of "
        f"parts of two chairs (feet, upper corners of the back). {content['frames']} images a morph, drawn by "
        f"{content['model']}; OpenCV {content['versions']['opencv']}; {content['hardware']}; `{content['command']}`."
    )


def _published():
    return [
        "## Published",
        _table([("pixels, recollected", "all", "simple", "difficult"), *PUBLISHED]),
        "Another protocol, as far as we recollect it: points that people marked in images of two styles of "
        "`rendered_chairs` at 128x128, pairs called simple or difficult, and SIFT flow, which is "
        "smooth, where ours takes each point's nearest descriptor alone. Numbers are to be compared within a table, "
        "not between the two.",
    ]


def _table(lines):
    header, *rest = lines
    lines = [header, ("---",) * len(header), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
