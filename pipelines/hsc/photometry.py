"""The light of every star in an image, with its neighbours taken away: all stars are fitted together."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import splu

from pipelines.hsc.background import measure_background
from pipelines.hsc.star_profile import Moffat

Array = NDArray[Any]

#: Magnitudes are those of the light inside this circle; the zero point makes up for what is outside.
APERTURE_PIXELS = 6.0
STAMP_HALF_PIXELS = 20
ROUNDS = 3
#: The sky under subtracted stars.
MESH_PIXELS = 64
FURTHEST_MOVE_PIXELS = 1.5
PROFILE_STARS = 25
PROFILE_HALF_PIXELS = 9


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """What is fitted."""

    image: Array
    variance: Array
    usable: Array


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Places and light, in pixels and counts."""

    x: Array
    y: Array
    flux: Array
    flux_err: Array
    psf_flux: Array
    psf_flux_err: Array
    profile: Moffat
    #: The image without them, and without what sky was left.
    residual: Array


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """One round: total counts by the profile, and for each star a stamp that shows it alone."""

    counts: Array
    residual: Array
    alone: Array
    models: Array


def measure_stars(pixels: Pixels, x: Array, y: Array, seeing_pixels: float) -> Stars:
    """Light and places, beginning from these."""
    return _measure(pixels, x, y, seeing_pixels, moving=True)


def measure_stars_at(pixels: Pixels, x: Array, y: Array, seeing_pixels: float) -> Stars:
    """Light at given places."""
    return _measure(pixels, x, y, seeing_pixels, moving=False)


def _measure(pixels: Pixels, x: Array, y: Array, seeing_pixels: float, *, moving: bool) -> Stars:
    profile = Moffat(fwhm_pixels=seeing_pixels, beta=3.5)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    sky = np.zeros_like(pixels.image)
    for _ in range(ROUNDS if x.size else 0):
        fit = _fit(replace(pixels, image=pixels.image - sky), profile, x, y)
        if moving:
            x, y = _centres(fit.alone, x, y, profile.fwhm_pixels)
        profile = _fit_profile(fit, x, y, profile)
        sky = measure_background(fit.residual + sky, ~pixels.usable, MESH_PIXELS).level
    fit = _fit(replace(pixels, image=pixels.image - sky), profile, x, y)
    return _light(fit, pixels.variance, profile, x, y)


def _fit(pixels: Pixels, profile: Moffat, x: Array, y: Array) -> _Fit:
    """Least squares for the counts of all stars at once; every usable pixel counts the same, so none is favoured."""
    half = STAMP_HALF_PIXELS
    image, usable = np.pad(np.where(pixels.usable, pixels.image, 0), half + 1), np.pad(pixels.usable, half + 1)
    models, places = _stamps(profile, x, y, image.shape)
    seen = models * usable.ravel()[places]
    stars = np.repeat(np.arange(x.size), places[0].size) if x.size else np.zeros(0, dtype=int)
    design = csr_matrix((seen.ravel(), (places.ravel(), stars)), shape=(image.size, x.size))
    if x.size:
        # A trace of the identity, for two stars at one place.
        normal = (design.T @ design + 1e-9 * identity(x.size)).tocsc()
        counts = splu(normal).solve(design.T @ image.ravel())
    else:
        counts = np.zeros(0)
    residual = np.where(usable, image - (design @ counts).reshape(image.shape), 0)
    inside = (slice(half + 1, -half - 1),) * 2
    return _Fit(
        counts=counts,
        residual=residual[inside].astype(np.float32),
        alone=residual.ravel()[places] + counts[:, None, None] * models,
        models=models,
    )


def _stamps(profile: Moffat, x: Array, y: Array, padded_shape: tuple[int, ...]) -> tuple[Array, Array]:
    """For each star its profile, and where these pixels are in the padded image."""
    half = STAMP_HALF_PIXELS
    offsets = np.arange(-half, half + 1)
    columns, rows = _nearest(x, padded_shape[1]), _nearest(y, padded_shape[0])
    dx = (columns - x)[:, None, None] + offsets[None, None, :]
    dy = (rows - y)[:, None, None] + offsets[None, :, None]
    column_places = columns[:, None, None] + half + 1 + offsets[None, None, :]
    row_places = rows[:, None, None] + half + 1 + offsets[None, :, None]
    return profile.intensity(dx, dy), row_places * padded_shape[1] + column_places


def _nearest(place: Array, padded_size: int) -> Array:
    return np.asarray(np.clip(np.rint(place).astype(int), -1, padded_size - 2 * STAMP_HALF_PIXELS - 2))


