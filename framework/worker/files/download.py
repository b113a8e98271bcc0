"""Downloads from web servers: limited in number, retried, and resumed where they broke off."""

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

#: Seconds to wait before each retry.
RETRY_PAUSES = (1.0, 4.0, 15.0)
#: Seconds that a server may be silent.
TIMEOUT = 60.0
#: Status codes that are worth a retry, besides 5xx.
TRANSIENT = frozenset({408, 425, 429})
#: Seconds between two attempts to get a slot of a server.
POLL_INTERVAL = 0.05


def download(location: str, target: str, expected: Checksum | None, max_transfers: int = 0) -> Checksum:
    """Download a URL.

    ``max_transfers`` is how many files this user's jobs on this machine may download from one server at a time; 0 for
    no limit.
    """
    if not location.startswith(("http://", "https://")):
        raise TransferError(f"{location}: only http and https can be fetched in the job")
    slot = _acquire_slot(location, max_transfers) if max_transfers else None
    try:
        found = _Download(location, target, expected).run()
    finally:
        if slot is not None:
            os.close(slot)
    compare(location, found, expected)
    return found


class _Download:
    """Download of one file, by as many requests as it takes."""

    def __init__(self, location: str, target: str, expected: Checksum | None) -> None:
        self._location = location
        self._target = target
        self._expected = expected
        self._reset()

    def _reset(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0
        #: ETag or modification time: the rest of a file is requested only if these are unchanged.
        self._validator = ""

    def run(self) -> Checksum:
        import http.client  # few jobs download anything
        import urllib.error  # as above

        with open(self._target, "wb", buffering=0) as file:
            for pause in (*RETRY_PAUSES, None):
                try:
                    self._request(file)
                    return Checksum(self._size, self._digest.hexdigest())
                except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError, TransferError) as error:
                    if pause is None or _is_lasting(error):
                        raise TransferError(f"{self._location}: {error}") from error
                    time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _request(self, file: Any) -> None:
        """Request the file, or the rest of it."""
        import urllib.request  # few jobs download anything

        headers = {"Accept-Encoding": "identity"}
        if self._size and self._validator:
            headers |= {"Range": f"bytes={self._size}-", "If-Range": self._validator}
        request = urllib.request.Request(self._location, headers=headers)  # noqa: S310 (its protocol was checked)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            if answer.status != 206 or not _begins_at(answer.headers.get("Content-Range"), self._size):
                self._reset()
                file.seek(0)
                file.truncate()
                self._validator = _validator_of(answer.headers)
            length = answer.headers.get("Content-Length")
            if length is None:
                self._receive(answer, file)
            else:
                self._receive_whole(answer, file, self._size + int(length))

    def _receive_whole(self, answer: Any, file: Any, total: int) -> None:
        """Receive an answer that says how many bytes the whole file has."""
        if self._expected is not None and total != self._expected.size:
            raise WrongSizeError(f"it has {total} bytes where {self._expected.size} are recorded")
        self._receive(answer, file)
        if self._size != total:
            raise TransferError(f"{self._size} of {total} bytes came")

    def _receive(self, answer: Any, file: Any) -> None:
        while chunk := answer.read1(CHUNK):
            self._digest.update(chunk)
            self._size += file.write(chunk)


class WrongSizeError(TransferError):
    """The server has a file of another size than the recorded one."""


def _is_lasting(error: Exception) -> bool:
    """Return whether a retry would fail as well."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return code < 500 and code not in TRANSIENT
    return isinstance(error, (ValueError, WrongSizeError))


def _validator_of(headers: Any) -> str:
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "") if not tag else ""


def _begins_at(content_range: str | None, size: int) -> bool:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return found is not None and int(found[1]) == size


def _acquire_slot(location: str, max_transfers: int) -> int:
    """Wait for one of a server's slots; return the descriptor that holds it until it is closed."""
    import urllib.parse  # few jobs download anything

    server = re.sub(r"[^\w.-]", "_", urllib.parse.urlsplit(location).netloc.rpartition("@")[2])
    folder = os.path.join(tempfile.gettempdir(), f"skyfw-transfers-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise TransferError(f"{folder} belongs to another user: transfers cannot be counted")
    while True:
        for number in range(max_transfers):
            slot = os.open(os.path.join(folder, f"{server}.{number}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        time.sleep(POLL_INTERVAL)
