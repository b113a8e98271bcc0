"""Detection of stars: peaks above the noise of the sky, also beside brighter stars."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sep
from astropy.stats import mad_std
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, label, maximum_filter
from scipy.ndimage import sum as sum_by_label

from pipelines.hsc.stars.photometry import measure_stars
from pipelines.hsc.stars.star_fit import PixelPlanes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

KERNEL_HALF_PIXELS = 7
#: Least distance of two peaks, as a share of a star's width.
MIN_DISTANCE_FWHM = 0.7
#: Share of a star's light that its subtraction may leave behind without a detection.
RESIDUAL_SHARE = 0.1
#: Significance of the objects that the seeing is estimated from.
SEEING_SIGMA = 20.0
#: Flag of sep for objects that are neither blended nor cut off.
UNBLENDED_FLAG = 0


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Detected stars, arrays of shape (stars,), and the footprint of all of them."""

    #: Pixels from 0.
    x: Floats
    y: Floats
    signal_to_noise: Floats
    #: Pixels of the connected footprint that the star is in.
    area: NDArray[np.int32]
    #: Pixels above the threshold, shape (rows, columns).
    footprint: Bools


def detect_stars(pixels: PixelPlanes, seeing_pixels: float, threshold: float) -> Detections:
    """Detect peaks that remain significant when all are fitted together, and peaks that their subtraction uncovers.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    seeing_pixels : float
        Full width at half maximum of a star.
    threshold : float
        Least signal to noise.

    Notes
    -----
    The image is smoothed with a Gaussian of the star's width, as in DAOFIND: Stetson, P. B. 1987, PASP 99, 191.
    """
    x, y = _find_peaks(pixels, seeing_pixels, threshold)
    first = measure_stars(pixels, x, y, seeing_pixels)
    significant = first.psf_flux > threshold * first.psf_flux_err
    subtracted = pixels.image - first.residual
    variance = pixels.variance + (RESIDUAL_SHARE * subtracted) ** 2
    residual = replace(pixels, image=first.residual, variance=variance)
    more_x, more_y = _find_peaks(residual, seeing_pixels, threshold)
    x, y = np.concatenate([first.x[significant], more_x]), np.concatenate([first.y[significant], more_y])
    x, y = _drop_close(x, y, MIN_DISTANCE_FWHM * seeing_pixels / 2)
    significance = _significance(pixels, seeing_pixels)
    footprint = significance > threshold
    columns = np.clip(np.rint(x).astype(int), 0, footprint.shape[1] - 1)
    rows = np.clip(np.rint(y).astype(int), 0, footprint.shape[0] - 1)
    return Detections(
        x=x,
        y=y,
        signal_to_noise=significance[rows, columns],
        area=_footprint_areas(footprint)[rows, columns],
        footprint=footprint,
    )


def find_bright_pixels(pixels: PixelPlanes, seeing_pixels: float, threshold: float) -> Bools:
    """Find pixels that are not sky: at which a star would have more than `threshold` standard deviations.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    seeing_pixels : float
        Full width at half maximum of a star.
    threshold : float
        Signal to noise.

    Returns
    -------
    bool array, shape (rows, columns)
        True for pixels above the threshold.
    """
    return _significance(pixels, seeing_pixels) > threshold


def measure_noise_scale(pixels: PixelPlanes, seeing_pixels: float, ignore: Bools) -> float:
    """Return the noise of the sky on the scale of a star, relative to the noise that the variance plane gives.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    seeing_pixels : float
        Full width at half maximum of a star.
    ignore : bool array, shape (rows, columns)
        Pixels that are not sky.

    Returns
    -------
    float
        Standard deviation from the median absolute deviation; 1 without any sky.
    """
    sky = _significance(pixels, seeing_pixels)[pixels.usable & ~ignore]
    return float(mad_std(sky)) if sky.size else 1.0


def estimate_seeing(pixels: PixelPlanes, default_pixels: float) -> float:
    """Return the median full width at half maximum of bright, unblended objects, pixels.

    Parameters
    ----------
    pixels : PixelPlanes
        The image, sky subtracted.
    default_pixels : float
        The result if there is no such object.

    References
    ----------
    Barbary, K. 2016, JOSS 1(6), 58 (sep, which finds the objects and their second moments).
    """
    found = sep.extract(
        np.ascontiguousarray(pixels.image, dtype=np.float32),
        SEEING_SIGMA,
        var=np.ascontiguousarray(pixels.variance, dtype=np.float32),
        mask=~pixels.usable,
    )
    widths = 2 * np.sqrt(np.log(2) * (found["a"] ** 2 + found["b"] ** 2))[found["flag"] == UNBLENDED_FLAG]
    return float(np.median(widths)) if widths.size else default_pixels


def _significance(pixels: PixelPlanes, seeing_pixels: float) -> Floats:
    """Return the signal to noise of a star at each pixel."""
    signal, noise = _smooth(pixels, seeing_pixels)
    return np.where(noise > 0, signal / np.where(noise > 0, noise, 1), 0)


def _smooth(pixels: PixelPlanes, seeing_pixels: float) -> tuple[Floats, Floats]:
    """Return the image smoothed by a Gaussian of a star's width, and the noise that it then has."""
    offsets = np.arange(-KERNEL_HALF_PIXELS, KERNEL_HALF_PIXELS + 1)
    kernel = np.exp(-4 * np.log(2) * (offsets / seeing_pixels) ** 2)
    is_valid = pixels.usable & np.isfinite(pixels.image) & (pixels.variance > 0)
    signal = _convolve(np.where(is_valid, pixels.image, 0), kernel)
    return signal, np.sqrt(np.maximum(_convolve(np.where(is_valid, pixels.variance, 0), kernel**2), 0))


def _convolve(image: NDArray[Any], kernel: Floats) -> Floats:
    by_columns = convolve1d(image.astype(float), kernel, axis=0, mode="constant")
    smoothed: Floats = convolve1d(by_columns, kernel, axis=1, mode="constant")
    return smoothed


def _find_peaks(pixels: PixelPlanes, seeing_pixels: float, threshold: float) -> tuple[Floats, Floats]:
    """Return the maxima of the light, not of its significance: noise that varies then moves no star."""
    signal, noise = _smooth(pixels, seeing_pixels)
    reach = max(int(MIN_DISTANCE_FWHM * seeing_pixels / 2), 1)
    highest = maximum_filter(signal, size=2 * reach + 1, mode="constant")
    rows, columns = np.nonzero((signal == highest) & (signal > threshold * noise) & (noise > 0) & pixels.usable)
    return columns.astype(float), rows.astype(float)


def _drop_close(x: Floats, y: Floats, distance: float) -> tuple[Floats, Floats]:
    """Return the positions without those that are too close to one before them."""
    is_close = np.hypot(x[:, None] - x, y[:, None] - y) < distance
    remain = ~np.tril(is_close, -1).any(axis=1)
    return x[remain], y[remain]


def _footprint_areas(footprint: Bools) -> NDArray[np.int32]:
    """Return the number of connected pixels at each pixel of the footprint."""
    labels, count = label(footprint)
    sizes = np.asarray(sum_by_label(footprint, labels, np.arange(count + 1)), dtype=np.int32)
    return np.asarray(sizes[labels])
