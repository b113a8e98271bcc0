"""Software of programs: an environment or container that a worker prepares once and records in its journal.

A definition, as the plan holds it, has ``kind`` (environment or container), ``name`` and ``setup_minutes`` (the longest
time that its preparation may take); the other keys are those of its kind (``environment.py``, ``container.py``).
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

#: Last lines of a program's output that an error quotes.
LAST_LINES = 3


class SoftwareError(Exception):
    """Software cannot be prepared."""

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        #: Whether another try would fail as well; not so where the worker was told to stop meanwhile.
        self.lasting = lasting


class PreparedSoftware:
    """Prepared software; this class stands for the machine as it is."""

    #: Its fingerprint: the sha256 of what was found of it.
    sha256 = ""
    #: Description for people.
    summary = ""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def wrap_command(
        self, argv: list[str], own: Mapping[str, str], root: str, archive_root: str
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command line and environment by which a program runs in it, with ``own`` variables added."""
        return argv, {**self._environment, **own}

    def program_result(self, command: list[str], result: ProgramResult) -> ProgramResult:
        """Return the result of the program, from that of the wrapped command."""
        return result

    def is_own_failure(self, status: int) -> bool:
        """Return whether an exit status is that of the software, and not of the program in it."""
        return False


class SetupRunner:
    """Runner of the programs that prepare software, with one log and one time limit for all of them."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], log: int, seconds: float) -> None:
        self._programs = programs
        self.environment = environment
        self._log_file = log
        self._seconds = seconds
        self._limits = Limits(time.monotonic() + seconds)

    def log(self, text: str) -> None:
        """Write a line into the log of the call."""
        os.write(self._log_file, f"== {text}\n".encode("utf-8", "surrogateescape"))

    def run(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> None:
        """Run a program with its output in the log; raise SoftwareError, which calls it ``name``, if it fails."""
        self._run(name, argv, environment, self._log_file)

    def read_output(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> str:
        """Run a program and return its standard output; raise SoftwareError if it fails."""
        output = os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            self._run(name, argv, environment, output)
            return os.pread(output, os.fstat(output).st_size, 0).decode("utf-8", "surrogateescape")
        finally:
            os.close(output)

    def _run(self, name: str, argv: list[str], environment: Mapping[str, str] | None, output: int) -> None:
        before = os.fstat(self._log_file).st_size
        variables = self.environment if environment is None else environment
        result = self._programs.run(argv, variables, output, self._limits, errors=self._log_file)
        if self._programs.stopping:
            raise SoftwareError("the worker was told to stop", lasting=False)
        if result.status and not result.usage:  # it was not started
            raise SoftwareError(result.reason)
        if result.status:
            reason = f"its {self._seconds:g} seconds were up" if result.reason else self._last_lines(before)
            raise SoftwareError(f"{name} ended with status {result.status}: {reason}")

    def _last_lines(self, before: int) -> str:
        """Return the last lines of the log after an offset."""
        size = os.fstat(self._log_file).st_size
        start = max(before, size - 4096)
        lines = os.pread(self._log_file, size - start, start).decode("utf-8", "replace").splitlines()
        return " | ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:]) or "it wrote nothing"


def fingerprint(kind: str, name: str, found: Mapping[str, Any]) -> str:
    """Return the sha256 of what was found of software."""
    text = json.dumps([kind, name, found], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
