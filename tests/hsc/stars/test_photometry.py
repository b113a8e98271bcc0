"""Fluxes and positions of stars, alone and in crowds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.hsc.stars.detection import detect_stars
from pipelines.hsc.stars.photometry import APERTURE_PIXELS, measure_star_fluxes, measure_stars
from pipelines.hsc.stars.star_fit import PixelPlanes
from pipelines.hsc.stars.star_profile import MoffatProfile, add_stamp

PROFILE = MoffatProfile(fwhm_pixels=4.2, beta=3.2, stretch_x=0.05)
SHAPE = (150, 200)
NOISE = 10.0


def an_image(x, y, flux, seed=1, fwhm=4.2):
    """These stars with noise."""
    image = np.random.default_rng(seed).normal(0, NOISE, SHAPE)
    for star in zip(x, y, flux, strict=True):
        stamp, column, row = replace(PROFILE, fwhm_pixels=fwhm).make_stamp(star[0], star[1], 40)
        add_stamp(image, star[2] * stamp, column, row)
    variance = np.full(SHAPE, NOISE**2, dtype=np.float32)
    everywhere = np.ones(SHAPE, dtype=bool)
    return PixelPlanes(
        image=image.astype(np.float32), variance=variance, usable=everywhere, depth=everywhere.astype(int)
    )


def in_aperture():
    """How much of a star's light is inside the calibration aperture."""
    fine = np.arange(-APERTURE_PIXELS, APERTURE_PIXELS, 0.05) + 0.025
    light = PROFILE.intensity(fine[None, :], fine[:, None])
    return float(light[np.hypot(fine[None, :], fine[:, None]) < APERTURE_PIXELS].sum() * 0.05**2)


@given(st.floats(60, 140), st.floats(50, 100), st.floats(2e4, 1e6))
@settings(max_examples=20, deadline=None)
def test_a_star_alone_is_measured_where_it_is(x, y, flux):
    found = measure_stars(an_image([x], [y], [flux]), [round(x)], [round(y)], 4.5)
    assert found.flux[0] == pytest.approx(flux * in_aperture(), abs=5 * found.flux_err[0] + 0.01 * flux)
    assert np.hypot(found.x[0] - x, found.y[0] - y) < 0.1


def test_a_neighbour_takes_no_light_away_and_adds_none():
    x, y = np.array([40.0, 100.0, 160.2, 106.5]), np.array([40.0, 75.4, 110.0, 75.4])
    flux = np.array([2e5, 3e4, 2e5, 1e5])
    found = measure_star_fluxes(an_image(x, y, flux), x, y, 4.5)
    assert found.flux / flux / in_aperture() == pytest.approx([1, 1, 1, 1], abs=0.05)


def test_pixels_that_cannot_be_used_are_made_up_from_the_profile():
    x, y, flux = [40.0, 100.0, 160.0], [40.0, 75.0, 110.0], [2e5, 1e5, 2e5]
    pixels = an_image(x, y, flux)
    pixels.usable[:, 102] = False
    pixels.image[:, 102] = 1e6
    found = measure_star_fluxes(pixels, x, y, 4.5)
    assert found.flux[1] == pytest.approx(1e5 * in_aperture(), rel=0.02)


def test_the_profile_is_learned_from_the_stars():
    random = np.random.default_rng(2)
    x, y = np.meshgrid(np.arange(25, 200, 35.0), np.arange(25, 150, 33.0))
    x, y = (v.ravel() + random.uniform(-1, 1, v.size) for v in (x, y))
    found = measure_stars(an_image(x, y, np.full(x.size, 3e5)), x, y, 3.0)
    assert found.fwhm_pixels == pytest.approx(4.2, abs=0.02)
    assert np.abs(found.residual).max() < 0.02 * 3e5 * PROFILE.intensity(np.array(0), np.array(0))


def test_stars_where_other_visits_were_have_a_profile_of_their_own():
    x, y = (v.ravel() for v in np.meshgrid(np.arange(20, 200, 32.0), np.arange(20, 150, 36.0)))
    sharp, blurred = (
        an_image(x[some], y[some], np.full(12, 3e5), fwhm=fwhm) for some, fwhm in ((x < 100, 3.5), (x > 100, 5))
    )
    pixels = replace(
        sharp, image=sharp.image + blurred.image, depth=np.where(np.arange(200) < 100, 2, 4) + sharp.depth * 0
    )
    found = measure_star_fluxes(pixels, x, y, 4.2)
    assert found.psf_flux == pytest.approx(found.flux, rel=0.01)


def test_an_image_without_stars_has_no_light():
    assert measure_stars(an_image([], [], []), [], [], 4.5).flux.size == 0


def test_each_star_is_detected_once_also_beside_a_brighter_one():
    x, y = np.array([30.0, 65.3, 100.0, 107.0, 140.0, 170.5]), np.array([30.0, 110.0, 75.0, 75.0, 30.4, 110.0])
    image = an_image(x, y, [2e5, 2e5, 2e5, 2e4, 2e5, 2e3])
    peaks = detect_stars(image, 4.2, 5.0)
    found = measure_stars(image, peaks.x, peaks.y, 4.2)
    order = np.argsort(found.x)
    assert found.x[order] == pytest.approx(x, abs=0.5)
    assert found.y[order] == pytest.approx(y, abs=0.5)


def test_noise_is_no_star():
    assert detect_stars(an_image([], [], [], seed=3), 4.2, 5.0).x.size == 0
