"""Subcommands: commands of the framework that an engine runs as processes of their own, and reads the output of.

A process of its own can be ended with all that it has started: a query that hangs, or a tape that takes hours.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from framework.engines.fence import MARK
from framework.engines.process_paths import ROOT, program_path
from framework.engines.run_directory import RunDirectory
from framework.worker.programs.warden import WORKER

BEGIN = (
    "import sys; sys.path.insert(0, {root!r}); from framework.worker.programs.warden import Warden, die_with_parent; "
    "die_with_parent({parent}); warden = Warden(); from framework.cli import run; sys.exit(run(sys.argv[1:]))"
)

#: Numbers of the subcommands of this process.
_NUMBERS = itertools.count(1)


class Subcommand:
    """Process of a command line of ``fw``, whose standard output is read while it runs."""

    def __init__(self, directory: RunDirectory, role: str, arguments: Sequence[str], registry: str) -> None:
        self._role = role
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the command has ended)
        self._incomplete_line = b""
        code = BEGIN.format(root=ROOT, parent=os.getpid())
        # By the first its warden finds what it has started, by the second the fence finds all processes of the run.
        # The warden of one may still be ending what it left when the next begins: each has a mark of its own.
        own = f"{directory.path}:{role}-{os.getpid()}-{next(_NUMBERS)}"
        marks = {WORKER: own, MARK: str(directory.path)}
        paths = {"PATH": program_path(), "FW_HOME": str(directory.path.parents[1])}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **marks, **paths, **({"FW_REGISTRY": registry} if registry else {})},
            start_new_session=True,
        )

    @property
    def stdout_fd(self) -> int:
        """Descriptor of its standard output, to wait on; closed at its end."""
        if self._popen.stdout is None:
            raise RuntimeError("a command was started without its pipe")
        return self._popen.stdout.fileno()

    def read_lines(self) -> Iterator[str] | None:
        """Return the lines that it has written since the last call; None at its end."""
        output = os.read(self.stdout_fd, 1 << 16)
        if not output:
            return None
        *lines, self._incomplete_line = (self._incomplete_line + output).split(b"\n")
        return (line.decode("utf-8", "replace") for line in lines)

    def run_to_end(self) -> str | None:
        """Wait for its end and drop its output; return why it failed, None if it did not."""
        while self.read_lines() is not None:
            pass
        return self.wait()

    def wait(self) -> str | None:
        """Wait for its end; return why it failed, None if it did not."""
        status = self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        self._stderr.seek(0)
        message = self._stderr.read().decode("utf-8", "replace").strip()
        self._stderr.close()
        if status == 0:
            return None
        return message.removeprefix("error: ") or f"its {self._role} ended with status {status}"

    def terminate(self) -> None:
        """End it, with all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGTERM)


class LatePlanner(Subcommand):
    """Subcommand that plans one late block."""

    def __init__(self, directory: RunDirectory, block: int, registry: str) -> None:
        super().__init__(directory, "planner", ["late", directory.run, str(block)], registry)
        self.block = block


class StagedFile(NamedTuple):
    """File that has been staged, or could not be."""

    path: str
    #: Why it cannot be staged; empty where it is there.
    error: str


class Stager(Subcommand):
    """Subcommand that stages the files that jobs of a run wait for."""

    def __init__(self, directory: RunDirectory, registry: str) -> None:
        super().__init__(directory, "stager", ["stage", directory.run, "--json"], registry)

    def read_files(self) -> Iterator[StagedFile] | None:
        """Return the files that have been dealt with since the last call; None at its end."""
        lines = self.read_lines()
        return None if lines is None else (StagedFile(*json.loads(line)) for line in lines)


def run_stager(directory: RunDirectory, registry: str, *options: str) -> str | None:
    """Stage what a run needs, or with ``--home`` deliver what it made, and wait; return why that failed, or None."""
    return Subcommand(directory, "stager", ["stage", directory.run, *options], registry).run_to_end()
