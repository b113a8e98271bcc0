"""Tables of objects in FITS files, and the check that a table is what its schema file says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from pipelines.hsc.catalogues.schema import SCHEMAS, SOFTWARE_VERSION, Column
from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_fits, write_fits
from pipelines.hsc.pixels.exposure import FACTS

Table = NDArray[Any]


def empty_table(dataset: str, rows: int) -> Table:
    """All zeros, with the columns of this dataset."""
    return np.zeros(rows, dtype=[(column.name, column.kind) for column in SCHEMAS[dataset]])


def write_catalogue(table: Table, path: Path, dataset: str, facts: Mapping[str, str | int]) -> None:
    """A table HDU with units, and the data id in the primary header."""
    primary = fits.PrimaryHDU()
    primary.header.update({name: facts[key] for key, name in FACTS.items() if key in facts})
    primary.header["SOFTVERS"] = SOFTWARE_VERSION
    write_fits(path, [primary, _table_hdu(table, dataset)])


def read_catalogue(path: Path, dataset: str) -> Table:
    """As it was put; a file with other columns is refused."""
    hdu = _first_table(path)
    wrong = _differences(hdu, SCHEMAS[dataset])
    if wrong:
        raise InputError(f"{path} is no {dataset}: {wrong}")
    table = empty_table(dataset, len(hdu.data))
    for name in table.dtype.names or ():
        table[name] = hdu.data[name]
    return table


def write_schema(path: Path, dataset: str) -> None:
    """A catalogue of this kind without any row."""
    write_catalogue(empty_table(dataset, 0), path, dataset, {})


def check_schema(path: Path, dataset: str) -> None:
    """The schema file agrees with this software; else nothing is written."""
    hdus = read_fits(path)
    version = hdus[0].header.get("SOFTVERS", "nothing known")
    if version != SOFTWARE_VERSION:
        raise InputError(
            f"{path} was made by {version}, this is {SOFTWARE_VERSION}: "
            "make new schema files with python -m pipelines.hsc.schemas"
        )
    wrong = _differences(_first_table(path), SCHEMAS[dataset])
    if wrong:
        raise InputError(f"{path} is not the schema of {dataset}: {wrong}")


def _table_hdu(table: Table, dataset: str) -> Any:
    hdu = fits.BinTableHDU(table, name=dataset.upper())
    for number, column in enumerate(SCHEMAS[dataset], start=1):
        hdu.header[f"TTYPE{number}"] = (column.name, column.meaning)
        if column.unit:
            hdu.header[f"TUNIT{number}"] = column.unit
    return hdu


def _first_table(path: Path) -> Any:
    for hdu in read_fits(path):
        if isinstance(hdu, fits.BinTableHDU):
            return hdu
    raise InputError(f"{path} has no table")


def _differences(hdu: Any, columns: tuple[Column, ...]) -> str:
    """In words; empty if there are none."""
    found = [(name, hdu.columns[name].format) for name in hdu.columns.names]
    wanted = [(column.name, _FORMATS[column.kind]) for column in columns]
    lacking = [name for name, _ in wanted if name not in hdu.columns.names]
    if lacking:
        return f"it lacks {', '.join(lacking)}"
    return "" if found == wanted else f"its columns are {found}, not {wanted}"


_FORMATS = {"i8": "K", "i4": "J", "i2": "I", "f8": "D", "?": "L"}
