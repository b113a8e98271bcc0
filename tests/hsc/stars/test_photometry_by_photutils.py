"""Fluxes and positions of stars of a profile that the pipeline does not have, judged by photutils and by the noise."""

import numpy as np
import pytest
from photutils.aperture import CircularAperture, aperture_photometry
from scipy.stats import chi2

from pipelines.hsc.stars.photometry import APERTURE_PIXELS, measure_star_fluxes, measure_stars
from pipelines.hsc.stars.star_fit import PixelPlanes

SHAPE = (380, 380)
GAIN = 3.0
SKY_NOISE = 10.0
#: Share of pulls that are farther out than the limits below.
RARE = 1e-4


@pytest.fixture(scope="module")
def a_field(draw_stars):
    """Isolated stars at all parts of a pixel, of 50 to 1500 times the noise, with the noise of their own light."""
    random = np.random.default_rng(5)
    x, y = (v.ravel() + random.uniform(-0.5, 0.5, 64) for v in np.meshgrid(*[np.arange(36, 380, 44.0)] * 2))
    flux = 10 ** random.uniform(4, 5.5, 64)
    truth = draw_stars(SHAPE, x, y, flux)
    return x, y, flux, truth, with_noise(truth, random)


def with_noise(truth, random):
    """Return the planes of an image that shows this light, with its Poisson noise and that of the sky."""
    image = random.poisson(truth * GAIN) / GAIN + random.normal(0, SKY_NOISE, truth.shape)
    everywhere = np.ones(truth.shape, dtype=bool)
    return PixelPlanes(
        image=image.astype(np.float32),
        variance=(SKY_NOISE**2 + truth / GAIN).astype(np.float32),
        usable=everywhere,
        depth=everywhere.astype(int),
    )


def sum_apertures(image, x, y, error=None):
    table = aperture_photometry(image, CircularAperture(np.column_stack([x, y]), APERTURE_PIXELS), error=error)
    return [np.asarray(table[name]) for name in table.colnames if name.startswith("aperture_sum")]


def assert_standard_normal(pulls):
    """Fail if the mean or the sum of squares of so many pulls would be seen once in 1/RARE fields."""
    assert abs(pulls.mean()) < 3.9 / np.sqrt(pulls.size)
    low, high = chi2.ppf([RARE / 2, 1 - RARE / 2], pulls.size)
    assert low < (pulls**2).sum() < high


def test_aperture_fluxes_and_errors_are_those_of_photutils(a_field):
    x, y, _, _, pixels = a_field
    found = measure_star_fluxes(pixels, x, y, 4.5)
    flux, error = sum_apertures(pixels.image.astype(float), x, y, np.sqrt(pixels.variance))
    assert found.flux_err == pytest.approx(error, rel=1e-4)
    assert np.abs((found.flux - flux) / error).max() < 1


def test_aperture_fluxes_are_as_far_from_the_truth_as_their_errors_say(a_field):
    x, y, _, truth, pixels = a_field
    found = measure_stars(pixels, np.rint(x), np.rint(y), 4.5)
    assert_standard_normal((found.flux - sum_apertures(truth, x, y)[0]) / found.flux_err)


def test_profile_fluxes_have_no_bias_with_brightness(a_field):
    x, y, _, truth, pixels = a_field
    found = measure_stars(pixels, np.rint(x), np.rint(y), 4.5)
    wanted = sum_apertures(truth, x, y)[0]
    bright = wanted > np.median(wanted)
    ratio, error = found.psf_flux / wanted, found.flux_err / wanted
    faint_mean, bright_mean = (np.average(ratio[some], weights=error[some] ** -2) for some in (~bright, bright))
    noise = np.sqrt(sum(1 / (error[some] ** -2).sum() for some in (~bright, bright)))
    assert abs(faint_mean - bright_mean) < 3.9 * noise


def test_positions_are_as_far_from_the_truth_as_the_light_allows(a_field, draw_stars):
    x, y, flux, _, pixels = a_field
    found = measure_stars(pixels, np.rint(x), np.rint(y), 4.5)
    least = np.array([least_error(draw_stars, *star) for star in zip(x, y, flux, strict=True)])
    pulls = np.concatenate([(found.x - x) / least, (found.y - y) / least])
    assert abs(pulls.mean()) < 3.9 / np.sqrt(pulls.size)
    # A windowed centroid loses some of what a fit of the true profile (the bound of Cramer and Rao) would know.
    assert 0.75 < np.sqrt((pulls**2).mean()) < 1.5


def least_error(draw_stars, x, y, flux):
    """Return the least standard error of a position, in pixels, of any estimate from one star alone."""
    inside = (61, 61)
    x, y = x % 1 + 30, y % 1 + 30
    slope = (draw_stars(inside, [x + 0.01], [y], [flux]) - draw_stars(inside, [x - 0.01], [y], [flux])) / 0.02
    variance = SKY_NOISE**2 + draw_stars(inside, [x], [y], [flux]) / GAIN
    return 1 / np.sqrt((slope**2 / variance).sum())


def test_neighbours_of_another_profile_are_subtracted_from_each_other(a_field, draw_stars):
    x, y, flux, _, _ = a_field
    near = np.arange(0, 64, 4)
    x, y = np.append(x, x[near] + 6.3), np.append(y, y[near] + 3.6)
    flux = np.append(flux, flux[near] * 0.7)
    apart = [draw_stars(SHAPE, [star[0]], [star[1]], [star[2]]) for star in zip(x, y, flux, strict=True)]
    found = measure_star_fluxes(with_noise(sum(apart), np.random.default_rng(6)), x, y, 4.5)
    wanted = np.array([sum_apertures(one, [a], [b])[0][0] for one, a, b in zip(apart, x, y, strict=True)])
    pairs = np.append(near, np.arange(64, 80))
    wrong = np.abs(found.flux - wanted)[pairs]
    # A hundredth of a star may remain of its neighbour where the profiles differ.
    assert (wrong < 5 * found.flux_err[pairs] + 0.01 * wanted[pairs]).all()
