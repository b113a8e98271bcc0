"""Warps, their mean, and lists over filters."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.catalogues.merge import PRIORITY, merge_measurements, merge_peaks, number_objects, sort_by_priority
from pipelines.hsc.catalogues.schema import BANDS
from pipelines.hsc.errors import QualityError
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.coaddition import average_warps
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.pixels.warp import warp_to_patch
from pipelines.hsc.simulator.visits import SKY_MAP
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.sky.wcs import Wcs, patch_wcs
from pipelines.hsc.stars.star_profile import MoffatProfile, add_stamp

TRACT, PATCH = SKY_MAP[0], Patch(8, 6)
WCS = patch_wcs(TRACT, PATCH)


@pytest.fixture
def an_image():
    """A star of 10,000 counts in the middle of an image of the patch's middle, turned and moved."""

    def make(turn_deg=0.0, move_pixels=0.0, size=201, zero_point_mag=27.0):
        ra, dec = WCS.to_sky(np.array(170.0), np.array(170.0))
        scale, angle = 0.168 / 3600, np.radians(turn_deg)
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        middle = (size + 1) / 2 + move_pixels
        image = np.zeros((size, size))
        stamp, column, row = MoffatProfile(fwhm_pixels=4, beta=3).make_stamp(middle - 1, middle - 1, 60)
        add_stamp(image, 10_000 * stamp, column, row)
        return Exposure(
            image=image.astype(np.float32),
            mask=np.zeros(image.shape, dtype=np.int16),
            variance=np.full(image.shape, 4, dtype=np.float32),
            depth=np.ones(image.shape, dtype=np.uint8),
            wcs=Wcs.from_values((float(ra), float(dec)), (middle, middle), (-cosine, sine, sine, cosine)),
            zero_point_mag=zero_point_mag,
            seeing_pixels=4.0,
            data_id={},
        )

    return make


@pytest.fixture
def warps(an_image):
    """Four visits of one sky."""
    return [
        warp_to_patch([an_image(turn_deg=turn, move_pixels=turn)], TRACT, PATCH, {}) for turn in (-0.4, -0.1, 0.2, 0.4)
    ]


@pytest.mark.parametrize("turn", [0, 0.3, 30])
def test_a_warp_keeps_the_light_and_place_of_a_star(an_image, turn):
    image = warp_to_patch([an_image(turn_deg=turn, move_pixels=0.37)], TRACT, PATCH, {}).image
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    near = np.hypot(rows - 170, columns - 170) < 40
    light = image[near]
    assert light.sum() == pytest.approx(10_000, rel=0.02)
    assert (light * rows[near]).sum() / light.sum() == pytest.approx(170, abs=0.02)
    assert (light * columns[near]).sum() / light.sum() == pytest.approx(170, abs=0.02)


def test_counts_are_scaled_to_the_zero_point_of_coadds(an_image):
    bright = warp_to_patch([an_image(zero_point_mag=27.0)], TRACT, PATCH, {})
    faint = warp_to_patch([an_image(zero_point_mag=29.5)], TRACT, PATCH, {})
    np.testing.assert_allclose(faint.image, bright.image / 10, atol=1e-3)
    np.testing.assert_allclose(faint.variance, bright.variance / 100, rtol=1e-3)


def test_outside_the_image_is_no_number(an_image):
    made = warp_to_patch([an_image(size=101)], TRACT, PATCH, {})
    assert np.isnan(made.image[made.depth == 0]).all()
    assert (made.mask[made.depth == 0] == planes.NO_DATA).all()
    assert 95**2 <= made.depth.sum() <= 101**2


def test_what_is_known_against_a_pixel_goes_with_it(an_image):
    image = an_image(turn_deg=0.3)
    image.mask[100, 100] = planes.COSMIC_RAY
    flagged = np.argwhere(warp_to_patch([image], TRACT, PATCH, {}).mask & planes.COSMIC_RAY)
    assert np.abs(flagged - 170).max() <= 1
    assert len(flagged) >= 4


