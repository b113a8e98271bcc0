"""World coordinates: pixels to sky and back, by a gnomonic projection and a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from astropy.coordinates import angular_separation
from astropy.wcs import WCS
from numpy.typing import ArrayLike, NDArray

from pipelines.hsc.files.fits_file import round_to_card
from pipelines.hsc.sky.geometry import Patch, Tract

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Wcs:
    """A gnomonic projection (TAN) as a comparable value; astropy.wcs does the computing.

    Pixels count from 0 in every method, and from 1 in `crpix` as in FITS headers.

    References
    ----------
    Calabretta, M. R. & Greisen, E. W. 2002, A&A 395, 1077, section 5.1.3.
    """

    #: Right ascension and declination of the tangent point, degrees.
    crval: tuple[float, float]
    #: Pixel of the tangent point, from 1.
    crpix: tuple[float, float]
    #: Degrees a pixel: east by x and y, north by x and y.
    cd: tuple[float, float, float, float]

    @classmethod
    def from_values(
        cls, crval: tuple[float, float], crpix: tuple[float, float], cd: tuple[float, float, float, float]
    ) -> "Wcs":
        """Make a projection with as many digits as header cards keep.

        Parameters
        ----------
        crval : (float, float)
            Right ascension and declination of the tangent point, degrees.
        crpix : (float, float)
            Pixel of the tangent point, from 1.
        cd : (float, float, float, float)
            Degrees a pixel: east by x and y, north by x and y.
        """
        a, b, c, d = (round_to_card(value) for value in cd)
        return cls(
            crval=(round_to_card(crval[0]), round_to_card(crval[1])),
            crpix=(round_to_card(crpix[0]), round_to_card(crpix[1])),
            cd=(a, b, c, d),
        )

    @classmethod
    def from_cards(cls, header: Mapping[str, Any]) -> "Wcs":
        """Read the projection of a FITS header.

        Raises
        ------
        KeyError
            If a card is missing.
        """
        crval, crpix = ((float(header[f"{key}1"]), float(header[f"{key}2"])) for key in ("CRVAL", "CRPIX"))
        east, north = ((float(header[f"CD{axis}_1"]), float(header[f"CD{axis}_2"])) for axis in (1, 2))
        return cls(crval=crval, crpix=crpix, cd=(*east, *north))

    def to_cards(self) -> dict[str, str | float]:
        """Return the header cards of this projection.

        Returns
        -------
        dict
            CTYPE, CUNIT, CRVAL (degrees), CRPIX (pixels from 1) and CD (degrees a pixel).
        """
        names = ["CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"]
        values = dict(zip(names, [*self.crval, *self.crpix, *self.cd], strict=True))
        return {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg", **values}

    @property
    def matrix(self) -> Floats:
        """The CD matrix, float64 of shape (2, 2), degrees a pixel."""
        return np.array(self.cd).reshape(2, 2)

    @property
    def pixel_arcsec(self) -> float:
        """Side of a pixel, arcseconds: the root of its area."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix)))) * 3600

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Convert pixel positions to the sky.

        Parameters
        ----------
        x, y : array_like of one shape
            Column and row, pixels from 0.

        Returns
        -------
        ra, dec : float64 arrays of that shape
            Right ascension from 0 to 360, and declination, degrees.
        """
        ra, dec = self._projection.wcs_pix2world(x, y, 0)
        return ra, dec

    def to_pixels(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Floats, Floats]:
        """Convert sky positions to pixels.

        Parameters
        ----------
        ra_deg, dec_deg : array_like of one shape
            Right ascension and declination, degrees.

        Returns
        -------
        x, y : float64 arrays of that shape
            Column and row, pixels from 0; NaN for the half of the sky opposite to the tangent point.
        """
        x, y = self._projection.wcs_world2pix(ra_deg, dec_deg, 0)
        return x, y

    def corners(self, width: int, height: int) -> list[tuple[float, float]]:
        """Return right ascension and declination, degrees, of the four corners of an image, around it.

        Parameters
        ----------
        width, height : int
            Size of the image, pixels; corners are the outer edges of the corner pixels.
        """
        x, y = np.array([0, width, width, 0]) - 0.5, np.array([0, 0, height, height]) - 0.5
        ra, dec = self.to_sky(x, y)
        return [(round_to_card(r), round_to_card(d)) for r, d in zip(ra, dec, strict=True)]

    @cached_property
    def _projection(self) -> Any:
        projection = WCS(naxis=2)
        projection.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        projection.wcs.crval, projection.wcs.crpix, projection.wcs.cd = self.crval, self.crpix, self.matrix
        return projection


def patch_wcs(tract: Tract, patch: Patch) -> Wcs:
    """Return the projection of a patch's outer box: the tract's, with pixels counted from the corner of the box.

    Returns
    -------
    Wcs
        North up and east left, with the tract's pixel_arcsec on both axes.
    """
    box, degrees = tract.outer_box(patch), tract.pixel_arcsec / 3600
    crpix = (tract.tangent_pixel[0] - box.x + 1, tract.tangent_pixel[1] - box.y + 1)
    return Wcs.from_values((tract.ra_deg, tract.dec_deg), crpix, (-degrees, 0.0, 0.0, degrees))


def separation_arcsec(
    ra_deg: ArrayLike, dec_deg: ArrayLike, other_ra_deg: ArrayLike, other_dec_deg: ArrayLike
) -> Floats:
    """Return the great-circle distances between sky positions.

    Parameters
    ----------
    ra_deg, dec_deg, other_ra_deg, other_dec_deg : array_like
        Right ascensions and declinations, degrees; shapes that broadcast together.

    Returns
    -------
    float64 array of the broadcast shape
        Distances, arcseconds.
    """
    angles = (np.radians(value) for value in (ra_deg, dec_deg, other_ra_deg, other_dec_deg))
    return np.asarray(np.degrees(angular_separation(*angles)) * 3600)
