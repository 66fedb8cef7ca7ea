"""What the scripts that draw chairs share: the trained network that a record tells of, its flags, pictures on white."""

import functools
import pathlib
import re
import zlib

import numpy as np
from absl import logging
from absl.flags import argparse_flags

from image_generators.data import flag_values
from image_generators.data.chairs import embedded_chairs, view_sources
from image_generators.data.chairs import views as view_sets
from image_generators.data.chairs.key_points import of_chair
from image_generators.data.chairs.renderer import Renderer
from image_generators.evaluation import networks, records, tables, windows
from image_generators.models.weights_file import Refused

TABLE = "chairs_networks"
KEY_POINTS = 48  # of a surface


def parser(doc):
    """A parser of the flags that all these scripts have; `doc` is the script's docstring."""
    flags_parser = argparse_flags.ArgumentParser(description=doc.partition("\n")[0])
    flags_parser.add_argument(
        "--weights", type=flag_values.path, help=f"record in results/ (default: the best of {TABLE})"
    )
    flags_parser.add_argument(
        "--data",
        type=flag_values.text,
        help="data set whose best network is taken, e.g. furniture_chairs-64 (default: embedded chairs, or else any)",
    )
    flags_parser.add_argument(
        "--results_dir",
        type=flag_values.path,
        default=records.RESULTS,
        help="with records and weights (default: results/)",
    )
    flags_parser.add_argument("--seed", type=flag_values.SEED, default=0, help="of what is drawn at random")
    return flags_parser


def run(name, draw, options):
    """Draws; returns 0, or a message for `sys.exit`.

    Args:
        name: of the script, and of the folder in results/ that it writes to.
        draw: function of (network, record, options, stem) that writes files, `file(stem, ".png")`, and gives their
            paths back.
        options: with the flags of `parser`.
    """
    logging.set_verbosity(logging.WARNING)  # absl's own is INFO, at which libraries tell of their searches
    try:
        flag_values.check_folder("results_dir", options.results_dir)
        record = chosen(options)
        network = networks.restore(record, options.results_dir)
        print(f"{record.row} on {record.data_title}, {network.num_styles} styles", flush=True)
        stem = pathlib.PurePath(record.weights).name.removesuffix(".weights.h5")
        for path in draw(network, record, options, pathlib.Path(options.results_dir) / name / stem):
            print(path, flush=True)
    except (Refused, ValueError, OSError, ImportError) as error:
        return f"{name}: {error}"
    return 0


def chosen(options):
    """The record that --weights names; without it, of the records with a chairs generator's weights the best.

    Values on different data sets do not compare: without --data those on the embedded chairs come first.

    Raises:
        weights_file.Refused: there is none.
        ValueError: --weights is no record, or one of another kind of network.
    """
    results = pathlib.Path(options.results_dir)
    if options.weights:
        if not (results / options.weights).is_file():
            raise ValueError(
                f"--weights must be a record in {results}. Received: {options.weights!r}, which is no file"
            )
        record = records.read(results / options.weights)
        if not _draws_chairs(record):
            raise ValueError(f"--weights must be of a chairs generator. Received: that of {record.model!r}")
        return record
    candidates = [record for record in records.read_all(results, TABLE) if _draws_chairs(record)]
    candidates = [record for record in candidates if options.data in (None, record.data)]
    embedded = [record for record in candidates if record.data.startswith("embedded_chairs")]  # needs no other file
    candidates = embedded or candidates
    if not candidates:
        wanted = f" trained on {options.data}" if options.data else ""
        raise Refused(
            f"{results} must hold weights of a chairs generator{wanted}: run python reproduce/{TABLE}.py first"
        )
    return tables.best(candidates)


def _draws_chairs(record):
    from image_generators.models.chairs.generator import ChairsGenerator
    from image_generators.models.networks import NETWORKS

    return bool(record.weights) and issubclass(NETWORKS.get(record.model, object), ChairsGenerator)


def style(text, network, flag):
    """A style given by its number, checked.

    Raises:
        ValueError: it is none of the network's; the message names `flag`.
    """
    if not text.isdecimal() or int(text) >= network.num_styles:
        raise ValueError(f"--{flag} must be of styles 0 to {network.num_styles - 1}. Received: {text!r}")
    return int(text)


