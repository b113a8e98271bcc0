"""Observing: what HTCondor's event log and the returned journals say of a run, put on record as facts.

An observer may be killed and begun again: what it writes has the times of the events, so that the same fact told
twice is the same.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.engines.engine import JobState
from framework.engines.htcondor.dag import FINAL
from framework.engines.htcondor.event_log import Event, EventLog, Kind
from framework.engines.htcondor.hold_reasons import explain, is_for_memory, plain
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.lost_calls import close_calls
from framework.engines.run_directory import RunDirectory
from framework.model.run import PlannedRun
from framework.worker.files.transfer import lost_log_path
from framework.worker.job.chirp import ERROR_MARK, FACT_MARK
from framework.worker.job.pool_execution import execution_id
from framework.worker.job.run_directory_access import journal_name
from framework.worker.journal.journal import COURSE, Journal, read_facts
from framework.worker.journal.restart_state import OpenCall, fold
from framework.worker.journal.statuses import INFRASTRUCTURE, OUT_OF_MEMORY

#: Seconds in which an execution that has begun comes to its work.
PATIENCE = 60.0
#: How HTCondor begins to say that an expression of the job's has acted.
POLICY = "The job attribute Periodic"
TOO_MUCH_MEMORY = "it takes more memory than the most that it may ask for (see request_memory)"
MORE_MEMORY = "it goes on, and asks for more memory"


@dataclass
class NodeState:
    """One job of the DAG, as the events tell of it."""

    job: int
    cluster: int
    state: JobState = JobState.IDLE
    #: How often it has begun to run.
    starts: int = 0
    running: bool = False
    #: Why it is held: code, subcode, and HTCondor's words.
    hold: tuple[int, int, str] = (0, 0, "")
    memory_holds: int = 0
    #: MB that it has now, and the most that were not enough.
    given_mb: int = 0
    too_little_mb: int = 0
    machine: str = ""
    #: Why it last ended otherwise than well.
    failure_reason: str = ""
    since: float = 0.0

    @property
    def queue(self) -> str:
        """The execution that runs, or that waits to."""
        return execution_id(str(self.cluster), self.starts - 1 if self.running else self.starts)


@dataclass(frozen=True)
class Ended:
    """An execution that is over, whose journal is to be looked at."""

    job: int
    queue: str
    t: float
    reason: str
    #: How often the job had begun by then, and in which cluster.
    starts: int
    cluster: int


@dataclass
class Queue:
    """The jobs of a DAG; told of events, it says what each means."""

    nodes: dict[int, NodeState] = field(default_factory=dict)
    _by_cluster: dict[int, NodeState] = field(default_factory=dict)
    #: Whether the FINAL node has begun: all others have ended.
    is_closing: bool = False

    def take(self, event: Event) -> tuple[NodeState, Ended | None] | None:
        """The job that an event is about, and the execution that it ends; None for nodes that are no jobs."""
        if event.number == Kind.SUBMITTED:
            return self._submitted(event)
        node = self._by_cluster.get(event.cluster)
        return None if node is None else (node, self._changed(node, event))

    def counts(self) -> Counter[JobState]:
        return Counter(node.state for node in self.nodes.values())

    def _submitted(self, event: Event) -> tuple[NodeState, None] | None:
        self.is_closing = self.is_closing or event.node == FINAL
        if not event.node.startswith("j") or not event.node[1:].isdecimal():
            return None
        number = int(event.node[1:])
        # After a queue was lost, DAGMan may submit a job once more.
        node = self.nodes[number] = self._by_cluster[event.cluster] = NodeState(number, event.cluster, since=event.t)
        return node, None

    def _changed(self, node: NodeState, event: Event) -> Ended | None:
        number = event.number
        node.since = event.t
        if number == Kind.EXECUTING:
            node.starts += 1
            node.running, node.state, node.machine = True, JobState.RUNNING, event.slot.partition("@")[2]
            node.given_mb = event.memory_mb
        elif number == Kind.RELEASED:
            node.state = JobState.IDLE
        elif number in (Kind.EVICTED, Kind.SHADOW_EXCEPTION, Kind.RECONNECT_FAILED):
            return self._stopped(node, event, JobState.IDLE, _why(event))
        elif number == Kind.HELD:
            code, subcode = event.hold
            node.hold = (code, subcode, event.reason)
            if is_for_memory(code, subcode):
                node.memory_holds += 1
                node.too_little_mb = max(node.too_little_mb, node.given_mb)
            return self._stopped(node, event, JobState.HELD, explain(code, subcode, event.reason).reason)
        elif number == Kind.ABORTED:
            is_policy = event.reason.startswith(POLICY) and is_for_memory(*node.hold[:2])
            reason = TOO_MUCH_MEMORY if is_policy else f"somebody took it out of the queue ({event.reason})"
            return self._stopped(node, event, JobState.REMOVED, reason)
        elif number == Kind.TERMINATED:
            status = event.status
            ended = self._stopped(node, event, JobState.DONE if status == 0 else JobState.FAILED, _words(status))
            # A worker that ended with one of these has written its journal to the end.
            return None if status in (0, 1) else ended
        elif number == Kind.POST_ENDED and node.state == JobState.DONE and event.status:
            node.state, node.failure_reason = JobState.FAILED, "what it made did not come home whole"
        return None

    def _stopped(self, node: NodeState, event: Event, state: JobState, reason: str) -> Ended | None:
        queue = node.queue
        was_running, node.running, node.state = node.running, False, state
        node.failure_reason = reason or node.failure_reason
        if not was_running and state != JobState.REMOVED:
            return None
        return Ended(node.job, queue, event.t, reason, node.starts, node.cluster)


def _why(event: Event) -> str:
    """Why an execution ended that goes on has_other_machines."""
    if event.number == Kind.SHADOW_EXCEPTION:
        return f"the pool lost it ({event.reason})"
    if event.number == Kind.RECONNECT_FAILED:
        return "its machine was lost"
    details = next((line.strip() for line in event.lines if "failure" in line or "Details:" in line), "")
    if details:
        what = "an input" if "input" in details.partition("Details:")[0] else "what it made"
        return f"{what} could not be sent ({plain(details)})"
    status = event.status
    return "it was evicted" if status is None else _words(status)


def _released(event: Event, node: NodeState) -> str:
    """Who lets a held job go on."""
    if event.reason.startswith(POLICY):
        return MORE_MEMORY if is_for_memory(*node.hold[:2]) else "it is tried again by itself"
    return f"released ({event.reason.removeprefix('via condor_release ')})" if event.reason else "released"


def _words(status: int | None) -> str:
    """What the worker's exit status says."""
    if status in (0, 1):
        return ""
    if status == INFRASTRUCTURE:
        return "its surroundings failed"
    if status == OUT_OF_MEMORY:
        return "memory ran out"
    if status is not None and status > 128:
        return f"its worker was killed (signal {status - 128})"
    if status in (126, 127):
        return f"its Python could not be started (status {status}): see python in the site's section"
    return f"its worker ended with status {status}"


