"""What the filters found in one patch, as one list: of peaks, and later of measurements."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.sky.wcs import Wcs

Array = NDArray[Any]

#: Which filter counts first.
PRIORITY = ("i", "r", "z", "y", "g")
#: Places for a number in a patch, and for the patch's own.
OBJECT_NUMBER_BITS = 31
PATCH_BITS = 5


def band_of(filter_name: str) -> str:
    """`HSC-I` is i."""
    return filter_name[-1].lower()


def by_priority(names: list[str]) -> list[str]:
    """Filters in the order in which they count, however they were given."""
    order = {band: place for place, band in enumerate(PRIORITY)}
    return sorted(names, key=lambda name: (order.get(band_of(name), len(order)), name))


def object_numbers(tract: int, patch: Patch, count: int) -> Array:
    """Unique over all tracts and patches."""
    place = ((tract << PATCH_BITS | patch.x) << PATCH_BITS) | patch.y
    return (place << OBJECT_NUMBER_BITS) + np.arange(1, count + 1)


def merge_peaks(
    peaks: Mapping[str, Array], wcs: Wcs, first_number: Array, *, same_arcsec: float, new_arcsec: float
) -> Array:
    """The peaks of the first filter, then those of the next that are far from all: nearer ones are not two stars.

    Within `same_arcsec` it is the same peak; at `new_arcsec` and beyond another; in between only the footprint is.
    """
    filters = by_priority(list(peaks))
    x, y = (np.concatenate([peaks[name][axis] for name in filters]) for axis in ("x", "y"))
    bands = np.concatenate([np.full(len(peaks[name]), place) for place, name in enumerate(filters)])
    owner, apart = _owners(np.stack([x, y], axis=1) * wcs.pixel_arcsec, bands, new_arcsec)
    heads = np.flatnonzero(owner == np.arange(owner.size))
    table = empty_table("deepCoadd_mergeDet", heads.size)
    table["id"] = first_number[: heads.size]
    table["x"], table["y"] = x[heads], y[heads]
    table["ra"], table["dec"] = wcs.to_sky(x[heads], y[heads])
    rows = np.searchsorted(heads, owner)
    for place, name in enumerate(filters):
        mine = bands == place
        table[f"merge_footprint_{band_of(name)}"][rows[mine]] = True
        table[f"merge_peak_{band_of(name)}"][rows[mine & (apart <= same_arcsec)]] = True
    return table


def merge_measurements(
    measurements: Mapping[str, Array], wcs: Wcs, *, least_signal_to_noise: float, difference: float
) -> Array:
    """Each star's place from the first filter, unless its signal is poor there and clearly better in another."""
    filters = by_priority(list(measurements))
    clarity = np.stack([_signal_to_noise(measurements[name]) for name in filters])
    chosen = np.zeros(clarity.shape[1], dtype=int)
    for place in range(1, len(filters)):
        current = clarity[chosen, np.arange(chosen.size)]
        better = (current < least_signal_to_noise) & (clarity[place] > current + difference)
        chosen = np.where(better, place, chosen)
    table = empty_table("deepCoadd_ref", chosen.size)
    for place, name in enumerate(filters):
        rows = chosen == place
        for column in ("id", "x", "y", "is_primary"):
            table[column][rows] = measurements[name][column][rows]
        table[f"merge_measurement_{band_of(name)}"] = rows
    table["ra"], table["dec"] = wcs.to_sky(table["x"], table["y"])
    return table


def _owners(places: Array, bands: Array, new_arcsec: float) -> tuple[Array, Array]:
    """For each peak the one it belongs to, itself or one of an earlier filter, and how far that is."""
    owner, apart = np.arange(len(places)), np.zeros(len(places))
    for band in np.unique(bands)[1:]:
        mine = np.flatnonzero(bands == band)
        earlier = np.flatnonzero((bands < band) & (owner == np.arange(len(places))))
        if not earlier.size:
            continue
        distance, nearest = cKDTree(places[earlier]).query(places[mine])
        near = distance < new_arcsec
        owner[mine[near]], apart[mine[near]] = earlier[nearest[near]], distance[near]
    return owner, apart


def _signal_to_noise(table: Array) -> Array:
    known = (table["psf_flux_err"] > 0) & np.isfinite(table["psf_flux"])
    return np.where(known, table["psf_flux"] / np.where(known, table["psf_flux_err"], 1), -np.inf)
