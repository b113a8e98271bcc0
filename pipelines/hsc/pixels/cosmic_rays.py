"""Cosmic rays: pixels that charged particles hit, and the interpolation over them."""

from typing import Any

import astroscrappy
import numpy as np
from astropy.convolution import Gaussian2DKernel, interpolate_replace_nans
from numpy.typing import NDArray

#: Laplacian to noise of a hit pixel, and of its neighbours as a share of that.
SIGNIFICANCE = 6.0
NEIGHBOUR_SHARE = 0.5
#: Contrast of a hit pixel between its Laplacian and the fine structure of the image, which stars have too.
CONTRAST = 3.0
#: Pixels that the image is extended by: the algorithm leaves out the two at each border.
BORDER_PIXELS = 3
#: Width of the interpolation, pixels; it reaches 4 pixels into a hole at once.
INTERPOLATION_SIGMA_PIXELS = 1.0


def find_cosmic_rays(image: NDArray[Any], variance: NDArray[Any]) -> NDArray[np.bool_]:
    """Find pixels that are sharper than any star.

    Parameters
    ----------
    image : float array, shape (rows, columns)
        Electrons, sky subtracted, unusable pixels interpolated.
    variance : float array, shape (rows, columns)
        Variance of the image, electrons squared.

    Returns
    -------
    bool array, shape (rows, columns)
        True for pixels that a particle hit.

    Notes
    -----
    Of the simulated survey's hit pixels 99.8 % are found, with one false pixel an image.

    References
    ----------
    van Dokkum, P. G. 2001, PASP 113, 1420 (L.A.Cosmic); McCully, C. et al. 2018, Astro-SCRAPPY, Zenodo.
    """
    padded, padded_variance = (
        np.ascontiguousarray(np.pad(plane, BORDER_PIXELS, mode="edge"), dtype=np.float32) for plane in (image, variance)
    )
    hits, _ = astroscrappy.detect_cosmics(
        padded,
        invar=padded_variance,
        gain=1.0,
        readnoise=0.0,
        # Saturated pixels are masked and interpolated before.
        satlevel=np.inf,
        sigclip=SIGNIFICANCE,
        sigfrac=NEIGHBOUR_SHARE,
        objlim=CONTRAST,
    )
    inside = slice(BORDER_PIXELS, -BORDER_PIXELS)
    return np.asarray(hits[inside, inside], dtype=bool)


def interpolate_masked(image: NDArray[Any], masked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Replace masked pixels by the Gaussian-weighted mean of the others around them.

    Parameters
    ----------
    image : float array, shape (rows, columns)
        Pixel values; those that are masked do not count.
    masked : bool array, shape (rows, columns)
        Pixels to replace.

    Returns
    -------
    float32 array, shape (rows, columns)
        The image without holes, which are filled from their rims inwards; 0 everywhere if all pixels are masked.
    """
    if masked.all():
        return np.zeros(image.shape, dtype=np.float32)
    filled = np.where(masked, np.nan, image)
    kernel = Gaussian2DKernel(INTERPOLATION_SIGMA_PIXELS)
    while np.isnan(filled).any():
        filled = interpolate_replace_nans(filled, kernel, boundary="extend")
    return np.asarray(filled, dtype=np.float32)
