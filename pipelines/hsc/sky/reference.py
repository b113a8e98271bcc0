"""The reference catalogue: stars with known positions and magnitudes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_fits


@dataclass(frozen=True, kw_only=True)
class ReferenceCatalogue:
    """Reference stars with their magnitudes in one filter; arrays of one shape, (stars,)."""

    id: NDArray[np.int64]
    #: Right ascension and declination, degrees.
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    mag: NDArray[np.float64]


def read_reference_catalogue(folder: Path, filter_name: str) -> ReferenceCatalogue:
    """Read all FITS tables of a folder as one catalogue, ordered by id.

    Parameters
    ----------
    folder : Path
        Folder of FITS files, each with a table of the columns id, ra, dec (degrees) and one magnitude a filter.
    filter_name : str
        Filter of the magnitudes: HSC-R is in the column mag_HSC_R.

    Raises
    ------
    InputError
        If the folder has no FITS file, or a file lacks the table or one of the columns.
    """
    paths = sorted(folder.glob("*.fits"))
    if not paths:
        raise InputError(f"{folder} has no FITS file: unpack the reference catalogue there")
    parts = [_read_columns(path, filter_name) for path in paths]
    stars = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(stars[0], kind="stable")
    number, ra, dec, mag = (column[order] for column in stars)
    return ReferenceCatalogue(id=number, ra=ra, dec=dec, mag=mag)


def read_star_table(path: Path, filter_name: str) -> ReferenceCatalogue:
    """Read one FITS table of stars, in its own order.

    Parameters
    ----------
    path : Path
        FITS file with the columns of a reference catalogue.
    filter_name : str
        Filter of the magnitudes: HSC-R is in the column mag_HSC_R.

    Raises
    ------
    InputError
        If the file lacks the table or one of the columns.
    """
    number, ra, dec, mag = _read_columns(path, filter_name)
    return ReferenceCatalogue(id=number, ra=ra, dec=dec, mag=mag)


def _read_columns(path: Path, filter_name: str) -> list[NDArray[Any]]:
    names = ("id", "ra", "dec", f"mag_{filter_name.replace('-', '_')}")
    hdus = read_fits(path)
    if len(hdus) < 2 or hdus[1].data is None:
        raise InputError(f"{path} has no table of stars")
    missing = [name for name in names if name not in hdus[1].columns.names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}")
    return [np.asarray(hdus[1].data[name], dtype=np.int64 if name == "id" else np.float64) for name in names]
