"""Measurement on a coadd: of the merged peaks, and forced photometry at positions that all filters share."""

import numpy as np

from pipelines.hsc.catalogues.catalogue import Table, empty_table
from pipelines.hsc.catalogues.characterization import collect_mask_flags, make_match_table
from pipelines.hsc.catalogues.coadd_detection import make_pixel_planes
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.sky.geometry import Patch, Tract
from pipelines.hsc.sky.magnitudes import flux_to_mag, mag_error
from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import separation_arcsec
from pipelines.hsc.stars.photometry import StarMeasurements, measure_star_fluxes, measure_stars

MATCH_RADIUS_ARCSEC = 0.5


def measure_peaks(coadd: Exposure, peaks: Table, tract: Tract, patch: Patch) -> Table:
    """Measure positions and fluxes of the merged peaks in one filter.

    Parameters
    ----------
    coadd : Exposure
        The coadd, sky subtracted.
    peaks : structured array, shape (stars,)
        The dataset deepCoadd_mergeDet: x and y in pixels from 0.
    tract, patch : Tract, Patch
        The patch of the coadd; stars inside its inner box are primary.

    Returns
    -------
    structured array, shape (stars,)
        The dataset deepCoadd_meas, in the order of the peaks.
    """
    stars = measure_stars(make_pixel_planes(coadd), peaks["x"], peaks["y"], coadd.seeing_pixels)
    table = _make_measurement_table("deepCoadd_meas", stars, coadd)
    table["id"] = peaks["id"]
    inner, outer = tract.inner_box(patch), tract.outer_box(patch)
    table["is_primary"] = [inner.contains(x + outer.x, y + outer.y) for x, y in zip(stars.x, stars.y, strict=True)]
    return table


def measure_forced_photometry(coadd: Exposure, reference: Table) -> Table:
    """Measure fluxes at the positions of the patch's reference list.

    Parameters
    ----------
    coadd : Exposure
        The coadd of one filter, sky subtracted.
    reference : structured array, shape (stars,)
        The dataset deepCoadd_ref: ra and dec in degrees.

    Returns
    -------
    structured array, shape (stars,)
        The dataset deepCoadd_forced_src, in the order of the reference list.
    """
    x, y = coadd.wcs.to_pixels(reference["ra"], reference["dec"])
    stars = measure_star_fluxes(make_pixel_planes(coadd), x, y, coadd.seeing_pixels)
    table = _make_measurement_table("deepCoadd_forced_src", stars, coadd)
    for column in ("id", "ra", "dec", "is_primary"):
        table[column] = reference[column]
    return table


def match_coadd_to_reference(measured: Table, reference: ReferenceCatalogue) -> Table:
    """Match measured stars with the nearest star of the reference catalogue, within MATCH_RADIUS_ARCSEC.

    Parameters
    ----------
    measured : structured array, shape (stars,)
        The dataset deepCoadd_meas: ra and dec in degrees.
    reference : ReferenceCatalogue
        Reference stars in the filter.

    Returns
    -------
    structured array, shape (pairs,)
        The dataset deepCoadd_measMatch.
    """
    if not (len(measured) and len(reference.id)):
        return make_match_table("deepCoadd_measMatch", measured[:0], reference, np.zeros(0, dtype=int))
    distances = separation_arcsec(measured["ra"][:, None], measured["dec"][:, None], reference.ra, reference.dec)
    nearest = distances.argmin(axis=1)
    matched = np.flatnonzero(distances[np.arange(len(measured)), nearest] < MATCH_RADIUS_ARCSEC)
    return make_match_table("deepCoadd_measMatch", measured[matched], reference, nearest[matched])


def _make_measurement_table(dataset: str, stars: StarMeasurements, coadd: Exposure) -> Table:
    table = empty_table(dataset, stars.x.size)
    table["x"], table["y"] = stars.x, stars.y
    table["ra"], table["dec"] = coadd.wcs.to_sky(stars.x, stars.y)
    for column in ("flux", "flux_err", "psf_flux", "psf_flux_err"):
        table[column] = getattr(stars, column)
    table["mag"] = flux_to_mag(stars.flux, coadd.zero_point_mag)
    table["mag_err"] = mag_error(stars.flux, stars.flux_err)
    rows, columns = coadd.shape
    column, row = (np.clip(np.rint(v).astype(int), 0, n - 1) for v, n in ((stars.x, columns), (stars.y, rows)))
    table["depth"] = coadd.depth[row, column]
    table["flags"] = collect_mask_flags(coadd.mask, stars.x, stars.y)
    return table
