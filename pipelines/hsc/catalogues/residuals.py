"""Residuals of photometry: differences of measured from true magnitudes and positions."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import mad_std
from numpy.typing import NDArray

from pipelines.hsc.catalogues.catalogue import Table
from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import separation_arcsec

Floats = NDArray[np.float64]

BRIGHT_MAG = 20.5
MATCH_RADIUS_ARCSEC = 0.5
#: Difference from which a star is a blend: noise is smaller.
BLEND_MAG = 0.1


@dataclass(frozen=True, kw_only=True)
class PhotometryResiduals:
    """Matched stars of one filter; float64 arrays of shape (stars,)."""

    filter: str
    true_mag: Floats
    #: Measured minus true.
    mag_offset: Floats
    #: Arcseconds.
    separation: Floats

    def summarize(self) -> dict[str, float | int | str]:
        """Return statistics of the stars brighter than BRIGHT_MAG, in magnitudes and arcseconds.

        The scatter is a standard deviation from the median absolute deviation.

        Returns
        -------
        dict
            Number of stars, median and scatter of the magnitude offsets (mag), their standard deviation without
            blends (mag), the share of blends (0 to 1), and the median separation (arcseconds).
        """
        bright = self.true_mag < BRIGHT_MAG
        offsets = self.mag_offset[bright]
        return {
            "filter": self.filter,
            "brighter_than_mag": BRIGHT_MAG,
            "stars": int(bright.sum()),
            "median_mag": float(np.median(offsets)) if offsets.size else float("nan"),
            "scatter_mag": float(mad_std(offsets)) if offsets.size else float("nan"),
            "rms_within_0.1_mag": float(np.std(offsets[np.abs(offsets) < BLEND_MAG])),
            "share_beyond_0.1_mag": float(np.mean(np.abs(offsets) >= BLEND_MAG)),
            "median_separation_arcsec": float(np.median(self.separation[bright])),
        }


def compare_with_truth(filter_name: str, measured: Table, truth: ReferenceCatalogue) -> PhotometryResiduals:
    """Match primary stars with the true stars that are nearest to them, and they to these.

    Parameters
    ----------
    filter_name : str
        The filter, for the result.
    measured : structured array, shape (stars,)
        The dataset deepCoadd_forced_src of all patches: ra and dec in degrees.
    truth : ReferenceCatalogue
        True stars in the filter.
    """
    stars = measured[measured["is_primary"] & np.isfinite(measured["mag"])]
    distances = separation_arcsec(stars["ra"][:, None], stars["dec"][:, None], truth.ra, truth.dec)
    if not distances.size:
        ours = theirs = np.zeros(0, dtype=int)
    else:
        nearest = distances.argmin(axis=1)
        ours = np.flatnonzero(distances.argmin(axis=0)[nearest] == np.arange(len(stars)))
        ours = ours[distances[ours, nearest[ours]] < MATCH_RADIUS_ARCSEC]
        theirs = nearest[ours]
    return PhotometryResiduals(
        filter=filter_name,
        true_mag=truth.mag[theirs],
        mag_offset=stars["mag"][ours] - truth.mag[theirs],
        separation=distances[ours, theirs] if distances.size else np.zeros(0),
    )
