"""The journal: facts about a run, appended by whoever saw them, and the only source of the registry's rows.

A run's directory holds ``journal/<name>.jsonl``, each file written by one process only and never reopened for
writing. A line is one fact, a JSON object with ``e`` (what happened) and ``t`` (seconds since 1970, UTC). A line
counts once its newline is there; a torn last line is what a killed process leaves, and is passed over. Reading a
line twice, or the same facts from two files, changes nothing in the registry.

Facts, with the keys they hold besides ``e`` and ``t``:

==============  =================================================================================================
open            format (1), run, attempt (registry id), start (0 at submission, then one more at each restart),
                host, pid, journal (own name). Always the first line.
attempt.start   (engine) the run, or its restart, begins
attempt.files   (engine) files: what belongs to the run as a whole, such as the shards of its plan; as in call.end
block.plan      (engine) block, jobs (how many), modules (names to numbers of calls): a late block has been planned
block.start     (engine) block (number)
job.queue       (engine) job, queue (what the queue calls this execution of the job, unique in the run), block
job.lost        (engine) job, queue, reason: the execution ended without a word; whatever it left open is closed
                with status -9, which no program can end with
block.end       (engine) block, status
attempt.end     (engine) status
job.start       job, queue, block, keys, calls (how many this job is planned to make), root (its directory)
call.start      job, queue, call (wrapnum), try (1, 2, ...), module, wrapper, keys, log (archive path), plan (name
                of the shard that defines it)
call.run        job, queue, call, try: inputs are in place, programs begin
software        sha256, kind (environment or container), name, found: software that the worker has made ready
exec.start      job, queue, call, try, exec (number), program, args (the command line, quoted for a shell), version;
                software (a sha256 as above) where the program runs in some
exec.end        job, queue, call, try, exec, status (exit code, or 128 + signal; 124 when its time was up),
                usage {wall, utime, stime: seconds; maxrss: kB; minflt, majflt, inblock, oublock, nvcsw, nivcsw}
call.store      job, queue, call, try: programs have ended, outputs are being checked and stored
call.end        job, queue, call, try, status, files, used, made, derived, messages (as below); log where it is not
                the one of call.start; want (memory or time) where it failed for too little of that (the engine
                ends a lost call, status -9, and keeps its log under another name)
message         level (1 error, 2 warning, 3 information, 4 what people and queues did), text, and block, or job, queue,
                call, try, where it has them
job.end         job, queue, status; files: the tarball of what was left over, where that is kept
==============  =================================================================================================

``call.end`` holds

* ``files``: objects with path (in the archive: directory and name, ``/`` between), type (filetype), size (bytes),
  sha256 (both absent for what was passed to other calls in memory: it never was bytes), archive (name of the archive
  that holds it now; absent when the file was not kept; ``external`` for a file that lies outside every archive,
  whose path is then absolute), packed ([ending, size, sha256] of what the archive has, where it keeps the file
  compressed), meta (metadata keys to values). The log is one of them.
* ``used``: pairs [exec, path]; ``made``: pairs [exec, path] (exec 0 stands for the call itself, as for its log);
  ``derived``: pairs [child path, parent path]. A path in ``used`` may belong to a file of another call or run.
* ``messages``: objects with level, text, exec (0 if none), and optionally file, line.

A call with status other than 0 lists only its log and the outside files it read.

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
#: Level of a message that tells what people and queues did to a run: it is no part of what the run came to.
COURSE = 4
#: Seconds between two flushes to the disk.
FLUSH_EVERY = 1.0

TYPE_CHECKING = False  # as mypy knows it, without the import: a worker starts in milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


class Journal:
    """Appends facts to a file of its own."""

    def __init__(self, directory: str, name: str, **opening: Any) -> None:
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, name + ".jsonl")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o644)
        self._lock = threading.Lock()
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        self._length = 0
        self._flushed = time.monotonic()
        try:
            self.write("open", format=FORMAT, journal=name, pid=os.getpid(), host=os.uname().nodename, **opening)
        except OSError:
            os.close(self._file)
            os.unlink(self.path)
            raise

    def write(self, what: str, **fact: Any) -> None:
        """Append one fact; OSError when the disk will not take it, and then nothing of it remains."""
        line = (self._encode({"e": what, "t": time.time(), **fact}) + "\n").encode("utf-8", "surrogateescape")
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
        """Ask the disk to keep what was written, unless it was asked a moment ago."""
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
        os.close(self._file)


def read_facts(path: str) -> Iterator[dict[str, Any]]:
    """The whole facts of a journal; lines that are torn or no facts are passed over."""
    with open(path, "rb") as file:
        yield from facts_in(file)


def facts_in(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The same of lines that were read already."""
    for line in lines:
        if not line.endswith(b"\n"):
            return
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict) and "e" in fact:
            yield fact
