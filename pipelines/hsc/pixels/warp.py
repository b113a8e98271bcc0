"""Warps: the images of one visit resampled to the pixels of a patch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import round_to_card
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.sky.geometry import Patch, Tract
from pipelines.hsc.sky.wcs import Wcs, patch_wcs

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Zero point of warps and coadds.
COADD_ZERO_POINT_MAG = 27.0
#: Order of Lanczos's kernel: pixels that it reaches on either side.
LANCZOS_ORDER = 3


def warp_to_patch(exposures: Sequence[Exposure], tract: Tract, patch: Patch, data_id: dict[str, str | int]) -> Exposure:
    """Resample the detectors of one visit to the outer box of a patch, with counts scaled to the coadd's zero point.

    Where detectors overlap the first one counts. Pixels outside all detectors are NaN and masked as NO_DATA.

    Parameters
    ----------
    exposures : sequence of Exposure
        Calibrated images of one visit.
    tract, patch : Tract, Patch
        The pixels to resample to.
    data_id : dict
        Data id of the warp.

    Returns
    -------
    Exposure
        The warp; its seeing is the mean of the images' in pixels of the patch.

    Raises
    ------
    QualityError
        If no image reaches the patch.

    Notes
    -----
    The weights of Lanczos's kernel of order 3 have a sum of one, but their mean is up to 0.020 pixels from the wanted
    position on either axis. Stars move by as much with their place in a pixel, and on grids whose scales differ by
    1 % their fluxes change by up to 0.35 %.

    References
    ----------
    Duchon, C. E. 1979, J. Appl. Meteor. 18, 1016 (Lanczos's kernel); Bosch, J. et al. 2018, PASJ 70, S5 (its use in
    the coadds of this camera).
    """
    wcs, box = patch_wcs(tract, patch), tract.outer_box(patch)
    image = np.full((box.height, box.width), np.nan, dtype=np.float32)
    variance, depth = image.copy(), np.zeros(image.shape, dtype=np.uint8)
    mask = np.full(image.shape, planes.NO_DATA, dtype=np.int16)
    seeing = []
    for exposure in exposures:
        rows, columns, x, y = _map_pixels(exposure, wcs, depth == 0)
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
        seeing_pixels=round_to_card(float(np.mean(seeing))),
        data_id=data_id,
    )


def _map_pixels(exposure: Exposure, wcs: Wcs, free: NDArray[np.bool_]) -> tuple[Indices, Indices, Floats, Floats]:
    """Return rows and columns of the free pixels of the patch that are on the image, and their x and y there."""
    rows, columns = np.nonzero(free)
    x, y = exposure.wcs.to_pixels(*wcs.to_sky(columns, rows))
    height, width = exposure.shape
    reach = LANCZOS_ORDER
    inside = (x >= reach - 1) & (x < width - reach) & (y >= reach - 1) & (y < height - reach)
    return rows[inside], columns[inside], x[inside], y[inside]


def _resample(exposure: Exposure, wcs: Wcs, x: Floats, y: Floats) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Interpolate image and variance at these positions, and collect the mask of the four nearest pixels."""
    width, reach = exposure.shape[1], LANCZOS_ORDER
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)
    across, along = _lanczos_weights(x - left), _lanczos_weights(y - low)
    flat_image, flat_variance, flat_mask = (
        plane.ravel() for plane in (exposure.image, exposure.variance, exposure.mask)
    )
    image, variance, mask = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size, dtype=np.int16)
    for j in range(2 * reach):
        for i in range(2 * reach):
            pixel = (low + j - reach + 1) * width + left + i - reach + 1
            weight = along[j] * across[i]
            image += weight * flat_image[pixel]
            variance += weight**2 * flat_variance[pixel]
            if reach - 1 <= i <= reach and reach - 1 <= j <= reach:
                mask |= flat_mask[pixel]
    scale = 10 ** (0.4 * (COADD_ZERO_POINT_MAG - exposure.zero_point_mag))
    scale *= (wcs.pixel_arcsec / exposure.wcs.pixel_arcsec) ** 2
    return (scale * image).astype(np.float32), (scale**2 * variance).astype(np.float32), mask


def _lanczos_weights(fraction: Floats) -> list[Floats]:
    """Return the weights of the pixels from the left, normalised to a sum of one, for fractions of a pixel."""
    offsets = [fraction - (tap - LANCZOS_ORDER + 1) for tap in range(2 * LANCZOS_ORDER)]
    weights = [np.sinc(offset) * np.sinc(offset / LANCZOS_ORDER) for offset in offsets]
    total = np.sum(weights, axis=0)
    return [weight / total for weight in weights]
