"""Workers as the local engine sees them: processes that are given orders and answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from framework.engines.directory import RunDirectory
from framework.engines.fence import MARK

#: The folder that holds the packages; a worker is given nothing else to import from.
ROOT = str(Path(__file__).parents[2])
BEGIN = "import sys; sys.path.insert(0, {root!r}); from framework.job.worker import main; sys.exit(main())"


class Worker:
    """One slot's process; started when it is first needed, and again when it has died."""

    def __init__(self, directory: RunDirectory, run: str, attempt: int, start: int, slot: int) -> None:
        self._directory = directory
        self._settings = {
            "journal": str(directory.journal), "run": run, "attempt": attempt, "start": start
        }  # fmt: skip
        self._name = f"worker-{start}-{slot}"
        self._lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        #: The job it works on, and that execution's name.
        self.job: int | None = None
        self.queue = ""

    @property
    def answers(self) -> int:
        """The descriptor to wait on for an answer."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def begin(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._lives += 1
        settings = {**self._settings, "name": f"{self._name}-{self._lives}"}
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-I", "-c", BEGIN.format(root=ROOT), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PATH": path, MARK: str(self._directory.path)},
            start_new_session=True,
        )

    def order(self, order: dict[str, Any], job: int) -> bool:
        """Give it a job; False when it is no longer there to take one."""
        assert self._process is not None
        assert self._process.stdin is not None
        self.job, self.queue = job, order["queue"]
        try:
            self._process.stdin.write(json.dumps(order, separators=(",", ":")).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def answer(self) -> dict[str, Any] | None:
        """What it answers; None when it has died instead."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        found: dict[str, Any] = json.loads(line)
        return found

    def bury(self) -> str:
        """Wait for the end of a process that died; how it died."""
        assert self._process is not None
        status = self._process.wait()
        self._close()
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"

    def terminate(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def dismiss(self) -> None:
        """No more orders: it ends by itself."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            pass
        self._process.wait()
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        self._process = None
