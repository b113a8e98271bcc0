"""Chirp: what a job may ask of the place that it was submitted from, where the pool lets it."""

from __future__ import annotations

import os
import re
import sys

from framework.worker.files.checksum import sha256

#: What a line of the event log begins with when it is a fact, and when it says why a worker could not work.
FACT_MARK, ERROR_MARK = "fw ", "fw! "

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Self

#: A single line of the event log; longer ones are left to the journal that comes home.
LONGEST_WORD = 4000
TIMEOUT = 20.0
#: Folder of the run's directory with links to files whose names no line of the protocol can hold.
LINKS = "links"
_BREAK = re.compile("[\\r\\n]")
CHUNK = 1 << 20


class Chirp:
    """A connection to the job's starter, which passes on what it is asked."""

    def __init__(self, host: str, port: int, cookie: str) -> None:
        import socket  # two milliseconds, which a job that asks nothing does not pay

        self._socket = socket.create_connection((host, port), timeout=TIMEOUT)
        self._stream: BinaryIO = self._socket.makefile("rwb")  # type: ignore[assignment]
        self._ask(f"cookie {cookie}\n")

    @classmethod
    def of_job(cls) -> Self | None:
        """The way home of this job; None where the pool offers none."""
        scratch = os.environ.get("_CONDOR_SCRATCH_DIR", "")
        config = os.environ.get("_CONDOR_CHIRP_CONFIG") or os.path.join(scratch, ".chirp.config")
        try:
            with open(config, encoding="ascii") as file:
                host, port, cookie = file.read().split()
            return cls(host, int(port), cookie)
        except (OSError, ValueError):
            return None

    def tell(self, text: str) -> None:
        """Put a line into the job's event log; what cannot be said is left unsaid."""
        if len(text) <= LONGEST_WORD:
            try:
                self._ask(f"ulog {_word(text)}\n")
            except OSError:
                return

    def read(self, path: str) -> bytes | None:
        """A file on the submitting side; None where there is none, or it may not be read."""
        try:
            size = self._ask(f"getfile {_word(path)}\n")
            return None if size < 0 else self._stream.read(size)
        except OSError:
            return None

    def fetch(self, path: str, target: str) -> bool:
        """Bring a file from the submitting side; false where there is none."""
        try:
            size = self._ask(f"getfile {_word(path)}\n")
        except OSError:
            return False
        if size < 0:
            return False
        with open(target, "wb") as file:
            while size > 0:
                chunk = self._stream.read(min(size, CHUNK))
                if not chunk:
                    raise OSError(f"{path} did not come whole")
                file.write(chunk)
                size -= len(chunk)
        return True

    def close(self) -> None:
        try:
            self._stream.close()
            self._socket.close()
        except OSError:
            return

    def _ask(self, command: str) -> int:
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
    """What a file of the submitting side is asked for by: its path, or a link to it in the run's directory."""
    if _BREAK.search(path) is None:
        return path
    return os.path.join(run, LINKS, sha256(os.fsencode(path)).hexdigest())


def _word(text: str) -> str:
    """A text as one word of the protocol."""
    escaped = text.replace("\\", "\\\\")
    for letter in " \t\r\n":
        escaped = escaped.replace(letter, "\\" + letter)
    return escaped


def report_exception() -> None:
    """Say what was raised just now."""
    import traceback

    text = traceback.format_exc()
    sys.stderr.write(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    where = next((line for line in reversed(lines[:-1]) if line.startswith("File ")), "")
    report_error(f"{lines[-1]} ({where})")


def report_error(text: str) -> None:
    """Say why this worker cannot work, when nothing better than the event log can be written."""
    sys.stderr.write(f"{text}\n")
    chirp = Chirp.of_job()
    if chirp is not None:
        chirp.tell(f"{ERROR_MARK}{text}")
        chirp.close()
