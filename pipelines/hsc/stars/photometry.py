"""The light of every star in an image, with its neighbours taken away."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from pipelines.hsc.pixels.background import measure_background
from pipelines.hsc.stars.profile_fit import LEAST_STARS, exemplary, fit_profiles
from pipelines.hsc.stars.star_fit import STAMP_HALF_PIXELS, Pixels, Profiles, StarFit, fit_stars
from pipelines.hsc.stars.star_profile import Moffat

Array = NDArray[Any]

#: Magnitudes are those of the light inside this circle; the zero point makes up for what is outside.
APERTURE_PIXELS = 6.0
ROUNDS = 3
#: The sky under subtracted stars.
MESH_PIXELS = 64
FURTHEST_MOVE_PIXELS = 1.5
BETA_GUESS = 3.5

#: From a fit and the places it was made with to better places.
Move = Callable[[StarFit, Array, Array, float], tuple[Array, Array]]


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Places and light, in pixels and counts."""

    x: Array
    y: Array
    flux: Array
    flux_err: Array
    psf_flux: Array
    psf_flux_err: Array
    #: Of a typical star.
    fwhm_pixels: float
    #: The image without them, and without what sky was left.
    residual: Array


def measure_stars(pixels: Pixels, x: Array, y: Array, seeing_pixels: float) -> Stars:
    """Light and places, beginning from these."""
    return _measure(pixels, x, y, seeing_pixels, _centres)


def measure_stars_at(pixels: Pixels, x: Array, y: Array, seeing_pixels: float) -> Stars:
    """Light at given places."""
    return _measure(pixels, x, y, seeing_pixels, _stay)


def _measure(pixels: Pixels, x: Array, y: Array, seeing_pixels: float, move: Move) -> Stars:
    profiles = Profiles(shared=Moffat(fwhm_pixels=seeing_pixels, beta=BETA_GUESS), by_depth={})
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    sky = np.zeros_like(pixels.image)
    for _ in range(ROUNDS if x.size else 0):
        fit = fit_stars(replace(pixels, image=pixels.image - sky), profiles, x, y)
        x, y = move(fit, x, y, profiles.shared.fwhm_pixels)
        profiles = fit_profiles(fit, x, y, profiles.shared)
        sky = measure_background(fit.residual + sky, ~pixels.usable, MESH_PIXELS).level
    fit = fit_stars(replace(pixels, image=pixels.image - sky), profiles, x, y)
    return _light(fit, pixels.variance, profiles, x, y)


def _stay(_fit: StarFit, x: Array, y: Array, _fwhm_pixels: float) -> tuple[Array, Array]:
    return x, y


def _centres(fit: StarFit, x: Array, y: Array, fwhm_pixels: float) -> tuple[Array, Array]:
    """The middle of the light under a window of a star's width, which follows it."""
    half, core = STAMP_HALF_PIXELS, 10
    cut = fit.alone[:, half - core : half + core + 1, half - core : half + core + 1]
    offsets = np.arange(-core, core + 1)
    begin_x, begin_y = x - fit.columns, y - fit.rows
    dx, dy = begin_x.copy(), begin_y.copy()
    for _ in range(12):
        from_x, from_y = offsets - dx[:, None], offsets - dy[:, None]
        squares = from_x[:, None, :] ** 2 + from_y[:, :, None] ** 2
        light = cut * np.exp(-4 * np.log(2) * squares / fwhm_pixels**2)
        total = light.sum(axis=(1, 2))
        total = np.where(total > 0, total, np.inf)
        dx = dx + 2 * (light.sum(axis=1) * from_x).sum(axis=1) / total
        dy = dy + 2 * (light.sum(axis=2) * from_y).sum(axis=1) / total
    stays = np.hypot(dx - begin_x, dy - begin_y) > FURTHEST_MOVE_PIXELS
    return np.where(stays, x, fit.columns + dx), np.where(stays, y, fit.rows + dy)


def _light(fit: StarFit, variance: Array, profiles: Profiles, x: Array, y: Array) -> Stars:
    flux, flux_err = _in_aperture(fit, variance, x, y)
    share = _aperture_shares(fit, flux, x, y)
    squares = (fit.models**2).sum(axis=(1, 2))
    # Equal weights: the variance of the counts is the variance under the profile.
    spread = np.sqrt(flux_err**2 / (np.pi * APERTURE_PIXELS**2 * np.maximum(squares, 1e-12)))
    return Stars(
        x=x,
        y=y,
        flux=flux,
        flux_err=flux_err,
        psf_flux=fit.counts * share,
        psf_flux_err=spread * share,
        fwhm_pixels=profiles.shared.fwhm_pixels,
        residual=fit.residual,
    )


def _in_aperture(fit: StarFit, variance: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Sums over the stamps, which stand side by side in one image."""
    if not x.size:
        return np.zeros(0), np.zeros(0)
    side = 2 * STAMP_HALF_PIXELS + 1
    mosaic = np.ascontiguousarray(fit.alone.transpose(1, 0, 2).reshape(side, -1))
    columns = np.arange(x.size) * side + STAMP_HALF_PIXELS + x - fit.columns
    rows = STAMP_HALF_PIXELS + y - fit.rows
    flux, _, _ = sep.sum_circle(mosaic, columns, rows, APERTURE_PIXELS, subpix=0)
    known = np.isfinite(variance) & (variance > 0)
    filled = np.ascontiguousarray(np.where(known, variance, np.median(variance[known])), dtype=np.float32)
    inside = np.clip(x, 0, variance.shape[1] - 1), np.clip(y, 0, variance.shape[0] - 1)
    squares, _, _ = sep.sum_circle(filled, *inside, APERTURE_PIXELS, subpix=0)
    return np.asarray(flux), np.sqrt(squares)


def _aperture_shares(fit: StarFit, flux: Array, x: Array, y: Array) -> Array:
    """How much of the profile's light is in the aperture, as the clearest stars of the same depth have it."""
    shares = np.full(x.size, _share(fit, flux, exemplary(fit, x, y, np.ones(x.size, dtype=bool))))
    for depth in np.unique(fit.depth):
        chosen = exemplary(fit, x, y, fit.depth == depth)
        if chosen.size >= LEAST_STARS:
            shares[fit.depth == depth] = _share(fit, flux, chosen)
    return shares


def _share(fit: StarFit, flux: Array, chosen: Array) -> float:
    return float(np.median(flux[chosen] / fit.counts[chosen])) if chosen.size else 1.0
