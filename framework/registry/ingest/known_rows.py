"""Known rows: the ids of a run's executions in the registry, by the numbers that journals give them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, select

from framework.errors import RegistryError
from framework.registry.schema import tables as schema
from framework.worker.journal.statuses import LOST

#: Names of journals of engines and workers begin with the number of the start; notes of operators have none.
_NUMBERED = re.compile(r"(?:engine|worker)-(\d+)")


class EndState(IntEnum):
    """How the end of an execution is known."""

    OPEN = 0
    #: Ended because its job was lost; its own end, if a journal has it later, counts more.
    LOST = 1
    ENDED = 2


@dataclass(slots=True)
class KnownExec:
    """One execution of a program."""

    task_id: int
    end_state: EndState = EndState.OPEN


@dataclass(slots=True)
class KnownCall:
    """A try at a call, with its execs by number."""

    task_id: int
    end_state: EndState = EndState.OPEN
    execs: dict[int, KnownExec] = field(default_factory=dict)
    #: The call's end has the path of the log, which counts more than the path at its start.
    log_moved: bool = False


@dataclass(slots=True)
class KnownJob:
    """One execution of a job, with its calls by number and try."""

    task_id: int
    block_task_id: int | None
    end_state: EndState = EndState.OPEN
    lost_time: float | None = None
    calls: dict[tuple[int, int], KnownCall] = field(default_factory=dict)


@dataclass(slots=True)
class TimeSpan:
    """First and latest start, and latest end, of a run or block.

    Starts of the run are numbered, and the number decides which is the latest: a clock may go back between two starts,
    and two hosts may have different clocks. The order in which journals are read does not matter.
    """

    task_id: int
    start: float | None = None
    latest_start: float | None = None
    end: float | None = None
    status: int | None = None
    #: Numbers of the first and the latest start, and of the start that the end belongs to.
    first_number: float = math.inf
    start_number: float = -math.inf
    end_number: float = -math.inf

    def start_at(self, t: float, number: int) -> None:
        """Note a start of the run, or of a block in it."""
        if number < self.first_number:
            self.start, self.first_number = t, number
        if number > self.start_number:
            self.latest_start, self.start_number = t, number
        elif number == self.start_number and (self.latest_start is None or t > self.latest_start):
            self.latest_start = t
            if self.end_number == number and self.end is not None and t > self.end:
                self.end_number = number - 0.5  # begun once more without a new number

    def end_at(self, t: float, status: int, number: int) -> None:
        """Note an end of the run, or of a block in it."""
        if number > self.end_number or (number == self.end_number and (self.end is None or t >= self.end)):
            self.end, self.status, self.end_number = t, status, number

    @property
    def is_over(self) -> bool:
        return self.end is not None and self.end_number >= self.start_number


def _recorded_span(row: Sequence[Any], newest_start: int) -> TimeSpan:
    """Return a span as the registry has it: id, first start, latest start, end, status.

    An end is on record only while it is that of the latest start. Facts that were not read yet are of that start, or of
    a later one.
    """
    span = TimeSpan(*row)
    number = newest_start - 0.5
    if span.start is not None:
        span.first_number = -math.inf
    if span.latest_start is not None:
        span.start_number = number
    if span.end is not None:
        span.end_number = number
    return span


@dataclass(slots=True)
class KnownRows:
    """Rows of one run, as the registry has them."""

    attempt_id: int
    run: str
    attempt: TimeSpan
    blocks: dict[int, TimeSpan]
    jobs: dict[tuple[int, str], KnownJob]
    #: (task, path, child path or empty) of files that no journal has named yet.
    pending: set[tuple[int, str, str]]
    positions: dict[str, int]
    #: Number of the latest start that a journal was read of, when the rows were read; -1 for none.
    newest_start: int = -1


def read_known_rows(connection: Connection, attempt_id: int) -> KnownRows:
    """Read the rows of a run; RegistryError if the registry has no such attempt."""
    attempt, task = schema.pfw_attempt.c, schema.task.c
    query = select(attempt.run, attempt.task_id, attempt.restart_time, task.start_time, task.end_time, task.status)
    row = connection.execute(query.where(attempt.id == attempt_id, task.id == attempt.task_id)).first()
    if row is None:
        raise RegistryError(f"the registry has no attempt with id {attempt_id}: is it the one that the run began with?")
    positions = _positions(connection, attempt_id)
    newest_start = max(map(_start_number, positions), default=-1)
    return KnownRows(
        attempt_id=attempt_id,
        run=row.run,
        attempt=_recorded_span((row.task_id, row.start_time, row.restart_time, row.end_time, row.status), newest_start),
        blocks=_blocks(connection, attempt_id, newest_start),
        jobs=_jobs(connection, attempt_id),
        pending=_pending(connection, attempt_id),
        positions=positions,
        newest_start=newest_start,
    )


def _start_number(journal: str) -> int:
    """Return the number of the start that a journal belongs to, by its name; 0 where it has none."""
    match = _NUMBERED.match(journal)
    return int(match[1]) if match else 0


def _blocks(connection: Connection, attempt_id: int, newest_start: int) -> dict[int, TimeSpan]:
    block, task = schema.pfw_block.c, schema.task.c
    query = select(block.blknum, task.id, task.start_time, block.restart_time, task.end_time, task.status)
    rows = connection.execute(query.where(block.pfw_attempt_id == attempt_id, task.id == block.task_id))
    return {row[0]: _recorded_span(row[1:], newest_start) for row in rows}


def _jobs(connection: Connection, attempt_id: int) -> dict[tuple[int, str], KnownJob]:
    job, task = schema.pfw_job.c, schema.task.c
    query = select(job.jobnum, job.queue, job.task_id, job.pfw_block_task_id, job.lost_time, task.end_time, task.status)
    by_id: dict[int, KnownJob] = {}
    jobs: dict[tuple[int, str], KnownJob] = {}
    for row in connection.execute(query.where(job.pfw_attempt_id == attempt_id, task.id == job.task_id)):
        end_state = _end_state(row.end_time, row.status, row.lost_time)
        jobs[row.jobnum, row.queue] = by_id[row.task_id] = KnownJob(
            row.task_id, row.pfw_block_task_id, end_state, row.lost_time
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
        end_state = _end_state(row.end_time, row.status, job.lost_time)
        known = KnownCall(row.task_id, end_state, log_moved=end_state is EndState.ENDED and row.status == LOST)
        job.calls[row.wrapnum, row.trynum] = known
        calls[row.task_id] = job, known
    return calls


def _add_execs(connection: Connection, attempt_id: int, calls: dict[int, tuple[KnownJob, KnownCall]]) -> None:
    one, task = schema.pfw_exec.c, schema.task.c
    query = select(one.task_id, one.pfw_wrapper_task_id, one.execnum, task.end_time, task.status)
    for row in connection.execute(query.where(one.pfw_attempt_id == attempt_id, task.id == one.task_id)):
        job, call = calls[row.pfw_wrapper_task_id]
        call.execs[row.execnum] = KnownExec(row.task_id, _end_state(row.end_time, row.status, job.lost_time))


def _end_state(end_time: float | None, status: int | None, lost_time: float | None) -> EndState:
    if end_time is None:
        return EndState.OPEN
    # A database may round a time to the microsecond.
    lost = lost_time is not None and status == LOST and abs(end_time - lost_time) < 2e-6
    return EndState.LOST if lost else EndState.ENDED


def _pending(connection: Connection, attempt_id: int) -> set[tuple[int, str, str]]:
    row = schema.ingest_pending.c
    query = select(row.task_id, row.path, row.child_path).where(row.pfw_attempt_id == attempt_id)
    return {(task_id, path, child) for task_id, path, child in connection.execute(query)}


def _positions(connection: Connection, attempt_id: int) -> dict[str, int]:
    row = schema.journal_position.c
    query = select(row.journal, row.position).where(row.pfw_attempt_id == attempt_id)
    return {journal: position for journal, position in connection.execute(query)}
