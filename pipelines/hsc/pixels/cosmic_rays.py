"""Pixels that charged particles hit: sharper than any star can be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.stars.star_profile import MoffatProfile

Array = NDArray[Any]

#: A pixel stands this many sigma above its surroundings before it is suspected, and its neighbours after it is found.
SIGNIFICANCE = 6.0
NEIGHBOUR_SIGNIFICANCE = 3.0
#: Stars may be sharper than their typical one by this factor of contrast, for pixels off their centres and the weather.
CONTRAST = 0.6
ITERATIONS = 4

_PAIRS = (((0, 1), (0, -1)), ((1, 0), (-1, 0)), ((1, 1), (-1, -1)), ((1, -1), (-1, 1)))


def find_cosmic_rays(image: Array, variance: Array, seeing_pixels: float) -> Array:
    """True where the mean of two opposite neighbours is lower than a star would have it; the sky is subtracted."""
    found = np.zeros(image.shape, dtype=bool)
    clean = image
    for _ in range(ITERATIONS):
        threshold = np.where(_touching(found), NEIGHBOUR_SIGNIFICANCE, SIGNIFICANCE)
        more = found | _sharp(clean, image, variance, seeing_pixels, threshold)
        if (more == found).all():
            break
        found = more
        clean = interpolate_masked(image, found)
    return found


def interpolate_masked(image: Array, holes: Array) -> Array:
    """The holes with the mean of the nearest good pixels around them, from the rim inwards."""
    filled, left = np.where(holes, 0, image), holes
    while left.any() and not left.all():
        good = np.pad((~left).astype(np.float32), 1)
        values = np.pad(np.where(left, 0, filled), 1)
        near = sum(_shifted(good, dy, dx) for pair in _PAIRS for dy, dx in pair)
        total = sum(_shifted(values, dy, dx) for pair in _PAIRS for dy, dx in pair)
        rim = left & (near > 0)
        filled = np.where(rim, total / np.maximum(near, 1), filled)
        left = left & ~rim
    return filled.astype(np.float32)


def _sharp(clean: Array, image: Array, variance: Array, seeing_pixels: float, threshold: Array) -> Array:
    sigma = np.sqrt(variance)
    padded = np.pad(clean, 1, mode="edge")
    star = MoffatProfile(fwhm_pixels=seeing_pixels, beta=3.5)
    sharp = np.zeros(image.shape, dtype=bool)
    for one, other in _PAIRS:
        mean = (_shifted(padded, *one) + _shifted(padded, *other)) / 2
        fall = float(star.intensity(np.array(one[0]), np.array(one[1])) / star.intensity(np.array(0), np.array(0)))
        too_low = mean + sigma < CONTRAST * fall * (image - sigma)
        sharp |= too_low & (image - mean > threshold * sigma)
    return sharp


def _touching(found: Array) -> Array:
    padded = np.pad(found, 1)
    return np.asarray(np.any([_shifted(padded, dy, dx) for pair in _PAIRS for dy, dx in pair], axis=0))


def _shifted(padded: Array, dy: int, dx: int) -> Array:
    rows, columns = padded.shape
    return padded[1 + dy : rows - 1 + dy, 1 + dx : columns - 1 + dx]
