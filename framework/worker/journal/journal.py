"""Journal: facts about a run, appended by the process that observed them; the only source of the registry's rows.

A run's directory holds ``journal/<name>.jsonl``, each file written by one process only and never reopened for
writing. A line is one fact, a JSON object with ``e`` (what happened) and ``t`` (seconds since 1970, UTC). A line
counts once its newline is there; a torn last line is what a killed process leaves, and is passed over. Reading a
line twice, or the same facts from two files, changes nothing in the registry.

``framework.worker.journal.facts`` makes the facts, ``framework.model.facts`` reads them, and
``docs/reference/journal.md`` lists each with its keys.

Writing is one ``write`` a line, so that a fact is whole or absent; the disk's own cache is flushed at the end of
a call, at most once a second, which is what a loss of power may cost.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time

FORMAT = 1
#: Seconds between two flushes to the disk.
FLUSH_EVERY = 1.0

TYPE_CHECKING = False  # as mypy knows it, without the import: a worker starts in milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from framework.worker.journal.facts import FactObject


class Journal:
    """Journal of one process, which appends facts to a file of its own."""

    def __init__(self, directory: str, name: str, *, run: str, attempt: int, start: int | None = None) -> None:
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, name + ".jsonl")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o644)
        self._lock = threading.Lock()
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        self._length = 0
        self._flushed = time.monotonic()
        try:
            self.write(_opening(name, run, attempt, start))
        except OSError:
            os.close(self._file)
            os.unlink(self.path)
            raise

    def write(self, fact: FactObject, t: float | None = None) -> None:
        """Append one fact, at the time ``t`` or now; OSError if the disk refuses it, and then nothing of it remains."""
        self.append({"e": fact["e"], "t": time.time() if t is None else t, **fact})

    def append(self, fact: FactObject) -> None:
        """Append a fact with its time."""
        line = (self._encode(fact) + "\n").encode("utf-8", "surrogateescape")
        with self._lock:
            done = 0
            try:
                while done < len(line):
                    done += os.write(self._file, line[done:])
            except OSError:
                os.ftruncate(self._file, self._length)
                raise
            self._length += len(line)

    def flush(self) -> None:
        """Flush the disk's cache, at most once in FLUSH_EVERY seconds."""
        now = time.monotonic()
        if now - self._flushed < FLUSH_EVERY:
            return
        self._flushed = now
        try:
            os.fdatasync(self._file)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _opening(name: str, run: str, attempt: int, start: int | None) -> FactObject:
    started = {} if start is None else {"start": start}
    process = {"journal": name, "pid": os.getpid(), "host": os.uname().nodename}
    return {"e": "open", "format": FORMAT, **process, "run": run, "attempt": attempt, **started}


def read_facts(path: str) -> Iterator[dict[str, Any]]:
    """Yield the facts of a journal; incomplete lines and lines that are not facts are skipped."""
    with open(path, "rb") as file:
        yield from facts_in(file)


def facts_in(lines: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yield the facts of a journal's lines; the rest after an incomplete line is skipped."""
    for line in lines:
        if not line.endswith(b"\n"):
            return
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict) and "e" in fact:
            yield fact