def groups(text, network, flag, size):
    """Styles in groups of `size`, given as "0-5,3-7"; [n, size]."""
    numbers = [part.split("-") for part in text.split(",")]
    if {len(group) for group in numbers} != {size}:
        example = ",".join("-".join(str(size * i + j) for j in range(size)) for i in range(2))
        raise ValueError(f"--{flag} must be groups of {size} styles, as {example}. Received: {text!r}")
    return np.array([[style(number, network, flag) for number in group] for group in numbers])


def some_styles(network, n, seed):
    """At most n of the network's styles, at random, none twice, int [n]."""
    return np.random.default_rng(seed).permutation(network.num_styles)[:n]


def one_hot(styles, network):
    """Styles as vectors, float32 [..., num_styles]: what can be mixed."""
    return np.eye(network.num_styles, dtype="float32")[styles]


def scale(network):
    """Small images are shown larger: to 128 pixels or a little more."""
    return -(-128 // network.image_shape[0])


def enlarged(images, network):
    """Images [..., size, size, 3] as large as `scale` says."""
    return windows.enlarge(images, scale(network))


def file(stem, ending):
    """The path of a picture: `stem` with `ending`, as "-turning.gif", behind it."""
    return stem.with_name(stem.name + ending)


def with_sources(flags_parser):
    """The parser with the flags that say where the views that a network was trained on come from."""
    flags_parser.add_argument("--data_dir", type=flag_values.path, help="folder of data sets (default: TFDS_DATA_DIR)")
    flags_parser.add_argument(
        "--cache_dir", type=flag_values.path, help="where rendered views are kept (default: the user's cache)"
    )
    flags_parser.add_argument(
        "--furniture", type=flag_values.path, help="sweethome3d's furniture: a .deb, a .sh3f or a folder of them"
    )
    flags_parser.add_argument(
        "--voxels", type=flag_values.path, help="modelnet10's chairs: modelnet10_chair_voxels32.npz"
    )
    return flags_parser


def sources(record):
    """[(source of data/chairs/views.py, how many of its styles or None for all)] that a record's network was trained
    on.

    Raises:
        ValueError: there is another one among them.
    """
    parts = []
    for part in record.data.split("+"):  # as experiments/chairs.py names them: "modelnet10_chairs-64-first100"
        name, first = part.partition("-")[0], re.search(r"-first(\d+)", part)
        if name not in view_sets.NAMES:
            raise ValueError(f"the network must be of {', '.join(view_sets.NAMES)}. Received: that of {record.data!r}")
        parts.append((name, int(first[1]) if first else None))
    return parts


def views(record, network, options):
    """The views that a network was trained on, and those held out: data.chairs.views.Views.

    Args:
        options: with the flags of `with_sources`.

    Raises:
        ValueError: they are not those, or not to be had; the message says what to do.
    """
    places = {name: getattr(options, name) for name in ("data_dir", "cache_dir", "furniture", "voxels")}
    size = network.image_shape[0]
    parts = [view_sets.load(name, size, styles=first, **places) for name, first in sources(record)]
    joined = functools.reduce(lambda first, second: first.join(second), parts)
    if joined.num_styles != network.num_styles:
        raise ValueError(
            f"{joined.title} must be what {record.weights} was trained on, of {network.num_styles} styles. "
            f"Received: {joined.num_styles} styles"
        )
    return joined


def key_points(record, network, options):
    """{name of a style: function without arguments that gives its data.chairs.key_points.KeyPoints}, in the standard
    views.

    Raises:
        ValueError: geometry of these chairs is not known or not to be had; the message says what to do.
    """
    readers, size = {}, network.image_shape[0]
    for name, _ in sources(record):
        if name == "embedded_chairs":
            known = embedded_chairs.key_points()
            readers |= {style: functools.partial(known.get, style) for style in known}
            continue
        designs = view_sources.find(name, options.data_dir, options.furniture, options.voxels).designs
        if designs[0].read is None:
            raise ValueError(f"key points must be of chairs whose geometry is known. Received: those of {name}")
        readers |= {design.name: functools.partial(_measured, design, size) for design in designs}
    return readers


def _measured(design, size):
    return of_chair(Renderer(design.read(), size), KEY_POINTS, zlib.crc32(design.name.encode()))
