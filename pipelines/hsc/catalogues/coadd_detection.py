"""A coadd's sky and noise set right, and the stars that stand out of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.background import Background, measure_background
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.stars.detection import Detections, bright_pixels, detect_stars, noise_scale
from pipelines.hsc.stars.star_fit import Pixels

Array = NDArray[Any]

MESH_PIXELS = 85
#: What is not sky, for the sky's sake.
SKY_SIGMA = 3.0


@dataclass(frozen=True, kw_only=True)
class DetectedCoadd:
    """A coadd ready for measurements."""

    exposure: Exposure
    background: Background
    peaks: Array


def detect_on_coadd(coadd: Exposure, *, threshold: float) -> DetectedCoadd:
    """The sky subtracted, the variance as large as the sky's noise is, stars as peaks."""
    pixels = pixels_of(coadd)
    stars = bright_pixels(pixels, coadd.seeing_pixels, SKY_SIGMA)
    background = measure_background(pixels.image, ~pixels.usable | stars, MESH_PIXELS)
    pixels = replace(pixels, image=pixels.image - background.level)
    scale = noise_scale(pixels, coadd.seeing_pixels, stars) ** 2
    pixels = replace(pixels, variance=(pixels.variance * scale).astype(np.float32))
    found = detect_stars(pixels, coadd.seeing_pixels, threshold)
    mask = (coadd.mask & ~planes.DETECTED) | np.where(found.footprint & pixels.usable, planes.DETECTED, 0)
    exposure = replace(
        coadd,
        image=np.where(pixels.usable, pixels.image, np.nan).astype(np.float32),
        variance=np.where(pixels.usable, pixels.variance, np.nan).astype(np.float32),
        mask=mask.astype(np.int16),
    )
    return DetectedCoadd(exposure=exposure, background=background, peaks=_peaks(found, coadd))


def pixels_of(coadd: Exposure) -> Pixels:
    """Zeros where there are no data."""
    usable = coadd.usable & np.isfinite(coadd.image)
    image, variance = (np.where(usable, plane, 0) for plane in (coadd.image, coadd.variance))
    return Pixels(image=image, variance=variance, usable=usable, depth=coadd.depth)


def _peaks(found: Detections, coadd: Exposure) -> Array:
    table = empty_table("deepCoadd_det", found.x.size)
    table["id"] = np.arange(1, found.x.size + 1)
    table["x"], table["y"] = found.x, found.y
    table["ra"], table["dec"] = coadd.wcs.to_sky(found.x, found.y)
    table["signal_to_noise"], table["area"] = found.signal_to_noise, found.area
    return table
