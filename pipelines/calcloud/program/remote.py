"""Remote files, read and written by the libraries of their protocols through fsspec."""

import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.calcloud.program.errors import InputError

_PROTOCOLS = ("s3", "http", "https", "file", "memory")


def download(address: str, target: Path) -> Path:
    """Copy a remote file to a path.

    Parameters
    ----------
    address : str
        URL of the file.
    target : Path
        File to write; its directory is made.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    InputError
        If the file cannot be read; the message names the address.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _translate_errors(address), open_remote(address, "rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target


def upload(path: Path, target: str) -> None:
    """Copy a file to a path or a URL; InputError if the URL cannot be written.

    Parameters
    ----------
    path : Path
        File to copy.
    target : str
        Path or URL.

    Raises
    ------
    InputError
        If the URL cannot be written.
    """
    if "://" not in target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return
    with _translate_errors(target), path.open("rb") as source, open_remote(target, "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def open_remote(address: str, mode: str) -> Any:
    """Open a remote file of one of the protocols that are supported; InputError for any other.

    Parameters
    ----------
    address : str
        URL of one of the protocols s3, http, https, file and memory.
    mode : str
        `rb` or `wb`.

    Returns
    -------
    Any
        A context manager that opens the file.

    Raises
    ------
    InputError
        If the protocol is another, or its library is not installed.
    """
    protocol = urllib.parse.urlsplit(address).scheme
    if protocol not in _PROTOCOLS:
        raise InputError(f"{address}: {protocol} is not fetched (known: {', '.join(_PROTOCOLS)})")
    try:
        import fsspec  # optional library: only remote files need it
    except ImportError as error:
        raise InputError(f"{address}: needs fsspec: pip install 'skyfw[s3]'") from error
    try:
        # A bucket that does not exist is a mistake, and is not made.
        return fsspec.open(address, mode, auto_mkdir=False)
    except ImportError as error:
        raise InputError(f"{address}: needs a library: pip install 'skyfw[s3]' ({error})") from error


@contextmanager
def _translate_errors(address: str) -> Iterator[None]:
    """Turn every error of a protocol's library into an InputError that names the address."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the libraries of the protocols have no common root
        raise InputError(f"{address}: cannot be reached ({type(error).__name__}: {error})") from error
