"""Late: the process that plans a late block, as the local engine sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress

from framework.engines.directory import RunDirectory
from framework.engines.fence import MARK
from framework.engines.workers import ROOT, program_path
from framework.job.warden import WORKER

BEGIN = (
    "import sys; sys.path.insert(0, {root!r}); from framework.job.warden import Warden, die_with_parent; "
    "die_with_parent({parent}); warden = Warden(); from framework.cli import run; sys.exit(run(sys.argv[1:]))"
)


def planner_command(run: str, block: int) -> list[str]:
    """What plans a late block: words for the command line ``fw``."""
    return ["late", run, str(block)]


class LatePlanner:
    """Plans one late block; a process of its own, so that a query that hangs can be ended with it."""

    def __init__(self, directory: RunDirectory, block: int, registry: str) -> None:
        self.block = block
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the planner has ended)
        code = BEGIN.format(root=ROOT, parent=os.getpid())
        # By the one its warden finds what its queries have started, by the other the fence finds everything.
        marks = {WORKER: f"{directory.path}:planner-{os.getpid()}-{block}", MARK: str(directory.path)}
        places = {"PATH": program_path(), "FW_HOME": str(directory.path.parents[1])}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", code, *planner_command(directory.run, block)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **marks, **places, **({"FW_REGISTRY": registry} if registry else {})},
            start_new_session=True,
        )

    @property
    def words(self) -> int:
        """The descriptor on which it tells what it waits for; closed at its end."""
        if self._popen.stdout is None:
            raise RuntimeError("a planner was started without its pipe")
        return self._popen.stdout.fileno()

    def said(self) -> Iterator[str]:
        """What it has said since it was asked last; nothing at its end."""
        text = os.read(self.words, 1 << 16).decode("utf-8", "replace")
        yield from text.splitlines()

    def end(self) -> str:
        """Wait for its end; why there is no plan, empty where there is one."""
        status = self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        self._errors.seek(0)
        reason = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        if status == 0:
            return ""
        return reason.removeprefix("error: ") or f"its planner ended with status {status}"

    def terminate(self) -> None:
        """End it, with what its queries have started."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGTERM)
