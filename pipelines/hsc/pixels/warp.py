"""Detectors of one visit onto the pixels of a patch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import card_number
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.sky.geometry import Patch, Tract
from pipelines.hsc.sky.wcs import Wcs, patch_wcs

Array = NDArray[Any]

#: Warps and coadds have counts of this scale.
COADD_ZERO_POINT_MAG = 27.0
#: Pixels on either side that Lanczos's kernel reaches.
REACH = 3


def warp(exposures: Sequence[Exposure], tract: Tract, patch: Patch, facts: dict[str, str | int]) -> Exposure:
    """One visit, its flux scale the coadd's; where detectors overlap the first one counts, outside is no number."""
    wcs, box = patch_wcs(tract, patch), tract.outer_box(patch)
    image = np.full((box.height, box.width), np.nan, dtype=np.float32)
    variance, depth = image.copy(), np.zeros(image.shape, dtype=np.uint8)
    mask = np.full(image.shape, planes.NO_DATA, dtype=np.int16)
    seeing = []
    for exposure in exposures:
        rows, columns, x, y = _landing(exposure, wcs, depth == 0)
        if not rows.size:
            continue
        image[rows, columns], variance[rows, columns], mask[rows, columns] = _resample(exposure, wcs, x, y)
        depth[rows, columns] = 1
        seeing.append(exposure.seeing_pixels * exposure.wcs.pixel_arcsec / wcs.pixel_arcsec)
    if not seeing:
        raise QualityError(f"no pixel of the {len(exposures)} images is on patch {patch.name}")
    return Exposure(
        image=image,
        mask=mask,
        variance=variance,
        depth=depth,
        wcs=wcs,
        zero_point_mag=COADD_ZERO_POINT_MAG,
        seeing_pixels=card_number(float(np.mean(seeing))),
        facts=facts,
    )


def _landing(exposure: Exposure, wcs: Wcs, free: Array) -> tuple[Array, Array, Array, Array]:
    """Rows and columns of the free pixels of the patch that are on the image, and where they are there."""
    rows, columns = np.nonzero(free)
    x, y = exposure.wcs.to_pixels(*wcs.to_sky(columns, rows))
    height, width = exposure.shape
    inside = (x >= REACH - 1) & (x < width - REACH) & (y >= REACH - 1) & (y < height - REACH)
    return rows[inside], columns[inside], x[inside], y[inside]


def _resample(exposure: Exposure, wcs: Wcs, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Lanczos's interpolation of the image, the variance that follows, and what is known against the four nearest."""
    width = exposure.shape[1]
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)
    across, along = _kernel(x - left), _kernel(y - low)
    flat_image, flat_variance, flat_mask = (
        plane.ravel() for plane in (exposure.image, exposure.variance, exposure.mask)
    )
    image, variance, mask = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size, dtype=np.int16)
    for j in range(2 * REACH):
        for i in range(2 * REACH):
            place = (low + j - REACH + 1) * width + left + i - REACH + 1
            weight = along[j] * across[i]
            image += weight * flat_image[place]
            variance += weight**2 * flat_variance[place]
            if REACH - 1 <= i <= REACH and REACH - 1 <= j <= REACH:
                mask |= flat_mask[place]
    scale = 10 ** (0.4 * (COADD_ZERO_POINT_MAG - exposure.zero_point_mag))
    scale *= (wcs.pixel_arcsec / exposure.wcs.pixel_arcsec) ** 2
    return (scale * image).astype(np.float32), (scale**2 * variance).astype(np.float32), mask


def _kernel(fraction: Array) -> list[Array]:
    """Weights of the pixels from the left, one in sum."""
    offsets = [fraction - (tap - REACH + 1) for tap in range(2 * REACH)]
    weights = [np.sinc(offset) * np.sinc(offset / REACH) for offset in offsets]
    total = np.sum(weights, axis=0)
    return [weight / total for weight in weights]
