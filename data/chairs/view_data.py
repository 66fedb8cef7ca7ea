"""A set of views of objects in memory: RGBA images, each with its style, azimuth and elevation.

A *style* is one design. A *view* is an image of it from an azimuth and an elevation. Azimuth 0 is the front. As the
azimuth grows, the camera moves around the object counter-clockwise as seen from above, so it first shows the side that
is on the right in the front view. Elevation is the camera's angle above the horizon.

Colours are multiplied by coverage, on black, as the loss of arXiv 1411.5928 needs them (x * mask).
"""

import dataclasses
import functools

import numpy as np
from numpy.typing import ArrayLike

from image_generators.data.batches import check_integers, generator
from image_generators.data.image_data import ImageData, Split

AZIMUTHS = tuple(k * 360 // 31 for k in range(31))  # degrees: 0 11 23 34 ... 348, as in rendered_chairs
ELEVATIONS = (20, 30)  # degrees, as in rendered_chairs
SIZES = (64, 128, 256)  # pixels
VIEWS = 3  # key of the random numbers of splits


@dataclasses.dataclass(frozen=True, eq=False)
class Views:
    """Images of objects from known azimuths and elevations.

    Raises:
        ValueError: an array has another dtype, shape or range than stated here, or a style has no name.
    """

    name: str
    title: str  # for table headings
    source: str  # where the set comes from and what was left out, in one line
    is_fallback: bool  # True if it stands in for the requested set
    images: np.ndarray  # uint8 [n, size, size, 4]: colour multiplied by coverage, and coverage
    styles: np.ndarray  # int32 [n]
    azimuths: np.ndarray  # float32 [n], degrees
    elevations: np.ndarray  # float32 [n], degrees
    style_names: tuple[str, ...]  # by style
    categories: tuple[str, ...]  # by style: "chair", "table" or "vehicle"
    licences: tuple[str, ...]  # by style: licence and author

    def __post_init__(self):
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape[1:2] * 2 + (4,) != self.images.shape[1:]:
            received = f"{self.images.dtype} {list(self.images.shape)}"
            raise ValueError(f"images must be uint8 [n, size, size, 4]. Received: {received}")
        for name, dtype in (("styles", np.int32), ("azimuths", np.float32), ("elevations", np.float32)):
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != (n,):
                received = f"{array.dtype} {list(array.shape)}"
                raise ValueError(f"{name} must be {dtype.__name__} [{n}]. Received: {received}")
        if not len(self.style_names) == len(self.categories) == len(self.licences):
            lengths = f"{len(self.style_names)}, {len(self.categories)} and {len(self.licences)}"
            raise ValueError(f"style_names, categories and licences must have equal lengths. Received: {lengths}")
        if n and not 0 <= self.styles.min() <= self.styles.max() < self.num_styles:
            rule = f"styles must be from 0 to {self.num_styles - 1}, since there are {self.num_styles} style_names"
            raise ValueError(f"{rule}. Received: {self.styles.min()} to {self.styles.max()}")
        if n and not np.abs(self.elevations).max() <= 90:
            most = np.abs(self.elevations).max()
            raise ValueError(f"elevations must be from -90 to 90 degrees. Received: up to {most:g} in absolute value")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_styles(self) -> int:
        """Number of styles, with or without views."""
        return len(self.style_names)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """Conditions for a model, float32 `[n, 3]`: style, azimuth and elevation in degrees."""
        return np.stack([self.styles.astype(np.float32), self.azimuths, self.elevations], axis=1)

    def select(self, keep: ArrayLike) -> "Views":
        """Selects views. Styles keep their numbers and names.

        Args:
            keep: bool `[n]`, or indices of views.
        """
        keep = np.asarray(keep)
        if keep.dtype == bool and keep.shape != (len(self),):
            raise ValueError(f"keep must be bool [{len(self)}], or indices. Received: bool {list(keep.shape)}")
        keep = keep if keep.size else keep.astype(int)  # np.asarray([]) has floats
        arrays = {name: getattr(self, name)[keep] for name in ("images", "styles", "azimuths", "elevations")}
        return dataclasses.replace(self, **arrays)

    def first(self, styles: int) -> "Views":
        """The views, numbers and names of the first `styles` styles only."""
        selected = self.select(self.styles < styles)
        names = {name: getattr(self, name)[:styles] for name in ("style_names", "categories", "licences")}
        return dataclasses.replace(selected, **names)

    def join(self, other: "Views") -> "Views":
        """Appends the views of `other`, whose styles are numbered after the styles of this set.

        Raises:
            ValueError: the images have different sizes.
        """
        if self.images.shape[1:] != other.images.shape[1:]:
            rule = f"other must have images of {self.images.shape[1]} pixels, as this set"
            raise ValueError(f"{rule}. Received: {other.images.shape[1]} pixels")
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

    def split(self, train: ArrayLike, validation: ArrayLike, test: ArrayLike) -> ImageData:
        """Makes a data set, with `labels` as labels, from three masks.

        Args:
            train, validation, test: bool `[n]`. No view may be in two of them.

        Raises:
            ValueError: a mask has another dtype or shape or is empty, or two masks overlap.
        """
        masks = {"train": train, "validation": validation, "test": test}
        for name, mask in masks.items():
            masks[name] = mask = np.asarray(mask)
            if mask.dtype != bool or mask.shape != (len(self),) or not mask.any():
                received = f"{mask.dtype} {list(mask.shape)} with {np.count_nonzero(mask)} views"
                raise ValueError(f"{name} must be bool [{len(self)}] with at least one view. Received: {received}")
        common = np.count_nonzero(sum(mask.astype(int) for mask in masks.values()) > 1)
        if common:
            raise ValueError(f"train, validation and test must not overlap. Received: {common} views in common")
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
        """Holds out random views. Train has every style, at its lowest and at its highest elevation.

        Args:
            validation, test: fractions of all views, each above 0 and together below 1.
            seed: integer of at least 0.

        Raises:
            ValueError: a fraction is out of range, or that many views cannot be held out.
        """
        counts = _counts(len(self), validation, test, seed)
        order = generator(seed, VIEWS).permutation(len(self))
        needed = np.zeros(len(self), bool)
        for end in (self.elevations, -self.elevations):
            by_style = order[np.lexsort((end[order], self.styles[order]))]  # stable: ties stay shuffled
            first = np.unique(self.styles[by_style], return_index=True)[1]
            needed[by_style[first]] = True
        free = order[~needed[order]]
        if len(free) < sum(counts):
            raise ValueError(
                f"validation and test must leave every style in train, at its lowest and its highest elevation: "
                f"at most {len(free)} views. Received: {sum(counts)} of {len(self)} views"
            )
        parts = _divided(np.arange(len(self)), free, counts)
        return self.split(**{name: np.isin(np.arange(len(self)), part) for name, part in parts.items()})

    def hold_out_styles(self, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> ImageData:
        """Holds out random styles; no style is in two splits. Arguments and errors are those of `hold_out`."""
        styles = held_out_styles(np.unique(self.styles), validation, test, seed)
        return self.split(**{name: np.isin(self.styles, of_split) for name, of_split in styles.items()})


def held_out_styles(
    styles: ArrayLike, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[str, np.ndarray]:
    """Divides `styles` at random: {"train", "validation", "test": styles}. Other arguments as for `Views.hold_out`."""
    counts = _counts(len(styles), validation, test, seed)
    return _divided(np.asarray(styles), generator(seed, VIEWS).permutation(styles), counts)


def _counts(n, validation, test, seed):
    check_integers(("seed", seed, 0))
    if not (validation > 0 and test > 0 and validation + test < 1):
        rule = "validation and test must be above 0 and together below 1"
        raise ValueError(f"{rule}. Received: validation={validation!r}, test={test!r}")
    return max(1, round(validation * n)), max(1, round(test * n))


def _divided(keys, order, counts):
    """{split: keys}: test takes the first of the keys in `order`, validation the next, train all others."""
    validation, test = counts
    parts = {"test": order[:test], "validation": order[test : test + validation]}
    return {"train": np.setdiff1d(keys, np.concatenate([*parts.values()])), **parts}


def check_size(size: int) -> None:
    """Raises ValueError unless `size` is in SIZES."""
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}. Received: size={size!r}")


def standard_views(elevations: ArrayLike = ELEVATIONS) -> tuple[np.ndarray, np.ndarray]:
    """Azimuths and elevations of a style's views in degrees, float32 `[v]` each: all azimuths for each elevation.

    Raises:
        ValueError: `elevations` is empty, or one is not from -90 to 90.
    """
    elevations = np.atleast_1d(np.asarray(elevations, np.float32))
    if not elevations.size or not np.abs(elevations).max() <= 90:
        rule = "elevations must be one or more numbers from -90 to 90 degrees"
        raise ValueError(f"{rule}. Received: elevations={elevations.tolist()}")
    return np.tile(np.float32(AZIMUTHS), len(elevations)), np.repeat(elevations, len(AZIMUTHS))


def standard_labels(styles: int, elevations: ArrayLike = ELEVATIONS) -> dict[str, np.ndarray]:
    """`styles`, `azimuths` and `elevations` of `Views` with `styles` styles in all standard views, in order."""
    azimuths, heights = standard_views(elevations)
    return {
        "styles": np.repeat(np.arange(styles, dtype=np.int32), len(azimuths)),
        "azimuths": np.tile(azimuths, styles),
        "elevations": np.tile(heights, styles),
    }
