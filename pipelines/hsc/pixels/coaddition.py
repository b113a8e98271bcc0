"""Coadds: the weighted mean of the warps of several visits, without outliers that only one of them has."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.files.fits_file import round_to_card
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import Exposure

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Relative difference of a star's pixels between visits of different seeing.
SEEING_SHARE = 0.5


def average_warps(
    warps: Sequence[Exposure], data_id: dict[str, str | int], *, clip_sigma: float, clip_iterations: int
) -> Exposure:
    """Average warps with one weight for each visit, the inverse of its median variance, and clip outliers.

    A weight for each pixel would weigh bright stars down.

    Parameters
    ----------
    warps : sequence of Exposure
        Warps of one patch and filter, of one shape and zero point.
    data_id : dict
        Data id of the coadd.
    clip_sigma : float
        Deviation from the median of the visits, in standard deviations, from which a pixel of a visit is left out.
    clip_iterations : int
        Rounds of clipping.

    Returns
    -------
    Exposure
        The coadd, NaN and NO_DATA where no visit has data, CLIPPED where a pixel of a visit was left out.

    Notes
    -----
    Unlike `astropy.stats.sigma_clip`, the tolerance has a part that is proportional to the brightness, so that stars
    survive differences of seeing, and the lower median is used, since particles only add light. The mean is that of
    Bosch, J. et al. 2018, PASJ 70, S5.
    """
    images = np.stack([warp.image for warp in warps]).astype(float)
    variances = np.stack([warp.variance for warp in warps]).astype(float)
    has_data = np.stack([warp.usable & np.isfinite(warp.image) for warp in warps])
    images, variances = np.where(has_data, images, 0), np.where(has_data, variances, 0)
    used = has_data
    for _ in range(clip_iterations):
        used = _clip_outliers(images, variances, used, clip_sigma)
    weights = _inverse_variances(variances, has_data)[:, None, None] * used
    total = weights.sum(axis=0)
    covered = total > 0
    divisor = np.where(covered, total, 1)
    mean = (weights * images).sum(axis=0) / divisor
    variance = (weights**2 * variances).sum(axis=0) / divisor**2
    return Exposure(
        image=np.where(covered, mean, np.nan).astype(np.float32),
        mask=_make_mask(warps, covered, np.asarray((has_data & ~used).any(axis=0))),
        variance=np.where(covered, variance, np.nan).astype(np.float32),
        depth=used.sum(axis=0).astype(np.uint8),
        wcs=warps[0].wcs,
        zero_point_mag=warps[0].zero_point_mag,
        seeing_pixels=round_to_card(float(np.mean([warp.seeing_pixels for warp in warps]))),
        data_id=data_id,
    )


def _inverse_variances(variances: Floats, has_data: Bools) -> Floats:
    """Return one over the median variance of each warp."""
    medians = [
        np.median(plane[good]) if good.any() else np.inf for plane, good in zip(variances, has_data, strict=True)
    ]
    return np.array([1 / median if median > 0 else 0 for median in medians])


def _clip_outliers(images: Floats, variances: Floats, used: Bools, clip_sigma: float) -> Bools:
    """Return the pixels that are as near to the median as noise and seeing explain; one always remains."""
    count = used.sum(axis=0)
    ordered = np.sort(np.where(used, images, np.inf), axis=0)
    # The lower median: particles only add light.
    median = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    median = np.where(count > 0, median, 0)
    max_variance = np.where(used, variances, 0).max(axis=0)
    tolerance = clip_sigma * np.sqrt(variances + max_variance) + SEEING_SHARE * np.abs(median)
    return np.asarray(used & (np.abs(images - median) <= tolerance))


def _make_mask(warps: Sequence[Exposure], covered: NDArray[Any], clipped: Bools) -> NDArray[np.int16]:
    detected = np.any([(warp.mask & planes.DETECTED) != 0 for warp in warps], axis=0)
    flags = [(~covered, planes.NO_DATA), (clipped, planes.CLIPPED), (detected & covered, planes.DETECTED)]
    return np.asarray(np.sum([np.where(where, bit, 0) for where, bit in flags], axis=0), dtype=np.int16)
