"""Workers as the local engine sees them: processes that are sent orders and answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from framework.engines.fence import MARK
from framework.engines.process_paths import ROOT, program_path
from framework.engines.run_directory import RunDirectory
from framework.worker.journal.statuses import INFRASTRUCTURE
from framework.worker.programs.warden import WORKER

if TYPE_CHECKING:
    from framework.worker.job.records import Answer, LocalOrder

BEGIN = "import sys; sys.path.insert(0, {root!r}); from framework.worker.job.worker import main; sys.exit(main())"


@dataclass(frozen=True, kw_only=True)
class JobAnswer:
    """Answer of a worker: how the calls of a job went."""

    status: int
    reason: str = ""
    #: Calls that have finished and failed.
    finished: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    #: Size and sha256 of files that were made, by their path in the archive.
    stored: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    #: A call, and memory or time, which it exceeded.
    exceeded: tuple[int, str] | None = None
    #: Label of software that could not be made ready; empty where there is none.
    broken_software: str = ""
    #: Whether the worker could not record the end of the job.
    is_lost: bool = False


def lost_answer(reason: str) -> JobAnswer:
    """Return the answer that stands for a worker that died."""
    return JobAnswer(status=INFRASTRUCTURE, reason=reason)


def read_answer(line: bytes) -> JobAnswer:
    """Return the answer that a worker has written as a line of JSON (framework/worker/job/worker.py)."""
    record: Answer = json.loads(line)
    exceeded = record.get("want")
    return JobAnswer(
        status=record["status"],
        reason=record.get("reason", ""),
        finished=tuple(record.get("finished", ())),
        failed=tuple(record.get("failed", ())),
        stored={path: (size, sha256) for path, (size, sha256) in record.get("stored", {}).items()},
        exceeded=(exceeded[0], str(exceeded[1])) if exceeded else None,
        broken_software=record.get("broken", ""),
        is_lost=bool(record.get("lost")),
    )


@dataclass(frozen=True)
class WorkerProcess:
    """Living process of a worker, with its pipes."""

    popen: subprocess.Popen[bytes]
    orders: IO[bytes]
    answers: IO[bytes]

    def close(self) -> None:
        """Close the pipes."""
        for pipe in (self.orders, self.answers):
            with contextlib.suppress(OSError):
                pipe.close()


class Worker:
    """Worker of one slot; its process is started when it is first needed, and again when it has died."""

    def __init__(self, directory: RunDirectory, run: str, attempt: int, start: int, slot: int) -> None:
        self._directory = directory
        self._settings: dict[str, object] = {
            "journal": str(directory.journal),
            "run": run,
            "attempt": attempt,
            "start": start,
            "images": str(directory.images),
        }
        self._settings["engine"] = os.getpid()
        self._name = f"worker-{start}-{slot}"
        self._lives = 0
        self._process: WorkerProcess | None = None
        #: Path of the journal of its process.
        self.journal = ""
        #: Number of the job that it works on, and the id of that execution.
        self.job = 0
        self.execution_id = ""

    @property
    def process(self) -> WorkerProcess:
        """Its process, started if need be."""
        if self._process is None:
            self._process = self._start()
        return self._process

    @property
    def answer_fd(self) -> int:
        """Descriptor to wait on for an answer."""
        return self.process.answers.fileno()

    def send_order(self, order: LocalOrder, job: int) -> None:
        """Give it a job. A worker that has died shows that when its answer is read."""
        self.job, self.execution_id = job, order["queue"]
        with contextlib.suppress(OSError):
            self.process.orders.write(json.dumps(order, separators=(",", ":")).encode() + b"\n")
            self.process.orders.flush()

    def read_answer(self) -> JobAnswer | None:
        """Return its answer; None when it has died instead."""
        line = self.process.answers.readline()
        return read_answer(line) if line.endswith(b"\n") else None

    def reap(self) -> str:
        """Wait for the end of a process that died; return how it died."""
        status = self.process.popen.wait()
        self.process.close()
        self._process = None
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"

    def terminate(self) -> None:
        """Ask its process to end."""
        if self._process is not None:
            self._process.popen.terminate()

    def dismiss(self) -> None:
        """Send no more orders and wait until its process has ended by itself."""
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

    def _start(self) -> WorkerProcess:
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
        return WorkerProcess(popen, popen.stdin, popen.stdout)
