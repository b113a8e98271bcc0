"""The simulated detectors: their calibration frames, and their raw images of a visit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.simulator.visits import CCD_COLUMNS, CCD_ROWS, SimulatedVisit
from pipelines.hsc.stars.star_profile import MoffatProfile, add_stamp

Floats = NDArray[np.float64]

SHAPE = (CCD_ROWS, CCD_COLUMNS)
OVERSCAN_COLUMNS = 24
#: Electrons an analogue-to-digital unit.
GAIN = 3.0
#: Standard deviation, electrons.
READ_NOISE = 4.5
EXPTIME_S = 30.0
OVERSCAN_ADU = 1000.0
COSMIC_RAYS_PER_IMAGE = 15
STAMP_HALF_PIXELS = 40


@dataclass(frozen=True, kw_only=True)
class SimulatedDetector:
    """Calibration frames of a detector, of one shape (rows, columns), equal for all visits."""

    #: Analogue-to-digital units.
    bias: NDArray[np.float32]
    #: Electrons a second.
    dark: NDArray[np.float32]
    #: Relative response, by filter.
    flats: dict[str, NDArray[np.float32]]


def make_detector(filters: list[str], random: np.random.Generator) -> SimulatedDetector:
    """Draw a detector with a pattern in the bias, hot pixels, a dead column, and pixels of unequal response.

    Parameters
    ----------
    filters : list of str
        Filters to make a flat for.
    random : numpy.random.Generator
        Source of random numbers.
    """
    columns = np.linspace(-1, 1, CCD_COLUMNS)
    bias = 2 * np.sin(np.arange(CCD_COLUMNS) / 90 + random.uniform(0, 6)) + random.normal(0, 0.3, SHAPE)
    dark = random.uniform(0.05, 0.15) + random.exponential(0.02, SHAPE)
    hot = random.integers(0, CCD_ROWS * CCD_COLUMNS, 25)
    dark.ravel()[hot] += random.uniform(30, 300, hot.size)
    response = random.normal(1, 0.005, SHAPE) * (1 - random.uniform(0.01, 0.06) * columns**2)
    response[:, random.integers(20, CCD_COLUMNS - 20)] = 0.02
    flats = {
        name: (response * random.uniform(0.97, 1.03) * (1 + random.uniform(-0.01, 0.01) * columns)).astype(np.float32)
        for name in filters
    }
    return SimulatedDetector(bias=bias.astype(np.float32), dark=dark.astype(np.float32), flats=flats)


def simulate_raw_image(
    visit: SimulatedVisit, ccd: int, detector: SimulatedDetector, stars: NDArray[Any], random: np.random.Generator
) -> NDArray[np.uint16]:
    """Draw the raw image of one detector in one visit.

    Parameters
    ----------
    visit : SimulatedVisit
        Filter, weather and pointing.
    ccd : int
        Number of the detector, a key of the visit's projections.
    detector : SimulatedDetector
        Its calibration frames.
    stars : structured array, shape (stars,)
        True stars: ra and dec in degrees, and one magnitude a filter.
    random : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    uint16 array, shape (rows, columns with overscan)
        Analogue-to-digital units, overscan columns at the right.
    """
    filter_name = visit.plan.filter
    light = np.full(SHAPE, visit.sky_electrons)
    x, y = visit.wcs[ccd].to_pixels(stars["ra"], stars["dec"])
    flux = 10 ** (0.4 * (visit.zero_point_mag - stars[f"mag_{filter_name.replace('-', '_')}"]))
    _add_stars(light, visit.psf, x, y, flux)
    electrons = random.poisson(light * detector.flats[filter_name] + detector.dark * EXPTIME_S).astype(float)
    _add_cosmic_rays(electrons, random)
    adu = np.zeros((CCD_ROWS, CCD_COLUMNS + OVERSCAN_COLUMNS))
    adu[:, :CCD_COLUMNS] = electrons / GAIN + detector.bias
    adu += OVERSCAN_ADU + random.normal(0, 2) + random.normal(0, READ_NOISE / GAIN, adu.shape)
    return np.clip(np.rint(adu), 0, 65535).astype(np.uint16)


def _add_stars(light: Floats, psf: MoffatProfile, x: Floats, y: Floats, flux: Floats) -> None:
    margin = STAMP_HALF_PIXELS
    near = (x > -margin) & (x < CCD_COLUMNS + margin) & (y > -margin) & (y < CCD_ROWS + margin)
    for column, row, counts in zip(x[near], y[near], flux[near], strict=True):
        stamp, first_column, first_row = psf.make_stamp(column, row, STAMP_HALF_PIXELS)
        add_stamp(light, counts * stamp, first_column, first_row)


def _add_cosmic_rays(electrons: Floats, random: np.random.Generator) -> None:
    """Add straight tracks, one pixel wide, of equal charge a pixel."""
    for _ in range(random.poisson(COSMIC_RAYS_PER_IMAGE)):
        length, angle = random.uniform(1, 25), random.uniform(0, 2 * np.pi)
        steps = np.arange(0, length, 0.8)
        columns = np.rint(random.uniform(0, CCD_COLUMNS) + steps * np.cos(angle)).astype(int)
        rows = np.rint(random.uniform(0, CCD_ROWS) + steps * np.sin(angle)).astype(int)
        inside = (columns >= 0) & (columns < CCD_COLUMNS) & (rows >= 0) & (rows < CCD_ROWS)
        electrons[rows[inside], columns[inside]] += 10 ** random.uniform(2.6, 3.8)