def read_queue(logs: Iterable[Path]) -> Queue:
    """The jobs of a DAG, and of those below it, as their event logs have them now."""
    queue = Queue()
    for log in logs:
        for event in EventLog(log).news():
            queue.take(event)
    return queue


class Observer:
    """Reads what is new, and writes what it means into a journal of its own."""

    def __init__(self, directory: SubmissionDirectory, plan: PlannedRun) -> None:
        self._submission = directory
        self._run: RunDirectory = directory.run
        self._plan = plan
        self._logs: dict[Path, EventLog] = {}
        self._settings = json.loads((directory.path / "settings.json").read_text(encoding="utf-8"))
        self.queue = Queue()
        self._told = set(self._told_before())
        self._journals: dict[str, Journal] = {}
        self._ended: list[Ended] = []
        #: Executions that were stopped, by job and number; the job is to run again for all that is known yet.
        self._stopped: dict[tuple[int, int], tuple[Event, NodeState, Ended]] = {}
        self._blocks = _BlockCounts()

    def look(self) -> None:
        """Take in the events that are new."""
        for dag, path in zip(self._submission.dags, self._submission.logs, strict=True):
            if path not in self._logs and dag.exists():
                self._logs[path] = EventLog(path)
                self._plan = self._run.read_plan()  # a late block may have been planned since
                self._blocks.learn(dag, self._plan, is_late=dag != self._submission.dag)
        for log in self._logs.values():
            for event in log.news():
                found = self.queue.take(event)
                if found is not None:
                    self._note(event, *found)
        for event, node, ended in self._stopped.values():
            self._say(event, node, ended.reason or "it ended", queue=ended.queue)
        self._stopped.clear()
        self._ended = [ended for ended in self._ended if not self._settle(ended)]

    @property
    def blocks_left(self) -> list[int]:
        """Blocks that began and did not end."""
        return self._blocks.left

    def close(self) -> None:
        """All jobs have ended: what has not said so is lost."""
        for ended in self._ended:
            self._settle(ended, is_last=True)
        self._ended = []
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()

    def _note(self, event: Event, node: NodeState, ended: Ended | None) -> None:
        if event.number == Kind.SUBMITTED:
            block = self._plan.jobs[node.job].block
            if self._blocks.begins(block):
                self._tell("block.start", event.t, block=block)
            self._tell("job.queue", event.t, job=node.job, queue=node.queue, block=block)
        elif event.number == Kind.TOLD:
            self._tell_live(event, node)
        elif event.number == Kind.HELD:
            self._say(event, node, f"held: {explain(*node.hold).reason}")
        elif event.number == Kind.RELEASED:
            self._say(event, node, _released(event, node))
        elif event.number in (Kind.RECONNECTED, Kind.DISCONNECTED):
            self._say(event, node, event.reason)
        elif event.number == Kind.EXECUTING and node.starts > 1:
            # Told of the execution before it: after the loss of a whole pool, a worker may count itself as another.
            self._say(event, node, "it runs again", queue=execution_id(str(node.cluster), node.starts - 2))
        if ended is not None:
            self._ended.append(ended)
            if node.state == JobState.IDLE:
                self._stopped[node.job, node.starts] = (event, node, ended)
        if event.number in (Kind.HELD, Kind.ABORTED):
            self._stopped.pop((node.job, node.starts), None)  # that it was stopped for this needs no saying
        if event.number in (Kind.TERMINATED, Kind.POST_ENDED) and self._is_done(event, node):
            block = self._plan.jobs[node.job].block
            if self._blocks.ends(block, node.job):
                self._tell("block.end", event.t, block=block, status=0)

    def _is_done(self, event: Event, node: NodeState) -> bool:
        last = Kind.TERMINATED if self._settings["shared"] else Kind.POST_ENDED
        return node.state == JobState.DONE and event.number == last

    def _settle(self, ended: Ended, is_last: bool = False) -> bool:
        """Close an execution that ended without a word; whether nothing more is to be waited for."""
        name = journal_name(self._submission.start, ended.job, ended.queue) + ".jsonl"
        path, written_in = self._run.journal / name, None
        if not path.exists():
            home = self._run.path / "home" / f"j{ended.job}"
            path, written_in = home / "journal" / name, str(home / "archive")
        facts = list(read_facts(str(path))) if path.exists() else []
        if any(fact["e"] == "job.end" for fact in facts):
            return True
        if not facts and not self._settings["shared"] and not is_last:
            return False  # it may still be on its way home
        left = fold(facts).open_calls
        if not is_last and self._settings["shared"] and self._awaits_logs(left, ended):
            return False
        same = {"job": ended.job, "queue": ended.queue}
        if self._tell("job.lost", ended.t, **same, reason=ended.reason or "it ended without a word"):
            self._close(left, ended, written_in)
        return True

    def _has_begun_again(self, ended: Ended) -> bool:
        node = self.queue.nodes[ended.job]
        return (node.cluster, node.starts) != (ended.cluster, ended.starts)

    def _awaits_logs(self, left: list[OpenCall], ended: Ended) -> bool:
        """Whether the job's next execution is about to put the logs of the lost one aside."""
        if not self._has_begun_again(ended) or time.time() - ended.t > PATIENCE:
            return False
        root = Path(self._plan.archive_root)
        return not all((root / lost_log_path(call.log, call.execution_id)).exists() for call in left)

    def _close(self, left: list[OpenCall], ended: Ended, written_in: str | None) -> None:
        """Put the end of calls on record that a lost execution left open; their logs, unless others write there now."""
        in_use = {call.log for call in left} if self._has_begun_again(ended) else set()
        archive, root = self._plan.archive, self._plan.archive_root
        close_calls(left, self._writer(), archive, root, ended.reason, written_in=written_in, in_use=in_use)

    def _tell_live(self, event: Event, node: NodeState) -> None:
        """What a job says aloud, unless its own journal has come already."""
        if event.text.startswith(ERROR_MARK):
            node.failure_reason = f"its worker could not work: {event.text.removeprefix(ERROR_MARK)}"
            self._say(event, node, node.failure_reason)
        text = event.text.removeprefix(FACT_MARK)
        if text == event.text:
            return
        try:
            fact = json.loads(text)
        except ValueError:
            return
        name = journal_name(self._submission.start, node.job, str(fact.get("queue"))) + ".jsonl"
        if isinstance(fact, dict) and fact.get("job") == node.job and not (self._run.journal / name).exists():
            what, t = fact.pop("e"), fact.pop("t")
            self._tell(what, t, "live", **fact)

    def _say(self, event: Event, node: NodeState, text: str, queue: str = "") -> None:
        self._tell("message", event.t, job=node.job, queue=queue or node.queue, level=COURSE, text=text)

    def _tell(self, what: str, t: float, journal: str = "engine", /, **fact: Any) -> bool:
        """Write a fact that no earlier observer has written; whether it was new."""
        key = _key({"e": what, "t": t, **fact})
        if key in self._told:
            return False
        self._told.add(key)
        self._writer(journal).write(what, t=t, **fact)
        return True

    def _writer(self, kind: str = "engine") -> Journal:
        """What jobs said aloud is kept apart from what decides how the run goes on."""
        if kind not in self._journals:
            run, attempt = self._plan.run, self._plan.attempt
            name = f"{kind}-{self._submission.start}-{os.getpid()}-{os.urandom(3).hex()}"
            self._journals[kind] = Journal(
                str(self._run.journal), name, run=run, attempt=attempt, start=self._submission.start
            )
        return self._journals[kind]

    def _told_before(self) -> Iterator[str]:
        start = self._submission.start
        for path in (
            *self._run.journal.glob(f"engine-{start}-*.jsonl"),
            *self._run.journal.glob(f"live-{start}-*.jsonl"),
        ):
            yield from map(_key, read_facts(str(path)))


