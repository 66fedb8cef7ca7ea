"""Which point of one chair is which of another: tracked through a morph between the two (arXiv 1411.5928).

python reproduce/chairs_correspondences.py              measures, into results/chairs_correspondences/
python reproduce/chairs_correspondences.py --pairs=5    quickly

The network draws 64 images from one view to another, or from one style to another; points are tracked through them by
the optical flow from each image to the next (DeepFlow, as in the paper, and DIS), and from every sixteenth to the next:
of small steps the errors add up, as much as an image of 64x64 lets them. Measured against geometry, in pixels
(data/chairs/key_points.py):

  views, near   the same point of the surface in two views of one style, 1 to 3 steps of azimuth (12 to 35 degrees) off
  views, far    5 to 8 steps (58 to 93 degrees) off
  styles        the same corner, as a front foot or an upper corner of the back, of two styles in one view

Beside it: both optical flows from the first image to the second; the pixel of the second chair with the nearest SIFT
descriptor; points that stay where they are. These see the two rendered images; the morph is drawn by the network from
styles and views alone, and starts from its own image of the first.

In the picture a row is a pair: the rendered first image with points, five of the 64 images with the tracks, the second
image with the true places, and the second image's colours carried back to the first.
"""

import collections
import datetime
import json
import sys

import numpy as np
from absl import app
from PIL import Image, ImageDraw

from image_generators.data import durable, flag_values
from image_generators.evaluation import pictures, records, windows
from image_generators.evaluation.chairs import correspondences_page as chairs_correspondences_page
from image_generators.evaluation.chairs import figures as chairs_figures
from image_generators.evaluation.chairs import optical_flow
from image_generators.evaluation.chairs import pairs as chairs_pairs
from image_generators.models.chairs.images import Generated, data_on_white, on_white
from image_generators.training import machine

FRAMES = 64
# Chosen on true renderings, no network's, with DIS: in turns by 30 degrees of eight furniture chairs at 64x64 the mean
# error was 5.5 pixels in 32 steps, 3.6 in 8, 3.1 in 4, 3.7 in one.
LEAPS = 4
PAIRS = 40  # of each subset
SHOWN = 2  # pairs of each subset in the picture
COLUMNS = 5  # frames of a pair in the picture
COLOURS = ((230, 30, 30), (30, 160, 60), (40, 80, 230), (240, 150, 0), (160, 40, 200), (0, 170, 190))


def morph(network, pair, frames=FRAMES):
    """The network's images from the first to the second of a pair, uint8 [frames, size, size, 4]."""
    second = np.linspace(0, 1, frames, dtype="float32")[:, None]
    first, other = chairs_figures.one_hot(list(pair.styles), network)
    drawn = network.generate((1 - second) * first + second * other, np.linspace(*pair.azimuths, frames), pair.elevation)
    return np.concatenate([drawn.images, drawn.masks[..., None]], axis=-1)


def by_tracking(flow, leaps=None):
    """A method: points are tracked through a pair's morph, or through so many leaps of it."""

    def follow(pair, frames):
        taken = np.arange(len(frames)) if leaps is None else np.rint(np.linspace(0, len(frames) - 1, leaps + 1))
        return optical_flow.track(optical_flow.contrast(frames[taken.astype(int)]), pair.points[0], flow)[-1]

    return follow


def by_flow(flow):
    """A method: the flow from the first image of a pair to the second."""
    return lambda pair, frames: by_tracking(flow)(pair, pair.images)


def by_sift(pair, frames):
    first, second = optical_flow.contrast(pair.images)
    return optical_flow.sift_matches(first, second, pair.points[0], pair.images[1, ..., 3] > 127)


def by_staying(pair, frames):
    return pair.points[0]


METHODS = {  # name in the record -> function of a pair and its morph: where its points are in the second image
    "morph_deepflow": by_tracking(optical_flow.deep_flow),
    "morph_dis": by_tracking(optical_flow.dis_flow),
    "leaps_dis": by_tracking(optical_flow.dis_flow, LEAPS),
    "deepflow": by_flow(optical_flow.deep_flow),
    "dis": by_flow(optical_flow.dis_flow),
    "sift": by_sift,
    "staying": by_staying,
}


