"""Workers as the local engine sees them: processes that are given orders and answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, Any

from framework.engines.fence import MARK
from framework.engines.process_paths import ROOT, program_path
from framework.engines.run_directory import RunDirectory
from framework.worker.programs.warden import WORKER

BEGIN = "import sys; sys.path.insert(0, {root!r}); from framework.worker.job.worker import main; sys.exit(main())"


@dataclass(frozen=True)
class Process:
    """A worker that lives."""

    popen: subprocess.Popen[bytes]
    orders: IO[bytes]
    answers: IO[bytes]

    def close(self) -> None:
        for pipe in (self.orders, self.answers):
            with contextlib.suppress(OSError):
                pipe.close()


class Worker:
    """One slot; its process is started when it is first needed, and again when it has died."""

    def __init__(self, directory: RunDirectory, run: str, attempt: int, start: int, slot: int) -> None:
        self._directory = directory
        self._settings: dict[str, Any] = {
            "journal": str(directory.journal),
            "run": run,
            "attempt": attempt,
            "start": start,
            "images": str(directory.images),
        }
        self._settings["engine"] = os.getpid()
        self._name = f"worker-{start}-{slot}"
        self._lives = 0
        self._process: Process | None = None
        #: Where it writes its facts now.
        self.journal = ""
        #: The job it works on, and that execution's name.
        self.job = 0
        self.queue = ""

    @property
    def process(self) -> Process:
        """Its process, begun if need be."""
        if self._process is None:
            self._process = self._begin()
        return self._process

    @property
    def answers(self) -> int:
        """The descriptor to wait on for an answer."""
        return self.process.answers.fileno()

    def order(self, order: dict[str, Any], job: int) -> None:
        """Give it a job. A worker that has died shows that when it is asked for an answer."""
        self.job, self.queue = job, order["queue"]
        with contextlib.suppress(OSError):
            self.process.orders.write(json.dumps(order, separators=(",", ":")).encode() + b"\n")
            self.process.orders.flush()

    def answer(self) -> dict[str, Any] | None:
        """What it answers; None when it has died instead."""
        line = self.process.answers.readline()
        if not line.endswith(b"\n"):
            return None
        found: dict[str, Any] = json.loads(line)
        return found

    def bury(self) -> str:
        """Wait for the end of a process that died; how it died."""
        status = self.process.popen.wait()
        self.process.close()
        self._process = None
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"

    def terminate(self) -> None:
        if self._process is not None:
            self._process.popen.terminate()

    def dismiss(self) -> None:
        """No more orders: it ends by itself."""
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._process.orders.close()
        self._process.popen.wait()
        self._process.close()
        self._process = None

    def _environment(self) -> dict[str, str]:
        secrets = os.environ.get("FW_SECRETS") or str(self._directory.path.parents[1] / "secrets")
        mark = {MARK: str(self._directory.path), WORKER: f"{self._directory.path}:{self._name}-{self._lives}"}
        return {**os.environ, "PATH": program_path(), **mark, "FW_SECRETS": secrets}

    def _begin(self) -> Process:
        self._lives += 1
        name = f"{self._name}-{self._lives}"
        self.journal = str(self._directory.journal / f"{name}.jsonl")
        settings = {**self._settings, "name": name, "work": str(self._directory.work / name)}
        popen = subprocess.Popen(
            [sys.executable, "-S", "-I", "-c", BEGIN.format(root=ROOT), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        if popen.stdin is None or popen.stdout is None:
            raise RuntimeError("a worker was started without its pipes")
        return Process(popen, popen.stdin, popen.stdout)
