"""Raw numbers to clean images: signature, cosmic rays, background."""

import numpy as np
import pytest

from pipelines.hsc.errors import InputError
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.background import measure_background
from pipelines.hsc.pixels.cosmic_rays import find_cosmic_rays, interpolate_masked
from pipelines.hsc.pixels.instrument_signature import CalibrationFrames, RawImage, remove_instrument_signature
from pipelines.hsc.sky.wcs import Wcs
from pipelines.hsc.stars.star_profile import MoffatProfile, add_stamp

SHAPE = (60, 80)
WCS = Wcs.from_values((10.0, 0.0), (1.0, 1.0), (-1e-4, 0.0, 0.0, 1e-4))


@pytest.fixture
def a_detector():
    """What a uniform sky of some electrons looks like through a detector with these frames."""

    def read_out(electrons, **changes):
        frames = {"bias": np.full(SHAPE, 7.0), "dark": np.full(SHAPE, 0.5), "flat": np.full(SHAPE, 0.8)} | changes
        adu = np.full((SHAPE[0], SHAPE[1] + 10), 1000.0)
        adu[:, :-10] += (electrons * frames["flat"] + 30 * frames["dark"]) / 3 + frames["bias"]
        raw = RawImage(adu=adu, overscan_columns=10, gain=3.0, read_noise=4.5, exptime_s=30.0, wcs=WCS)
        return raw, CalibrationFrames(**frames)

    return read_out


def a_star(flux=20_000.0, x=40.3, y=30.6, fwhm=4.0):
    image = np.random.default_rng(1).normal(0, 25, SHAPE)
    stamp, column, row = MoffatProfile(fwhm_pixels=fwhm, beta=3.5).make_stamp(x, y, 25)
    add_stamp(image, flux * stamp, column, row)
    return image, np.full(SHAPE, 625.0) + np.maximum(image, 0)


def test_the_sky_is_what_it_was_before_the_detector(a_detector):
    clean = remove_instrument_signature(*a_detector(600.0))
    assert clean.image == pytest.approx(600, abs=0.01)
    assert clean.variance == pytest.approx((600 * 0.8 + 15 + 4.5**2) / 0.64, rel=1e-3)
    assert not clean.mask.any()


def test_dead_hot_and_saturated_pixels_are_masked(a_detector):
    flat, dark, sky = np.full(SHAPE, 0.8), np.full(SHAPE, 0.5), np.full(SHAPE, 600.0)
    flat[:, 3], dark[5, 6], sky[7, 8] = 0.02, 300, 500_000
    mask = remove_instrument_signature(*a_detector(sky, flat=flat, dark=dark)).mask
    assert {(mask[9, 3]), mask[5, 6]} == {planes.BAD}
    assert mask[7, 8] == planes.SATURATED
    assert np.count_nonzero(mask) == SHAPE[0] + 2


def test_a_frame_of_another_size_is_refused(a_detector):
    raw, frames = a_detector(600.0)
    with pytest.raises(InputError, match=r"the bias frame has \(10, 10\) pixels, the raw image \(60, 80\)"):
        remove_instrument_signature(
            raw, CalibrationFrames(bias=np.zeros((10, 10), np.float32), dark=frames.dark, flat=frames.flat)
        )


def test_a_track_is_found_whole():
    image, variance = a_star()
    places = np.arange(10, 25), np.arange(15, 30)
    image[places] += 1500
    assert find_cosmic_rays(image, variance)[places].all()


def test_holes_are_filled_from_their_rims():
    image, holes = np.full((9, 9), 5.0), np.zeros((9, 9), dtype=bool)
    holes[2:7, 2:7] = True
    assert (interpolate_masked(np.where(holes, -1e6, image), holes) == image).all()


def test_the_background_follows_the_sky_and_not_what_is_ignored():
    slope = np.add.outer(np.linspace(0, 5, 200), np.linspace(500, 520, 300))
    image = slope + np.random.default_rng(1).normal(0, 5, slope.shape)
    ignore = np.zeros(image.shape, dtype=bool)
    ignore[50:90, 50:90] = True
    found = measure_background(np.where(ignore, 1e5, image), ignore, 50)
    assert np.abs(found.level - slope).max() < 3
