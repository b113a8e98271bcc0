"""Where jobs come from: tables here and elsewhere, headers, a registry, a sample; all become text fields."""

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.downloads import fetch, is_elsewhere
from pipelines.calcloud.sources.dynamodb import DDB, read_table
from pipelines.calcloud.sources.fits_headers import FITS, read_folder
from pipelines.calcloud.sources.registry_jobs import REGISTRY, read_registry
from pipelines.calcloud.sources.sample import simulated_jobs_csv
from pipelines.calcloud.sources.schema import NAMES

SAMPLE = "sample"
#: How a parquet file begins.
PARQUET = b"PAR1"


@dataclass(frozen=True)
class Line:
    """One row of the source, not yet understood."""

    #: Counted from 1, the header included, so that an editor finds it.
    number: int
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table as it was read."""

    name: str
    #: Of the bytes as stored, so compressed where the source is.
    sha256: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read_source(name: str, *, sample_rows: int, sample_seed: int) -> Source:
    """The table called `name`, or several one after another, separated by commas; headers are checked, rows are not.

    A table is `sample`, a path or http address of a CSV or parquet file, `s3://...`, `zenodo:<date>`, `ddb:<table>`,
    `fits:<folder>` or `registry:`. Of several, the first that has a dataset counts.
    """
    found = [_read_one(part, sample_rows, sample_seed) for part in _parts(name)]
    if len(found) == 1:
        return found[0]
    header = tuple(dict.fromkeys(column for source in found for column in source.header))
    lines = [_widened(line, source.header, header) for source in found for line in source.lines]
    checksum = hashlib.sha256("".join(source.sha256 for source in found).encode()).hexdigest()
    return Source(name=name, sha256=checksum, header=header, lines=tuple(lines))


def _parts(name: str) -> list[str]:
    """A comma in a registry's conditions or a table's filter belongs to those."""
    parts: list[str] = []
    for part in name.split(","):
        if parts and "=" in part and parts[-1].startswith((REGISTRY, DDB)):
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    return parts


def _widened(line: Line, header: tuple[str, ...], wide: tuple[str, ...]) -> Line:
    """A row with a field for every column; one of the wrong length stays so, and is set aside with that reason."""
    if len(line.fields) != len(header):
        return line
    fields = dict(zip(header, line.fields, strict=True))
    return Line(line.number, tuple(fields.get(column, "") for column in wide))


def _read_one(name: str, sample_rows: int, sample_seed: int) -> Source:
    stored = simulated_jobs_csv(sample_rows, sample_seed).encode() if name == SAMPLE else _stored_bytes(name)
    header, lines = _split(name, _text(name, stored))
    missing = [column for column in NAMES if column not in header]
    if missing:
        raise InputError(f"{name}:1: missing column {', '.join(missing)} (the header has: {', '.join(header)[:200]})")
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise InputError(f"{name}:1: column {', '.join(repeated)} stands there more than once")
    if not lines:
        raise InputError(f"{name}:2: no row follows the header")
    return Source(name=name, sha256=hashlib.sha256(stored).hexdigest(), header=header, lines=lines)


def _stored_bytes(name: str) -> bytes:
    if is_elsewhere(name):
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


def _of_parquet(name: str, stored: bytes) -> bytes:
    """The same table as CSV."""
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(stored)).to_csv(index=False).encode()
    except ImportError as error:
        raise InputError(f"{name}: a parquet file needs pyarrow: pip install 'skyfw[ml]'") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: is no parquet file that can be read ({error})") from error


def _text(name: str, stored: bytes) -> str:
    if stored[:4] == PARQUET:
        stored = _of_parquet(name, stored)
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
        raise InputError(f"{name}:{line}: is no CSV text (byte {error.object[error.start]:#04x})") from error
    if "\0" in text:
        raise InputError(f"{name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: is no CSV text (a zero byte)")
    return text


def _split(name: str, text: str) -> tuple[tuple[str, ...], tuple[Line, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    first = 1
    try:
        for fields in reader:
            if fields:
                rows.append(Line(first, tuple(fields)))
            first = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name}:{first}: is no CSV ({error})") from error
    header = tuple(field.strip() for field in rows[0].fields)
    if not set(header) & set(NAMES):
        raise InputError(f"{name}:1: is no CSV of jobs: its first line names none of the columns {', '.join(NAMES)}")
    return header, tuple(rows[1:])
