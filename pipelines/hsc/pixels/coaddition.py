"""Warps of several visits to one image: a weighted mean without what only one of them shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.files.fits_file import card_number
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import Exposure

Array = NDArray[Any]

#: Stars differ this much between visits of different seeing, pixel for pixel.
SEEING_SHARE = 0.5


def assemble(
    warps: Sequence[Exposure], facts: dict[str, str | int], *, clip_sigma: float, clip_iterations: int
) -> Exposure:
    """Each visit has one weight everywhere, from its sky's noise, so that bright stars are not weighed down."""
    images = np.stack([warp.image for warp in warps]).astype(float)
    variances = np.stack([warp.variance for warp in warps]).astype(float)
    known = np.stack([warp.usable & np.isfinite(warp.image) for warp in warps])
    images, variances = np.where(known, images, 0), np.where(known, variances, 0)
    kept = known
    for _ in range(clip_iterations):
        kept = _without_outliers(images, variances, kept, clip_sigma)
    weights = _weights(variances, known)[:, None, None] * kept
    total = weights.sum(axis=0)
    seen = total > 0
    divisor = np.where(seen, total, 1)
    mean = (weights * images).sum(axis=0) / divisor
    variance = (weights**2 * variances).sum(axis=0) / divisor**2
    return Exposure(
        image=np.where(seen, mean, np.nan).astype(np.float32),
        mask=_mask(warps, seen, np.asarray((known & ~kept).any(axis=0))),
        variance=np.where(seen, variance, np.nan).astype(np.float32),
        depth=kept.sum(axis=0).astype(np.uint8),
        wcs=warps[0].wcs,
        zero_point_mag=warps[0].zero_point_mag,
        seeing_pixels=card_number(float(np.mean([warp.seeing_pixels for warp in warps]))),
        facts=facts,
    )


def _weights(variances: Array, known: Array) -> Array:
    """One over the middle variance of each warp."""
    middles = [np.median(plane[good]) if good.any() else np.inf for plane, good in zip(variances, known, strict=True)]
    return np.array([1 / middle if middle > 0 else 0 for middle in middles])


def _without_outliers(images: Array, variances: Array, kept: Array, clip_sigma: float) -> Array:
    """A pixel goes if it is off the middle of the others by more than noise and seeing explain; one always stays."""
    count = kept.sum(axis=0)
    ordered = np.sort(np.where(kept, images, np.inf), axis=0)
    # The middle one; of two, the lower: particles only add light.
    middle = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    middle = np.where(count > 0, middle, 0)
    of_middle = np.where(kept, variances, 0).max(axis=0)
    tolerance = clip_sigma * np.sqrt(variances + of_middle) + SEEING_SHARE * np.abs(middle)
    return np.asarray(kept & (np.abs(images - middle) <= tolerance))


def _mask(warps: Sequence[Exposure], seen: Array, clipped: Array) -> Array:
    detected = np.any([(warp.mask & planes.DETECTED) != 0 for warp in warps], axis=0)
    flags = [(~seen, planes.NO_DATA), (clipped, planes.CLIPPED), (detected & seen, planes.DETECTED)]
    return np.asarray(np.sum([np.where(where, bit, 0) for where, bit in flags], axis=0), dtype=np.int16)
