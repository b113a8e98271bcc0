"""Client of HTCondor's chirp protocol: a job reads files of the submitting machine and writes into its event log."""

from __future__ import annotations

import os
import re
import sys

from framework.worker.files.checksum import sha256

#: Prefixes of lines of the event log: of a fact, and of the reason why a worker cannot work.
FACT_MARK, ERROR_MARK = "fw ", "fw! "

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Self

#: Characters of a line of the event log; longer facts are in the journal only.
LONGEST_EVENT = 4000
#: Seconds.
TIMEOUT = 20.0
#: Directory of the run's directory with links to files whose names the protocol cannot hold.
LINKS = "links"
_LINE_BREAK = re.compile("[\\r\\n]")
CHUNK = 1 << 20


class Chirp:
    """Connection to the starter of the job, which passes requests on to the submitting machine."""

    def __init__(self, host: str, port: int, cookie: str) -> None:
        import socket  # takes two milliseconds, and many jobs need none

        self._socket = socket.create_connection((host, port), timeout=TIMEOUT)
        self._stream: BinaryIO = self._socket.makefile("rwb")  # type: ignore[assignment]
        self._request(f"cookie {cookie}\n")

    @classmethod
    def of_job(cls) -> Self | None:
        """Connect to the starter of this job; return None where the pool does not offer chirp."""
        scratch = os.environ.get("_CONDOR_SCRATCH_DIR", "")
        config = os.environ.get("_CONDOR_CHIRP_CONFIG") or os.path.join(scratch, ".chirp.config")
        try:
            with open(config, encoding="ascii") as file:
                host, port, cookie = file.read().split()
            return cls(host, int(port), cookie)
        except (OSError, ValueError):
            return None

    def write_event(self, text: str) -> None:
        """Write a line into the job's event log, if it is not too long and the starter answers."""
        if len(text) <= LONGEST_EVENT:
            try:
                self._request(f"ulog {_escape(text)}\n")
            except OSError:
                return

    def read(self, path: str) -> bytes | None:
        """Return the content of a file on the submitting machine; None if it cannot be read."""
        try:
            size = self._request(f"getfile {_escape(path)}\n")
            return None if size < 0 else self._stream.read(size)
        except OSError:
            return None

    def fetch(self, path: str, target: str) -> bool:
        """Copy a file from the submitting machine; return whether it could be read."""
        try:
            size = self._request(f"getfile {_escape(path)}\n")
        except OSError:
            return False
        if size < 0:
            return False
        with open(target, "wb") as file:
            while size > 0:
                chunk = self._stream.read(min(size, CHUNK))
                if not chunk:
                    raise OSError(f"{path} was not received completely")
                file.write(chunk)
                size -= len(chunk)
        return True

    def close(self) -> None:
        """Close the connection."""
        try:
            self._stream.close()
            self._socket.close()
        except OSError:
            return

    def _request(self, command: str) -> int:
        """Send a command; return the number that the starter answers, negative for an error."""
        self._stream.write(command.encode("utf-8", "surrogateescape"))
        self._stream.flush()
        answer = self._stream.readline()
        if not answer.endswith(b"\n"):
            raise OSError("the starter does not answer")
        try:
            return int(answer)
        except ValueError as error:
            raise OSError(f"the starter answers {answer!r}") from error


def linked(run: str, path: str) -> str:
    """Return the path by which a file is requested: its own, or that of a link in the run's directory."""
    if _LINE_BREAK.search(path) is None:
        return path
    return os.path.join(run, LINKS, sha256(os.fsencode(path)).hexdigest())


def _escape(text: str) -> str:
    """Escape a text as one word of the protocol."""
    escaped = text.replace("\\", "\\\\")
    for letter in " \t\r\n":
        escaped = escaped.replace(letter, "\\" + letter)
    return escaped


def report_exception() -> None:
    """Report the exception that is being handled."""
    import traceback  # only for errors

    text = traceback.format_exc()
    sys.stderr.write(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    position = next((line for line in reversed(lines[:-1]) if line.startswith("File ")), "")
    report_error(f"{lines[-1]} ({position})")


def report_error(text: str) -> None:
    """Report to standard error and the event log why this worker cannot work."""
    sys.stderr.write(f"{text}\n")
    chirp = Chirp.of_job()
    if chirp is not None:
        chirp.write_event(f"{ERROR_MARK}{text}")
        chirp.close()
