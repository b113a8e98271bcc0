"""Sources of finished jobs: local and remote tables, FITS headers, the registry and a simulation, as text fields."""

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.downloads import fetch, is_remote
from pipelines.calcloud.sources.dynamodb import DDB, read_table
from pipelines.calcloud.sources.fits_headers import FITS, read_folder
from pipelines.calcloud.sources.registry_jobs import REGISTRY, read_registry
from pipelines.calcloud.sources.sample import simulated_jobs_csv
from pipelines.calcloud.sources.schema import NAMES

SAMPLE = "sample"
#: First bytes of a parquet file.
PARQUET = b"PAR1"


@dataclass(frozen=True)
class SourceLine:
    """Row of a source, as text."""

    #: Line number from 1, with the header counted.
    number: int
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Table of jobs as it was read."""

    name: str
    #: Checksum of the stored bytes, which may be compressed.
    sha256: str
    header: tuple[str, ...]
    lines: tuple[SourceLine, ...]


def read_source(name: str, *, sample_rows: int, sample_seed: int) -> Source:
    """Read a source, or several one after another; headers are checked, rows are not.

    Parameters
    ----------
    name : str
        `sample`, a path or URL of a CSV or parquet file, `s3://...`, `zenodo:<date>`, `ddb:<table>`, `fits:<folder>` or
        `registry:`; or several of them, separated by commas.
    sample_rows, sample_seed : int
        Number and seed of simulated jobs.

    Returns
    -------
    Source
        All lines; of a dataset that is in several tables, the first counts.

    Raises
    ------
    InputError
        If a source cannot be read, or a column is missing or repeated.
    """
    found = [_read_one(part, sample_rows, sample_seed) for part in _parts(name)]
    if len(found) == 1:
        return found[0]
    header = tuple(dict.fromkeys(column for source in found for column in source.header))
    lines = [_with_columns(line, source.header, header) for source in found for line in source.lines]
    checksum = hashlib.sha256("".join(source.sha256 for source in found).encode()).hexdigest()
    return Source(name=name, sha256=checksum, header=header, lines=tuple(lines))


def _parts(name: str) -> list[str]:
    """Split the name at commas, except those in conditions of the registry or in the filter of a table."""
    parts: list[str] = []
    for part in name.split(","):
        if parts and "=" in part and parts[-1].startswith((REGISTRY, DDB)):
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    return parts


def _with_columns(line: SourceLine, header: tuple[str, ...], wide: tuple[str, ...]) -> SourceLine:
    """Return a row with a field for every column; a row of the wrong length is unchanged, and quarantined later."""
    if len(line.fields) != len(header):
        return line
    fields = dict(zip(header, line.fields, strict=True))
    return SourceLine(line.number, tuple(fields.get(column, "") for column in wide))


def _read_one(name: str, sample_rows: int, sample_seed: int) -> Source:
    stored = simulated_jobs_csv(sample_rows, sample_seed).encode() if name == SAMPLE else _stored_bytes(name)
    header, lines = _split(name, _text(name, stored))
    missing = [column for column in NAMES if column not in header]
    if missing:
        raise InputError(f"{name}:1: missing column {', '.join(missing)} (the header has: {', '.join(header)[:200]})")
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise InputError(f"{name}:1: column {', '.join(repeated)} is given more than once")
    if not lines:
        raise InputError(f"{name}:2: no row follows the header")
    return Source(name=name, sha256=hashlib.sha256(stored).hexdigest(), header=header, lines=lines)


def _stored_bytes(name: str) -> bytes:
    if is_remote(name):
        return fetch(name)
    for prefix, read in ((DDB, read_table), (FITS, read_folder), (REGISTRY, read_registry)):
        if name.startswith(prefix):
            return read(name)
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{name}: no such file (give a path, an http address, or '{SAMPLE}')") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error


def _parquet_as_csv(name: str, stored: bytes) -> bytes:
    """Return a parquet file as CSV."""
    import pandas as pd  # start-up: a second to import

    try:
        return pd.read_parquet(io.BytesIO(stored)).to_csv(index=False).encode()
    except ImportError as error:
        raise InputError(f"{name}: a parquet file needs pyarrow: pip install 'skyfw[ml]'") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: is not a readable parquet file ({error})") from error


def _text(name: str, stored: bytes) -> str:
    if stored[:4] == PARQUET:
        stored = _parquet_as_csv(name, stored)
    try:
        unpacked = gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: the compressed file is damaged ({error})") from error
    if not unpacked.strip():
        raise InputError(f"{name}:1: the file is empty")
    try:
        text = unpacked.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = unpacked.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: is not CSV text (byte {error.object[error.start]:#04x})") from error
    if "\0" in text:
        raise InputError(f"{name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: is not CSV text (a zero byte)")
    return text


def _delimiter(text: str) -> str:
    """Return the separator of the columns, by the first line: a comma, a semicolon or a tab."""
    first = text.lstrip().partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _spelt(name: str) -> str:
    """Return the name of a column as the schema has it; a name in capitals is the same column."""
    return name.lower() if name.lower() in NAMES else name


def _split(name: str, text: str) -> tuple[tuple[str, ...], tuple[SourceLine, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows = []
    first = 1
    try:
        for fields in reader:
            if fields:
                rows.append(SourceLine(first, tuple(fields)))
            first = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name}:{first}: is not CSV ({error})") from error
    header = tuple(_spelt(field.strip()) for field in rows[0].fields)
    if not set(header) & set(NAMES):
        raise InputError(
            f"{name}:1: is not a CSV table of jobs: its first line names none of the columns {', '.join(NAMES)}"
        )
    return header, tuple(rows[1:])
