"""Detection on a coadd: its sky subtracted, its variance scaled, and its stars as peaks."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.hsc.catalogues.catalogue import Table, empty_table
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.background import SkyBackground, measure_background
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.stars.detection import Detections, detect_stars, find_bright_pixels, measure_noise_scale
from pipelines.hsc.stars.star_fit import PixelPlanes

#: Side of a cell of the sky background.
MESH_PIXELS = 85
#: Signal to noise from which a pixel does not count as sky.
SKY_SIGMA = 3.0


@dataclass(frozen=True, kw_only=True)
class DetectedCoadd:
    """A coadd ready for measurements, with its sky and its peaks."""

    exposure: Exposure
    background: SkyBackground
    #: The dataset deepCoadd_det.
    peaks: Table


def detect_coadd_stars(coadd: Exposure, *, threshold: float) -> DetectedCoadd:
    """Subtract the sky of a coadd, scale its variance to the noise of the sky, and detect stars.

    Parameters
    ----------
    coadd : Exposure
        The coadd with its sky, counts.
    threshold : float
        Least signal to noise of a star.

    Notes
    -----
    The variance of a coadd is too small since resampling correlates neighbouring pixels: Bosch, J. et al. 2018,
    PASJ 70, S5.
    """
    pixels = make_pixel_planes(coadd)
    stars = find_bright_pixels(pixels, coadd.seeing_pixels, SKY_SIGMA)
    background = measure_background(pixels.image, ~pixels.usable | stars, MESH_PIXELS)
    pixels = replace(pixels, image=pixels.image - background.level)
    scale = measure_noise_scale(pixels, coadd.seeing_pixels, stars) ** 2
    pixels = replace(pixels, variance=(pixels.variance * scale).astype(np.float32))
    found = detect_stars(pixels, coadd.seeing_pixels, threshold)
    mask = (coadd.mask & ~planes.DETECTED) | np.where(found.footprint & pixels.usable, planes.DETECTED, 0)
    exposure = replace(
        coadd,
        image=np.where(pixels.usable, pixels.image, np.nan).astype(np.float32),
        variance=np.where(pixels.usable, pixels.variance, np.nan).astype(np.float32),
        mask=mask.astype(np.int16),
    )
    return DetectedCoadd(exposure=exposure, background=background, peaks=_make_peak_table(found, coadd))


def make_pixel_planes(coadd: Exposure) -> PixelPlanes:
    """Return the planes of a coadd to measure stars on, with zeros where there are no data.

    Parameters
    ----------
    coadd : Exposure
        The coadd, counts.

    Returns
    -------
    PixelPlanes
        Planes of shape (rows, columns); pixels that are masked or not finite are not usable.
    """
    usable = coadd.usable & np.isfinite(coadd.image)
    image, variance = (np.where(usable, plane, 0) for plane in (coadd.image, coadd.variance))
    return PixelPlanes(image=image, variance=variance, usable=usable, depth=coadd.depth)


def _make_peak_table(found: Detections, coadd: Exposure) -> Table:
    table = empty_table("deepCoadd_det", found.x.size)
    table["id"] = np.arange(1, found.x.size + 1)
    table["x"], table["y"] = found.x, found.y
    table["ra"], table["dec"] = coadd.wcs.to_sky(found.x, found.y)
    table["signal_to_noise"], table["area"] = found.signal_to_noise, found.area
    return table