def measure(network, pairs):
    """Mean errors in pixels over all points of a subset: ({method: {subset: error}}, {subset: points})."""
    errors = {name: collections.defaultdict(list) for name in METHODS}
    for done, pair in enumerate(pairs, start=1):
        frames = morph(network, pair)
        for name, method in METHODS.items():
            errors[name][pair.subset] += optical_flow.errors(method(pair, frames), pair.points[1]).tolist()
        if done % 10 == 0:
            print(f"{done} of {len(pairs)} pairs", flush=True)
    means = {
        name: {subset: float(np.mean(of)) for subset, of in by_subset.items()} for name, by_subset in errors.items()
    }
    return means, {subset: len(by_subset) for subset, by_subset in errors["staying"].items()}


def picture(network, pairs):
    """See the top of this file."""
    return pictures.grid(np.concatenate([_row(network, pair) for pair in pairs]), columns=COLUMNS + 3)


def _row(network, pair):
    frames = morph(network, pair)
    seen = optical_flow.contrast(frames)
    tracks, scale = optical_flow.track(seen, pair.points[0]), chairs_figures.scale(network)
    first, second = data_on_white(pair.images)
    drawn = on_white(Generated(frames[..., :3], frames[..., 3]))
    cells = [_with_tracks(first, pair.points[:1], scale)]
    for t in np.rint(np.linspace(0, len(frames) - 1, COLUMNS)).astype(int):
        cells.append(_with_tracks(drawn[t], tracks[: t + 1], scale))
    cells.append(_with_tracks(second, pair.points[1:], scale))
    cells.append(windows.enlarge(carried_back(second, pair.images[0, ..., 3], seen), scale))
    return np.stack(cells)


def carried_back(second, first_mask, seen):
    """Colours of the second image, where the points of the first have come to; white outside the first's mask.

    Args:
        second: uint8 [size, size, 3].
        first_mask: uint8 [size, size].
        seen: frames of the morph as the flow sees them, uint8 [frames, size, size].
    """
    import cv2

    moved = optical_flow.concatenate([optical_flow.deep_flow(*two) for two in zip(seen[:-1], seen[1:], strict=True)])
    rows, columns = np.indices(first_mask.shape).astype("float32")
    taken = cv2.remap(
        second, columns + moved[..., 0], rows + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.where(first_mask[..., None] > 127, taken, 255).astype("uint8")


def _with_tracks(image, tracks, scale):
    """An image enlarged, with the paths of points [frames, n, 2] and a dot where they are at last."""
    drawing = Image.fromarray(windows.enlarge(image, scale))
    pen, radius = ImageDraw.Draw(drawing), max(3, scale)
    for i, path in enumerate(np.swapaxes((tracks + 0.5) * scale, 0, 1)):
        colour = COLOURS[i % len(COLOURS)]
        if len(path) > 1:
            pen.line([tuple(point) for point in path.tolist()], fill=colour, width=1)
        x, y = path[-1].tolist()
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=(255, 255, 255))
    return np.asarray(drawing)


def draw(network, record, options, stem):
    """Measures, keeps, prints and draws; returns the paths of what it wrote."""
    import cv2

    views = chairs_figures.views(record, network, options)
    geometry = chairs_pairs.Geometry(views, chairs_figures.key_points(record, network, options))
    pairs = chairs_pairs.draw_pairs(geometry, options.pairs, options.seed)
    measured, points = measure(network, pairs)
    counts = collections.Counter(pair.subset for pair in pairs)
    content = {
        "model": record.weights.removesuffix(".weights.h5"),
        "data": record.data,
        "data_title": record.data_title,
        "size": network.image_shape[0],
        "frames": FRAMES,
        "measured": measured,
        "points": points,
        "pairs": dict(counts),
        "seed": options.seed,
        "hardware": machine.describe(),
        "versions": records.versions() | {"opencv": cv2.__version__},
        "commit": records.git_commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": records.command_line(sys.argv),
    }
    path = chairs_figures.file(stem, ".json")
    durable.write(path, json.dumps(content, indent=2) + "\n")
    print(chairs_correspondences_page.page([content]))
    shown = [
        pair for subset in chairs_pairs.SUBSETS for pair in [pair for pair in pairs if pair.subset == subset][:SHOWN]
    ]
    return [path, pictures.save_png(chairs_figures.file(stem, ".png"), picture(network, shown))]


def parse(argv):
    """The arguments in `argv`; no absl flags, as in report.py."""
    parser = chairs_figures.with_sources(chairs_figures.parser(__doc__))
    parser.add_argument(
        "--pairs", type=flag_values.integer(1), default=PAIRS, help=f"of images, of each kind (default: {PAIRS})"
    )
    return parser.parse_args(argv[1:])


def run(options):
    """Measures; returns 0, or a message for `sys.exit`."""
    return chairs_figures.run("chairs_correspondences", draw, options)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
