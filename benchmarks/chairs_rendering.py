"""Times the rendering of views on one core, with textures and 2x2 rays per pixel, and making batches of views.

  python benchmarks/chairs_rendering.py [--furniture=FOLDER, .sh3f or .deb] [--voxels=FILE]            one minute

Limit: at least 30 views per second on one core at 128x128, for the first chairs with textures in the catalogue; as a
ratio, 30 / (views per second) <= 1.

Times are processor times, so other load on the machine does not count. Reading and preparing a model is needed once for
its 62 views; it is reported separately and also as a 62nd per view.
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
VIEWS = slice(None, None, 6)  # 11 of the 62 views of a model


def main(package=None, voxel_file=None):
    meshes, reading = [], []
    for design in furniture.designs(furniture.find(package), "chair"):
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
        preparation, seconds = zip(*(rendering(mesh, size) for mesh in meshes), strict=True)
        measured[f"seconds to prepare a model, {size}x{size}"] = statistics.mean(preparation)
        measured[f"seconds a view, {size}x{size}"] = statistics.mean(seconds)
    if voxel_file:
        designs, _ = voxels.designs(voxel_file)
        seconds = (rendering(design.read(), 64)[1] for design in designs[:MODELS])
        measured["seconds a view of voxels, 64x64"] = statistics.mean(seconds)
    measured["seconds to make a batch of 32 views, 128x128"] = batch_seconds()
    per_view = measured["seconds a view, 128x128"]
    whole = per_view + (measured["seconds to prepare a model, 128x128"] + statistics.mean(reading)) / 62
    measured["views a second of a core, 128x128"] = 1 / per_view
    measured["views a second of a core, 128x128, with reading and preparing a model"] = 1 / whole
    bars = {
        "30 / views a second of a core, 128x128": (30 * per_view, 1.0),
        "30 / the same with reading and preparing": (30 * whole, 1.0),
    }
    timing.report("chairs_rendering", measured, bars)


def rendering(mesh, size):
    """Processor seconds to prepare a mesh, and to render one view of it."""
    azimuths, elevations = (angles[VIEWS] for angles in standard_views())
    start = time.process_time()
    renderer = Renderer(mesh, size)
    renderer.view(azimuths[0], elevations[0])  # the first view also prepares textures and normals
    prepared = time.process_time()
    renderer.views(azimuths, elevations)
    seconds = (time.process_time() - prepared) / len(azimuths)
    return prepared - start - seconds, seconds


def batch_seconds(views=2000, rounds=50):
    """Processor seconds to make a batch of 32 random views and labels, as training does."""
    data = Split(np.zeros((views, 128, 128, 4), np.uint8), np.zeros((views, 3), np.float32))
    data.images[:] = 1  # so that the system allocates the memory now
    order = batches.batches(data, 32, seed=0)
    next(order)
    start = time.process_time()
    for _ in range(rounds):
        next(order)
    return (time.process_time() - start) / rounds


if __name__ == "__main__":
    furniture_flag = {"help": "folder, .sh3f or .deb of the package", "type": flag_values.path}
    voxels_flag = {"help": ".npz file with ModelNet10's chairs as voxels", "type": flag_values.path}
    options = timing.arguments(__doc__, furniture=furniture_flag, voxels=voxels_flag)
    main(options.furniture, options.voxels)
