"""The reference catalogue: stars with places and magnitudes from elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_fits

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Stars of one filter."""

    id: Array
    ra: Array
    dec: Array
    mag: Array


def read_reference(folder: Path, filter_name: str) -> Reference:
    """All FITS files of the folder."""
    paths = sorted(folder.glob("*.fits"))
    if not paths:
        raise InputError(f"{folder} has no FITS file: unpack the reference catalogue there")
    parts = [_stars(path, f"mag_{filter_name.replace('-', '_')}") for path in paths]
    stars = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(stars[0], kind="stable")
    number, ra, dec, mag = (column[order] for column in stars)
    return Reference(id=number, ra=ra, dec=dec, mag=mag)


def read_stars(path: Path, filter_name: str) -> Reference:
    """One file of stars."""
    number, ra, dec, mag = _stars(path, f"mag_{filter_name.replace('-', '_')}")
    return Reference(id=number, ra=ra, dec=dec, mag=mag)


def _stars(path: Path, mag_name: str) -> list[Array]:
    hdus = read_fits(path)
    if len(hdus) < 2 or hdus[1].data is None:
        raise InputError(f"{path} has no table of stars")
    lacking = [name for name in ("id", "ra", "dec", mag_name) if name not in hdus[1].columns.names]
    if lacking:
        raise InputError(f"{path} has no column {', '.join(lacking)}")
    kinds = {"id": np.int64}
    return [np.asarray(hdus[1].data[name], dtype=kinds.get(name, np.float64)) for name in ("id", "ra", "dec", mag_name)]
