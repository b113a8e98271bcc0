"""The light of a star over pixels: Moffat's function, round or a little elliptical."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Moffat:
    """Intensity (1 + r²/α²)^-β, with the area of the circle of its half maximum kept when it is stretched."""

    fwhm_pixels: float
    beta: float
    #: Stretch along x, and along the diagonal; 0 is round.
    stretch_x: float = 0.0
    stretch_diagonal: float = 0.0

    def intensity(self, dx: Array, dy: Array) -> Array:
        """Per pixel, of a star with one count in all, at offsets from its centre."""
        spread = self.fwhm_pixels**2 / 4 / (2 ** (1 / self.beta) - 1)
        squeeze = 1 - self.stretch_x**2 - self.stretch_diagonal**2
        radius = (1 - self.stretch_x) * dx**2 + (1 + self.stretch_x) * dy**2 - 2 * self.stretch_diagonal * dx * dy
        norm = (self.beta - 1) / np.pi / spread
        value: Array = norm * (1 + radius / np.sqrt(squeeze) / spread) ** -self.beta
        return value

    def stamp(self, x: float, y: float, half: int) -> tuple[Array, int, int]:
        """A square of pixels around a place, and its first column and row."""
        column, row = round(x) - half, round(y) - half
        dx, dy = np.arange(2 * half + 1) + column - x, np.arange(2 * half + 1) + row - y
        return self.intensity(dx[None, :], dy[:, None]), column, row


def add_stamp(image: Array, stamp: Array, column: int, row: int) -> None:
    """In place, the part of the stamp that is on the image."""
    inside = (
        slice(max(row, 0), max(min(row + stamp.shape[0], image.shape[0]), 0)),
        slice(max(column, 0), max(min(column + stamp.shape[1], image.shape[1]), 0)),
    )
    part = tuple(slice(cut.start - first, cut.stop - first) for cut, first in zip(inside, (row, column), strict=True))
    if inside[0].start < inside[0].stop and inside[1].start < inside[1].stop:
        image[inside] += stamp[part]
