"""Where stars stand out of the sky's noise, and out of one another's light."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, label, maximum_filter
from scipy.ndimage import sum as sum_by_label

from pipelines.hsc.stars.photometry import measure_stars
from pipelines.hsc.stars.star_fit import Pixels

Array = NDArray[Any]

KERNEL_HALF_PIXELS = 7
#: Two peaks are at least this share of a star's width apart.
LEAST_DISTANCE_FWHM = 0.7
#: What subtracted stars leave behind, as a share of their light, that is not taken for another star.
RESIDUAL_SHARE = 0.1
WIDTH_SIGMA = 20.0
#: Of sep's flags; blended objects are wider.
UNDISTURBED = 0


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Stars, and the pixels that belong to any of them."""

    x: Array
    y: Array
    signal_to_noise: Array
    #: Pixels of the footprint that the star is in.
    area: Array
    footprint: Array


def detect_stars(pixels: Pixels, seeing_pixels: float, threshold: float) -> Detections:
    """Peaks that remain significant when all are fitted together, and those that show when these are subtracted."""
    x, y = _peaks(pixels, seeing_pixels, threshold)
    first = measure_stars(pixels, x, y, seeing_pixels)
    clear = first.psf_flux > threshold * first.psf_flux_err
    modelled = pixels.image - first.residual
    spread = pixels.variance + (RESIDUAL_SHARE * modelled) ** 2
    hidden = replace(pixels, image=first.residual, variance=spread)
    more_x, more_y = _peaks(hidden, seeing_pixels, threshold)
    x, y = np.concatenate([first.x[clear], more_x]), np.concatenate([first.y[clear], more_y])
    x, y = _apart(x, y, LEAST_DISTANCE_FWHM * seeing_pixels / 2)
    significance = _significance(pixels, seeing_pixels)
    footprint = significance > threshold
    columns = np.clip(np.rint(x).astype(int), 0, footprint.shape[1] - 1)
    rows = np.clip(np.rint(y).astype(int), 0, footprint.shape[0] - 1)
    return Detections(
        x=x,
        y=y,
        signal_to_noise=significance[rows, columns],
        area=_areas(footprint)[rows, columns],
        footprint=footprint,
    )


def bright_pixels(pixels: Pixels, seeing_pixels: float, threshold: float) -> Array:
    """What is not sky."""
    return _significance(pixels, seeing_pixels) > threshold


def noise_scale(pixels: Pixels, seeing_pixels: float, ignore: Array) -> float:
    """By how much the sky's noise, on the scale of a star, is larger than the variance has it."""
    sky = _significance(pixels, seeing_pixels)[pixels.usable & ~ignore]
    return float(1.4826 * np.median(np.abs(sky - np.median(sky)))) if sky.size else 1.0


def rough_seeing(pixels: Pixels, otherwise: float) -> float:
    """The middle width of bright, undisturbed objects."""
    found = sep.extract(
        np.ascontiguousarray(pixels.image, dtype=np.float32),
        WIDTH_SIGMA,
        var=np.ascontiguousarray(pixels.variance, dtype=np.float32),
        mask=~pixels.usable,
    )
    widths = 2 * np.sqrt(np.log(2) * (found["a"] ** 2 + found["b"] ** 2))[found["flag"] == UNDISTURBED]
    return float(np.median(widths)) if widths.size else otherwise


def _significance(pixels: Pixels, seeing_pixels: float) -> Array:
    """Sigma of a star at each pixel."""
    signal, noise = _filtered(pixels, seeing_pixels)
    return np.where(noise > 0, signal / np.where(noise > 0, noise, 1), 0)


def _filtered(pixels: Pixels, seeing_pixels: float) -> tuple[Array, Array]:
    """The image through a filter of a star's width, and the noise that it then has."""
    offsets = np.arange(-KERNEL_HALF_PIXELS, KERNEL_HALF_PIXELS + 1)
    line = np.exp(-4 * np.log(2) * (offsets / seeing_pixels) ** 2)
    known = pixels.usable & np.isfinite(pixels.image) & (pixels.variance > 0)
    signal = _convolved(np.where(known, pixels.image, 0), line)
    return signal, np.sqrt(np.maximum(_convolved(np.where(known, pixels.variance, 0), line**2), 0))


def _convolved(image: Array, line: Array) -> Array:
    once = convolve1d(image.astype(float), line, axis=0, mode="constant")
    twice: Array = convolve1d(once, line, axis=1, mode="constant")
    return twice


def _peaks(pixels: Pixels, seeing_pixels: float, threshold: float) -> tuple[Array, Array]:
    """Where the light, not its significance, is highest: noise that varies moves no star."""
    signal, noise = _filtered(pixels, seeing_pixels)
    reach = max(int(LEAST_DISTANCE_FWHM * seeing_pixels / 2), 1)
    highest = maximum_filter(signal, size=2 * reach + 1, mode="constant")
    rows, columns = np.nonzero((signal == highest) & (signal > threshold * noise) & (noise > 0) & pixels.usable)
    return columns.astype(float), rows.astype(float)


def _apart(x: Array, y: Array, distance: float) -> tuple[Array, Array]:
    """Without those that have another of an earlier place in the list too near."""
    near = np.hypot(x[:, None] - x, y[:, None] - y) < distance
    kept = ~np.tril(near, -1).any(axis=1)
    return x[kept], y[kept]


def _areas(footprint: Array) -> Array:
    labels, count = label(footprint)
    sizes = np.asarray(sum_by_label(footprint, labels, np.arange(count + 1)), dtype=np.int32)
    return np.asarray(sizes[labels])
