"""The registry file: from lists of what the framework knows already, or else from headers."""

import argparse
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.header import CalibrationFacts, RawFacts, calibration_facts, raw_facts
from pipelines.hsc.repository.registry import write_registry
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command

COMMAND = "python -m pipelines.hsc.create_butler_registry"
DESCRIPTION = """Write the registry file. With --raws and --calibrations no image is opened: both are text lists, commas
between columns, whose columns are named by the options beside them. Without, the headers of the repository's own raw
images and calibrations are read."""

RAW_COLUMNS = ",".join(field.name for field in fields(RawFacts))
CALIBRATION_COLUMNS = "kind,ccd,filter,calibdate"

Facts = TypeVar("Facts", RawFacts, CalibrationFacts)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    return command.run(COMMAND, lambda: _act(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--doraise", action="store_true", help="accepted: any failure ends the program anyway")
    parser.add_argument("--raws", type=Path, help="list of raw images")
    parser.add_argument("--raw-columns", default=RAW_COLUMNS, help="its columns; others than these are passed over")
    parser.add_argument("--calibrations", type=Path, help="list of bias, dark and flat frames")
    parser.add_argument(
        "--calibration-columns",
        default=CALIBRATION_COLUMNS,
        help="its columns; valid_from and valid_to may be there too",
    )
    return parser


def _act(arguments: argparse.Namespace) -> None:
    repository = Repository.open(arguments.repository, arguments.output or arguments.repository)
    if bool(arguments.raws) != bool(arguments.calibrations):
        raise InputError("--raws and --calibrations go together")
    if arguments.raws:
        raws = read_list(arguments.raws, arguments.raw_columns, RawFacts.of)
        calibrations = read_list(arguments.calibrations, arguments.calibration_columns, CalibrationFacts.of)
    else:
        raws = list(_from_headers(repository, ["raw"], raw_facts))
        calibrations = list(_from_headers(repository, ["bias", "dark", "flat"], calibration_facts))
    if not raws:
        raise InputError(f"{arguments.repository} has no raw image")
    write_registry(repository.place("registry"), raws, calibrations)


def read_list(path: Path, columns: str, of: Callable[[Mapping[str, str]], Facts]) -> list[Facts]:
    """The rows of a list; what is wrong is told with its line."""
    names = [name.strip().rpartition(".")[2] for name in columns.split(",")]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[value.strip() for value in row] for row in csv.reader(file) if row]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    return [_facts(f"{path}:{number}", names, row, of) for number, row in enumerate(rows, start=1)]


def _facts(where: str, names: list[str], row: list[str], of: Callable[[Mapping[str, str]], Facts]) -> Facts:
    if len(row) != len(names):
        raise InputError(f"{where}: {len(row)} values for the {len(names)} columns {', '.join(names)}")
    try:
        return of(dict(zip(names, row, strict=True)))
    except KeyError as error:
        raise InputError(f"{where}: no column {error} among {', '.join(names)}") from error
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _from_headers(
    repository: Repository, datasets: Iterable[str], facts_of: Callable[[Mapping[str, Any]], Facts]
) -> Iterable[Facts]:
    from pipelines.hsc.files.fits_file import read_fits

    for dataset in datasets:
        for path in repository.every(dataset):
            try:
                yield facts_of(read_fits(path)[0].header)
            except (KeyError, ValueError) as error:
                raise InputError(f"{path}: its header is not that of a {dataset} frame: {error}") from error


if __name__ == "__main__":
    raise SystemExit(main())
