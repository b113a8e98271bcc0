"""The simultaneous fit of the counts of all stars of an image, and a stamp of each star without the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import splu

from pipelines.hsc.stars.star_profile import MoffatProfile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STAMP_HALF_PIXELS = 20
STAMP_SIDE_PIXELS = 2 * STAMP_HALF_PIXELS + 1


@dataclass(frozen=True, kw_only=True)
class PixelPlanes:
    """An image to measure stars on, with its planes, all of one shape (rows, columns)."""

    #: Counts, finite.
    image: NDArray[np.float32]
    #: Counts squared.
    variance: NDArray[np.float32]
    usable: NDArray[np.bool_]
    #: Number of visits in each pixel: stars look different where the visits are others.
    depth: NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class StarProfiles:
    """Profiles of the stars of an image: by the number of visits where there is one, and one for all other stars."""

    shared: MoffatProfile
    by_depth: Mapping[int, MoffatProfile]

    def intensity(self, depth: NDArray[np.integer[Any]], dx: Floats, dy: Floats) -> Floats:
        """Return the counts a pixel of stars with one count each.

        Parameters
        ----------
        depth : integer array, shape (stars,)
            Number of visits at each star.
        dx, dy : float64 arrays, shapes (stars, 1, columns) and (stars, rows, 1)
            Offsets from the centres, pixels.

        Returns
        -------
        float64 array, shape (stars, rows, columns)
            Counts a pixel.
        """
        models = self.shared.intensity(dx, dy)
        for value, profile in self.by_depth.items():
            here = depth == value
            models[here] = profile.intensity(dx[here], dy[here])
        return models


@dataclass(frozen=True, kw_only=True)
class StarFit:
    """Result of a fit: arrays over stars, and stamps of 41 by 41 pixels around each."""

    #: Counts of the whole profile, shape (stars,).
    counts: Floats
    #: Image without the stars, counts, shape (rows, columns); 0 where pixels are not usable.
    residual: NDArray[np.float32]
    #: Each star without the others, counts, shape (stars, 41, 41).
    isolated_stamps: Floats
    #: Each star's profile of one count, shape (stars, 41, 41).
    models: Floats
    #: Middle pixel of each stamp in the image, shape (stars,).
    columns: Integers
    rows: Integers
    #: Number of visits under each star, shape (stars,).
    depth: NDArray[np.integer[Any]]


def fit_stars(pixels: PixelPlanes, profiles: StarProfiles, x: Floats, y: Floats) -> StarFit:
    """Fit the counts of all stars together by linear least squares.

    Every usable pixel has the same weight, so that a wrong profile does not favour faint or bright stars.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    profiles : StarProfiles
        Profiles of the stars.
    x, y : float64 arrays, shape (stars,)
        Positions, pixels from 0.

    Notes
    -----
    Simultaneous fits of crowded stars go back to DAOPHOT: Stetson, P. B. 1987, PASP 99, 191. The normal equations are
    solved at once, without groups, since they are sparse.
    """
    half = STAMP_HALF_PIXELS
    image, usable = np.pad(np.where(pixels.usable, pixels.image, 0), half + 1), np.pad(pixels.usable, half + 1)
    columns, rows = _nearest_pixel(x, pixels.image.shape[1]), _nearest_pixel(y, pixels.image.shape[0])
    offsets = np.arange(-half, half + 1)
    flat_index = (rows[:, None, None] + half + 1 + offsets[:, None]) * image.shape[1]
    flat_index = flat_index + columns[:, None, None] + half + 1 + offsets
    depth = np.pad(pixels.depth, half + 1, mode="edge").ravel()[flat_index[:, half, half]]
    models = profiles.intensity(
        depth, (columns - x)[:, None, None] + offsets, (rows - y)[:, None, None] + offsets[:, None]
    )
    counts, fitted_image = _solve(image, models * usable.ravel()[flat_index], flat_index)
    residual = np.where(usable, image - fitted_image, 0)
    inside = (slice(half + 1, -half - 1),) * 2
    return StarFit(
        counts=counts,
        residual=residual[inside].astype(np.float32),
        isolated_stamps=residual.ravel()[flat_index] + counts[:, None, None] * models,
        models=models,
        columns=columns,
        rows=rows,
        depth=depth,
    )


def _nearest_pixel(position: Floats, size: int) -> Integers:
    """Return the middle pixel of a stamp, at most one pixel outside of the image."""
    return np.asarray(np.clip(np.rint(position).astype(int), -1, size))


def _solve(image: Floats, models: Floats, flat_index: Integers) -> tuple[Floats, Floats]:
    """Return the counts of each star, and the image that they make."""
    if not len(models):
        return np.zeros(0), np.zeros(image.shape)
    stars = np.repeat(np.arange(len(models)), flat_index[0].size)
    design = csr_matrix((models.ravel(), (flat_index.ravel(), stars)), shape=(image.size, len(models)))
    # The small diagonal keeps the matrix regular where two stars have one position.
    normal = (design.T @ design + 1e-9 * identity(len(models))).tocsc()
    counts = splu(normal).solve(design.T @ image.ravel())
    return counts, (design @ counts).reshape(image.shape)
