"""Rendered sets of views, kept on disk: drawn once, in several processes, and gone on with after a kill.

While a set is drawn, each design's views are a file of their own in `<name>-<size>.parts`; the whole set then becomes
one `<name>-<size>.npz`, beside a text with the licence and the author of every model. Files are written whole or not at
all.
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

VERSION = "1"  # of what is drawn: files of another version are drawn again


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a set of views is made of: the same recipe gives the same arrays."""

    name: str
    title: str
    size: int
    elevations: tuple[float, ...]
    source: str = ""  # one line
    digest: str = ""  # of the files that the designs come from; "": any

    @property
    def stem(self) -> str:
        """Of the files' names."""
        words = [self.name, str(self.size)]
        if self.elevations != tuple(map(float, ELEVATIONS)):
            words.append("_".join(f"{elevation:g}" for elevation in self.elevations))
        return "-".join(words)


def folder_of(cache_dir: str | os.PathLike | None) -> pathlib.Path:
    """Where rendered sets are kept: `cache_dir`, else below XDG_CACHE_HOME, else below ~/.cache."""
    if cache_dir is not None:
        return pathlib.Path(cache_dir).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser() / "pixelcnn-chairs-draw" / "views"


def kept(recipe: Recipe, folder: pathlib.Path, styles: int | None = None) -> Views | None:
    """A drawn set, or None: there is none, or it was drawn from other files or is damaged (warned of)."""
    file = _file(recipe, folder, styles)
    if not file.is_file():
        return None
    try:
        content = npz.read(file)
        about = json.loads(str(content["about"]))
        if about["version"] != VERSION or recipe.digest not in ("", about["digest"]):
            logging.warning("%s was drawn from other files or by another version; it is drawn again.", file)
            return None
        arrays = {name: content[name] for name in ("images", "styles", "azimuths", "elevations")}
    except (KeyError, ValueError) as error:
        logging.warning("%s cannot be read (%s); it is drawn again.", file, error)
        return None
    source = about["source"]
    if about["problems"]:
        source += f"; {len(about['problems'])} damaged models left out ({', '.join(about['problems'])})"
        logging.warning("%s: %s", recipe.title, source)
    names = {name: tuple(about[name]) for name in ("style_names", "categories", "licences")}
    return Views(name=recipe.name, title=recipe.title, source=source, is_fallback=False, **arrays, **names)


def rendered(
    recipe: Recipe, designs: list[Design], folder: pathlib.Path, processes: int = 1, styles: int | None = None
) -> Views:
    """The views of all designs, or of the first `styles`, drawn unless they are kept.

    A damaged design is left out: a warning names it, and so does the set's `source`.

    Args:
        processes: how many draw side by side, at least 1.

    Raises:
        ValueError: `processes` is no integer from 1.
        DataError: no design can be drawn.
    """
    check_integers(("processes", processes, 1))
    designs, styles = designs[:styles], None if styles is None or styles >= len(designs) else styles
    views = kept(recipe, folder, styles)
    if views is not None:
        return views
    durable.sweep(folder)
    # Views of several versions or of other files are never mixed: they are in other folders.
    parts = folder / f"{recipe.stem}-{recipe.digest[:8]}-{VERSION}.parts"
    try:
        problems = _draw_all(recipe, designs, parts, processes)
        views = kept(recipe, folder, styles)  # another process may have been faster
        if views is None:
            _gather(recipe, designs, problems, parts, _file(recipe, folder, styles))
            views = kept(recipe, folder, styles)
    except FileNotFoundError:  # of parts that another process removed, which has the whole set then
        views = kept(recipe, folder, styles)
        if views is None:
            raise
    if styles is None:
        shutil.rmtree(parts, ignore_errors=True)
    return views


def _file(recipe, folder, styles):
    return folder / f"{recipe.stem}{'' if styles is None else f'-first{styles}'}.npz"


def _draw_all(recipe, designs, parts, processes):
    """Draws what is not drawn yet, with a progress bar. Returns {number of a damaged design: what is wrong}."""
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
    # Fresh processes: copies of one in which TensorFlow runs threads may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
        yield from pool.map(_draw, tasks)


def _draw(task):
    """Draws one design and keeps it; returns what is wrong with it, or None."""
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


def _gather(recipe, designs, problems, parts, file):
    good = [number for number in range(len(designs)) if number not in problems]
    if not good:
        raise DataError(f"{recipe.title}: none of {len(designs)} models can be drawn; the first: {problems.get(0)}")
    images = []
    for number in good:
        with np.load(_part(parts, number)) as content:
            images.append(content["images"])
    about = {
        "version": VERSION,
        "digest": recipe.digest,
        "source": recipe.source,
        "problems": {designs[number].name: problem for number, problem in problems.items()},
        "style_names": [designs[number].name for number in good],
        "categories": [designs[number].category for number in good],
        "licences": [designs[number].licence for number in good],
    }
    arrays = {"images": np.concatenate(images), **standard_labels(len(good), recipe.elevations)}
    lines = [f"{name}\t{licence}" for name, licence in zip(about["style_names"], about["licences"], strict=True)]
    text = "\n".join([f"# {recipe.title}. Model, licence and author.", *lines]) + "\n"
    durable.write(file.with_name(f"{file.stem}-LICENCES.txt"), text)
    with durable.writing(file) as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(about)), **arrays)
