"""The profile of a star: Moffat's function, round or slightly elliptical."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MoffatProfile:
    """Moffat's profile, (1 + r²/α²)^-β; stretching keeps the area inside half of the maximum.

    astropy.modeling has the round profile only.

    References
    ----------
    Moffat, A. F. J. 1969, A&A 3, 455.
    """

    #: Full width at half maximum, of the circle of equal area.
    fwhm_pixels: float
    beta: float
    #: Ellipticity along x and along the diagonal; 0 is round.
    stretch_x: float = 0.0
    stretch_diagonal: float = 0.0

    def intensity(self, dx: Floats, dy: Floats) -> Floats:
        """Return the counts a pixel of a star with one count in all.

        Parameters
        ----------
        dx, dy : float64 arrays
            Offsets from the centre of the star, pixels; shapes that broadcast together.

        Returns
        -------
        float64 array of the broadcast shape
            Counts a pixel, at the middle of the pixel.
        """
        alpha_squared = self.fwhm_pixels**2 / 4 / (2 ** (1 / self.beta) - 1)
        determinant = 1 - self.stretch_x**2 - self.stretch_diagonal**2
        radius_squared = (1 - self.stretch_x) * dx**2 + (1 + self.stretch_x) * dy**2
        radius_squared = radius_squared - 2 * self.stretch_diagonal * dx * dy
        norm = (self.beta - 1) / np.pi / alpha_squared
        value: Floats = norm * (1 + radius_squared / np.sqrt(determinant) / alpha_squared) ** -self.beta
        return value

    def make_stamp(self, x: float, y: float, half: int) -> tuple[Floats, int, int]:
        """Draw a star with one count in all on a square of pixels.

        Parameters
        ----------
        x, y : float
            Centre of the star in the image, pixels from 0.
        half : int
            Pixels on either side of the middle pixel.

        Returns
        -------
        stamp : float64 array, shape (2 half + 1, 2 half + 1)
            Counts a pixel.
        column, row : int
            The pixel of the image at the stamp's lower left.
        """
        column, row = round(x) - half, round(y) - half
        offsets = np.arange(2 * half + 1, dtype=np.float64)
        dx, dy = offsets + column - x, offsets + row - y
        return self.intensity(dx[None, :], dy[:, None]), column, row


def add_stamp(image: NDArray[Any], stamp: Floats, column: int, row: int) -> None:
    """Add the part of a stamp that is on the image, in place.

    Parameters
    ----------
    image : float array, shape (rows, columns)
        Counts; changed.
    stamp : float64 array of two dimensions
        Counts.
    column, row : int
        The pixel of the image at the stamp's lower left; may be outside.
    """
    inside = (
        slice(max(row, 0), max(min(row + stamp.shape[0], image.shape[0]), 0)),
        slice(max(column, 0), max(min(column + stamp.shape[1], image.shape[1]), 0)),
    )
    part = tuple(slice(cut.start - first, cut.stop - first) for cut, first in zip(inside, (row, column), strict=True))
    if inside[0].start < inside[0].stop and inside[1].start < inside[1].stop:
        image[inside] += stamp[part]
