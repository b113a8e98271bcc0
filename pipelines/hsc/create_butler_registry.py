"""Write the registry file, from lists of images and calibrations or from their headers."""

import argparse
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.header import CalibrationMetadata, RawMetadata, read_calibration_metadata, read_raw_metadata
from pipelines.hsc.repository.registry import write_registry
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command

COMMAND = "python -m pipelines.hsc.create_butler_registry"
DESCRIPTION = """Write the registry file. With --raws and --calibrations no image is opened: both are text files with
commas between columns, which --raw-columns and --calibration-columns name. Without them the headers of the
repository's raw images and calibrations are read."""

RAW_COLUMNS = ",".join(field.name for field in fields(RawMetadata))
CALIBRATION_COLUMNS = "kind,ccd,filter,calibdate"

Metadata = TypeVar("Metadata", RawMetadata, CalibrationMetadata)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Returns
    -------
    int
        0; 1 if a file cannot be read or written; 2 for wrong input; 3 for data that are too poor.
    """
    arguments = _make_parser().parse_args(argv)
    return command.run_program(COMMAND, lambda: _create_registry(arguments))


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--doraise", action="store_true", help="accepted: any failure ends the program anyway")
    parser.add_argument("--raws", type=Path, help="list of raw images")
    parser.add_argument("--raw-columns", default=RAW_COLUMNS, help="its columns; others than these are ignored")
    parser.add_argument("--calibrations", type=Path, help="list of bias, dark and flat frames")
    parser.add_argument(
        "--calibration-columns",
        default=CALIBRATION_COLUMNS,
        help="its columns; it may also have valid_from and valid_to",
    )
    return parser


def _create_registry(arguments: argparse.Namespace) -> None:
    repository = Repository.open(arguments.repository, arguments.output or arguments.repository)
    if bool(arguments.raws) != bool(arguments.calibrations):
        raise InputError("--raws and --calibrations go together")
    if arguments.raws:
        raws = read_list(arguments.raws, arguments.raw_columns, RawMetadata.from_text)
        calibrations = read_list(arguments.calibrations, arguments.calibration_columns, CalibrationMetadata.from_text)
    else:
        raws = list(_read_headers(repository, ["raw"], read_raw_metadata))
        calibrations = list(_read_headers(repository, ["bias", "dark", "flat"], read_calibration_metadata))
    if not raws:
        raise InputError(f"{arguments.repository} has no raw image")
    write_registry(repository.output_path("registry"), raws, calibrations)


def read_list(path: Path, columns: str, convert: Callable[[Mapping[str, str]], Metadata]) -> list[Metadata]:
    """Read the rows of a text list.

    Parameters
    ----------
    path : Path
        Text file with commas between columns, without a heading.
    columns : str
        Names of the columns, commas between them; a prefix up to a dot does not count.
    convert : callable
        Makes metadata of a row's text values by column name.

    Raises
    ------
    InputError
        If the file is missing, or a row cannot be converted; the message names its line.
    """
    names = [name.strip().rpartition(".")[2] for name in columns.split(",")]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[value.strip() for value in row] for row in csv.reader(file) if row]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    return [_convert_row(f"{path}:{number}", names, row, convert) for number, row in enumerate(rows, start=1)]


def _convert_row(
    position: str, names: list[str], row: list[str], convert: Callable[[Mapping[str, str]], Metadata]
) -> Metadata:
    if len(row) != len(names):
        raise InputError(f"{position}: {len(row)} values for the {len(names)} columns {', '.join(names)}")
    try:
        return convert(dict(zip(names, row, strict=True)))
    except KeyError as error:
        raise InputError(f"{position}: no column {error} among {', '.join(names)}") from error
    except ValueError as error:
        raise InputError(f"{position}: {error}") from error


def _read_headers(
    repository: Repository, datasets: Iterable[str], convert: Callable[[Mapping[str, Any]], Metadata]
) -> Iterable[Metadata]:
    from pipelines.hsc.files.fits_file import read_fits  # astropy: start-up, and no need of it with lists

    for dataset in datasets:
        for path in repository.find_all(dataset):
            try:
                yield convert(read_fits(path)[0].header)
            except (KeyError, ValueError) as error:
                raise InputError(f"{path}: its header is not that of a {dataset} frame: {error}") from error


if __name__ == "__main__":
    raise SystemExit(main())
