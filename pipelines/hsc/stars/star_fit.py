"""The counts of all stars of an image fitted together, and what each would look like alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import splu

from pipelines.hsc.stars.star_profile import Moffat

Array = NDArray[Any]

STAMP_HALF_PIXELS = 20


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """What is fitted."""

    image: Array
    variance: Array
    usable: Array
    #: How many visits are in each pixel: where others are, stars look different.
    depth: Array


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """How a star's light is spread: wherever nothing better is known, and where a number of visits is."""

    shared: Moffat
    by_depth: Mapping[int, Moffat]

    def intensity(self, depth: Array, dx: Array, dy: Array) -> Array:
        """Of stars at these depths, at offsets from their centres."""
        models = self.shared.intensity(dx, dy)
        for value, profile in self.by_depth.items():
            here = depth == value
            models[here] = profile.intensity(dx[here], dy[here])
        return models


@dataclass(frozen=True, kw_only=True)
class StarFit:
    """Total counts by the profile, and for each star a stamp that shows it alone."""

    counts: Array
    #: The image without all stars.
    residual: Array
    alone: Array
    models: Array
    #: The middle pixels of the stamps.
    columns: Array
    rows: Array
    #: Under each star.
    depth: Array


def fit_stars(pixels: Pixels, profiles: Profiles, x: Array, y: Array) -> StarFit:
    """Least squares; every usable pixel counts the same, so that no star is favoured."""
    half = STAMP_HALF_PIXELS
    image, usable = np.pad(np.where(pixels.usable, pixels.image, 0), half + 1), np.pad(pixels.usable, half + 1)
    columns, rows = _nearest(x, pixels.image.shape[1]), _nearest(y, pixels.image.shape[0])
    offsets = np.arange(-half, half + 1)
    places = (rows[:, None, None] + half + 1 + offsets[:, None]) * image.shape[1]
    places = places + columns[:, None, None] + half + 1 + offsets
    depth = np.pad(pixels.depth, half + 1, mode="edge").ravel()[places[:, half, half]]
    models = profiles.intensity(
        depth, (columns - x)[:, None, None] + offsets, (rows - y)[:, None, None] + offsets[:, None]
    )
    counts, bright = _solve(image, models * usable.ravel()[places], places)
    residual = np.where(usable, image - bright, 0)
    inside = (slice(half + 1, -half - 1),) * 2
    return StarFit(
        counts=counts,
        residual=residual[inside].astype(np.float32),
        alone=residual.ravel()[places] + counts[:, None, None] * models,
        models=models,
        columns=columns,
        rows=rows,
        depth=depth,
    )


def _nearest(place: Array, size: int) -> Array:
    """The pixel that a stamp is around; at the outermost, beside the image."""
    return np.asarray(np.clip(np.rint(place).astype(int), -1, size))


def _solve(image: Array, seen: Array, places: Array) -> tuple[Array, Array]:
    """The counts of each star, and the image that they make."""
    if not len(seen):
        return np.zeros(0), np.zeros(image.shape)
    stars = np.repeat(np.arange(len(seen)), places[0].size)
    design = csr_matrix((seen.ravel(), (places.ravel(), stars)), shape=(image.size, len(seen)))
    # A trace of the identity, for two stars at one place.
    normal = (design.T @ design + 1e-9 * identity(len(seen))).tocsc()
    counts = splu(normal).solve(design.T @ image.ravel())
    return counts, (design @ counts).reshape(image.shape)
