"""Downloads of remote tables, checked against a checksum and cached.

`https://host/jobs.csv#sha256=...`, `s3://bucket/jobs.csv`, `zenodo:2021-11-04`. A table with a checksum is read from
the cache the next time; one without may change, and is downloaded again.
"""

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.program.remote import download

TIMEOUT_S = 60
ZENODO = "zenodo:"
#: Environment variable with another address of the archive, such as a mirror's.
ZENODO_ADDRESS = "CALCLOUD_ZENODO"
_RECORD = "https://zenodo.org/records/18271832/files"

#: Checksums of published archives; any other archive needs its checksum in the source's name.
PUBLISHED = {"2021-11-04": "md5=029fcba4e4f576faf259035b2c20d13c"}

_CHECKSUM = re.compile(r"(sha256=[0-9a-f]{64}|md5=[0-9a-f]{32})")


@dataclass(frozen=True)
class Address:
    """URL of a file and its expected checksum, which may be empty."""

    url: str
    checksum: str


def is_remote(name: str) -> bool:
    """Return whether a source has to be downloaded."""
    return name.startswith(("http://", "https://", "s3://", ZENODO))


def fetch(name: str) -> bytes:
    """Download a source, or read it from the cache.

    Parameters
    ----------
    name : str
        URL, or `zenodo:<date>`; a checksum may follow a `#`.

    Returns
    -------
    bytes
        The file; of a zip, the table in it.

    Raises
    ------
    InputError
        If it cannot be downloaded or has another checksum.
    """
    address = _address(name)
    cached = _cache() / re.sub(r"\W", "_", address.checksum) if address.checksum else None
    if cached is not None and cached.is_file() and _checksum(cached.read_bytes(), address.checksum) == address.checksum:
        stored = cached.read_bytes()
    else:
        stored = _fetch_s3(address.url) if address.url.startswith("s3://") else _fetch_http(address.url)
        if address.checksum and (found := _checksum(stored, address.checksum)) != address.checksum:
            raise InputError(f"{address.url}: has the checksum {found}, not {address.checksum}: it is not that file")
        if cached is not None:
            _write_cache(stored, cached)
    return _unzipped(name, stored) if stored[:4] == b"PK\x03\x04" else stored


def _address(name: str) -> Address:
    url, _, checksum = name.partition("#")
    if checksum and not _CHECKSUM.fullmatch(checksum):
        raise InputError(f"{name}: '{checksum}' is not a checksum: sha256= and 64, or md5= and 32 hexadecimal digits")
    if not url.startswith(ZENODO):
        return Address(url, checksum)
    date = url.removeprefix(ZENODO)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise InputError(f"{name}: an archive is named by its date, as in {ZENODO}2021-11-04")
    if not checksum and date not in PUBLISHED:
        raise InputError(f"{name}: the checksum of this archive is not known here: give it, as in {url}#md5=...")
    base = os.environ.get(ZENODO_ADDRESS, _RECORD).rstrip("/")
    return Address(f"{base}/hst_cal_std_{date}.zip", checksum or PUBLISHED[date])


def _fetch_http(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  # http(s) only, see is_remote
            return bytes(answer.read())
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise InputError(f"{url}: cannot be fetched ({error})") from error


def _fetch_s3(url: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        return download(url, Path(scratch) / "table").read_bytes()


def _checksum(stored: bytes, like: str) -> str:
    kind = like.partition("=")[0]
    # md5 detects damaged archives here; security does not depend on it.
    return f"{kind}={hashlib.new(kind, stored, usedforsecurity=False).hexdigest()}"


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "skyfw" / "tables"


def _write_cache(stored: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.write_bytes(stored)
    part.replace(path)


def _unzipped(name: str, stored: bytes) -> bytes:
    """Return the table in an archive: `latest.csv`, or the only CSV file."""
    try:
        with zipfile.ZipFile(BytesIO(stored)) as archive:
            tables = [member for member in archive.namelist() if member.endswith((".csv", ".csv.gz"))]
            chosen = [table for table in tables if table.rpartition("/")[2] == "latest.csv"] or tables
            if len(chosen) != 1:
                raise InputError(
                    f"{name}: the archive should hold one latest.csv; it holds {', '.join(tables) or 'none'}"
                )
            return archive.read(chosen[0])
    except zipfile.BadZipFile as error:
        raise InputError(f"{name}: the archive is damaged ({error})") from error
