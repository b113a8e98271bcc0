"""The stars of a coadd measured: at the peaks of all filters, or at the places that one filter decided."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.catalogues.characterization import flags_at, match_table
from pipelines.hsc.catalogues.coadd_detection import pixels_of
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.sky.geometry import Patch, Tract
from pipelines.hsc.sky.magnitudes import mag_error, to_mag
from pipelines.hsc.sky.reference import Reference
from pipelines.hsc.sky.wcs import separation_arcsec
from pipelines.hsc.stars.photometry import Stars, measure_stars, measure_stars_at

Array = NDArray[Any]

MATCH_RADIUS_ARCSEC = 0.5


def measure_at_peaks(coadd: Exposure, peaks: Array, tract: Tract, patch: Patch) -> Array:
    """Places and light of every peak; primary is what the patch has to itself."""
    stars = measure_stars(pixels_of(coadd), peaks["x"], peaks["y"], coadd.seeing_pixels)
    table = _table("deepCoadd_meas", stars, coadd)
    table["id"] = peaks["id"]
    inner, outer = tract.inner_box(patch), tract.outer_box(patch)
    table["is_primary"] = [inner.holds(x + outer.x, y + outer.y) for x, y in zip(stars.x, stars.y, strict=True)]
    return table


def measure_forced(coadd: Exposure, reference: Array) -> Array:
    """Light at the places of the patch's reference list."""
    x, y = coadd.wcs.to_pixels(reference["ra"], reference["dec"])
    table = _table("deepCoadd_forced_src", measure_stars_at(pixels_of(coadd), x, y, coadd.seeing_pixels), coadd)
    for column in ("id", "ra", "dec", "is_primary"):
        table[column] = reference[column]
    return table


def match_to_reference(measured: Array, reference: Reference) -> Array:
    """Each star beside the nearest of the reference catalogue, if that is near."""
    if not (len(measured) and len(reference.id)):
        return match_table("deepCoadd_measMatch", measured[:0], reference, np.zeros(0, dtype=int))
    apart = separation_arcsec(measured["ra"][:, None], measured["dec"][:, None], reference.ra, reference.dec)
    nearest = apart.argmin(axis=1)
    near = np.flatnonzero(apart[np.arange(len(measured)), nearest] < MATCH_RADIUS_ARCSEC)
    return match_table("deepCoadd_measMatch", measured[near], reference, nearest[near])


def _table(dataset: str, stars: Stars, coadd: Exposure) -> Array:
    table = empty_table(dataset, stars.x.size)
    table["x"], table["y"] = stars.x, stars.y
    table["ra"], table["dec"] = coadd.wcs.to_sky(stars.x, stars.y)
    for column in ("flux", "flux_err", "psf_flux", "psf_flux_err"):
        table[column] = getattr(stars, column)
    table["mag"] = to_mag(stars.flux, coadd.zero_point_mag)
    table["mag_err"] = mag_error(stars.flux, stars.flux_err)
    rows, columns = coadd.shape
    near_x, near_y = (np.clip(np.rint(v).astype(int), 0, n - 1) for v, n in ((stars.x, columns), (stars.y, rows)))
    table["depth"] = coadd.depth[near_y, near_x]
    table["flags"] = flags_at(coadd.mask, stars.x, stars.y)
    return table
