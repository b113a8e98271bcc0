"""FITS files as wholes, with nothing in them that depends on when or where they were written."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from astropy.io import fits

from pipelines.hsc.errors import InputError

Hdus = list[Any]


def read_fits(path: Path) -> Hdus:
    """Read every HDU of a FITS file, header and data, into memory.

    Raises
    ------
    InputError
        If the file is missing, cut short, or not a FITS file.
    """
    try:
        with warnings.catch_warnings():
            # astropy only warns of a file that is cut short.
            warnings.simplefilter("error")
            with path.open("rb") as file, fits.open(file, memmap=False, lazy_load_hdus=False) as hdus:
                return [hdu.copy() for hdu in hdus if hdu.data is not None or hdu.header]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except (OSError, Warning, ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{path} is not a FITS file that can be read: {error}") from error


def write_fits(path: Path, hdus: Iterable[Any]) -> None:
    """Write HDUs to a file, which appears whole or not at all; its folder is made.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        fits.HDUList(list(hdus)).writeto(part, overwrite=True)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_card(path: Path, header: Any, key: str) -> Any:
    """Return the value of a header card; the path is for the message.

    Raises
    ------
    InputError
        If the header has no such card.
    """
    if key not in header:
        raise InputError(f"{path}: the header lacks {key}")
    return header[key]


def round_to_card(value: float) -> float:
    """Return a number rounded to the digits that a header card keeps, so that it is read as it was written.

    Returns
    -------
    float
        The value with 13 significant digits.
    """
    return float(f"{value:.12e}")
