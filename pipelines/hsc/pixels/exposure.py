"""An image with its mask, variance, projection and calibration: what every step from raw to coadd passes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import card, read_fits, write_fits
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.sky.wcs import Wcs

Array = NDArray[Any]

#: Header cards for the keys of data ids.
FACTS = {"visit": "VISIT", "ccd": "CCD", "tract": "TRACT", "patch": "PATCH", "filter": "FILTER"}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Pixels and what they mean."""

    image: Array
    mask: Array
    variance: Array
    #: How many visits each pixel has.
    depth: Array
    wcs: Wcs
    #: Of a star with one count inside the calibration aperture.
    zero_point_mag: float
    #: Full width at half maximum of a star.
    seeing_pixels: float
    #: The keys of its data id.
    facts: Mapping[str, str | int]

    @property
    def usable(self) -> Array:
        return np.asarray((self.mask & planes.UNUSABLE) == 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.image.shape
        return rows, columns


def write_exposure(exposure: Exposure, path: Path) -> None:
    """One image HDU a plane, each with the projection."""
    corners = exposure.wcs.corners(exposure.shape[1], exposure.shape[0])
    primary = fits.PrimaryHDU()
    primary.header.update({name: exposure.facts[key] for key, name in FACTS.items() if key in exposure.facts})
    primary.header.update({"MAGZERO": exposure.zero_point_mag, "SEEING": exposure.seeing_pixels})
    for number, (ra, dec) in enumerate(corners, start=1):
        primary.header.update({f"RAC{number}": ra, f"DECC{number}": dec})
    write_fits(path, [primary, *(_plane(exposure, name) for name in _PLANES)])


def read_exposure(path: Path) -> Exposure:
    hdus = read_fits(path)
    named = {hdu.name: hdu for hdu in hdus}
    missing = [name for name in _PLANES if name not in named]
    if missing:
        raise InputError(f"{path} has no {', '.join(missing)} plane")
    header = hdus[0].header
    try:
        wcs = Wcs.from_cards(named["IMAGE"].header)
    except KeyError as error:
        raise InputError(f"{path}: {error}") from error
    return Exposure(
        wcs=wcs,
        zero_point_mag=float(card(path, header, "MAGZERO")),
        seeing_pixels=float(card(path, header, "SEEING")),
        facts={key: header[name] for key, name in FACTS.items() if name in header},
        **{name.lower(): native(named[name].data, kind) for name, kind in _PLANES.items()},
    )


_PLANES = {"IMAGE": np.float32, "MASK": np.int16, "VARIANCE": np.float32, "DEPTH": np.uint8}


def native(data: Any, kind: Any) -> Array:
    """FITS is big-endian; most of what computes here is not."""
    return np.ascontiguousarray(data, dtype=kind)


def _plane(exposure: Exposure, name: str) -> Any:
    hdu = fits.ImageHDU(native(getattr(exposure, name.lower()), _PLANES[name]), name=name)
    hdu.header.update(exposure.wcs.cards())
    if name == "MASK":
        hdu.header.update(planes.CARDS)
    return hdu