def _key(fact: Mapping[str, Any]) -> str:
    return json.dumps(fact, sort_keys=True)


class _BlockCounts:
    """Which blocks have begun and ended in this submission; jobs that were done before it are not in its DAG."""

    def __init__(self) -> None:
        self._open: dict[int, set[int]] = {}
        self._begun: set[int] = set()

    def learn(self, dag: Path, plan: PlannedRun, is_late: bool) -> None:
        """Count the jobs of a DAG; that a late block has begun is put on record where it is planned."""
        text = dag.read_text(encoding="utf-8")
        for number in {int(line.split()[1][1:]) for line in text.splitlines() if line.startswith("JOB j")}:
            block = plan.jobs[number].block
            self._open.setdefault(block, set()).add(number)
            if is_late:
                self._begun.add(block)

    def begins(self, block: int) -> bool:
        is_new = block not in self._begun
        self._begun.add(block)
        return is_new

    def ends(self, block: int, job: int) -> bool:
        """One more of its jobs is done; whether that was the last."""
        left = self._open.get(block, set())
        left.discard(job)
        return not left

    @property
    def left(self) -> list[int]:
        """Blocks that began and did not end."""
        return sorted(block for block in self._begun if self._open.get(block))


@contextmanager
def observing(run: RunDirectory) -> Iterator[None]:
    """One observer at a time; waits for the other one to end."""
    held = os.open(run.path / "observer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