def test_an_image_beside_the_patch_is_of_no_use(an_image):
    with pytest.raises(QualityError, match="no pixel of the 1 images is on patch 9x7"):
        warp_to_patch([an_image(size=51)], TRACT, Patch(9, 7), {})


def test_what_only_one_visit_shows_is_not_in_the_mean(warps):
    clean = average_warps(warps, {}, clip_sigma=4.0, clip_iterations=2)
    warps[1].image[120:125, 130:150] += 500
    spoiled = average_warps(warps, {}, clip_sigma=4.0, clip_iterations=2)
    np.testing.assert_allclose(spoiled.image, clean.image, atol=1)
    assert (spoiled.mask[120:125, 130:150] & planes.CLIPPED).all()
    assert (spoiled.depth[120:125, 130:150] == 3).all()


def test_of_two_visits_the_darker_counts(warps):
    warps[0].image[120, 130] += 500
    coadd = average_warps(warps[:2], {}, clip_sigma=4.0, clip_iterations=2)
    assert coadd.image[120, 130] == pytest.approx(warps[1].image[120, 130])


def test_masked_pixels_have_no_part(warps):
    warps[0].mask[:] |= planes.BAD
    warps[0].image[:] = 1e6
    coadd = average_warps(warps, {}, clip_sigma=4.0, clip_iterations=2)
    assert np.nanmax(coadd.depth) == 3
    assert np.nanmax(coadd.image) < 1000


def test_the_order_of_the_visits_does_not_matter(warps):
    one, other = (average_warps(some, {}, clip_sigma=4.0, clip_iterations=2) for some in (warps, warps[::-1]))
    np.testing.assert_allclose(one.image, other.image, rtol=1e-5, atol=1e-6)


def test_where_no_visit_was_is_no_number(warps):
    alone = replace(warps[0], mask=np.full_like(warps[0].mask, planes.NO_DATA))
    coadd = average_warps([alone], {}, clip_sigma=4.0, clip_iterations=2)
    assert np.isnan(coadd.image).all()


def test_filters_count_in_one_order_however_they_are_given():
    assert sort_by_priority(["HSC-R", "HSC-I"]) == sort_by_priority(["HSC-I", "HSC-R"]) == ["HSC-I", "HSC-R"]


def test_every_band_of_the_schemas_has_its_place_in_that_order():
    assert set(PRIORITY) == set(BANDS)


def test_object_numbers_are_unique_over_patches():
    numbers = [number_objects(tract, patch, 500) for tract in (0, 1) for patch in TRACT.patches]
    assert len(np.unique(np.concatenate(numbers))) == 4000


def test_peaks_within_a_small_distance_are_one_star_and_beyond_a_large_one_two():
    peaks = {"HSC-R": a_list([10.5, 53.0, 90.0]), "HSC-I": a_list([10, 50])}
    merged = merge_peaks(peaks, WCS, number_objects(0, PATCH, 5), same_arcsec=0.3, new_arcsec=1.0)
    assert list(merged["x"]) == [10, 50, 90]
    assert list(merged["merge_peak_i"]) == [True, True, False]
    assert list(merged["merge_peak_r"]) == [True, False, True]
    assert list(merged["merge_footprint_r"]) == [True, True, True]


def test_the_first_filter_decides_unless_it_hardly_sees_the_star():
    red = a_measurement([10, 20, 30], [50, 50, 9])
    infrared = a_measurement([11, 21, 31], [40, 5, 8])
    merged = merge_measurements({"HSC-R": red, "HSC-I": infrared}, WCS, min_signal_to_noise=10, min_difference=3)
    assert list(merged["x"]) == [11, 20, 31]
    assert list(merged["merge_measurement_r"]) == [False, True, False]


def a_list(x):
    table = empty_table("deepCoadd_det", len(x))
    table["x"], table["y"] = x, 50
    return table


def a_measurement(x, signal_to_noise):
    table = empty_table("deepCoadd_meas", len(x))
    table["id"], table["x"] = np.arange(len(x)), x
    table["psf_flux"], table["psf_flux_err"] = signal_to_noise, 1
    return table
