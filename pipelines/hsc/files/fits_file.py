"""FITS files whole, with nothing in them that depends on when or where they were written."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from astropy.io import fits

from pipelines.hsc.errors import InputError

Hdus = list[Any]


def read_fits(path: Path) -> Hdus:
    """Every header and all data, in memory; a file that is cut short or no FITS file is wrong input."""
    try:
        with warnings.catch_warnings():
            # A file cut short is only warned of.
            warnings.simplefilter("error")
            with path.open("rb") as file, fits.open(file, memmap=False, lazy_load_hdus=False) as hdus:
                return [hdu.copy() for hdu in hdus if hdu.data is not None or hdu.header]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except (OSError, Warning, ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{path} is not a FITS file that can be read: {error}") from error


def write_fits(path: Path, hdus: Iterable[Any]) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        fits.HDUList(list(hdus)).writeto(part, overwrite=True)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def card(path: Path, header: Any, key: str) -> Any:
    """A header's value, which has to be there."""
    if key not in header:
        raise InputError(f"{path}: the header lacks {key}")
    return header[key]


def card_number(value: float) -> float:
    """As many digits as a header keeps, so that what is read is what was written."""
    return float(f"{value:.12e}")
