"""Observer: records as facts what HTCondor's event log and the returned journals say of a run.

An observer may be killed and begun again: the facts that it writes have the times of the events, and a fact that an
earlier observer has written is not written again.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framework.engines.engine import JobState
from framework.engines.htcondor.dag_state import DagState, EndedExecution, NodeState, release_reason
from framework.engines.htcondor.event_log import Event, EventKind, EventLog
from framework.engines.htcondor.hold_reasons import explain
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.lost_calls import close_calls
from framework.engines.run_directory import RunDirectory
from framework.model.run import PlannedRun
from framework.output.log import get_logger
from framework.worker.files.transfer import lost_log_path
from framework.worker.job.chirp import ERROR_MARK, FACT_MARK
from framework.worker.job.pool_execution import execution_id
from framework.worker.job.run_directory_access import journal_name
from framework.worker.journal import facts
from framework.worker.journal.facts import FactObject, JobExecution
from framework.worker.journal.journal import Journal, read_facts
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.restart_state import OpenCall, fold

log = get_logger(__name__)

#: Seconds within which an execution that has begun puts the logs of the one before it aside.
PATIENCE = 60.0


class Observer:
    """Reads new events of a submission, and writes what they mean into journals of its own."""

    def __init__(self, submission: SubmissionDirectory, plan: PlannedRun) -> None:
        self._submission = submission
        self._run: RunDirectory = submission.run
        self._plan = plan
        self._logs: dict[Path, EventLog] = {}
        self._settings = json.loads((submission.path / "settings.json").read_text(encoding="utf-8"))
        self.dag_state = DagState()
        self._written = set(self._read_written())
        self._journals: dict[str, Journal] = {}
        self._ended: list[EndedExecution] = []
        #: Interrupted executions, by job and number of starts, until it is known whether the job was held for that.
        self._interrupted: dict[tuple[int, int], tuple[Event, NodeState, EndedExecution]] = {}
        self._blocks = _BlockProgress()

    def read_events(self) -> None:
        """Record the events that are new."""
        self._open_logs()
        for log in self._logs.values():
            for event in log.read_new_events():
                found = self.dag_state.apply(event)
                if found is not None:
                    self._record(event, *found)
        for event, node, ended in self._interrupted.values():
            self._write_message(event, node, ended.reason or "it ended", ended.execution_id)
        self._interrupted.clear()
        self._ended = [ended for ended in self._ended if not self._close_execution(ended)]

    def _open_logs(self) -> None:
        """Open the logs of DAGs that have been written since."""
        for dag, path in zip(self._submission.dags, self._submission.logs, strict=True):
            if path not in self._logs and dag.exists():
                self._logs[path] = EventLog(path)
                self._plan = self._run.read_plan()  # a late block may have been planned since
                self._blocks.add_dag(dag, self._plan, is_late=dag != self._submission.dag)

    @property
    def open_blocks(self) -> list[int]:
        """Blocks that began and did not end."""
        return self._blocks.open

    def close(self) -> None:
        """Close executions without an end on record as lost; all jobs have ended."""
        for ended in self._ended:
            self._close_execution(ended, is_last=True)
        self._ended = []
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()

    def _record(self, event: Event, node: NodeState, ended: EndedExecution | None) -> None:
        self._record_event(event, node)
        if ended is not None:
            self._ended.append(ended)
            if node.state == JobState.IDLE:
                self._interrupted[node.job, node.starts] = (event, node, ended)
        if event.number in (EventKind.HELD, EventKind.ABORTED):
            self._interrupted.pop((node.job, node.starts), None)  # its reason is reported with the hold
        if event.number in (EventKind.TERMINATED, EventKind.POST_ENDED) and self._is_done(event, node):
            block = self._plan.jobs[node.job].block
            if self._blocks.end_job(block, node.job):
                self._write(facts.block_end(block, 0), event.t)

    def _record_event(self, event: Event, node: NodeState) -> None:
        match event.number:
            case EventKind.SUBMITTED:
                block = self._plan.jobs[node.job].block
                if self._blocks.start(block):
                    self._write(facts.block_start(block), event.t)
                self._write(facts.job_queue(JobExecution(node.job, node.execution_id), block), event.t)
            case EventKind.GENERIC:
                self._record_live_report(event, node)
            case EventKind.HELD:
                self._write_message(event, node, f"held: {explain(*node.hold).reason}")
            case EventKind.RELEASED:
                self._write_message(event, node, release_reason(event, node))
            case EventKind.RECONNECTED | EventKind.DISCONNECTED:
                self._write_message(event, node, event.reason)
            case EventKind.EXECUTING if node.starts > 1:
                # Recorded of the execution before it: after the loss of a whole pool, a worker may count itself anew.
                before = execution_id(str(node.cluster), node.starts - 2)
                self._write_message(event, node, "it runs again", before)

    def _is_done(self, event: Event, node: NodeState) -> bool:
        last = EventKind.TERMINATED if self._settings["shared"] else EventKind.POST_ENDED
        return node.state == JobState.DONE and event.number == last

    def _close_execution(self, ended: EndedExecution, is_last: bool = False) -> bool:
        """Close an execution that has no end on record; return whether nothing more is to be waited for."""
        found, written_in = self._read_journal(ended)
        if any(fact["e"] == "job.end" for fact in found):
            return True
        open_calls = fold(found).open_calls
        # Without a shared file system, its journal may still be on its way back.
        is_open = self._awaits_logs(open_calls, ended) if self._settings["shared"] else not found
        if is_open and not is_last:
            return False
        reason = ended.reason or "it ended without a report"
        if self._write(facts.job_lost(JobExecution(ended.job, ended.execution_id), reason), ended.t):
            log.warning("lost: %s", ended.reason, extra={"run": self._plan.run, "job": ended.job})
            self._close_calls(open_calls, ended, written_in)
        return True

    def _read_journal(self, ended: EndedExecution) -> tuple[list[dict[str, object]], str | None]:
        """Return the facts of an execution, and the folder below which its files lie if not the archive."""
        name = journal_name(self._submission.start, ended.job, ended.execution_id) + ".jsonl"
        path, written_in = self._run.journal / name, None
        if not path.exists():
            returned = self._run.path / "home" / f"j{ended.job}"
            path, written_in = returned / "journal" / name, str(returned / "archive")
        return list(read_facts(str(path))) if path.exists() else [], written_in

    def _has_begun_again(self, ended: EndedExecution) -> bool:
        node = self.dag_state.nodes[ended.job]
        return (node.cluster, node.starts) != (ended.cluster, ended.starts)

    def _awaits_logs(self, open_calls: list[OpenCall], ended: EndedExecution) -> bool:
        """Return whether the job's next execution is about to put the logs of the lost one aside."""
        if not self._has_begun_again(ended) or time.time() - ended.t > PATIENCE:
            return False
        root = Path(self._plan.archive_root)
        return not all((root / lost_log_path(call.log, call.execution_id)).exists() for call in open_calls)

    def _close_calls(self, open_calls: list[OpenCall], ended: EndedExecution, written_in: str | None) -> None:
        """Record the end of calls that a lost execution left open, with their logs unless the next one writes there."""
        in_use = {call.log for call in open_calls} if self._has_begun_again(ended) else set()
        archive, root = self._plan.archive, self._plan.archive_root
        close_calls(open_calls, self._journal(), archive, root, ended.reason, written_in=written_in, in_use=in_use)

    def _record_live_report(self, event: Event, node: NodeState) -> None:
        """Record what a job reports through the event log, unless its own journal is here already."""
        if event.text.startswith(ERROR_MARK):
            node.failure_reason = f"its worker could not work: {event.text.removeprefix(ERROR_MARK)}"
            self._write_message(event, node, node.failure_reason)
        text = event.text.removeprefix(FACT_MARK)
        if text == event.text:
            return
        try:
            fact = json.loads(text)
        except ValueError:
            return
        name = journal_name(self._submission.start, node.job, str(fact.get("queue"))) + ".jsonl"
        if isinstance(fact, dict) and fact.get("job") == node.job and not (self._run.journal / name).exists():
            self._write(fact, fact["t"], "live")

    def _write_message(self, event: Event, node: NodeState, text: str, execution: str = "") -> None:
        about = JobExecution(node.job, execution or node.execution_id)
        if self._write(facts.message(MessageLevel.EVENT, text, about=about), event.t):
            log.info(text, extra={"run": self._plan.run, "job": node.job})

    def _write(self, fact: FactObject, t: float, journal: str = "engine") -> bool:
        """Write a fact that no earlier observer has written; return whether it was new."""
        key = _key({**fact, "t": t})
        if key in self._written:
            return False
        self._written.add(key)
        self._journal(journal).write(fact, t=t)
        return True

    def _journal(self, kind: str = "engine") -> Journal:
        """Return a journal of this observer: live reports are kept apart from what decides how the run goes on."""
        if kind not in self._journals:
            run, attempt = self._plan.run, self._plan.attempt
            name = f"{kind}-{self._submission.start}-{os.getpid()}-{os.urandom(3).hex()}"
            self._journals[kind] = Journal(
                str(self._run.journal), name, run=run, attempt=attempt, start=self._submission.start
            )
        return self._journals[kind]

    def _read_written(self) -> Iterator[str]:
        start = self._submission.start
        for path in (
            *self._run.journal.glob(f"engine-{start}-*.jsonl"),
            *self._run.journal.glob(f"live-{start}-*.jsonl"),
        ):
            yield from map(_key, read_facts(str(path)))


