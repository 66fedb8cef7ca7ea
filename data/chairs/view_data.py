"""What a set of views of objects is once it is in memory: RGBA images, each with its style and where it is seen from.

A *style* is one design, a *view* an image of it from an azimuth and an elevation. Azimuth 0 is the front. As it grows,
the camera goes round the object towards what is on the right in the view from the front: counter-clockwise, seen from
above. Elevation is the camera's height above the horizon.

Colour stands on black, multiplied by coverage: what the loss of arXiv 1411.5928 compares with (x * mask).
"""

import dataclasses
import functools

import numpy as np

from image_generators.data.batches import check_integers, generator
from image_generators.data.image_data import ImageData, Split

AZIMUTHS = tuple(k * 360 // 31 for k in range(31))  # degrees: 0 11 23 34 ... 348, those of rendered_chairs
ELEVATIONS = (20, 30)  # degrees, likewise
SIZES = (64, 128, 256)  # pixels
VIEWS = 3  # key of the random numbers of these splits


@dataclasses.dataclass(frozen=True, eq=False)
class Views:
    """Images of objects from known sides.

    Raises:
        ValueError: arrays of other types or shapes than stand here, or a style without a name.
    """

    name: str
    title: str  # for table headings
    source: str  # one line: where it came from, and what was left out
    is_fallback: bool  # not the set that was asked for
    images: np.ndarray  # uint8 [n, size, size, 4]: colour multiplied by coverage, coverage
    styles: np.ndarray  # int32 [n]
    azimuths: np.ndarray  # float32 [n], degrees
    elevations: np.ndarray  # float32 [n], degrees
    style_names: tuple[str, ...]  # by style
    categories: tuple[str, ...]  # by style: "chair", "table" or "vehicle"
    licences: tuple[str, ...]  # by style: licence and author

    def __post_init__(self):
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape[1:2] * 2 + (4,) != self.images.shape[1:]:
            found = f"{self.images.dtype} {self.images.shape}"
            raise ValueError(f"images is {found}; accepted: uint8 [n, size, size, 4]")
        for name, dtype in (("styles", np.int32), ("azimuths", np.float32), ("elevations", np.float32)):
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != (n,):
                raise ValueError(f"{name} is {array.dtype} {array.shape}; accepted: {dtype.__name__} [{n}]")
        if not len(self.style_names) == len(self.categories) == len(self.licences):
            lengths = f"{len(self.style_names)}, {len(self.categories)} and {len(self.licences)}"
            raise ValueError(f"style_names, categories and licences have {lengths} entries; accepted: as many of each")
        if n and not 0 <= self.styles.min() <= self.styles.max() < self.num_styles:
            found = f"{self.styles.min()} to {self.styles.max()}"
            raise ValueError(f"styles is {found}; accepted: 0 to {self.num_styles - 1}, for so many have names")
        if n and not np.abs(self.elevations).max() <= 90:
            raise ValueError(f"elevations reaches {np.abs(self.elevations).max():g}; accepted: -90 to 90 degrees")

    def __len__(self):
        return len(self.images)

    @property
    def num_styles(self) -> int:
        """Styles that are numbered here, with or without a view."""
        return len(self.style_names)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """What a model is told of every image: style, azimuth, elevation (degrees), float32 `[n, 3]`."""
        return np.stack([self.styles.astype(np.float32), self.azimuths, self.elevations], axis=1)

    def select(self, keep) -> "Views":
        """Some of the views, by bool `[n]` or by positions; styles keep their numbers and names."""
        keep = np.asarray(keep)
        if keep.dtype == bool and keep.shape != (len(self),):
            raise ValueError(f"keep is bool {keep.shape}; accepted: bool [{len(self)}], or positions")
        keep = keep if keep.size else keep.astype(int)  # to NumPy an empty list is one of floats
        arrays = {name: getattr(self, name)[keep] for name in ("images", "styles", "azimuths", "elevations")}
        return dataclasses.replace(self, **arrays)

    def first(self, styles: int) -> "Views":
        """The views of the first `styles` styles, which alone are numbered and named."""
        here = self.select(self.styles < styles)
        names = {name: getattr(self, name)[:styles] for name in ("style_names", "categories", "licences")}
        return dataclasses.replace(here, **names)

    def join(self, other: "Views") -> "Views":
        """These views and those of `other`, whose styles are numbered after these.

        Raises:
            ValueError: the two are of different sizes.
        """
        if self.images.shape[1:] != other.images.shape[1:]:
            raise ValueError(
                f"other has images of {other.images.shape[1]} pixels; accepted: {self.images.shape[1]}, as here"
            )
        later = (other.styles + self.num_styles).astype(np.int32)
        return Views(
            name=f"{self.name}+{other.name}",
            title=f"{self.title} and {other.title}",
            source=f"{self.source}; {other.source}",
            is_fallback=self.is_fallback or other.is_fallback,
            images=np.concatenate([self.images, other.images]),
            styles=np.concatenate([self.styles, later]),
            azimuths=np.concatenate([self.azimuths, other.azimuths]),
            elevations=np.concatenate([self.elevations, other.elevations]),
            style_names=self.style_names + other.style_names,
            categories=self.categories + other.categories,
            licences=self.licences + other.licences,
        )

    def split(self, train, validation, test) -> ImageData:
        """The views of three masks as a data set whose labels are `labels`.

        Args:
            train, validation, test: bool `[n]`, no view in two of them.

        Raises:
            ValueError: one is no such mask or empty, or two overlap.
        """
        masks = {"train": train, "validation": validation, "test": test}
        for name, mask in masks.items():
            masks[name] = mask = np.asarray(mask)
            if mask.dtype != bool or mask.shape != (len(self),) or not mask.any():
                found = f"{mask.dtype} {mask.shape} with {np.count_nonzero(mask)} views"
                raise ValueError(f"{name} is {found}; accepted: bool [{len(self)}] with at least one")
        common = np.count_nonzero(sum(mask.astype(int) for mask in masks.values()) > 1)
        if common:
            raise ValueError(f"train, validation and test have {common} views in common; accepted: none")
        return ImageData(
            name=self.name,
            title=self.title,
            **{name: Split(self.images[mask], self.labels[mask]) for name, mask in masks.items()},
            class_names=self.style_names,
            levels=256,
            is_fallback=self.is_fallback,
            source=self.source,
        )

    def hold_out(self, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> ImageData:
        """Views held out at random: every style is in train, at its lowest and at its highest elevation.

        Args:
            validation, test: parts of all views, each above 0 and together below 1.
            seed: which views; at least 0.

        Raises:
            ValueError: a part is out of range, or not that many views can be spared.
        """
        counts = _counts(len(self), validation, test, seed)
        order = generator(seed, VIEWS).permutation(len(self))
        needed = np.zeros(len(self), bool)
        for end in (self.elevations, -self.elevations):
            by_style = order[np.lexsort((end[order], self.styles[order]))]  # stable: within ties as shuffled
            first = np.unique(self.styles[by_style], return_index=True)[1]
            needed[by_style[first]] = True
        free = order[~needed[order]]
        if len(free) < sum(counts):
            raise ValueError(
                f"validation and test want {sum(counts)} of {len(self)} views; accepted: up to {len(free)}, "
                "for train keeps every style at both ends of its elevations"
            )
        parts = _divided(np.arange(len(self)), free, counts)
        return self.split(**{name: np.isin(np.arange(len(self)), part) for name, part in parts.items()})

    def hold_out_styles(self, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> ImageData:
        """Whole styles held out at random: no style is in two splits. Arguments and errors as of `hold_out`."""
        styles = held_out_styles(np.unique(self.styles), validation, test, seed)
        return self.split(**{name: np.isin(self.styles, of_split) for name, of_split in styles.items()})


def held_out_styles(styles, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> dict[str, np.ndarray]:
    """{"train", "validation", "test": styles}, no style in two; arguments and errors as of `Views.hold_out`."""
    counts = _counts(len(styles), validation, test, seed)
    return _divided(np.asarray(styles), generator(seed, VIEWS).permutation(styles), counts)


def _counts(n, validation, test, seed):
    check_integers(("seed", seed, 0))
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise ValueError(f"validation and test are {validation!r} and {test!r}; accepted: above 0, together below 1")
    return max(1, round(validation * n)), max(1, round(test * n))


def _divided(keys, order, counts):
    """{split: keys}: of the keys in `order`, the first are for test, the next for validation, all others for train."""
    validation, test = counts
    parts = {"test": order[:test], "validation": order[test : test + validation]}
    return {"train": np.setdiff1d(keys, np.concatenate([*parts.values()])), **parts}


def check_size(size: int) -> None:
    """Raises ValueError unless views of this size are made."""
    if size not in SIZES:
        raise ValueError(f"size is {size!r}; accepted: {', '.join(map(str, SIZES))}")


def standard_views(elevations=ELEVATIONS) -> tuple[np.ndarray, np.ndarray]:
    """Azimuths and elevations of the views of a style, float32 `[v]` each: all azimuths at the first elevation, ...

    Raises:
        ValueError: an elevation outside -90..90, or none.
    """
    elevations = np.atleast_1d(np.asarray(elevations, np.float32))
    if not elevations.size or not np.abs(elevations).max() <= 90:
        raise ValueError(f"elevations is {elevations.tolist()}; accepted: at least one of -90 to 90 degrees")
    return np.tile(np.float32(AZIMUTHS), len(elevations)), np.repeat(elevations, len(AZIMUTHS))


def standard_labels(styles: int, elevations=ELEVATIONS) -> dict[str, np.ndarray]:
    """Fields `styles`, `azimuths` and `elevations` of a set that has so many styles in all standard views, in order."""
    azimuths, heights = standard_views(elevations)
    return {
        "styles": np.repeat(np.arange(styles, dtype=np.int32), len(azimuths)),
        "azimuths": np.tile(azimuths, styles),
        "elevations": np.tile(heights, styles),
    }
