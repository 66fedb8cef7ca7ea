"""Sources of sets of views: for each name, its designs and a digest of its files."""

import dataclasses
import os

from image_generators.data.chairs import furniture as furniture_models
from image_generators.data.chairs import rendered_chairs
from image_generators.data.chairs import voxels as voxel_designs
from image_generators.data.chairs.mesh import Design

CATEGORIES = {"furniture_chairs": "chair", "furniture_tables": "table", "furniture_vehicles": "vehicle"}
TITLES = {
    "furniture_chairs": "chairs of sweethome3d-furniture",
    "furniture_tables": "tables of sweethome3d-furniture",
    "furniture_vehicles": "vehicles of sweethome3d-furniture",
    "modelnet10_chairs": "chairs of ModelNet10 (voxels)",
    "rendered_chairs": "rendered_chairs (809 models)",
}


@dataclasses.dataclass(frozen=True)
class Source:
    """The designs of a set before rendering."""

    designs: list[Design]
    description: str  # where they come from and what was left out, in one line
    digest: str  # SHA-256, in hex, of their files


def find(
    name: str,
    data_dir: str | os.PathLike | None,
    furniture: str | os.PathLike | None,
    voxels: str | os.PathLike | None,
) -> Source:
    """Finds the designs of the set `name`. Arguments are as for `views.load`.

    Raises:
        DataError: files are missing or damaged; the message says what to do.
    """
    if name == "modelnet10_chairs":
        designs, left_out = voxel_designs.designs(voxels)
        return Source(designs, f"voxels of ModelNet10, drawn here; {left_out}", voxel_designs.digest(voxels))
    if name == "rendered_chairs":
        path = rendered_chairs.find(data_dir)
        description = f"{path.name} of Aubry et al., reduced here"
        return Source(rendered_chairs.designs(path), description, rendered_chairs.digest(path))
    files = furniture_models.find(furniture)
    designs = furniture_models.designs(files, CATEGORIES[name])
    return Source(designs, "Debian's sweethome3d-furniture, drawn here", furniture_models.digest(files))
