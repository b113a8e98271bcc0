"""PreparedSoftware: what the programs of a call run in, made ready once a worker, and told of in its journal.

A definition, as the plan holds it, has ``kind`` (environment or container), ``name`` and ``setup_minutes`` (that making
it ready may take); the rest is its kind's own (``environment.py``, ``container.py``).
"""

from __future__ import annotations

import json
import os
import time

from framework.worker.files.checksum import sha256
from framework.worker.programs.limits import Limits
from framework.worker.programs.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from framework.worker.programs.programs import ProgramResult

#: Lines of a program's last words that tell why it failed.
LAST_LINES = 3


class SoftwareError(Exception):
    """PreparedSoftware that cannot be made ready; the message says why."""

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        #: Whether it would go the same way again; not where the worker was told to stop meanwhile.
        self.lasting = lasting


class PreparedSoftware:
    """PreparedSoftware that is ready; this one is the machine as it is."""

    #: What it is known by: the sha256 of what was found of it.
    sha256 = ""
    #: In a sentence.
    summary = ""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def started(
        self, argv: list[str], own: Mapping[str, str], root: str, archive_root: str
    ) -> tuple[list[str], dict[str, str]]:
        """What to start, and with which variables, so that a program runs in it with ``own`` variables besides."""
        return argv, {**self._environment, **own}

    def ended(self, started: list[str], outcome: ProgramResult) -> ProgramResult:
        """What the end of what was started says of the program."""
        return outcome

    def is_at_fault(self, status: int) -> bool:
        """Whether a status is that of the software, and not of the program in it."""
        return False


class SetupRunner:
    """Where software is made ready: programs run in it for what they say and do, until its time is up."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], log: int, seconds: float) -> None:
        self._programs = programs
        self.environment = environment
        self._log = log
        self._seconds = seconds
        self._limits = Limits(time.monotonic() + seconds)

    def say(self, text: str) -> None:
        os.write(self._log, f"== {text}\n".encode("utf-8", "surrogateescape"))

    def run(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> None:
        """Run a program to its good end, its words in the log; ``name`` is what the error calls it."""
        self._run(name, argv, environment, self._log)

    def answer(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> str:
        """What a program says on its standard output."""
        said = os.memfd_create("answer", os.MFD_CLOEXEC)
        try:
            self._run(name, argv, environment, said)
            return os.pread(said, os.fstat(said).st_size, 0).decode("utf-8", "surrogateescape")
        finally:
            os.close(said)

    def _run(self, name: str, argv: list[str], environment: Mapping[str, str] | None, output: int) -> None:
        before = os.fstat(self._log).st_size
        given = self.environment if environment is None else environment
        outcome = self._programs.run(argv, given, output, self._limits, errors=self._log)
        if self._programs.stopping:
            raise SoftwareError("the worker was told to stop", lasting=False)
        if outcome.status and not outcome.usage:  # it was not even begun
            raise SoftwareError(outcome.reason)
        if outcome.status:
            words = f"its {self._seconds:g} seconds were up" if outcome.reason else self._last_words(before)
            raise SoftwareError(f"{name} ended with status {outcome.status}: {words}")

    def _last_words(self, before: int) -> str:
        """How the words end that were said since then; the log has all of them."""
        size = os.fstat(self._log).st_size
        start = max(before, size - 4096)
        lines = os.pread(self._log, size - start, start).decode("utf-8", "replace").splitlines()
        return " | ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:]) or "it says nothing"


def fingerprint(kind: str, name: str, found: Mapping[str, Any]) -> str:
    """The sha256 of what was found."""
    text = json.dumps([kind, name, found], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
