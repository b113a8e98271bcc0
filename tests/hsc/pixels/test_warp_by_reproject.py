"""Warps of stars of a profile that the pipeline does not have, judged by reproject and by apertures of photutils."""

import numpy as np
import pytest
from astropy.wcs import WCS
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.centroids import centroid_com, centroid_sources
from reproject import reproject_interp
from scipy.ndimage import binary_erosion

from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.pixels.warp import warp_to_patch
from pipelines.hsc.simulator.visits import SKY_MAP
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.sky.wcs import Wcs, patch_wcs

TRACT, PATCH = SKY_MAP[0], Patch(8, 6)
TARGET = patch_wcs(TRACT, PATCH)
SIZE = 241
#: Side of the image's pixels in pixels of the patch.
SCALE = 0.99


@pytest.fixture(scope="module", params=[0.0, 0.3, 30.0], ids="turned by {}".format)
def warped(request, draw_stars):
    """Positions of stars in the patch, their fluxes, and the patch as warped by the pipeline and by reproject."""
    random = np.random.default_rng(3)
    x, y = (v.ravel() + random.uniform(-0.5, 0.5, 16) for v in np.meshgrid(*[np.linspace(45, 195, 4)] * 2))
    flux = 10 ** random.uniform(3, 5, 16)
    wcs = turned(request.param)
    exposure = Exposure(
        image=draw_stars((SIZE, SIZE), x, y, flux).astype(np.float32),
        mask=np.zeros((SIZE, SIZE), dtype=np.int16),
        variance=np.full((SIZE, SIZE), 4, dtype=np.float32),
        depth=np.ones((SIZE, SIZE), dtype=np.uint8),
        wcs=wcs,
        zero_point_mag=27.0,
        seeing_pixels=4.0,
        data_id={},
    )
    warp = warp_to_patch([exposure], TRACT, PATCH, {})
    judged, _ = reproject_interp(
        (exposure.image.astype(float), WCS(wcs.to_cards())), WCS(TARGET.to_cards()), warp.shape, order="bicubic"
    )
    # reproject keeps the brightness of a pixel, the warp the light of a star.
    judged *= (TARGET.pixel_arcsec / wcs.pixel_arcsec) ** 2
    place = WCS(TARGET.to_cards()).wcs_world2pix(*WCS(wcs.to_cards()).wcs_pix2world(x, y, 0), 0)
    return place, flux, warp, judged


def turned(degrees):
    """Return the projection of an image around the middle of the patch, with pixels 1 % smaller than the patch's."""
    ra, dec = (float(value) for value in TARGET.to_sky(170.2, 170.4))
    scale, angle = SCALE * TARGET.pixel_arcsec / 3600, np.radians(degrees)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return Wcs.from_values((ra, dec), (SIZE / 2, SIZE / 2), (-cosine, sine, sine, cosine))


@pytest.fixture(scope="module")
def limits():
    """Errors of the position (pixels) and the flux (relative) that Lanczos's kernel of order 3 makes by itself.

    The weights have a sum of one, but their mean is not the wanted position. That moves a star by as much, and changes
    its flux where the error changes from pixel to pixel, as it does between grids of different scale.
    """
    fraction = np.linspace(0, 1, 2001)
    offsets = fraction[:, None] - np.arange(-2, 4)
    weights = np.sinc(offsets) * np.sinc(offsets / 3)
    moved = (weights * offsets).sum(axis=1) / weights.sum(axis=1)
    drift = 1 / SCALE - 1
    return np.sqrt(2) * np.abs(moved).max(), 2 * drift * np.abs(np.gradient(moved, fraction)).max()


def sum_apertures(image, place, radius):
    aperture = CircularAperture(np.transpose(place), radius)
    return np.asarray(aperture_photometry(np.nan_to_num(image), aperture)["aperture_sum"])


def find_centroids(image, place):
    return np.array(centroid_sources(np.nan_to_num(image), *place, box_size=31, centroid_func=centroid_com))


def test_a_warp_has_the_light_that_the_stars_have(warped, limits):
    place, flux, warp, _ = warped
    assert sum_apertures(warp.image, place, 16) == pytest.approx(flux, rel=limits[1])


def test_fluxes_in_the_calibration_aperture_are_those_of_reproject(warped, limits):
    place, _, warp, judged = warped
    assert sum_apertures(warp.image, place, 6) == pytest.approx(sum_apertures(judged, place, 6), rel=limits[1])


def test_stars_are_where_astropy_and_reproject_have_them(warped, limits):
    place, _, warp, judged = warped
    found = find_centroids(warp.image, place)
    assert np.hypot(*(found - place)).max() < limits[0]
    assert np.hypot(*(found - find_centroids(judged, place))).max() < limits[0]


def test_the_pixels_that_have_data_are_those_of_reproject_without_the_rim(warped):
    _, _, warp, judged = warped
    has_data, judged_data = warp.depth > 0, np.isfinite(judged)
    assert judged_data[has_data].all()
    # Lanczos's kernel needs two or three pixels on every side.
    np.testing.assert_array_equal(has_data[binary_erosion(judged_data, iterations=5)], True)
