"""How a star's light is spread, learned from the stars that show it best."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pipelines.hsc.stars.star_fit import STAMP_HALF_PIXELS, Profiles, StarFit
from pipelines.hsc.stars.star_profile import Moffat

Array = NDArray[Any]

MOST_STARS = 25
LEAST_STARS = 4
HALF_PIXELS = 9
#: A star shows it well if it has no neighbour within this distance of more than this share of its light.
ALONE_PIXELS = 18.0
NEIGHBOUR_SHARE = 0.1


def fit_profiles(fit: StarFit, x: Array, y: Array, begin: Moffat) -> Profiles:
    """Profiles of the brightest stars that have their surroundings to themselves: of all, and of each depth."""
    everywhere = np.ones(x.size, dtype=bool)
    shared = _fit_profile(fit, x, y, exemplary(fit, x, y, everywhere), begin)
    chosen = {int(depth): exemplary(fit, x, y, fit.depth == depth) for depth in np.unique(fit.depth)}
    clear = {depth: stars for depth, stars in chosen.items() if stars.size >= LEAST_STARS}
    by_depth = {depth: _fit_profile(fit, x, y, stars, shared) for depth, stars in clear.items()}
    return Profiles(shared=shared, by_depth=by_depth)


def exemplary(fit: StarFit, x: Array, y: Array, among: Array) -> Array:
    """The brightest of some that show their profile well."""
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    disturbing = (distance < ALONE_PIXELS) & (fit.counts[None, :] > NEIGHBOUR_SHARE * fit.counts[:, None])
    np.fill_diagonal(disturbing, val=False)
    free = np.flatnonzero(among & ~disturbing.any(axis=1) & (fit.counts > 0))
    return free[np.argsort(-fit.counts[free], kind="stable")][:MOST_STARS]


def _fit_profile(fit: StarFit, x: Array, y: Array, chosen: Array, begin: Moffat) -> Moffat:
    if chosen.size < LEAST_STARS:
        return begin
    half, core = STAMP_HALF_PIXELS, HALF_PIXELS
    middle = slice(half - core, half + core + 1)
    stamps = fit.alone[chosen, middle, middle] / fit.counts[chosen, None, None]
    offsets = np.arange(-core, core + 1)
    dx = (fit.columns - x)[chosen, None, None] + offsets
    dy = (fit.rows - y)[chosen, None, None] + offsets[:, None]

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
