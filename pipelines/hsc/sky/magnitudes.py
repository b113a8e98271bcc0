"""Counts to magnitudes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def to_mag(flux: Array, zero_point_mag: float) -> Array:
    """Not a number where there is no light."""
    return zero_point_mag - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def mag_error(flux: Array, flux_err: Array) -> Array:
    return np.asarray(2.5 / np.log(10) * flux_err / np.where(flux > 0, flux, np.nan))
