"""Datasets of a folder, from the headers of FITS files and from reports of their memory and time.

`fits:DIR`: files whose names begin with a dataset's, in DIR or anywhere below it. Memory and time come from GNU time's
reports `*process_metrics.txt` and `*preview_metrics.txt`; a dataset without a report has no memory and time.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import encode_header
from pipelines.calcloud.sources.rows import csv_from_rows
from pipelines.calcloud.sources.schema import IPST, bin_of

FITS = "fits:"
#: Keywords that are read from the first header that has them.
KEYWORDS = ("DETECTOR", "SUBARRAY", "DRIZCORR", "PCTECORR", "CRSPLIT", "NAXIS1", "NAXIS2")
_REPORTS = ("process_metrics.txt", "preview_metrics.txt")
_ELAPSED = re.compile(r"Elapsed \(wall clock\) time .*?: ((?:\d+:)?\d+:[\d.]+)")
_RESIDENT = re.compile(r"Maximum resident set size \(kbytes\): (\d+)")
_STATUS = re.compile(r"Exit status: (\d+)")


def read_folder(name: str) -> bytes:
    """Read the datasets of a folder.

    Parameters
    ----------
    name : str
        `fits:DIR`.

    Returns
    -------
    bytes
        CSV with a row for each dataset: features, and memory (GB) and wallclock (s) where reports exist.

    Raises
    ------
    InputError
        If there is no such folder, or no FITS file of a dataset in it.
    """
    folder = Path(name.removeprefix(FITS))
    if not folder.is_dir():
        raise InputError(f"{name}: no such folder")
    rows = list(_rows(folder))
    if not rows:
        raise InputError(f"{name}: no FITS file there has the name of a dataset")
    return csv_from_rows(rows)


def _rows(folder: Path) -> Iterator[Mapping[str, object]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (match := IPST.match(path.name) or IPST.fullmatch(path.parent.name)):
            found.setdefault(match[0].lower(), []).append(path)
    for ipst, paths in found.items():
        images = [path for path in paths if path.suffix == ".fits"]
        if images:
            yield {"ipst": ipst, **features_of(ipst, images), **_memory_and_time(paths)}


def features_of(ipst: str, images: list[Path]) -> dict[str, float]:
    """Return the features of a dataset from its raw files.

    Parameters
    ----------
    ipst : str
        The dataset.
    images : list[Path]
        Its FITS files; the keywords are those of the first.

    Returns
    -------
    dict[str, float]
        The nine features; `total_mb` is in MB (10⁶ bytes).
    """
    keywords = header_of(images[0])
    sizes = {"n_files": str(len(images)), "total_mb": str(sum(path.stat().st_size for path in images) / 1e6)}
    return encode_header(ipst, keywords | sizes)


def header_of(path: Path) -> dict[str, str]:
    """Return the keywords of `KEYWORDS` that a FITS file has; InputError if it is not a FITS file.

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
        If it is not a FITS file.
    """
    from astropy.io import fits  # start-up: a second to import

    try:
        with fits.open(path) as file:
            headers = [unit.header for unit in file]
    except OSError as error:
        raise InputError(f"{path}: is not a FITS file ({error})") from error
    found = {}
    for keyword in KEYWORDS:
        values = [header[keyword] for header in headers if keyword in header]
        if values:
            found[keyword] = str(values[0])
    return found


def _memory_and_time(paths: list[Path]) -> dict[str, object]:
    """Return memory (GB) and time (s) of both steps together, as CALCLOUD adds them; nothing if a step failed."""
    memory_kb, seconds, reports = 0, 0.0, 0
    for path in paths:
        if not path.name.endswith(_REPORTS):
            continue
        text = path.read_text(errors="replace")
        elapsed, resident, status = _ELAPSED.search(text), _RESIDENT.search(text), _STATUS.search(text)
        if not elapsed or not resident or not status or int(status[1]):
            return {}
        memory_kb, seconds, reports = memory_kb + int(resident[1]), seconds + _seconds(elapsed[1]), reports + 1
    if not reports:
        return {}
    memory = memory_kb / 1e6
    return {"memory": memory, "wallclock": max(seconds, 0.01), "mem_bin": bin_of(memory)}


def _seconds(shown: str) -> float:
    total = 0.0
    for part in shown.split(":"):
        total = total * 60 + float(part)
    return total
