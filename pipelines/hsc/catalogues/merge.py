"""Merges over filters: the peaks of one patch, and later its measurements, as one list."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipelines.hsc.catalogues.catalogue import Table, empty_table
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.sky.wcs import Wcs

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Bands in the order in which their filters count.
PRIORITY = ("i", "r", "z", "y", "g")
#: Bits of an object's id for its number in the patch, and for each of the patch's column and row.
OBJECT_NUMBER_BITS = 31
PATCH_BITS = 5


def band_name(filter_name: str) -> str:
    """Return the band of a filter: i of `HSC-I`."""
    return filter_name[-1].lower()


def sort_by_priority(filters: list[str]) -> list[str]:
    """Return filters in the order in which they count, whatever order they come in.

    Parameters
    ----------
    filters : list of str
        Names of filters, as in HSC-I.

    Returns
    -------
    list of str
        Those of PRIORITY first, in its order, then the others by name.
    """
    order = {band: rank for rank, band in enumerate(PRIORITY)}
    return sorted(filters, key=lambda name: (order.get(band_name(name), len(order)), name))


def number_objects(tract: int, patch: Patch, count: int) -> Integers:
    """Return ids of objects that are unique over all tracts and patches.

    Returns
    -------
    int64 array, shape (count,)
        Consecutive numbers, with tract and patch in the upper bits.
    """
    prefix = ((tract << PATCH_BITS | patch.x) << PATCH_BITS) | patch.y
    return (prefix << OBJECT_NUMBER_BITS) + np.arange(1, count + 1)


def merge_peaks(
    peaks: Mapping[str, Table], wcs: Wcs, object_ids: Integers, *, same_arcsec: float, new_arcsec: float
) -> Table:
    """Merge the peaks of several filters: those of the first, then those of the next that are far from all others.

    Parameters
    ----------
    peaks : mapping of str to structured array
        The dataset deepCoadd_det of each filter: x and y in pixels from 0.
    wcs : Wcs
        Projection of the patch.
    object_ids : int64 array
        As many ids as there are peaks, or more.
    same_arcsec : float
        Distance within which two peaks are the same.
    new_arcsec : float
        Distance from which a peak is another star; between the two only its footprint counts.

    Returns
    -------
    structured array, shape (stars,)
        The dataset deepCoadd_mergeDet.
    """
    filters = sort_by_priority(list(peaks))
    x, y = (np.concatenate([peaks[name][axis] for name in filters]) for axis in ("x", "y"))
    ranks = np.concatenate([np.full(len(peaks[name]), rank) for rank, name in enumerate(filters)])
    owner, distance = _find_owners(np.stack([x, y], axis=1) * wcs.pixel_arcsec, ranks, new_arcsec)
    first = np.flatnonzero(owner == np.arange(owner.size))
    table = empty_table("deepCoadd_mergeDet", first.size)
    table["id"] = object_ids[: first.size]
    table["x"], table["y"] = x[first], y[first]
    table["ra"], table["dec"] = wcs.to_sky(x[first], y[first])
    rows = np.searchsorted(first, owner)
    for rank, name in enumerate(filters):
        of_filter = ranks == rank
        table[f"merge_footprint_{band_name(name)}"][rows[of_filter]] = True
        table[f"merge_peak_{band_name(name)}"][rows[of_filter & (distance <= same_arcsec)]] = True
    return table


def merge_measurements(
    measurements: Mapping[str, Table], wcs: Wcs, *, min_signal_to_noise: float, min_difference: float
) -> Table:
    """Choose the filter that decides each star's position: the first, unless another has a clearly better signal.

    Parameters
    ----------
    measurements : mapping of str to structured array of shape (stars,)
        The dataset deepCoadd_meas of each filter, with the same stars in the same order.
    wcs : Wcs
        Projection of the patch.
    min_signal_to_noise : float
        Signal to noise from which a filter is not replaced by a later one.
    min_difference : float
        Least difference of signal to noise by which a later filter is better.

    Returns
    -------
    structured array, shape (stars,)
        The dataset deepCoadd_ref.
    """
    filters = sort_by_priority(list(measurements))
    signal_to_noise = np.stack([_signal_to_noise(measurements[name]) for name in filters])
    chosen = np.zeros(signal_to_noise.shape[1], dtype=int)
    for rank in range(1, len(filters)):
        current = signal_to_noise[chosen, np.arange(chosen.size)]
        better = (current < min_signal_to_noise) & (signal_to_noise[rank] > current + min_difference)
        chosen = np.where(better, rank, chosen)
    table = empty_table("deepCoadd_ref", chosen.size)
    for rank, name in enumerate(filters):
        rows = chosen == rank
        for column in ("id", "x", "y", "is_primary"):
            table[column][rows] = measurements[name][column][rows]
        table[f"merge_measurement_{band_name(name)}"] = rows
    table["ra"], table["dec"] = wcs.to_sky(table["x"], table["y"])
    return table


def _find_owners(positions: Floats, ranks: Integers, new_arcsec: float) -> tuple[Integers, Floats]:
    """Return for each peak the peak it belongs to, itself or one of an earlier filter, and its distance from that."""
    owner, owner_distance = np.arange(len(positions)), np.zeros(len(positions))
    for rank in np.unique(ranks)[1:]:
        of_filter = np.flatnonzero(ranks == rank)
        earlier = np.flatnonzero((ranks < rank) & (owner == np.arange(len(positions))))
        if not earlier.size:
            continue
        distance, nearest = cKDTree(positions[earlier]).query(positions[of_filter])
        close = distance < new_arcsec
        owner[of_filter[close]], owner_distance[of_filter[close]] = earlier[nearest[close]], distance[close]
    return owner, owner_distance


def _signal_to_noise(table: Table) -> Floats:
    is_valid = (table["psf_flux_err"] > 0) & np.isfinite(table["psf_flux"])
    return np.where(is_valid, table["psf_flux"] / np.where(is_valid, table["psf_flux_err"], 1), -np.inf)
