"""Photometry of every star in an image, with its neighbours subtracted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sep
from numpy.typing import ArrayLike, NDArray

from pipelines.hsc.pixels.background import measure_background
from pipelines.hsc.stars.profile_fit import MIN_PROFILE_STARS, fit_star_profiles, select_profile_stars
from pipelines.hsc.stars.star_fit import (
    STAMP_HALF_PIXELS,
    STAMP_SIDE_PIXELS,
    PixelPlanes,
    StarFit,
    StarProfiles,
    fit_stars,
)
from pipelines.hsc.stars.star_profile import MoffatProfile

Floats = NDArray[np.float64]

#: Radius of the aperture of magnitudes; the zero point makes up for the light outside.
APERTURE_PIXELS = 6.0
ITERATIONS = 3
#: Mesh of the sky that is left under subtracted stars.
MESH_PIXELS = 64
MAX_MOVE_PIXELS = 1.5
START_BETA = 3.5
FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))

#: A function from a fit, the positions it was made with, and the FWHM, to better positions.
Recentre = Callable[[StarFit, Floats, Floats, float], tuple[Floats, Floats]]


@dataclass(frozen=True, kw_only=True)
class StarMeasurements:
    """Positions and fluxes of stars; float64 arrays of shape (stars,)."""

    #: Pixels from 0.
    x: Floats
    y: Floats
    #: Counts inside the aperture, neighbours subtracted, and the standard error.
    flux: Floats
    flux_err: Floats
    #: Counts of the fitted profile inside the aperture, and the standard error.
    psf_flux: Floats
    psf_flux_err: Floats
    #: Full width at half maximum of a typical star.
    fwhm_pixels: float
    #: Image without the stars and without the sky that was left, float32 of shape (rows, columns).
    residual: NDArray[np.float32]


def measure_stars(pixels: PixelPlanes, x: ArrayLike, y: ArrayLike, seeing_pixels: float) -> StarMeasurements:
    """Measure positions and fluxes of stars.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    x, y : array_like, shape (stars,)
        Positions to start from, pixels from 0.
    seeing_pixels : float
        Full width at half maximum to start from.

    Notes
    -----
    Fit of all stars, windowed centroids of each without the others, fit of the profile, sky of what is left; three
    times. Fits of this kind are those of DAOPHOT: Stetson, P. B. 1987, PASP 99, 191.
    """
    return _measure(pixels, x, y, seeing_pixels, _find_centroids)


def measure_star_fluxes(pixels: PixelPlanes, x: ArrayLike, y: ArrayLike, seeing_pixels: float) -> StarMeasurements:
    """Measure fluxes of stars at fixed positions.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    x, y : array_like, shape (stars,)
        Positions, pixels from 0.
    seeing_pixels : float
        Full width at half maximum to start from.
    """
    return _measure(pixels, x, y, seeing_pixels, _keep_positions)


def _measure(
    pixels: PixelPlanes, x: ArrayLike, y: ArrayLike, seeing_pixels: float, recentre: Recentre
) -> StarMeasurements:
    profiles = StarProfiles(shared=MoffatProfile(fwhm_pixels=seeing_pixels, beta=START_BETA), by_depth={})
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    sky = np.zeros_like(pixels.image)
    for _ in range(ITERATIONS if x.size else 0):
        fit = fit_stars(replace(pixels, image=pixels.image - sky), profiles, x, y)
        x, y = recentre(fit, x, y, profiles.shared.fwhm_pixels)
        profiles = fit_star_profiles(fit, x, y, profiles.shared)
        sky = measure_background(fit.residual + sky, ~pixels.usable, MESH_PIXELS).level
    fit = fit_stars(replace(pixels, image=pixels.image - sky), profiles, x, y)
    return _measure_fluxes(fit, pixels.variance, profiles, x, y)


def _keep_positions(_fit: StarFit, x: Floats, y: Floats, _fwhm_pixels: float) -> tuple[Floats, Floats]:
    return x, y


def _find_centroids(fit: StarFit, x: Floats, y: Floats, fwhm_pixels: float) -> tuple[Floats, Floats]:
    """Return windowed centroids (sep.winpos) of stars without their neighbours; the old position if one runs away."""
    mosaic, left, low = _make_mosaic(fit)
    found_x, found_y, _ = sep.winpos(mosaic, x + left, y + low, fwhm_pixels / FWHM_PER_SIGMA)
    found_x, found_y = found_x - left, found_y - low
    is_near = np.hypot(found_x - x, found_y - y) <= MAX_MOVE_PIXELS
    return np.where(is_near, found_x, x), np.where(is_near, found_y, y)


def _make_mosaic(fit: StarFit) -> tuple[Floats, NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Return the stamps side by side as one image for sep, and how far each moved from its columns and rows."""
    mosaic = np.ascontiguousarray(fit.isolated_stamps.transpose(1, 0, 2).reshape(STAMP_SIDE_PIXELS, -1))
    left = np.arange(fit.counts.size) * STAMP_SIDE_PIXELS + STAMP_HALF_PIXELS - fit.columns
    return mosaic, left, STAMP_HALF_PIXELS - fit.rows


def _measure_fluxes(
    fit: StarFit, variance: NDArray[Any], profiles: StarProfiles, x: Floats, y: Floats
) -> StarMeasurements:
    flux, flux_err = _sum_apertures(fit, variance, x, y)
    share = _aperture_shares(fit, flux, x, y)
    squares = (fit.models**2).sum(axis=(1, 2))
    # Equal weights: the variance of the counts is the variance under the profile.
    psf_err = np.sqrt(flux_err**2 / (np.pi * APERTURE_PIXELS**2 * np.maximum(squares, 1e-12)))
    return StarMeasurements(
        x=x,
        y=y,
        flux=flux,
        flux_err=flux_err,
        psf_flux=fit.counts * share,
        psf_flux_err=psf_err * share,
        fwhm_pixels=profiles.shared.fwhm_pixels,
        residual=fit.residual,
    )


def _sum_apertures(fit: StarFit, variance: NDArray[Any], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the sums over the apertures, and their errors."""
    if not x.size:
        return np.zeros(0), np.zeros(0)
    mosaic, left, low = _make_mosaic(fit)
    flux, _, _ = sep.sum_circle(mosaic, x + left, y + low, APERTURE_PIXELS, subpix=0)
    is_valid = np.isfinite(variance) & (variance > 0)
    filled = np.ascontiguousarray(np.where(is_valid, variance, np.median(variance[is_valid])), dtype=np.float32)
    inside = np.clip(x, 0, variance.shape[1] - 1), np.clip(y, 0, variance.shape[0] - 1)
    squares, _, _ = sep.sum_circle(filled, *inside, APERTURE_PIXELS, subpix=0)
    return np.asarray(flux), np.sqrt(squares)


def _aperture_shares(fit: StarFit, flux: Floats, x: Floats, y: Floats) -> Floats:
    """Return the share of the profile's light inside the aperture, from the profile stars of the same depth."""
    shares = np.full(x.size, _median_share(fit, flux, select_profile_stars(fit, x, y, np.ones(x.size, dtype=bool))))
    for depth in np.unique(fit.depth):
        selected = select_profile_stars(fit, x, y, fit.depth == depth)
        if selected.size >= MIN_PROFILE_STARS:
            shares[fit.depth == depth] = _median_share(fit, flux, selected)
    return shares


def _median_share(fit: StarFit, flux: Floats, selected: NDArray[np.intp]) -> float:
    return float(np.median(flux[selected] / fit.counts[selected])) if selected.size else 1.0