def _key(fact: Mapping[str, Any]) -> str:
    return json.dumps(fact, sort_keys=True)


class _BlockProgress:
    """Blocks that have begun and ended in this submission; jobs that were done before it are not in its DAG."""

    def __init__(self) -> None:
        self._open_jobs: dict[int, set[int]] = {}
        self._begun: set[int] = set()

    def add_dag(self, dag: Path, plan: PlannedRun, is_late: bool) -> None:
        """Add the jobs of a DAG; the beginning of a late block is recorded where it is planned."""
        text = dag.read_text(encoding="utf-8")
        for number in {int(line.split()[1][1:]) for line in text.splitlines() if line.startswith("JOB j")}:
            block = plan.jobs[number].block
            self._open_jobs.setdefault(block, set()).add(number)
            if is_late:
                self._begun.add(block)

    def start(self, block: int) -> bool:
        """Begin a block; return whether it had not begun before."""
        is_new = block not in self._begun
        self._begun.add(block)
        return is_new

    def end_job(self, block: int, job: int) -> bool:
        """Note that a job of a block is done; return whether that was the last."""
        left = self._open_jobs.get(block, set())
        left.discard(job)
        return not left

    @property
    def open(self) -> list[int]:
        """Blocks that began and did not end."""
        return sorted(block for block in self._begun if self._open_jobs.get(block))


@contextmanager
def observer_lock(run: RunDirectory) -> Iterator[None]:
    """Let one process at a time observe a run; waits for another one to end."""
    descriptor = os.open(run.path / "observer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
