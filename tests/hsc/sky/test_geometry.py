"""The sky in tracts and patches, and what an image touches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hsc.errors import InputError
from pipelines.hsc.sky.geometry import DetectorImage, Patch, SkyMap, Tract, find_overlaps
from pipelines.hsc.sky.wcs import patch_wcs

TRACT = Tract(
    tract=0,
    ra_deg=320.332,
    dec_deg=0.36,
    pixel_arcsec=0.168,
    patches_per_side=16,
    patch_inner_pixels=300,
    patch_border_pixels=20,
    first_patch=(8, 6),
    last_patch=(9, 7),
)


def tract_to_sky(x, y, width, height):
    """The corners of a rectangle of the tract's pixels."""
    box = TRACT.outer_box(Patch(8, 6))
    points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    wcs = patch_wcs(TRACT, Patch(8, 6))
    return tuple(tuple(map(float, wcs.to_sky(px - box.x, py - box.y))) for px, py in points)


@given(st.integers(0, 99), st.integers(0, 99), st.sampled_from(["x", ","]))
def test_a_patch_is_the_same_with_comma_or_x(x, y, separator):
    assert Patch.parse(f"{x}{separator}{y}") == Patch(x, y) == Patch.parse(Patch(x, y).name)


@pytest.mark.parametrize("text", ["", "8", "8x", "x6", "8x6x7", "-1x2", "8,6,", "²x3"])
def test_what_is_no_patch_is_refused(text):
    with pytest.raises(InputError, match="as in 8x6 or 8,6"):
        Patch.parse(text)


@given(st.floats(2300, 3100), st.floats(1700, 2500), st.floats(5, 400), st.floats(5, 400))
def test_a_rectangle_touches_the_patches_whose_boxes_it_crosses(x, y, width, height):
    boxes = {patch: TRACT.outer_box(patch) for patch in TRACT.patches}
    crossing = [
        patch
        for patch, box in boxes.items()
        if min(x + width, box.x + 339.5) - max(x, box.x - 0.5) > 1e-6
        and min(y + height, box.y + 339.5) - max(y, box.y - 0.5) > 1e-6
    ]
    assert TRACT.find_touched_patches(tract_to_sky(x, y, width, height)) == crossing


@given(st.permutations(range(4)))
def test_the_order_of_the_corners_does_not_matter(order):
    corners = tract_to_sky(2500, 1900, 300, 100)
    assert TRACT.find_touched_patches([corners[place] for place in order]) == [Patch(8, 6), Patch(9, 6)]


def test_a_turned_square_may_pass_a_patch_whose_box_its_own_box_crosses():
    x, y = 2679.5, 2120.5  # the lower left of the border of patch 9x7, upper right of 8x6
    points = [(x - 200, y + 60), (x - 60, y + 200), (x - 200, y + 340), (x - 340, y + 200)]
    corners = [tract_to_sky(px, py, 1, 1)[0] for px, py in points]
    assert TRACT.find_touched_patches(corners) == [Patch(8, 7)]


def test_an_image_of_the_far_half_of_the_sky_touches_nothing():
    corners = [(140.3, -0.3), (140.4, -0.3), (140.4, -0.4), (140.3, -0.4)]
    assert TRACT.find_touched_patches(corners) == []


def test_overlaps_are_sorted_rows_of_tract_patch_visit_ccd():
    sky_map = SkyMap(tracts=(TRACT,))
    images = [
        DetectorImage(visit=2, ccd=4, corners=tract_to_sky(2700, 1900, 50, 50)),
        DetectorImage(visit=1, ccd=9, corners=tract_to_sky(0, 0, 9, 9)),
    ]
    rows = [(row.tract, row.patch, row.visit, row.ccd) for row in find_overlaps(sky_map, images)]
    assert rows == [(0, "8x6", 2, 4), (0, "9x6", 2, 4)]


def test_a_sky_map_is_read_as_it_was_written():
    assert SkyMap.from_json(SkyMap(tracts=(TRACT,)).to_json()) == SkyMap(tracts=(TRACT,))


@pytest.mark.parametrize("text", ["", "{}", '{"tracts": [{"tract": 0}]}', '{"tracts": 3}'])
def test_what_is_no_sky_map_is_refused(text):
    with pytest.raises(InputError, match="no sky map"):
        SkyMap.from_json(text)


def test_a_tract_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match="no tract 7, only 0"):
        SkyMap(tracts=(TRACT,))[7]
