"""Where jobs come from: a CSV file, a URL of one, or the simulated sample; all become lines of text fields."""

import csv
import gzip
import hashlib
import io
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from pipelines.calcloud.errors import InputError
from pipelines.calcloud.sample import simulated_jobs_csv
from pipelines.calcloud.schema import NAMES

SAMPLE = "sample"
URL_TIMEOUT_S = 60


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
    """The table called `name`: `sample`, a path or an http address; its header is checked, its rows are not."""
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
    if name.startswith(("http://", "https://")):
        try:
            with urllib.request.urlopen(name, timeout=URL_TIMEOUT_S) as answer:  # noqa: S310  # http(s) only, see above
                return bytes(answer.read())
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise InputError(f"{name}: cannot be fetched ({error})") from error
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{name}: no such file (give a path, an http address, or '{SAMPLE}')") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error


def _text(name: str, stored: bytes) -> str:
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
