"""What the registry knows of a run: the ids of its executions, by the names that journals call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from sqlalchemy import Connection, select

from framework.errors import RegistryError
from framework.registry.schema import tables as schema

#: The status of what ended without a word.
LOST_STATUS = -9


class Told(IntEnum):
    """How an execution's end is known."""

    OPEN = 0
    #: Closed because its job was lost; its own word, should it come, counts more.
    LOST = 1
    ENDED = 2


@dataclass(slots=True)
class KnownExec:
    """A run of a program."""

    task_id: int
    told: Told = Told.OPEN


@dataclass(slots=True)
class KnownCall:
    """A try at a call, with its execs by number."""

    task_id: int
    told: Told = Told.OPEN
    execs: dict[int, KnownExec] = field(default_factory=dict)
    #: Its end has told where the log is, which counts more than where it was to be.
    log_moved: bool = False


@dataclass(slots=True)
class KnownJob:
    """One execution of a job, with its calls by number and try."""

    task_id: int
    block_task_id: int | None
    told: Told = Told.OPEN
    lost_time: float | None = None
    calls: dict[tuple[int, int], KnownCall] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """When something began first and last, and ended last; in whatever order that is told."""

    task_id: int
    start: float | None = None
    latest_start: float | None = None
    end: float | None = None
    status: int | None = None

    def begin(self, t: float) -> None:
        self.start = t if self.start is None else min(self.start, t)
        self.latest_start = t if self.latest_start is None else max(self.latest_start, t)

    def finish(self, t: float, status: int) -> None:
        if self.end is None or t >= self.end:
            self.end, self.status = t, status

    @property
    def is_over(self) -> bool:
        return self.end is not None and (self.latest_start is None or self.end >= self.latest_start)


@dataclass(slots=True)
class Known:
    """A run, as the registry knows it."""

    attempt_id: int
    run: str
    attempt: Span
    blocks: dict[int, Span]
    jobs: dict[tuple[int, str], KnownJob]
    #: (task, path, child path or empty) of files that no journal has told of yet.
    pending: set[tuple[int, str, str]]
    positions: dict[str, int]


def load(connection: Connection, attempt_id: int) -> Known:
    """Read what is known of a run."""
    attempt, task = schema.pfw_attempt.c, schema.task.c
    query = select(attempt.run, attempt.task_id, attempt.restart_time, task.start_time, task.end_time, task.status)
    row = connection.execute(query.where(attempt.id == attempt_id, task.id == attempt.task_id)).first()
    if row is None:
        raise RegistryError(f"the registry has no attempt with id {attempt_id}: is it the one that the run began with?")
    return Known(
        attempt_id=attempt_id,
        run=row.run,
        attempt=Span(row.task_id, row.start_time, row.restart_time, row.end_time, row.status),
        blocks=_blocks(connection, attempt_id),
        jobs=_jobs(connection, attempt_id),
        pending=_pending(connection, attempt_id),
        positions=_positions(connection, attempt_id),
    )


def _blocks(connection: Connection, attempt_id: int) -> dict[int, Span]:
    block, task = schema.pfw_block.c, schema.task.c
    query = select(block.blknum, task.id, task.start_time, block.restart_time, task.end_time, task.status)
    rows = connection.execute(query.where(block.pfw_attempt_id == attempt_id, task.id == block.task_id))
    return {row[0]: Span(*row[1:]) for row in rows}


def _jobs(connection: Connection, attempt_id: int) -> dict[tuple[int, str], KnownJob]:
    job, task = schema.pfw_job.c, schema.task.c
    query = select(job.jobnum, job.queue, job.task_id, job.pfw_block_task_id, job.lost_time, task.end_time, task.status)
    by_id: dict[int, KnownJob] = {}
    jobs: dict[tuple[int, str], KnownJob] = {}
    for row in connection.execute(query.where(job.pfw_attempt_id == attempt_id, task.id == job.task_id)):
        told = _told(row.end_time, row.status, row.lost_time)
        jobs[row.jobnum, row.queue] = by_id[row.task_id] = KnownJob(
            row.task_id, row.pfw_block_task_id, told, row.lost_time
        )
    _add_execs(connection, attempt_id, _add_calls(connection, attempt_id, by_id))
    return jobs


def _add_calls(
    connection: Connection, attempt_id: int, jobs: dict[int, KnownJob]
) -> dict[int, tuple[KnownJob, KnownCall]]:
    call, task = schema.pfw_wrapper.c, schema.task.c
    query = select(call.task_id, call.pfw_job_task_id, call.wrapnum, call.trynum, task.end_time, task.status)
    calls: dict[int, tuple[KnownJob, KnownCall]] = {}
    for row in connection.execute(query.where(call.pfw_attempt_id == attempt_id, task.id == call.task_id)):
        job = jobs[row.pfw_job_task_id]
        told = _told(row.end_time, row.status, job.lost_time)
        known = KnownCall(row.task_id, told, log_moved=told is Told.ENDED and row.status == LOST_STATUS)
        job.calls[row.wrapnum, row.trynum] = known
        calls[row.task_id] = job, known
    return calls


def _add_execs(connection: Connection, attempt_id: int, calls: dict[int, tuple[KnownJob, KnownCall]]) -> None:
    one, task = schema.pfw_exec.c, schema.task.c
    query = select(one.task_id, one.pfw_wrapper_task_id, one.execnum, task.end_time, task.status)
    for row in connection.execute(query.where(one.pfw_attempt_id == attempt_id, task.id == one.task_id)):
        job, call = calls[row.pfw_wrapper_task_id]
        call.execs[row.execnum] = KnownExec(row.task_id, _told(row.end_time, row.status, job.lost_time))


def _told(end_time: float | None, status: int | None, lost_time: float | None) -> Told:
    if end_time is None:
        return Told.OPEN
    # A database may round a time to the microsecond.
    lost = lost_time is not None and status == LOST_STATUS and abs(end_time - lost_time) < 2e-6
    return Told.LOST if lost else Told.ENDED


def _pending(connection: Connection, attempt_id: int) -> set[tuple[int, str, str]]:
    row = schema.ingest_pending.c
    query = select(row.task_id, row.path, row.child_path).where(row.pfw_attempt_id == attempt_id)
    return {(task_id, path, child) for task_id, path, child in connection.execute(query)}


def _positions(connection: Connection, attempt_id: int) -> dict[str, int]:
    row = schema.journal_position.c
    query = select(row.journal, row.position).where(row.pfw_attempt_id == attempt_id)
    return {journal: position for journal, position in connection.execute(query)}
