"""The match with the reference catalogue, judged by astropy's matching of catalogues on the sky."""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord, match_coordinates_sky

from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import Wcs
from pipelines.hsc.stars.photometry import StarMeasurements
from pipelines.hsc.stars.reference_match import MATCH_RADII_PIXELS, match_reference

TRUE = Wcs.from_values((320.3, 0.3), (380.5, 120.5), (-4.667e-5, 1e-7, 1e-7, 4.667e-5))
SHAPE = (240, 760)
ERROR_PIXELS = 0.03


def test_pairs_are_those_of_astropy_on_the_true_sky():
    random = np.random.default_rng(4)
    stars, reference = a_crowd(random)
    off = Wcs.from_values(TRUE.crval, (TRUE.crpix[0] - 11.4, TRUE.crpix[1] + 8.2), TRUE.cd)
    found = match_reference(stars, reference, off, SHAPE, min_matches=15)
    seen = SkyCoord(*TRUE.to_sky(stars.x, stars.y), unit=u.deg)
    known = SkyCoord(reference.ra, reference.dec, unit=u.deg)
    nearest, separation, _ = match_coordinates_sky(seen, known)
    back, _, _ = match_coordinates_sky(known, seen)
    near = separation < MATCH_RADII_PIXELS[-1] * TRUE.pixel_arcsec * u.arcsec
    mutual = np.flatnonzero(near & (back[nearest] == np.arange(len(seen))))
    assert mutual.size > 350
    assert list(zip(found.stars, found.references, strict=True)) == list(zip(mutual, nearest[mutual], strict=True))
    fitted = SkyCoord(*found.wcs.to_sky(stars.x, stars.y), unit=u.deg)
    # Six numbers are fitted to as many pairs: at the corners of the image they are good to three errors of one mean.
    limit = 4 * np.sqrt(3) * ERROR_PIXELS * np.sqrt(2 / found.fitted_pairs) * TRUE.pixel_arcsec
    assert fitted.separation(seen).max().arcsec < limit


def a_crowd(random):
    """Return 500 stars, and a catalogue that has 400 of them in another order besides 100 that are not seen."""
    x, y, mag = random.uniform(0, 760, 600), random.uniform(0, 240, 600), random.uniform(17, 21, 600)
    flux, error = 10 ** (0.4 * (30 - mag)), np.full(600, 20.0)
    known = random.permutation(np.arange(100, 600))
    ra, dec = TRUE.to_sky(x[known], y[known])
    seen = slice(0, 500)
    stars = StarMeasurements(
        x=(x + random.normal(0, ERROR_PIXELS, 600))[seen],
        y=(y + random.normal(0, ERROR_PIXELS, 600))[seen],
        flux=flux[seen],
        flux_err=error[seen],
        psf_flux=flux[seen],
        psf_flux_err=error[seen],
        fwhm_pixels=4.0,
        residual=np.zeros(SHAPE, dtype=np.float32),
    )
    return stars, ReferenceCatalogue(id=known, ra=ra, dec=dec, mag=mag[known])
