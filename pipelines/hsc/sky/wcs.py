"""Pixels to sky and back, by a tangent plane and a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.files.fits_file import card_number
from pipelines.hsc.sky.geometry import Patch, Tract

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Wcs:
    """A gnomonic projection. Pixels count from 0 in every method, from 1 in `crpix`, as in FITS headers."""

    crval: tuple[float, float]
    crpix: tuple[float, float]
    #: Degrees a pixel: east by x and y, north by x and y.
    cd: tuple[float, float, float, float]

    @property
    def matrix(self) -> Array:
        return np.array(self.cd).reshape(2, 2)

    @property
    def pixel_arcsec(self) -> float:
        return float(np.sqrt(abs(np.linalg.det(self.matrix)))) * 3600

    def to_sky(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Right ascension and declination, degrees."""
        offsets = np.stack([np.asarray(x) + 1 - self.crpix[0], np.asarray(y) + 1 - self.crpix[1]])
        east, north = np.radians(np.tensordot(self.matrix, offsets, axes=1))
        return from_plane(east, north, self.crval)

    def to_pixels(self, ra_deg: Array, dec_deg: Array) -> tuple[Array, Array]:
        plane = np.degrees(np.stack(to_plane(ra_deg, dec_deg, self.crval)))
        x, y = np.tensordot(np.linalg.inv(self.matrix), plane, axes=1)
        return x + self.crpix[0] - 1, y + self.crpix[1] - 1

    def corners(self, width: int, height: int) -> list[tuple[float, float]]:
        """The sky at the outer edges of the four corner pixels, around the image."""
        x, y = np.array([0, width, width, 0]) - 0.5, np.array([0, 0, height, height]) - 0.5
        ra, dec = self.to_sky(x, y)
        return [(card_number(r), card_number(d)) for r, d in zip(ra, dec, strict=True)]

    def cards(self) -> dict[str, str | float]:
        """The header cards of this projection."""
        names = ["CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"]
        values = dict(zip(names, [*self.crval, *self.crpix, *self.cd], strict=True))
        return {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg", **values}

    @classmethod
    def from_cards(cls, header: Mapping[str, Any]) -> "Wcs":
        """KeyError names the card that is not there."""
        crval, crpix = ((float(header[f"{key}1"]), float(header[f"{key}2"])) for key in ("CRVAL", "CRPIX"))
        east, north = ((float(header[f"CD{axis}_1"]), float(header[f"CD{axis}_2"])) for axis in (1, 2))
        return cls(crval=crval, crpix=crpix, cd=(*east, *north))

    @classmethod
    def of(cls, crval: tuple[float, float], crpix: tuple[float, float], cd: tuple[float, float, float, float]) -> "Wcs":
        """With as many digits as a header keeps."""
        a, b, c, d = (card_number(value) for value in cd)
        return cls(
            crval=(card_number(crval[0]), card_number(crval[1])),
            crpix=(card_number(crpix[0]), card_number(crpix[1])),
            cd=(a, b, c, d),
        )


def patch_wcs(tract: Tract, patch: Patch) -> Wcs:
    """The projection of a patch's outer box."""
    box, degrees = tract.outer_box(patch), tract.pixel_arcsec / 3600
    crpix = (tract.middle[0] - box.x + 1, tract.middle[1] - box.y + 1)
    return Wcs.of((tract.ra_deg, tract.dec_deg), crpix, (-degrees, 0.0, 0.0, degrees))


def to_plane(ra_deg: Array, dec_deg: Array, tangent_deg: tuple[float, float]) -> tuple[Array, Array]:
    """East and north on the tangent plane, radians."""
    dec, (ra0, dec0) = np.radians(dec_deg), np.radians(tangent_deg)
    hour = np.radians(ra_deg) - ra0
    nearness = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(hour)
    east = np.cos(dec) * np.sin(hour) / nearness
    north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(hour)) / nearness
    return east, north


def from_plane(east: Array, north: Array, tangent_deg: tuple[float, float]) -> tuple[Array, Array]:
    """Right ascension and declination, degrees, of radians on the tangent plane."""
    ra0, dec0 = np.radians(tangent_deg)
    depth = np.cos(dec0) - north * np.sin(dec0)
    ra = ra0 + np.arctan2(east, depth)
    dec = np.arctan2(np.sin(dec0) + north * np.cos(dec0), np.hypot(east, depth))
    return np.degrees(ra) % 360, np.degrees(dec)


def separation_arcsec(ra_deg: Array, dec_deg: Array, other_ra_deg: Array, other_dec_deg: Array) -> Array:
    """Between directions that are near one another."""
    east = (np.asarray(ra_deg) - other_ra_deg + 180) % 360 - 180
    north = np.asarray(dec_deg) - other_dec_deg
    return np.asarray(np.hypot(east * np.cos(np.radians(dec_deg)), north) * 3600)
