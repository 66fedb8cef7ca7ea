"""Where sets of views come from: for each name its designs, ready to be drawn, and what tells its files from others."""

import dataclasses

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
    """The designs of a set before they are drawn."""

    designs: list[Design]
    description: str  # one line: where they come from and what was left out
    digest: str  # SHA-256, in hex, of the files that they come from


def find(name, data_dir, furniture, voxels) -> Source:
    """The designs of the set `name`; arguments as of `views.load`.

    Raises:
        DataError: the files are not there or damaged; the message says what to do.
    """
    if name == "modelnet10_chairs":
        designs, left_out = voxel_designs.designs(voxels)
        return Source(designs, f"voxels of ModelNet10, drawn here; {left_out}", voxel_designs.digest(voxels))
    if name == "rendered_chairs":
        place = rendered_chairs.find(data_dir)
        description = f"{place.name} of Aubry et al., reduced here"
        return Source(rendered_chairs.designs(place), description, rendered_chairs.digest(place))
    files = furniture_models.find(furniture)
    designs = furniture_models.designs(files, CATEGORIES[name])
    return Source(designs, "Debian's sweethome3d-furniture, drawn here", furniture_models.digest(files))
