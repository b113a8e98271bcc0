"""Catalogues: tables of stars in FITS files, and the check that a file has the columns of its schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from pipelines.hsc.catalogues.schema import SCHEMAS, SOFTWARE_VERSION, CatalogueColumn
from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_fits, write_fits
from pipelines.hsc.pixels.exposure import DATA_ID_CARDS

#: A structured array with the columns of `schema.SCHEMAS`, shape (rows,).
Table = NDArray[Any]


def empty_table(dataset: str, rows: int) -> Table:
    """Return a table of zeros.

    Parameters
    ----------
    dataset : str
        Key of `schema.SCHEMAS`.
    rows : int
        Number of rows.

    Returns
    -------
    structured array, shape (rows,)
        The columns of the dataset, with their types.
    """
    return np.zeros(rows, dtype=[(column.name, column.kind) for column in SCHEMAS[dataset]])


def write_catalogue(table: Table, path: Path, dataset: str, data_id: Mapping[str, str | int]) -> None:
    """Write a table as a FITS file.

    Parameters
    ----------
    table : structured array, shape (rows,)
        The columns of the dataset; units are written as TUNIT cards.
    path : Path
        File to write.
    dataset : str
        Key of `schema.SCHEMAS`.
    data_id : mapping
        Data id, written to the primary header with the version of the software.
    """
    primary = fits.PrimaryHDU()
    primary.header.update({name: data_id[key] for key, name in DATA_ID_CARDS.items() if key in data_id})
    primary.header["SOFTVERS"] = SOFTWARE_VERSION
    write_fits(path, [primary, _make_table_hdu(table, dataset)])


def read_catalogue(path: Path, dataset: str) -> Table:
    """Read a table as it was written.

    Parameters
    ----------
    path : Path
        FITS file of a catalogue.
    dataset : str
        Key of `schema.SCHEMAS`.

    Returns
    -------
    structured array, shape (rows,)
        The columns of the dataset.

    Raises
    ------
    InputError
        If the file is no FITS file with a table, or its columns are not those of the dataset.
    """
    hdu = _find_table(path)
    difference = _describe_difference(hdu, SCHEMAS[dataset])
    if difference:
        raise InputError(f"{path} is no {dataset}: {difference}")
    table = empty_table(dataset, len(hdu.data))
    for name in table.dtype.names or ():
        table[name] = hdu.data[name]
    return table


def write_schema(path: Path, dataset: str) -> None:
    """Write the schema file of a dataset: a catalogue without rows.

    Parameters
    ----------
    path : Path
        FITS file to write; its folder is made.
    dataset : str
        A key of SCHEMAS.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_catalogue(empty_table(dataset, 0), path, dataset, {})


def check_schema(path: Path, dataset: str) -> None:
    """Check that a schema file agrees with this software.

    Raises
    ------
    InputError
        If the file was made by another version, or its columns are not those of the dataset.
    """
    hdus = read_fits(path)
    version = hdus[0].header.get("SOFTVERS", "an unknown version")
    if version != SOFTWARE_VERSION:
        raise InputError(
            f"{path} was made by {version}, this is {SOFTWARE_VERSION}: "
            "make new schema files with python -m pipelines.hsc.schemas"
        )
    difference = _describe_difference(_find_table(path), SCHEMAS[dataset])
    if difference:
        raise InputError(f"{path} is not the schema of {dataset}: {difference}")


def _make_table_hdu(table: Table, dataset: str) -> Any:
    hdu = fits.BinTableHDU(table, name=dataset.upper())
    for number, column in enumerate(SCHEMAS[dataset], start=1):
        hdu.header[f"TTYPE{number}"] = (column.name, column.meaning)
        if column.unit:
            hdu.header[f"TUNIT{number}"] = column.unit
    return hdu


def _find_table(path: Path) -> Any:
    for hdu in read_fits(path):
        if isinstance(hdu, fits.BinTableHDU):
            return hdu
    raise InputError(f"{path} has no table")


def _describe_difference(hdu: Any, columns: tuple[CatalogueColumn, ...]) -> str:
    """Return how the columns of a file differ from these; empty if they do not."""
    found = [(name, hdu.columns[name].format) for name in hdu.columns.names]
    expected = [(column.name, _FORMATS[column.kind]) for column in columns]
    missing = [name for name, _ in expected if name not in hdu.columns.names]
    if missing:
        return f"it lacks {', '.join(missing)}"
    return "" if found == expected else f"its columns are {found}, not {expected}"


_FORMATS = {"i8": "K", "i4": "J", "i2": "I", "f8": "D", "?": "L"}
