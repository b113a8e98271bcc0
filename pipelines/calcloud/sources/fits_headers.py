"""Datasets of a folder, from the headers of raw FITS files and from reports of their memory and time.

`fits:DIR`: files whose names begin with a dataset's, in DIR or anywhere below it. Only inputs of the calibration count
as files of a dataset, not its products; the members of an association count as files of the association. Memory and
time come from GNU time's reports `*process_metrics.txt` and `*preview_metrics.txt`; a dataset without a report has no
memory and time. What cannot be used has a row that says why.
"""

import gzip
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import encode_header
from pipelines.calcloud.sources.dataset_files import DatasetFiles, group, read_members, walk
from pipelines.calcloud.sources.rows import csv_from_rows
from pipelines.calcloud.sources.schema import FAULT
from pipelines.calcloud.sources.time_reports import memory_and_time

FITS = "fits:"
#: Keywords that are read from the first header that has a value for them.
KEYWORDS = ("DETECTOR", "SUBARRAY", "DRIZCORR", "PCTECORR", "CRSPLIT", "NAXIS1", "NAXIS2")


def read_folder(name: str) -> bytes:
    """Read the datasets of a folder.

    Parameters
    ----------
    name : str
        `fits:DIR`.

    Returns
    -------
    bytes
        CSV with a row for each dataset: features, and memory (GB) and wallclock (s) where reports exist. The column
        `fault` says why a dataset, a directory or a link cannot be used.

    Raises
    ------
    InputError
        If there is no such folder, or no FITS file of a dataset in it.
    """
    folder = Path(name.removeprefix(FITS))
    if not folder.is_dir():
        raise InputError(f"{name}: no such folder")
    unreadable: list[str] = []
    rows = list(_rows(group(walk(folder, unreadable))))
    if not rows:
        reasons = "".join(f"; {reason}" for reason in unreadable)
        raise InputError(f"{name}: no FITS file there has the name of a dataset{reasons}")
    return csv_from_rows([*rows, *({FAULT: reason} for reason in unreadable)])


def _rows(found: Mapping[str, DatasetFiles]) -> Iterator[Mapping[str, object]]:
    faults = {ipst: fault for ipst, files in found.items() if (fault := _find_members(files))}
    members = {member for files in found.values() for member in files.members}
    for ipst, files in found.items():
        if ipst in members or not any(path.name.endswith((".fits", ".fits.gz")) for path in _all(files)):
            continue
        try:
            if ipst in faults:
                raise InputError(faults[ipst])
            inputs = [*files.inputs, *_inputs_of_members(ipst, files, found)]
            yield {"ipst": ipst, **features_of(ipst, inputs), **memory_and_time(files.others)}
        except (InputError, OSError) as error:
            yield {"ipst": ipst, FAULT: " ".join(str(error).split())}


def _all(files: DatasetFiles) -> list[Path]:
    return [*files.inputs, *files.others]


def _find_members(files: DatasetFiles) -> str:
    """Read the members of an association; return the fault of its table, or an empty text."""
    try:
        for path in files.associations:
            files.members += read_members(path)
    except InputError as error:
        return str(error)
    return ""


def _inputs_of_members(ipst: str, files: DatasetFiles, found: Mapping[str, DatasetFiles]) -> list[Path]:
    missing = [member for member in files.members if member not in found or not found[member].inputs]
    if missing:
        raise InputError(f"raw files of {', '.join(missing)}, of the association {ipst}, are not there")
    return [path for member in files.members for path in found[member].inputs]


def features_of(ipst: str, inputs: Sequence[Path]) -> dict[str, float]:
    """Return the features of a dataset from the inputs of its calibration.

    Parameters
    ----------
    ipst : str
        The dataset.
    inputs : Sequence[Path]
        Its raw files, and the table of its association; the keywords are those of the first raw file.

    Returns
    -------
    dict[str, float]
        The nine features; `total_mb` is in MB (10⁶ bytes), of files as they are when unpacked.

    Raises
    ------
    InputError
        If there is no raw file, or one is not a FITS file.
    """
    raws = DatasetFiles(inputs=list(inputs)).raws
    if not raws:
        raise InputError("no raw file is there, only products")
    sizes = {"n_files": str(len(inputs)), "total_mb": str(sum(map(_unpacked_bytes, inputs)) / 1e6)}
    headers = [header_of(path) for path in raws]
    return encode_header(ipst, headers[0] | sizes)


def _unpacked_bytes(path: Path) -> int:
    if path.suffix != ".gz":
        return path.stat().st_size
    try:
        with gzip.open(path) as file:
            return sum(len(block) for block in iter(lambda: file.read(1 << 20), b""))
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: the compressed file is damaged ({error})") from error


def header_of(path: Path) -> dict[str, str]:
    """Return the values of `KEYWORDS` in a FITS file; a keyword without a value is left out.

    Parameters
    ----------
    path : Path
        FITS file.

    Returns
    -------
    dict[str, str]
        Values by keyword, as text.

    Raises
    ------
    InputError
        If it is not a FITS file, or a card cannot be read.
    """
    from astropy.io import fits  # start-up: a second to import

    found: dict[str, str] = {}
    try:
        with warnings.catch_warnings(), path.open("rb") as stored:
            warnings.simplefilter("ignore", fits.verify.VerifyWarning)  # what matters is raised as well
            file = fits.open(stored)
            for unit in file:
                for keyword in KEYWORDS:
                    value = unit.header.get(keyword)
                    if keyword not in found and value is not None and not isinstance(value, fits.card.Undefined):
                        found[keyword] = str(value)
    except fits.VerifyError as error:
        raise InputError(f"{path}: a card of its header cannot be read ({error})") from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: is not a FITS file ({error})") from error
    return found
