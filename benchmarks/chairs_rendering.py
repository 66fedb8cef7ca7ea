"""Rendering: views a second of one core at 128x128, with textures and 2x2 rays a pixel; and batches of drawn views.

  python benchmarks/chairs_rendering.py [--furniture=FOLDER, .sh3f or .deb] [--voxels=FILE]            a minute

Bar: at least 30 views a second of one core, over chairs with textures, the first of the catalogue; written as
30 / (views a second) <= 1.

Time is that of the processor, not of the clock: what a core that does nothing else would take. Reading a model and
preparing it is paid once, not once a view, and stands beside; per view it counts with a 62nd.
"""

import statistics
import time

import numpy as np

from image_generators.benchmarks import timing
from image_generators.data import batches, flag_values
from image_generators.data.chairs import furniture, voxels
from image_generators.data.chairs.renderer import Renderer
from image_generators.data.chairs.view_data import standard_views
from image_generators.data.image_data import Split

MODELS = 8
VIEWS = slice(None, None, 6)  # of the 62: 11 of a model


def main(place=None, voxel_file=None):
    meshes, reading = [], []
    for design in furniture.designs(furniture.find(place), "chair"):
        start = time.process_time()
        mesh = design.read()
        if any(material.texture is not None for material in mesh.materials):
            meshes.append(mesh)
            reading.append(time.process_time() - start)
        if len(meshes) == MODELS:
            break
    measured = {
        f"seconds to read a model, mean of {MODELS} with textures": statistics.mean(reading),
        "triangles of a model, mean": statistics.mean(len(mesh.faces) for mesh in meshes),
    }
    for size in (64, 128, 256):
        preparation, seconds = zip(*(drawing(mesh, size) for mesh in meshes), strict=True)
        measured[f"seconds to prepare a model, {size}x{size}"] = statistics.mean(preparation)
        measured[f"seconds a view, {size}x{size}"] = statistics.mean(seconds)
    if voxel_file:
        found, _ = voxels.designs(voxel_file)
        measured["seconds a view of voxels, 64x64"] = statistics.mean(drawing(d.read(), 64)[1] for d in found[:MODELS])
    measured["seconds to make a batch of 32 views, 128x128"] = a_batch()
    per_view = measured["seconds a view, 128x128"]
    whole = per_view + (measured["seconds to prepare a model, 128x128"] + statistics.mean(reading)) / 62
    measured["views a second of a core, 128x128"] = 1 / per_view
    measured["views a second of a core, 128x128, with reading and preparing a model"] = 1 / whole
    bars = {
        "30 / views a second of a core, 128x128": (30 * per_view, 1.0),
        "30 / the same with reading and preparing": (30 * whole, 1.0),
    }
    timing.report("chairs_rendering", measured, bars)


def drawing(mesh, size):
    """Seconds of a core to prepare a mesh, and for a view of it."""
    azimuths, elevations = (angles[VIEWS] for angles in standard_views())
    start = time.process_time()
    renderer = Renderer(mesh, size)
    renderer.view(azimuths[0], elevations[0])  # the first view prepares textures and normals too
    prepared = time.process_time()
    renderer.views(azimuths, elevations)
    seconds = (time.process_time() - prepared) / len(azimuths)
    return prepared - start - seconds, seconds


def a_batch(views=2000, rounds=50):
    """Seconds of a core to take 32 random views and their labels from memory, as training does."""
    data = Split(np.zeros((views, 128, 128, 4), np.uint8), np.zeros((views, 3), np.float32))
    data.images[:] = 1  # else the system has not given the memory yet
    order = batches.batches(data, 32, seed=0)
    next(order)
    start = time.process_time()
    for _ in range(rounds):
        next(order)
    return (time.process_time() - start) / rounds


if __name__ == "__main__":
    given = timing.arguments(
        __doc__,
        furniture={"help": "folder, .sh3f or .deb of the package", "type": flag_values.path},
        voxels={"help": "of ModelNet10, .npz", "type": flag_values.path},
    )
    main(given.furniture, given.voxels)
