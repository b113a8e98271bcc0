"""The match of an image's stars with the reference catalogue, and the projection and zero point that follow."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import sigma_clip
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import round_to_card
from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import Wcs
from pipelines.hsc.stars.photometry import StarMeasurements

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Largest error of the telescope's pointing.
MAX_SHIFT_PIXELS = 30
#: The brightest stars of either list decide the shift.
MAX_BRIGHT_STARS = 150
MATCH_RADII_PIXELS = (3.0, 1.5, 1.0)
#: Least signal to noise of stars that projection and zero point are fitted to.
MIN_SIGNAL_TO_NOISE = 30.0
CLIP_SIGMA = 3.0
#: Standard deviation in one direction of distances that are distributed in two, by their median: 1 / sqrt(2 ln 2)
#: is 0.85; 1.2 leaves a margin.
SIGMA_PER_MEDIAN_DISTANCE = 1.2
FIT_ITERATIONS = 4


@dataclass(frozen=True, kw_only=True)
class ReferenceMatch:
    """Pairs of a star and a reference star, with the projection and zero point fitted to them."""

    #: Indices in the list of stars and in the reference catalogue, of one shape (pairs,).
    stars: Indices
    references: Indices
    wcs: Wcs
    #: Magnitude of a star of one count.
    zero_point_mag: float
    #: Median distance of the fitted pairs, arcseconds.
    scatter_arcsec: float
    #: Number of pairs that the projection was fitted to.
    fitted_pairs: int


def match_reference(
    stars: StarMeasurements,
    reference: ReferenceCatalogue,
    initial_wcs: Wcs,
    shape: tuple[int, int],
    *,
    min_matches: int,
) -> ReferenceMatch:
    """Match stars with the reference catalogue, and fit projection and zero point.

    Parameters
    ----------
    stars : StarMeasurements
        Stars of the image.
    reference : ReferenceCatalogue
        Reference stars in the filter of the image.
    initial_wcs : Wcs
        The projection of the header, off by at most MAX_SHIFT_PIXELS and a small rotation.
    shape : tuple of int
        Rows and columns of the image.
    min_matches : int
        Least number of pairs.

    Raises
    ------
    QualityError
        If there are fewer pairs.
    """
    candidates = _find_on_image(reference, initial_wcs, shape)
    if min(candidates.size, stars.x.size) < min_matches:
        raise QualityError(
            f"{stars.x.size} stars detected and {candidates.size} in the reference catalogue: "
            f"at least {min_matches} needed"
        )
    wcs = _shift_wcs(initial_wcs, _find_shift(stars, reference, initial_wcs, candidates))
    for radius in MATCH_RADII_PIXELS:
        ours, theirs = _find_pairs(stars, reference, wcs, candidates, radius)
        bright = _has_high_signal(stars, ours)
        if bright.sum() < min_matches:
            raise QualityError(
                f"{bright.sum()} of {stars.x.size} stars match the reference catalogue: at least {min_matches} needed"
            )
        wcs, scatter, fitted = _fit_wcs(stars, reference, wcs, ours[bright], theirs[bright])
    ours, theirs = _find_pairs(stars, reference, wcs, candidates, MATCH_RADII_PIXELS[-1])
    bright = _has_high_signal(stars, ours)
    return ReferenceMatch(
        stars=ours,
        references=theirs,
        wcs=wcs,
        zero_point_mag=_fit_zero_point(stars, reference, ours[bright], theirs[bright]),
        scatter_arcsec=scatter,
        fitted_pairs=fitted,
    )


def _has_high_signal(stars: StarMeasurements, indices: Indices) -> NDArray[np.bool_]:
    return np.asarray(stars.psf_flux[indices] > MIN_SIGNAL_TO_NOISE * stars.psf_flux_err[indices])


def _find_on_image(reference: ReferenceCatalogue, wcs: Wcs, shape: tuple[int, int]) -> Indices:
    """Return the reference stars that may be on the image."""
    x, y = wcs.to_pixels(reference.ra, reference.dec)
    margin = MAX_SHIFT_PIXELS
    inside = (x > -margin) & (x < shape[1] + margin) & (y > -margin) & (y < shape[0] + margin)
    return np.flatnonzero(inside)


def _find_shift(stars: StarMeasurements, reference: ReferenceCatalogue, wcs: Wcs, candidates: Indices) -> Floats:
    """Return the difference of positions, x and y in pixels, that most pairs of bright stars have."""
    theirs = candidates[np.argsort(reference.mag[candidates], kind="stable")][:MAX_BRIGHT_STARS]
    ours = np.argsort(-stars.psf_flux, kind="stable")[:MAX_BRIGHT_STARS]
    x, y = wcs.to_pixels(reference.ra[theirs], reference.dec[theirs])
    dx = (stars.x[ours][:, None] - x).ravel()
    dy = (stars.y[ours][:, None] - y).ravel()
    edges = np.arange(-MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS + 1)
    counts, _, _ = np.histogram2d(dx, dy, bins=(edges, edges))
    # Sums over three bins, for a peak that stands between two.
    summed = sum(np.roll(counts, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1))
    column, row = np.unravel_index(int(np.argmax(summed)), counts.shape)
    peak = np.array([edges[column] + 0.5, edges[row] + 0.5])
    close = np.hypot(dx - peak[0], dy - peak[1]) < 2
    return np.array([np.median(dx[close]), np.median(dy[close])]) if close.any() else peak


def _shift_wcs(wcs: Wcs, shift: Floats) -> Wcs:
    return Wcs.from_values(wcs.crval, (wcs.crpix[0] + float(shift[0]), wcs.crpix[1] + float(shift[1])), wcs.cd)


def _find_pairs(
    stars: StarMeasurements, reference: ReferenceCatalogue, wcs: Wcs, candidates: Indices, radius: float
) -> tuple[Indices, Indices]:
    """Return the stars and reference stars that are each other's nearest, within the radius in pixels."""
    x, y = wcs.to_pixels(reference.ra[candidates], reference.dec[candidates])
    ours, theirs = np.stack([stars.x, stars.y], axis=1), np.stack([x, y], axis=1)
    distance, nearest = cKDTree(theirs).query(ours)
    _, back = cKDTree(ours).query(theirs)
    mutual = np.flatnonzero((distance < radius) & (back[nearest] == np.arange(len(ours))))
    return mutual, candidates[nearest[mutual]]


