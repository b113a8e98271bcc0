"""The stars of the simulated field, and what a reference catalogue knows of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.simulator.visits import field_box, sky_of

Table = NDArray[Any]

FILTERS = ("HSC-R", "HSC-I")
#: Columns of a catalogue that gives one magnitude a filter.
STARS = [("id", "i8"), ("ra", "f8"), ("dec", "f8"), ("mag_HSC_R", "f8"), ("mag_HSC_I", "f8")]

BRIGHTEST_MAG = 17.0
FAINTEST_MAG = 24.0
#: More stars the fainter: this much in the logarithm, a magnitude.
COUNT_SLOPE = 0.12
REFERENCE_FAINTEST_MAG = 22.0
REFERENCE_ERROR_ARCSEC = 0.010
REFERENCE_ERROR_MAG = 0.010


def make_stars(count: int, random: np.random.Generator) -> Table:
    """Anywhere in the field, blended or not."""
    box = field_box()
    points = random.uniform((box.x, box.y), (box.x + box.width, box.y + box.height), (count, 2))
    stars = np.zeros(count, dtype=STARS)
    stars["id"] = np.arange(1, count + 1)
    stars["ra"], stars["dec"] = sky_of(points)
    bright, faint = 10 ** (COUNT_SLOPE * BRIGHTEST_MAG), 10 ** (COUNT_SLOPE * FAINTEST_MAG)
    stars["mag_HSC_R"] = np.log10(random.uniform(bright, faint, count)) / COUNT_SLOPE
    stars["mag_HSC_I"] = stars["mag_HSC_R"] - np.clip(random.normal(0.35, 0.25, count), -0.1, 1.5)
    return stars


def observe_reference(stars: Table, random: np.random.Generator) -> Table:
    """The brighter stars, with the errors of a survey of its own."""
    known = stars[stars["mag_HSC_R"] < REFERENCE_FAINTEST_MAG].copy()
    known["ra"] += random.normal(0, REFERENCE_ERROR_ARCSEC / 3600, len(known)) / np.cos(np.radians(known["dec"]))
    known["dec"] += random.normal(0, REFERENCE_ERROR_ARCSEC / 3600, len(known))
    for name in ("mag_HSC_R", "mag_HSC_I"):
        known[name] += random.normal(0, REFERENCE_ERROR_MAG, len(known))
    return known
