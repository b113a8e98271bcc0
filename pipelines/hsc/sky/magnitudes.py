"""Conversion of fluxes to magnitudes."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def flux_to_mag(flux: Floats, zero_point_mag: float) -> Floats:
    """Convert fluxes to magnitudes.

    Parameters
    ----------
    flux : float64 array of any shape
        Fluxes, counts.
    zero_point_mag : float
        Magnitude of a star of one count.

    Returns
    -------
    float64 array of the same shape
        Magnitudes; NaN where the flux is not positive.

    Notes
    -----
    Pogson's definition, ``zero_point - 2.5 log10(flux)``.
    """
    return zero_point_mag - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def mag_error(flux: Floats, flux_err: Floats) -> Floats:
    """Convert errors of fluxes to errors of magnitudes, to first order.

    Parameters
    ----------
    flux, flux_err : float64 arrays of one shape
        Fluxes and their standard errors, counts.

    Returns
    -------
    float64 array of the same shape
        Standard errors, magnitudes; NaN where the flux is not positive.
    """
    return np.asarray(2.5 / np.log(10) * flux_err / np.where(flux > 0, flux, np.nan))
