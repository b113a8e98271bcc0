"""Beside: a command of the framework that an engine runs as a process of its own, and hears."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress

from framework.engines.fence import MARK
from framework.engines.process_paths import ROOT, program_path
from framework.engines.run_directory import RunDirectory
from framework.worker.programs.warden import WORKER

BEGIN = (
    "import sys; sys.path.insert(0, {root!r}); from framework.worker.programs.warden import Warden, die_with_parent; "
    "die_with_parent({parent}); warden = Warden(); from framework.cli import run; sys.exit(run(sys.argv[1:]))"
)


class Beside:
    """A command line of ``fw``; what it says on its standard output is heard, and whatever it started ends with it."""

    def __init__(self, directory: RunDirectory, called: str, words: Sequence[str], registry: str) -> None:
        self._called = called
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the command has ended)
        self._half = b""
        code = BEGIN.format(root=ROOT, parent=os.getpid())
        # By the one its warden finds what it has started, by the other the fence finds everything.
        marks = {WORKER: f"{directory.path}:{called}-{os.getpid()}", MARK: str(directory.path)}
        places = {"PATH": program_path(), "FW_HOME": str(directory.path.parents[1])}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", code, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **marks, **places, **({"FW_REGISTRY": registry} if registry else {})},
            start_new_session=True,
        )

    @property
    def words(self) -> int:
        """The descriptor on which it speaks; closed at its end."""
        if self._popen.stdout is None:
            raise RuntimeError("a command was started without its pipe")
        return self._popen.stdout.fileno()

    def said(self) -> Iterator[str] | None:
        """The lines that it has said since it was asked last; None at its end."""
        found = os.read(self.words, 1 << 16)
        if not found:
            return None
        *lines, self._half = (self._half + found).split(b"\n")
        return (line.decode("utf-8", "replace") for line in lines)

    def to_the_end(self) -> str:
        """Let it come to its end, whatever it says; why it failed, empty where it did not."""
        while self.said() is not None:
            pass
        return self.end()

    def end(self) -> str:
        """Wait for its end; why it failed, empty where it did not."""
        status = self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        self._errors.seek(0)
        reason = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        if status == 0:
            return ""
        return reason.removeprefix("error: ") or f"its {self._called} ended with status {status}"

    def terminate(self) -> None:
        """End it, with what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGTERM)
