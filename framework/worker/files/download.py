"""Downloads: files from web servers, some at a time, tried again and gone on with where they broke off."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time

from framework.worker.files.transfer import CHUNK, Checksum, TransferError, compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds to wait before each new try.
PAUSES = (1.0, 4.0, 15.0)
#: Seconds that a server may be silent.
PATIENCE = 60.0
#: What a server may answer today and not tomorrow, besides its own faults (5xx).
PASSING = frozenset({408, 425, 429})
#: Seconds between two looks for a free place.
LOOK_AGAIN = 0.05


def download(location: str, target: str, expected: Checksum | None, at_a_time: int = 0) -> Checksum:
    """Fetch a URL; ``at_a_time``: how many files this user's jobs on this machine may get from a server at once."""
    if not location.startswith(("http://", "https://")):
        raise TransferError(f"{location}: only http and https can be fetched in the job")
    place = _place_at(location, at_a_time) if at_a_time else None
    try:
        found = _Download(location, target, expected).run()
    finally:
        if place is not None:
            os.close(place)
    compare(location, found, expected)
    return found


class _Download:
    """One file that is being fetched, by as many requests as it takes."""

    def __init__(self, location: str, target: str, expected: Checksum | None) -> None:
        self._location = location
        self._target = target
        self._expected = expected
        self._anew()

    def _anew(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0
        #: What the server calls this state of the file: only of the same one the rest can be asked for.
        self._mark = ""

    def run(self) -> Checksum:
        import http.client
        import urllib.error

        with open(self._target, "wb", buffering=0) as file:
            for pause in (*PAUSES, None):
                try:
                    self._ask(file)
                    return Checksum(self._size, self._digest.hexdigest())
                except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError, TransferError) as error:
                    if pause is None or _is_lasting(error):
                        raise TransferError(f"{self._location}: {error}") from error
                    time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _ask(self, file: Any) -> None:
        """Get the file, or the rest of it."""
        import urllib.request

        headers = {"Accept-Encoding": "identity"}
        if self._size and self._mark:
            headers |= {"Range": f"bytes={self._size}-", "If-Range": self._mark}
        asked = urllib.request.Request(self._location, headers=headers)  # noqa: S310 (its protocol was checked)
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310
            if answer.status != 206 or not _begins_at(answer.headers.get("Content-Range"), self._size):
                self._anew()
                file.seek(0)
                file.truncate()
                self._mark = _mark_of(answer.headers)
            promised = answer.headers.get("Content-Length")
            whole = None if promised is None else self._size + int(promised)
            if whole is not None and self._expected is not None and whole != self._expected.size:
                raise WrongSizeError(f"it has {whole} bytes where {self._expected.size} are recorded")
            while chunk := answer.read1(CHUNK):
                self._digest.update(chunk)
                self._size += file.write(chunk)
        if whole is not None and self._size != whole:
            raise TransferError(f"{self._size} of {whole} bytes came")


class WrongSizeError(TransferError):
    """The server has another file than the one that is meant."""


def _is_lasting(error: Exception) -> bool:
    """Whether another try would come to the same."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return code < 500 and code not in PASSING
    return isinstance(error, (ValueError, WrongSizeError))


def _mark_of(headers: Any) -> str:
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "") if not tag else ""


def _begins_at(content_range: str | None, size: int) -> bool:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return found is not None and int(found[1]) == size


def _place_at(location: str, at_a_time: int) -> int:
    """Wait for one of the places at a server; it is free again when what is returned is closed, or its process dies."""
    import urllib.parse

    server = re.sub(r"[^\w.-]", "_", urllib.parse.urlsplit(location).netloc.rpartition("@")[2])
    folder = os.path.join(tempfile.gettempdir(), f"skyfw-transfers-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise TransferError(f"{folder} belongs to somebody else: transfers cannot be counted")
    while True:
        for number in range(at_a_time):
            place = os.open(os.path.join(folder, f"{server}.{number}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(place)
            else:
                return place
        time.sleep(LOOK_AGAIN)