def _fit_wcs(
    stars: StarMeasurements, reference: ReferenceCatalogue, wcs: Wcs, ours: Indices, theirs: Indices
) -> tuple[Wcs, float, int]:
    """Fit shift, rotation, scale and shear on the tangent plane; return also the scatter, and the pairs used.

    astropy's fit_wcs_from_points needs CRPIX among the stars: the tangent point of the second detector of a visit is
    outside of it, where that fit is wrong by 20 arcseconds. On the tangent plane the problem is linear.
    """
    predicted = np.stack(wcs.to_pixels(reference.ra[theirs], reference.dec[theirs]), axis=1)
    plane = (predicted + 1 - np.array(wcs.crpix)) @ wcs.matrix.T
    design = np.stack([stars.x[ours] + 1, stars.y[ours] + 1, np.ones(ours.size)], axis=1)
    used = np.ones(ours.size, dtype=bool)
    for _ in range(FIT_ITERATIONS):
        solution, *_ = np.linalg.lstsq(design[used], plane[used], rcond=None)
        distances = np.hypot(*(plane - design @ solution).T)
        used = distances <= CLIP_SIGMA * SIGMA_PER_MEDIAN_DISTANCE * float(np.median(distances[used]))
    matrix = solution[:2].T
    crpix = np.linalg.solve(matrix, -solution[2])
    cd = (matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1])
    fitted = Wcs.from_values(wcs.crval, (float(crpix[0]), float(crpix[1])), cd)
    return fitted, float(np.median(distances[used])) * 3600, int(used.sum())


def _fit_zero_point(stars: StarMeasurements, reference: ReferenceCatalogue, ours: Indices, theirs: Indices) -> float:
    """Return the median zero point of the pairs without outliers."""
    zero_points = reference.mag[theirs] + 2.5 * np.log10(np.maximum(stars.flux[ours], 1e-3))
    clipped = sigma_clip(zero_points, sigma=CLIP_SIGMA, maxiters=3, cenfunc="median", stdfunc="mad_std", masked=False)
    return round_to_card(float(np.median(clipped)))
