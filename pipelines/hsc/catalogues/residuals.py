"""Measured stars beside the true ones: how far magnitudes and places are off."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.sky.reference import Reference
from pipelines.hsc.sky.wcs import separation_arcsec

Array = NDArray[Any]

BRIGHT_MAG = 20.5
MATCH_RADIUS_ARCSEC = 0.5
#: A magnitude off by more is not noise but a blend.
BLEND_MAG = 0.1


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Matched stars of one filter: the true magnitude, measured minus true, and the distance of places."""

    filter: str
    true_mag: Array
    mag_offset: Array
    separation: Array

    def summary(self) -> dict[str, float | int | str]:
        """Of the bright stars; scatter is that of a normal distribution with the same middle half."""
        bright = self.true_mag < BRIGHT_MAG
        offsets = self.mag_offset[bright]
        middle = float(np.median(offsets)) if offsets.size else float("nan")
        return {
            "filter": self.filter,
            "brighter_than_mag": BRIGHT_MAG,
            "stars": int(bright.sum()),
            "median_mag": middle,
            "scatter_mag": float(1.4826 * np.median(np.abs(offsets - middle))) if offsets.size else float("nan"),
            "rms_within_0.1_mag": float(np.std(offsets[np.abs(offsets) < BLEND_MAG])),
            "share_beyond_0.1_mag": float(np.mean(np.abs(offsets) >= BLEND_MAG)),
            "median_separation_arcsec": float(np.median(self.separation[bright])),
        }


def compare(filter_name: str, measured: Array, truth: Reference) -> Residuals:
    """Primary stars and true stars that are each other's nearest."""
    stars = measured[measured["is_primary"] & np.isfinite(measured["mag"])]
    apart = separation_arcsec(stars["ra"][:, None], stars["dec"][:, None], truth.ra, truth.dec)
    if not apart.size:
        ours = theirs = np.zeros(0, dtype=int)
    else:
        nearest = apart.argmin(axis=1)
        ours = np.flatnonzero(apart.argmin(axis=0)[nearest] == np.arange(len(stars)))
        ours = ours[apart[ours, nearest[ours]] < MATCH_RADIUS_ARCSEC]
        theirs = nearest[ours]
    return Residuals(
        filter=filter_name,
        true_mag=truth.mag[theirs],
        mag_offset=stars["mag"][ours] - truth.mag[theirs],
        separation=apart[ours, theirs] if apart.size else np.zeros(0),
    )
