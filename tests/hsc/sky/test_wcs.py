"""Pixels to sky and back."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hsc.sky.wcs import Wcs

ANGLE = st.floats(-0.01, 0.01)


@st.composite
def projections(draw):
    ra, dec = draw(st.floats(0, 360)), draw(st.floats(-80, 80))
    scale = draw(st.floats(1e-5, 1e-3))
    turn, shear = draw(ANGLE), draw(ANGLE)
    cd = (-scale, scale * turn, scale * turn, scale * (1 + shear))
    return Wcs.from_values((ra, dec), (draw(st.floats(-900, 900)), draw(st.floats(-900, 900))), cd)


@given(projections(), st.floats(-500, 1500), st.floats(-500, 1500))
def test_a_pixel_comes_back_from_the_sky(wcs, x, y):
    there = wcs.to_sky(np.array([x]), np.array([y]))
    assert np.hstack(wcs.to_pixels(*there)) == pytest.approx([x, y], abs=1e-5)


@given(projections())
def test_a_projection_is_read_from_a_header_as_it_was_written(wcs):
    header = fits.Header(wcs.to_cards())
    assert Wcs.from_cards(fits.Header.fromstring(header.tostring())) == wcs


@given(projections(), st.floats(-500, 1500), st.floats(-500, 1500))
def test_the_sky_is_where_astropy_has_it(wcs, x, y):
    theirs = WCS(fits.Header(wcs.to_cards())).wcs_pix2world([[x, y]], 0)[0]
    ours = np.hstack(wcs.to_sky(np.array([x]), np.array([y])))
    assert (ours[0] - theirs[0] + 180) % 360 - 180 == pytest.approx(0, abs=1e-8)
    assert ours[1] == pytest.approx(theirs[1], abs=1e-9)


def test_corners_are_the_outer_edges_around_the_image():
    wcs = Wcs.from_values((10.0, 0.0), (0.5, 0.5), (-1e-3, 0.0, 0.0, 1e-3))
    corners = wcs.corners(1000, 500)
    assert corners[0] == pytest.approx((10, 0), abs=1e-9)
    assert corners[1] == pytest.approx((9, 0), abs=1e-3)
    assert corners[2] == pytest.approx((9, 0.5), abs=1e-3)
    assert corners[3] == pytest.approx((10, 0.5), abs=1e-3)