def _centres(alone: Array, x: Array, y: Array, fwhm_pixels: float) -> tuple[Array, Array]:
    """The middle of the light under a window of a star's width, which follows it."""
    half, core = STAMP_HALF_PIXELS, 10
    cut = alone[:, half - core : half + core + 1, half - core : half + core + 1]
    offsets = np.arange(-core, core + 1)
    begin_x, begin_y = x - np.rint(x), y - np.rint(y)
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
    return np.where(stays, x, np.rint(x) + dx), np.where(stays, y, np.rint(y) + dy)


def _fit_profile(fit: _Fit, x: Array, y: Array, begin: Moffat) -> Moffat:
    """The profile of the brightest stars that have their surroundings to themselves."""
    chosen = _exemplary(fit, x, y)
    if chosen.size < 3:
        return begin
    half, core = STAMP_HALF_PIXELS, PROFILE_HALF_PIXELS
    middle = slice(half - core, half + core + 1)
    stamps = fit.alone[chosen, middle, middle] / fit.counts[chosen, None, None]
    offsets = np.arange(-core, core + 1)
    dx = (np.rint(x) - x)[chosen, None, None] + offsets[None, None, :]
    dy = (np.rint(y) - y)[chosen, None, None] + offsets[None, :, None]

    def misfit(shape: Array) -> Array:
        model = _moffat(shape).intensity(dx, dy)
        scale = (model * stamps).sum(axis=(1, 2)) / (model**2).sum(axis=(1, 2))
        wrong: Array = stamps - scale[:, None, None] * model
        return wrong.ravel()

    found = least_squares(
        misfit,
        [begin.fwhm_pixels, begin.beta, begin.stretch_x, begin.stretch_diagonal],
        bounds=([1.5, 1.8, -0.4, -0.4], [15, 12, 0.4, 0.4]),
        loss="soft_l1",
        f_scale=0.002,
        max_nfev=15,
    )
    return _moffat(found.x)


def _moffat(shape: Array) -> Moffat:
    fwhm, beta, stretch_x, stretch_diagonal = (float(value) for value in shape)
    return Moffat(fwhm_pixels=fwhm, beta=beta, stretch_x=stretch_x, stretch_diagonal=stretch_diagonal)


def _exemplary(fit: _Fit, x: Array, y: Array) -> Array:
    """The brightest without a neighbour of a tenth of their light within three apertures."""
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    disturbing = (distance < 3 * APERTURE_PIXELS) & (fit.counts[None, :] > 0.1 * fit.counts[:, None])
    np.fill_diagonal(disturbing, val=False)
    free = np.flatnonzero(~disturbing.any(axis=1) & (fit.counts > 0))
    return free[np.argsort(-fit.counts[free], kind="stable")][:PROFILE_STARS]


def _light(fit: _Fit, variance: Array, profile: Moffat, x: Array, y: Array) -> Stars:
    flux, flux_err = _in_aperture(fit, variance, x, y)
    ratio = _aperture_share(fit, flux, x, y)
    squares = (fit.models**2).sum(axis=(1, 2))
    # Equal weights: the variance of the counts is the variance under the profile.
    spread = np.sqrt(flux_err**2 / (np.pi * APERTURE_PIXELS**2 * np.maximum(squares, 1e-12)))
    return Stars(
        x=x,
        y=y,
        flux=flux,
        flux_err=flux_err,
        psf_flux=fit.counts * ratio,
        psf_flux_err=spread * ratio,
        profile=profile,
        residual=fit.residual,
    )


def _in_aperture(fit: _Fit, variance: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Sums over the stamps, which stand side by side in one image."""
    if not x.size:
        return np.zeros(0), np.zeros(0)
    side = 2 * STAMP_HALF_PIXELS + 1
    mosaic = np.ascontiguousarray(fit.alone.transpose(1, 0, 2).reshape(side, -1))
    columns = np.arange(x.size) * side + STAMP_HALF_PIXELS + x - np.rint(x)
    rows = STAMP_HALF_PIXELS + y - np.rint(y)
    flux, _, _ = sep.sum_circle(mosaic, columns, rows, APERTURE_PIXELS, subpix=0)
    known = np.isfinite(variance) & (variance > 0)
    filled = np.ascontiguousarray(np.where(known, variance, np.median(variance[known])), dtype=np.float32)
    inside = np.clip(x, 0, variance.shape[1] - 1), np.clip(y, 0, variance.shape[0] - 1)
    squares, _, _ = sep.sum_circle(filled, *inside, APERTURE_PIXELS, subpix=0)
    return np.asarray(flux), np.sqrt(squares)


def _aperture_share(fit: _Fit, flux: Array, x: Array, y: Array) -> float:
    """How much of the profile's light is in the aperture, as the clearest stars have it."""
    chosen = _exemplary(fit, x, y)
    return float(np.median(flux[chosen] / fit.counts[chosen])) if chosen.size else 1.0
