"""Exposures: an image with its mask, variance, projection and calibration, and its FITS file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import DTypeLike, NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_card, read_fits, write_fits
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.sky.wcs import Wcs

#: Header cards for the keys of data ids.
DATA_ID_CARDS = {"visit": "VISIT", "ccd": "CCD", "tract": "TRACT", "patch": "PATCH", "filter": "FILTER"}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A calibrated image with its planes, all of one shape (rows, columns)."""

    #: Counts, sky subtracted; NaN where there are no data.
    image: NDArray[np.float32]
    #: Bits of `pixels.mask`.
    mask: NDArray[np.int16]
    #: Variance of the image, counts squared.
    variance: NDArray[np.float32]
    #: Number of visits in each pixel.
    depth: NDArray[np.uint8]
    wcs: Wcs
    #: Magnitude of a star with one count inside the calibration aperture.
    zero_point_mag: float
    #: Full width at half maximum of a star, pixels.
    seeing_pixels: float
    data_id: Mapping[str, str | int]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True for pixels with a measurement of their own."""
        return np.asarray((self.mask & planes.UNUSABLE) == 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.image.shape
        return rows, columns


def write_exposure(exposure: Exposure, path: Path) -> None:
    """Write an exposure as a FITS file with one image HDU a plane, each with the projection.

    The primary header has the data id, MAGZERO (mag), SEEING (pixels), and the corners RAC1, DECC1 to RAC4, DECC4
    (degrees).

    Parameters
    ----------
    exposure : Exposure
        Planes of shape (rows, columns): image float32 and variance float32 in counts and counts squared, mask int16,
        depth uint8.
    path : Path
        File to write; its folder is made.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    corners = exposure.wcs.corners(exposure.shape[1], exposure.shape[0])
    primary = fits.PrimaryHDU()
    data_id = exposure.data_id
    primary.header.update({name: data_id[key] for key, name in DATA_ID_CARDS.items() if key in data_id})
    primary.header.update({"MAGZERO": exposure.zero_point_mag, "SEEING": exposure.seeing_pixels})
    for number, (ra, dec) in enumerate(corners, start=1):
        primary.header.update({f"RAC{number}": ra, f"DECC{number}": dec})
    write_fits(path, [primary, *(_make_plane(exposure, name) for name in _PLANES)])


def read_exposure(path: Path) -> Exposure:
    """Read an exposure from its FITS file.

    Raises
    ------
    InputError
        If the file is no FITS file, or lacks a plane, the projection, or a card of the calibration.
    """
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
        zero_point_mag=float(read_card(path, header, "MAGZERO")),
        seeing_pixels=float(read_card(path, header, "SEEING")),
        data_id={key: header[name] for key, name in DATA_ID_CARDS.items() if name in header},
        **{name.lower(): to_native_order(named[name].data, dtype) for name, dtype in _PLANES.items()},
    )


_PLANES = {"IMAGE": np.float32, "MASK": np.int16, "VARIANCE": np.float32, "DEPTH": np.uint8}


def to_native_order(data: Any, dtype: DTypeLike) -> NDArray[Any]:
    """Return the data of an HDU as a contiguous array of this type: FITS is big-endian, sep and others need native.

    Returns
    -------
    array of the type, of the shape of the data
        A copy only where type, order or layout differ.
    """
    return np.ascontiguousarray(data, dtype=dtype)


def _make_plane(exposure: Exposure, name: str) -> Any:
    hdu = fits.ImageHDU(to_native_order(getattr(exposure, name.lower()), _PLANES[name]), name=name)
    hdu.header.update(exposure.wcs.to_cards())
    if name == "MASK":
        hdu.header.update(planes.CARDS)
    return hdu
