"""The visits of the simulated survey: their time, filter, weather, and the positions of their detectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.sky.geometry import Box, SkyMap, Tract
from pipelines.hsc.sky.wcs import Wcs, patch_wcs
from pipelines.hsc.stars.star_profile import MoffatProfile

Floats = NDArray[np.float64]

PIXEL_ARCSEC = 0.168
CCD_COLUMNS = 760
CCD_ROWS = 240
#: Rows between two detectors.
GAP_ROWS = 6
POINTING_ERROR_ARCSEC = 0.4
ROTATION_ERROR_DEG = 0.005
DITHER_PIXELS = 20
ROTATION_DEG = 0.4
TRANSPARENCY_MAG = 0.03

SKY_MAP = SkyMap(
    tracts=(
        Tract(
            tract=0,
            ra_deg=320.332,
            dec_deg=0.36,
            pixel_arcsec=PIXEL_ARCSEC,
            patches_per_side=16,
            patch_inner_pixels=300,
            patch_border_pixels=20,
            first_patch=(8, 6),
            last_patch=(9, 7),
        ),
    )
)


@dataclass(frozen=True, kw_only=True)
class VisitPlan:
    """A planned visit: its filter and its two detectors."""

    visit: int
    filter: str
    #: The detector in the middle of the field, over the boundary of the patch rows.
    middle_ccd: int
    other_ccd: int
    #: Side of the other detector: +1 north, -1 south.
    side: int


PLANS = (
    VisitPlan(visit=903334, filter="HSC-R", middle_ccd=23, other_ccd=16, side=-1),
    VisitPlan(visit=903336, filter="HSC-R", middle_ccd=24, other_ccd=17, side=-1),
    VisitPlan(visit=903342, filter="HSC-R", middle_ccd=4, other_ccd=10, side=1),
    VisitPlan(visit=903344, filter="HSC-R", middle_ccd=5, other_ccd=11, side=1),
    VisitPlan(visit=903986, filter="HSC-I", middle_ccd=23, other_ccd=16, side=-1),
    VisitPlan(visit=903990, filter="HSC-I", middle_ccd=25, other_ccd=18, side=-1),
    VisitPlan(visit=904010, filter="HSC-I", middle_ccd=4, other_ccd=10, side=1),
    VisitPlan(visit=904014, filter="HSC-I", middle_ccd=6, other_ccd=12, side=1),
)


@dataclass(frozen=True, kw_only=True)
class SimulatedVisit:
    """A visit with its weather and pointing."""

    plan: VisitPlan
    psf: MoffatProfile
    #: Magnitude of a star that gives one electron.
    zero_point_mag: float
    #: Electrons a pixel.
    sky_electrons: float
    #: Modified Julian date, days.
    mjd: float
    #: True projection, and the one that headers give, by ccd.
    wcs: dict[int, Wcs]
    header_wcs: dict[int, Wcs]


def simulate_visit(plan: VisitPlan, number: int, random: np.random.Generator) -> SimulatedVisit:
    """Draw weather, dither, rotation and pointing error of a visit.

    Parameters
    ----------
    plan : VisitPlan
        Filter and detectors.
    number : int
        Number of the visit in the night, from 0: 0.003 days each.
    random : numpy.random.Generator
        Source of random numbers.
    """
    shift = random.uniform(-DITHER_PIXELS, DITHER_PIXELS, 2)
    rotation = random.uniform(-ROTATION_DEG, ROTATION_DEG)
    boresight = _shift_field_centre(shift)
    error = random.normal(0, POINTING_ERROR_ARCSEC, 2) / 3600
    header_boresight = (boresight[0] + float(error[0]), boresight[1] + float(error[1]))
    rotation_error = random.normal(0, ROTATION_ERROR_DEG)
    offsets = {plan.middle_ccd: 0, plan.other_ccd: plan.side * (CCD_ROWS + GAP_ROWS)}
    stretch = random.uniform(-0.03, 0.03, 2)
    return SimulatedVisit(
        plan=plan,
        psf=MoffatProfile(
            fwhm_pixels=random.uniform(0.6, 0.85) / PIXEL_ARCSEC,
            beta=random.uniform(3.0, 4.0),
            stretch_x=stretch[0],
            stretch_diagonal=stretch[1],
        ),
        zero_point_mag=30 + random.normal(0, TRANSPARENCY_MAG),
        sky_electrons=random.uniform(500, 800),
        mjd=56598.21 + number * 0.003,
        wcs={ccd: _make_wcs(boresight, rotation, rows) for ccd, rows in offsets.items()},
        header_wcs={ccd: _make_wcs(header_boresight, rotation + rotation_error, rows) for ccd, rows in offsets.items()},
    )


def field_box() -> Box:
    """Return the pixels of the tract that some detector may see, with a margin.

    Returns
    -------
    Box
        Pixels of the tract, around the middle of the field.
    """
    tract = SKY_MAP.tracts[0]
    x, y = (int(middle) for middle in _field_centre(tract))
    columns, rows = CCD_COLUMNS // 2 + 60, CCD_ROWS * 3 // 2 + 80
    return Box(x=x - columns, y=y - rows, width=2 * columns, height=2 * rows)


def tract_to_sky(points: Floats) -> tuple[Floats, Floats]:
    """Convert pixel positions of the tract to the sky.

    Parameters
    ----------
    points : float64 array, shape (points, 2)
        Columns and rows of the tract, pixels.

    Returns
    -------
    ra, dec : float64 arrays, shape (points,)
        Right ascension and declination, degrees.
    """
    tract = SKY_MAP.tracts[0]
    first = tract.patches[0]
    box = tract.outer_box(first)
    return patch_wcs(tract, first).to_sky(points[:, 0] - box.x, points[:, 1] - box.y)


def _field_centre(tract: Tract) -> Sequence[float]:
    """Return the pixel of the tract where the four patches meet."""
    corner = tract.inner_box(tract.patches[-1])
    return corner.x - 0.5, corner.y - 0.5


def _shift_field_centre(shift: Floats) -> tuple[float, float]:
    """Return the sky position, degrees, of the field centre shifted by pixels."""
    x, y = _field_centre(SKY_MAP.tracts[0])
    ra, dec = tract_to_sky(np.array([[x + shift[0], y + shift[1]]]))
    return float(ra[0]), float(dec[0])


def _make_wcs(boresight: tuple[float, float], rotation_deg: float, rows_from_middle: float) -> Wcs:
    degrees, angle = PIXEL_ARCSEC / 3600, np.radians(rotation_deg)
    sine, cosine = float(np.sin(angle)) * degrees, float(np.cos(angle)) * degrees
    crpix = ((CCD_COLUMNS + 1) / 2, (CCD_ROWS + 1) / 2 - rows_from_middle)
    return Wcs.from_values(boresight, crpix, (-cosine, sine, sine, cosine))
