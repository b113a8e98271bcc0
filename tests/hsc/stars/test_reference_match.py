"""The match of an image's stars with the reference catalogue."""

import numpy as np
import pytest

from pipelines.hsc.errors import QualityError
from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import Wcs
from pipelines.hsc.stars.photometry import StarMeasurements
from pipelines.hsc.stars.reference_match import match_reference

TRUE = Wcs.from_values((320.3, 0.3), (380.5, 120.5), (-4.667e-5, 1e-7, 1e-7, 4.667e-5))
SHAPE = (240, 760)


@pytest.fixture
def a_field():
    """Stars where they are seen, with zero point 30, and the same in the reference catalogue."""

    def make(count, unknown=0, place_error_pixels=0.02):
        random = np.random.default_rng(1)
        x, y = random.uniform(0, 760, count), random.uniform(0, 240, count)
        mag = random.uniform(17, 21, count)
        ra, dec = TRUE.to_sky(*(v + random.normal(0, place_error_pixels, count) for v in (x, y)))
        flux = 10 ** (0.4 * (30 - mag))
        err = np.full(count, 20.0)
        light = {"flux": flux, "flux_err": err, "psf_flux": flux, "psf_flux_err": err}
        stars = StarMeasurements(x=x, y=y, **light, fwhm_pixels=4, residual=np.zeros(SHAPE, np.float32))
        known = slice(unknown, None)
        return stars, ReferenceCatalogue(id=np.arange(count)[known], ra=ra[known], dec=dec[known], mag=mag[known])

    return make


def initial_wcs(dx, dy):
    return Wcs.from_values(TRUE.crval, (TRUE.crpix[0] + dx, TRUE.crpix[1] + dy), TRUE.cd)


@pytest.mark.parametrize("shift", [(0, 0), (5.3, -7.1), (-22, 14)])
def test_the_projection_is_found_though_the_telescope_was_off(a_field, shift):
    stars, reference = a_field(80)
    found = match_reference(stars, reference, initial_wcs(*shift), SHAPE, min_matches=15)
    x, y = found.wcs.to_pixels(*TRUE.to_sky(np.array([0, 760, 380]), np.array([0, 240, 120])))
    assert np.hypot(x - [0, 760, 380], y - [0, 240, 120]).max() < 0.05
    assert found.zero_point_mag == pytest.approx(30, abs=1e-6)


def test_stars_that_the_catalogue_does_not_know_are_left_alone(a_field):
    stars, reference = a_field(80, unknown=30)
    found = match_reference(stars, reference, initial_wcs(3, 3), SHAPE, min_matches=15)
    assert list(reference.id[found.references]) == list(found.stars) == list(range(30, 80))


@pytest.mark.parametrize(
    ("count", "unknown", "message"),
    [
        (9, 0, "9 stars detected and 9 in the reference catalogue: at least 15 needed"),
        (80, 75, "80 stars detected and 5 in the reference catalogue: at least 15 needed"),
    ],
)
def test_too_few_stars_are_told(a_field, count, unknown, message):
    stars, reference = a_field(count, unknown=unknown)
    with pytest.raises(QualityError, match=message):
        match_reference(stars, reference, TRUE, SHAPE, min_matches=15)


def test_a_catalogue_of_other_stars_does_not_match(a_field):
    stars, reference = a_field(80)
    mirrored = ReferenceCatalogue(id=reference.id, ra=2 * 320.3 - reference.ra, dec=reference.dec, mag=reference.mag)
    with pytest.raises(QualityError, match=r"of 80 stars match the reference catalogue: at least 15 needed"):
        match_reference(stars, mirrored, TRUE, SHAPE, min_matches=15)
