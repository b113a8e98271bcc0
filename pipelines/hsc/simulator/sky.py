"""The stars of the simulated field, and their entries in a reference catalogue."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.simulator.visits import field_box, tract_to_sky

#: A structured array with the columns of STARS, shape (stars,).
Table = NDArray[Any]

FILTERS = ("HSC-R", "HSC-I")
#: Columns of stars: ra and dec in degrees, and one magnitude a filter.
STARS = [("id", "i8"), ("ra", "f8"), ("dec", "f8"), ("mag_HSC_R", "f8"), ("mag_HSC_I", "f8")]

BRIGHTEST_MAG = 17.0
FAINTEST_MAG = 24.0
#: Slope of the decimal logarithm of star counts, per magnitude.
COUNT_SLOPE = 0.12
REFERENCE_FAINTEST_MAG = 22.0
REFERENCE_ERROR_ARCSEC = 0.010
REFERENCE_ERROR_MAG = 0.010


def make_stars(count: int, random: np.random.Generator) -> Table:
    """Draw stars anywhere in the field, blended or not.

    Parameters
    ----------
    count : int
        Number of stars.
    random : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    structured array, shape (count,)
        The columns of STARS.
    """
    box = field_box()
    points = random.uniform((box.x, box.y), (box.x + box.width, box.y + box.height), (count, 2))
    stars = np.zeros(count, dtype=STARS)
    stars["id"] = np.arange(1, count + 1)
    stars["ra"], stars["dec"] = tract_to_sky(points)
    bright, faint = 10 ** (COUNT_SLOPE * BRIGHTEST_MAG), 10 ** (COUNT_SLOPE * FAINTEST_MAG)
    stars["mag_HSC_R"] = np.log10(random.uniform(bright, faint, count)) / COUNT_SLOPE
    stars["mag_HSC_I"] = stars["mag_HSC_R"] - np.clip(random.normal(0.35, 0.25, count), -0.1, 1.5)
    return stars


def simulate_reference(stars: Table, random: np.random.Generator) -> Table:
    """Make a reference catalogue: the brighter stars, with errors of position and magnitude.

    Parameters
    ----------
    stars : structured array, shape (stars,)
        True stars, the columns of STARS.
    random : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    structured array, shape (reference stars,)
        The columns of STARS.
    """
    reference = stars[stars["mag_HSC_R"] < REFERENCE_FAINTEST_MAG].copy()
    error_deg, count = REFERENCE_ERROR_ARCSEC / 3600, len(reference)
    reference["ra"] += random.normal(0, error_deg, count) / np.cos(np.radians(reference["dec"]))
    reference["dec"] += random.normal(0, error_deg, count)
    for name in ("mag_HSC_R", "mag_HSC_I"):
        reference[name] += random.normal(0, REFERENCE_ERROR_MAG, count)
    return reference
