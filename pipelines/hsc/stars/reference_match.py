"""An image's stars and the reference catalogue's: which is which, and what projection and zero point follow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import card_number
from pipelines.hsc.sky.reference import Reference
from pipelines.hsc.sky.wcs import Wcs, to_plane
from pipelines.hsc.stars.photometry import Stars

Array = NDArray[Any]

#: The telescope's error is less than this.
FURTHEST_SHIFT_PIXELS = 30
#: The brightest of either side decide the shift.
BRIGHTEST = 150
MATCH_RADII_PIXELS = (3.0, 1.5, 1.0)
#: Stars that count for the fits.
LEAST_SIGNAL_TO_NOISE = 30.0
CLIP_SIGMA = 3.0


@dataclass(frozen=True, kw_only=True)
class Match:
    """Pairs of a star and a reference star, by their places in the two lists, and what they say."""

    stars: Array
    references: Array
    wcs: Wcs
    zero_point_mag: float
    #: Of the stars that the projection was fitted to, about it.
    scatter_arcsec: float
    used: int


def match(stars: Stars, reference: Reference, believed: Wcs, shape: tuple[int, int], *, least_matches: int) -> Match:
    """QualityError if too few stars agree."""
    near = _on_image(reference, believed, shape)
    if min(near.size, stars.x.size) < least_matches:
        raise QualityError(
            f"{stars.x.size} stars detected and {near.size} in the reference catalogue: at least {least_matches} needed"
        )
    wcs = _shifted(believed, _shift(stars, reference, believed, near))
    for radius in MATCH_RADII_PIXELS:
        ours, theirs = _pairs(stars, reference, wcs, near, radius)
        clear = stars.psf_flux[ours] > LEAST_SIGNAL_TO_NOISE * stars.psf_flux_err[ours]
        if clear.sum() < least_matches:
            raise QualityError(
                f"{clear.sum()} of {stars.x.size} stars match the reference catalogue: at least {least_matches} needed"
            )
        wcs, scatter, used = _fit_wcs(stars, reference, wcs, ours[clear], theirs[clear])
    ours, theirs = _pairs(stars, reference, wcs, near, MATCH_RADII_PIXELS[-1])
    clear = stars.psf_flux[ours] > LEAST_SIGNAL_TO_NOISE * stars.psf_flux_err[ours]
    return Match(
        stars=ours,
        references=theirs,
        wcs=wcs,
        zero_point_mag=_zero_point(stars, reference, ours[clear], theirs[clear]),
        scatter_arcsec=scatter,
        used=used,
    )


def _on_image(reference: Reference, wcs: Wcs, shape: tuple[int, int]) -> Array:
    x, y = wcs.to_pixels(reference.ra, reference.dec)
    margin = FURTHEST_SHIFT_PIXELS
    inside = (x > -margin) & (x < shape[1] + margin) & (y > -margin) & (y < shape[0] + margin)
    return np.flatnonzero(inside)


def _shift(stars: Stars, reference: Reference, wcs: Wcs, near: Array) -> Array:
    """The difference of places that most pairs of bright stars have."""
    theirs = near[np.argsort(reference.mag[near], kind="stable")][:BRIGHTEST]
    ours = np.argsort(-stars.psf_flux, kind="stable")[:BRIGHTEST]
    x, y = wcs.to_pixels(reference.ra[theirs], reference.dec[theirs])
    dx = (stars.x[ours][:, None] - x).ravel()
    dy = (stars.y[ours][:, None] - y).ravel()
    edges = np.arange(-FURTHEST_SHIFT_PIXELS, FURTHEST_SHIFT_PIXELS + 1)
    counts, _, _ = np.histogram2d(dx, dy, bins=(edges, edges))
    # Three bins wide, for a peak that stands between two.
    wide = sum(np.roll(counts, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1))
    column, row = np.unravel_index(int(np.argmax(wide)), counts.shape)
    peak = np.array([edges[column] + 0.5, edges[row] + 0.5])
    close = np.hypot(dx - peak[0], dy - peak[1]) < 2
    return np.array([np.median(dx[close]), np.median(dy[close])]) if close.any() else peak


def _shifted(wcs: Wcs, shift: Array) -> Wcs:
    return Wcs.of(wcs.crval, (wcs.crpix[0] + float(shift[0]), wcs.crpix[1] + float(shift[1])), wcs.cd)


def _pairs(stars: Stars, reference: Reference, wcs: Wcs, near: Array, radius: float) -> tuple[Array, Array]:
    """Each other's nearest within the radius."""
    x, y = wcs.to_pixels(reference.ra[near], reference.dec[near])
    ours, theirs = np.stack([stars.x, stars.y], axis=1), np.stack([x, y], axis=1)
    distance, nearest = cKDTree(theirs).query(ours)
    _, back = cKDTree(ours).query(theirs)
    mutual = np.flatnonzero((distance < radius) & (back[nearest] == np.arange(len(ours))))
    return mutual, near[nearest[mutual]]


def _fit_wcs(stars: Stars, reference: Reference, wcs: Wcs, ours: Array, theirs: Array) -> tuple[Wcs, float, int]:
    """Six numbers: shift, rotation, scale and shear."""
    plane = np.degrees(np.stack(to_plane(reference.ra[theirs], reference.dec[theirs], wcs.crval), axis=1))
    design = np.stack([stars.x[ours] + 1, stars.y[ours] + 1, np.ones(ours.size)], axis=1)
    kept = np.ones(ours.size, dtype=bool)
    for _ in range(4):
        solution, *_ = np.linalg.lstsq(design[kept], plane[kept], rcond=None)
        misses = np.hypot(*(plane - design @ solution).T)
        spread = 1.2 * float(np.median(misses[kept]))
        kept = misses <= CLIP_SIGMA * spread
    matrix = solution[:2].T
    crpix = np.linalg.solve(matrix, -solution[2])
    cd = (matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1])
    fitted = Wcs.of(wcs.crval, (float(crpix[0]), float(crpix[1])), cd)
    return fitted, float(np.median(misses[kept])) * 3600, int(kept.sum())


def _zero_point(stars: Stars, reference: Reference, ours: Array, theirs: Array) -> float:
    """The median over the clear stars, without those far from it."""
    points = reference.mag[theirs] + 2.5 * np.log10(np.maximum(stars.flux[ours], 1e-3))
    for _ in range(3):
        middle = np.median(points)
        spread = 1.4826 * np.median(np.abs(points - middle))
        points = points[np.abs(points - middle) <= CLIP_SIGMA * max(spread, 1e-6)]
    return card_number(float(np.median(points)))
