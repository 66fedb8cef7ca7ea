"""Renders sets of views and caches them on disk. Several processes can render, and a killed run can be resumed.

During rendering, the views of each design are a file in `<name>-<size>-<digest>-<version>.parts`. The complete set is
`<name>-<size>.npz`, beside a text file with the licence and author of every model. Files are written atomically.
"""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import shutil

import numpy as np
from absl import logging

from image_generators.data import durable
from image_generators.data.batches import check_integers
from image_generators.data.chairs.mesh import Design
from image_generators.data.chairs.view_data import ELEVATIONS, Views, standard_labels, standard_views
from image_generators.data.sources import npz
from image_generators.data.sources.catalogue import DataError

VERSION = "1"  # version of the renderer: sets of other versions are rendered again


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a set of views is rendered from. Equal recipes give equal arrays."""

    name: str
    title: str
    size: int  # pixels
    elevations: tuple[float, ...]  # degrees
    source: str = ""  # description in one line
    digest: str = ""  # of the files that the designs come from; "" accepts any

    @property
    def stem(self) -> str:
        """The stem of the names of the set's files."""
        words = [self.name, str(self.size)]
        if self.elevations != tuple(map(float, ELEVATIONS)):
            words.append("_".join(f"{elevation:g}" for elevation in self.elevations))
        return "-".join(words)


def folder_of(cache_dir: str | os.PathLike | None) -> pathlib.Path:
    """The folder of rendered sets: `cache_dir`, or a folder in XDG_CACHE_HOME or ~/.cache."""
    if cache_dir is not None:
        return pathlib.Path(cache_dir).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser() / "pixelcnn-chairs-draw" / "views"


def cached(recipe: Recipe, folder: pathlib.Path, styles: int | None = None) -> Views | None:
    """A cached set, or None if it does not exist, is damaged, or was rendered from other files.

    Args:
        recipe: the set.
        folder: the cache.
        styles: number of styles of a partial set; None for the complete set.
    """
    file = _file(recipe, folder, styles)
    if not file.is_file():
        return None
    try:
        arrays = npz.read(file)
        metadata = json.loads(str(arrays["about"]))
        if metadata["version"] != VERSION or recipe.digest not in ("", metadata["digest"]):
            logging.warning("%s was rendered from other files or by another version; it is rendered again.", file)
            return None
        arrays = {name: arrays[name] for name in ("images", "styles", "azimuths", "elevations")}
    except (KeyError, ValueError) as error:
        logging.warning("%s cannot be read (%s); it is rendered again.", file, error)
        return None
    source = metadata["source"]
    if metadata["problems"]:
        source += f"; {len(metadata['problems'])} damaged models left out ({', '.join(metadata['problems'])})"
        logging.warning("%s: %s", recipe.title, source)
    names = {name: tuple(metadata[name]) for name in ("style_names", "categories", "licences")}
    return Views(name=recipe.name, title=recipe.title, source=source, is_fallback=False, **arrays, **names)


def rendered(
    recipe: Recipe, designs: list[Design], folder: pathlib.Path, processes: int = 1, styles: int | None = None
) -> Views:
    """Loads a set from the cache, or renders it.

    Damaged designs are left out. A warning and the set's `source` name them.

    Args:
        recipe: the set.
        designs: its styles.
        folder: the cache.
        processes: number of processes that render in parallel, at least 1.
        styles: number of styles to render; None for all.

    Raises:
        ValueError: `processes` is not an integer of at least 1.
        DataError: no design can be rendered.
    """
    check_integers(("processes", processes, 1))
    designs, styles = designs[:styles], None if styles is None or styles >= len(designs) else styles
    views = cached(recipe, folder, styles)
    if views is not None:
        return views
    durable.sweep(folder)
    # The folder's name has the digest and version, so that views of different sources are never mixed.
    parts = folder / f"{recipe.stem}-{recipe.digest[:8]}-{VERSION}.parts"
    try:
        problems = _draw_all(recipe, designs, parts, processes)
        views = cached(recipe, folder, styles)  # another process may have been faster
        if views is None:
            _join(recipe, designs, problems, parts, _file(recipe, folder, styles))
            views = cached(recipe, folder, styles)
    except FileNotFoundError:  # another process completed the set and removed its parts
        views = cached(recipe, folder, styles)
        if views is None:
            raise
    if styles is None:
        shutil.rmtree(parts, ignore_errors=True)
    return views


def _file(recipe, folder, styles):
    return folder / f"{recipe.stem}{'' if styles is None else f'-first{styles}'}.npz"


def _draw_all(recipe, designs, parts, processes):
    """Renders missing parts, with a progress bar. Returns {index of a damaged design: reason}."""
    from tqdm import tqdm

    missing = [number for number in range(len(designs)) if not _part(parts, number).is_file()]
    problems = {}
    tasks = [(recipe, designs[number], _part(parts, number)) for number in missing]
    with tqdm(total=len(designs), initial=len(designs) - len(missing), desc=recipe.stem, unit="model") as bar:
        for number, problem in zip(missing, _results(tasks, processes), strict=True):
            if problem:
                problems[number] = problem
                logging.warning("%s is left out: %s", designs[number].name, problem)
            bar.update()
    return problems


def _results(tasks, processes):
    if processes == 1 or len(tasks) < 2:
        yield from map(_draw, tasks)
        return
    # Not fork: copies of a process with TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
        yield from pool.map(_draw, tasks)


def _draw(task):
    """Renders one design to its file. Returns None, or the reason why the design is damaged."""
    recipe, design, path = task
    azimuths, elevations = standard_views(recipe.elevations)
    try:
        images = design.draw(recipe.size, azimuths, elevations)
    except DataError as error:
        return str(error)
    with durable.writing(path) as file:
        np.savez_compressed(file, images=images)
    return None


def _part(parts, number):
    return parts / f"{number:04d}.npz"


def _join(recipe, designs, problems, parts, file):
    """Writes the complete set and its licences from the parts."""
    good = [number for number in range(len(designs)) if number not in problems]
    if not good:
        raise DataError(f"{recipe.title}: none of {len(designs)} models can be drawn; the first: {problems.get(0)}")
    images = []
    for number in good:
        with np.load(_part(parts, number)) as part:
            images.append(part["images"])
    metadata = {
        "version": VERSION,
        "digest": recipe.digest,
        "source": recipe.source,
        "problems": {designs[number].name: problem for number, problem in problems.items()},
        "style_names": [designs[number].name for number in good],
        "categories": [designs[number].category for number in good],
        "licences": [designs[number].licence for number in good],
    }
    arrays = {"images": np.concatenate(images), **standard_labels(len(good), recipe.elevations)}
    lines = [f"{name}\t{licence}" for name, licence in zip(metadata["style_names"], metadata["licences"], strict=True)]
    text = "\n".join([f"# {recipe.title}. Model, licence and author.", *lines]) + "\n"
    durable.write(file.with_name(f"{file.stem}-LICENCES.txt"), text)
    with durable.writing(file) as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(metadata)), **arrays)
