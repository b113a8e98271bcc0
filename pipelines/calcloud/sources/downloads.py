"""Tables from elsewhere: fetched once, checked against the checksum that was given, and kept.

`https://host/jobs.csv#sha256=...`, `s3://bucket/jobs.csv`, `zenodo:2021-11-04`. What has a checksum is taken from the
cache the next time; what has none may change, and is fetched again.
"""

import hashlib
import os
import re
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pipelines.calcloud.program.errors import InputError

TIMEOUT_S = 60
ZENODO = "zenodo:"
#: Another address of the archive, such as a mirror's.
ZENODO_ADDRESS = "CALCLOUD_ZENODO"
_RECORD = "https://zenodo.org/records/18271832/files"

#: Of the published archives, those whose checksum is known here; others are fetched where it is given.
PUBLISHED = {"2021-11-04": "md5=029fcba4e4f576faf259035b2c20d13c"}

_CHECKSUM = re.compile(r"(sha256=[0-9a-f]{64}|md5=[0-9a-f]{32})")


@dataclass(frozen=True)
class Address:
    """Where a file lies, and what it has to be (empty where nobody says)."""

    place: str
    checksum: str


def is_elsewhere(name: str) -> bool:
    """Whether a source has to be fetched."""
    return name.startswith(("http://", "https://", "s3://", ZENODO))


def fetch(name: str) -> bytes:
    """The bytes of a source; of a zip, those of the table in it."""
    address = _address(name)
    kept = _cache() / re.sub(r"\W", "_", address.checksum) if address.checksum else None
    if kept is not None and kept.is_file() and _checksum(kept.read_bytes(), address.checksum) == address.checksum:
        stored = kept.read_bytes()
    else:
        stored = _fetch_s3(address.place) if address.place.startswith("s3://") else _fetch_http(address.place)
        if address.checksum and (found := _checksum(stored, address.checksum)) != address.checksum:
            raise InputError(f"{address.place}: has the checksum {found}, not {address.checksum}: it is not that file")
        if kept is not None:
            _keep(stored, kept)
    return _unzipped(name, stored) if stored[:4] == b"PK\x03\x04" else stored


def _address(name: str) -> Address:
    place, _, checksum = name.partition("#")
    if checksum and not _CHECKSUM.fullmatch(checksum):
        raise InputError(f"{name}: '{checksum}' is no checksum: sha256= and 64, or md5= and 32 hexadecimal digits")
    if not place.startswith(ZENODO):
        return Address(place, checksum)
    date = place.removeprefix(ZENODO)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise InputError(f"{name}: an archive is named by its date, as in {ZENODO}2021-11-04")
    if not checksum and date not in PUBLISHED:
        raise InputError(f"{name}: the checksum of this archive is not known here: give it, as in {place}#md5=...")
    base = os.environ.get(ZENODO_ADDRESS, _RECORD).rstrip("/")
    return Address(f"{base}/hst_cal_std_{date}.zip", checksum or PUBLISHED[date])


def _fetch_http(place: str) -> bytes:
    try:
        with urllib.request.urlopen(place, timeout=TIMEOUT_S) as answer:  # noqa: S310  # http(s) only, see is_elsewhere
            return bytes(answer.read())
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise InputError(f"{place}: cannot be fetched ({error})") from error


def _fetch_s3(place: str) -> bytes:
    import tempfile

    from pipelines.calcloud.program.remote import download

    with tempfile.TemporaryDirectory() as scratch:
        return download(place, Path(scratch) / "table").read_bytes()


def _checksum(stored: bytes, like: str) -> str:
    kind = like.partition("=")[0]
    # md5 tells a damaged archive from a whole one here, and nothing depends on it against forgers.
    return f"{kind}={hashlib.new(kind, stored, usedforsecurity=False).hexdigest()}"


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "skyfw" / "tables"


def _keep(stored: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part-{os.getpid()}")
    part.write_bytes(stored)
    part.replace(place)


def _unzipped(name: str, stored: bytes) -> bytes:
    """The table of an archive: `latest.csv`, or the only CSV."""
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
