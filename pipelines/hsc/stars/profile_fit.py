"""The fit of profiles to bright, isolated stars of an image."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pipelines.hsc.stars.star_fit import STAMP_HALF_PIXELS, StarFit, StarProfiles
from pipelines.hsc.stars.star_profile import MoffatProfile

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

MAX_PROFILE_STARS = 25
MIN_PROFILE_STARS = 4
#: Pixels on either side of a star's middle that count for its profile.
HALF_PIXELS = 9
#: An isolated star has no neighbour within this distance of more than this share of its light.
ISOLATION_PIXELS = 18.0
NEIGHBOUR_SHARE = 0.1


def fit_star_profiles(fit: StarFit, x: Floats, y: Floats, start: MoffatProfile) -> StarProfiles:
    """Fit a profile to the brightest isolated stars of the image, and one to those of each number of visits.

    Parameters
    ----------
    fit : StarFit
        Stamps of the stars, from the last fit.
    x, y : float64 arrays, shape (stars,)
        Positions, pixels from 0.
    start : MoffatProfile
        The profile to start from; also the result where there are fewer than MIN_PROFILE_STARS.
    """
    everywhere = np.ones(x.size, dtype=bool)
    shared = _fit_profile(fit, x, y, select_profile_stars(fit, x, y, everywhere), start)
    selected = {int(depth): select_profile_stars(fit, x, y, fit.depth == depth) for depth in np.unique(fit.depth)}
    enough = {depth: stars for depth, stars in selected.items() if stars.size >= MIN_PROFILE_STARS}
    by_depth = {depth: _fit_profile(fit, x, y, stars, shared) for depth, stars in enough.items()}
    return StarProfiles(shared=shared, by_depth=by_depth)


def select_profile_stars(fit: StarFit, x: Floats, y: Floats, among: Bools) -> Indices:
    """Return the brightest isolated stars, at most MAX_PROFILE_STARS, brightest first.

    Parameters
    ----------
    fit : StarFit
        Counts of the stars.
    x, y : float64 arrays, shape (stars,)
        Positions, pixels from 0.
    among : bool array, shape (stars,)
        Stars to select from; all may disturb.

    Returns
    -------
    intp array, shape (selected,)
        Indices of stars.
    """
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    disturbing = (distance < ISOLATION_PIXELS) & (fit.counts[None, :] > NEIGHBOUR_SHARE * fit.counts[:, None])
    np.fill_diagonal(disturbing, val=False)
    isolated = np.flatnonzero(among & ~disturbing.any(axis=1) & (fit.counts > 0))
    return isolated[np.argsort(-fit.counts[isolated], kind="stable")][:MAX_PROFILE_STARS]


def _fit_profile(fit: StarFit, x: Floats, y: Floats, selected: Indices, start: MoffatProfile) -> MoffatProfile:
    if selected.size < MIN_PROFILE_STARS:
        return start
    half, core = STAMP_HALF_PIXELS, HALF_PIXELS
    middle = slice(half - core, half + core + 1)
    stamps = fit.isolated_stamps[selected, middle, middle] / fit.counts[selected, None, None]
    offsets = np.arange(-core, core + 1)
    dx = (fit.columns - x)[selected, None, None] + offsets
    dy = (fit.rows - y)[selected, None, None] + offsets[:, None]

    def compute_residuals(shape: Floats) -> Floats:
        model = _make_profile(shape).intensity(dx, dy)
        scale = (model * stamps).sum(axis=(1, 2)) / (model**2).sum(axis=(1, 2))
        residuals: Floats = stamps - scale[:, None, None] * model
        return residuals.ravel()

    found = least_squares(
        compute_residuals,
        [start.fwhm_pixels, start.beta, start.stretch_x, start.stretch_diagonal],
        bounds=([1.5, 1.8, -0.4, -0.4], [15, 12, 0.4, 0.4]),
        loss="soft_l1",
        f_scale=0.002,
        max_nfev=15,
    )
    return _make_profile(found.x)


def _make_profile(shape: Floats) -> MoffatProfile:
    fwhm, beta, stretch_x, stretch_diagonal = (float(value) for value in shape)
    return MoffatProfile(fwhm_pixels=fwhm, beta=beta, stretch_x=stretch_x, stretch_diagonal=stretch_diagonal)
