"""Files elsewhere: read and written by the libraries of their protocols, over one door."""

import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.calcloud.program.errors import InputError

_PROTOCOLS = ("s3", "http", "https", "file", "memory")


def fetch_to(address: str, target: Path) -> Path:
    """Copy a file to a path; InputError with the address when that fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _errors_of(address), open_remote(address, "rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target


def put(path: Path, target: str) -> None:
    """Copy a file to a path or an address."""
    if "://" not in target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return
    with _errors_of(target), path.open("rb") as source, open_remote(target, "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def open_remote(address: str, mode: str) -> Any:
    """An open file of any protocol that fsspec knows and that is meant to be used here."""
    protocol = urllib.parse.urlsplit(address).scheme
    if protocol not in _PROTOCOLS:
        raise InputError(f"{address}: {protocol} is not fetched (known: {', '.join(_PROTOCOLS)})")
    try:
        import fsspec  # only what is elsewhere needs it
    except ImportError as error:
        raise InputError(f"{address}: needs fsspec: pip install 'skyfw[s3]'") from error
    try:
        # A bucket that is not there is a slip, and is not made.
        return fsspec.open(address, mode, auto_mkdir=False)
    except ImportError as error:
        raise InputError(f"{address}: needs a library: pip install 'skyfw[s3]' ({error})") from error


@contextmanager
def _errors_of(address: str) -> Iterator[None]:
    """Whatever a protocol's library raises, as an InputError that names the address."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the libraries of the protocols have no common root
        raise InputError(f"{address}: cannot be reached ({type(error).__name__}: {error})") from error
