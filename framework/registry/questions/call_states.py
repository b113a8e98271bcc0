"""Numbers of jobs and calls by state; a repeated one counts once, by its best execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, and_, case, func, select, type_coerce

from framework.registry.schema.column_types import Elapsed
from framework.registry.schema.tables import pfw_attempt, pfw_exec, pfw_job, pfw_wrapper, task

#: States by the numbers that queries give them, the best last.
STATES = ("failed", "waiting", "running", "done")

#: State of a task, as an index into ``STATES``.
_STATE = case(
    (task.c.status == 0, 3),
    (task.c.end_time.is_not(None), 0),
    (task.c.start_time.is_not(None), 2),
    else_=1,
)

#: Duration of a successful try; null where a clock was set back meanwhile.
_GOOD_TIME = case(
    (
        (task.c.status == 0) & (task.c.end_time >= task.c.start_time),
        type_coerce(task.c.end_time - task.c.start_time, Elapsed),
    )
)


def job_states(connection: Connection, attempt_ids: Sequence[int]) -> Counter[tuple[int, str]]:
    """Count the jobs of each attempt that are ``done``, ``running``, ``waiting`` (in the queue) or ``failed``."""
    attempt = pfw_job.c.pfw_attempt_id
    one = (
        select(attempt, func.max(_STATE).label("state"))
        .join(task, task.c.id == pfw_job.c.task_id)
        .where(attempt.in_(attempt_ids), _tasks_of(connection, attempt_ids, pfw_job))
        .group_by(attempt, pfw_job.c.jobnum)
        .subquery()
    )
    query = select(one.c.pfw_attempt_id, one.c.state, func.count()).group_by(one.c.pfw_attempt_id, one.c.state)
    return Counter({(attempt_id, STATES[state]): count for attempt_id, state, count in connection.execute(query)})


def calls_done(connection: Connection, attempt_ids: Sequence[int]) -> Counter[int]:
    """Count the calls of each attempt that are done."""
    attempt = pfw_wrapper.c.pfw_attempt_id
    query = (
        select(attempt, func.count(pfw_wrapper.c.wrapnum.distinct()))
        .join(task, task.c.id == pfw_wrapper.c.task_id)
        .where(attempt.in_(attempt_ids), _tasks_of(connection, attempt_ids, pfw_wrapper), task.c.status == 0)
        .group_by(attempt)
    )
    return Counter({attempt_id: count for attempt_id, count in connection.execute(query)})


@dataclass(frozen=True)
class ModuleState:
    """Number of calls of a module in one state, and the seconds that successful tries took."""

    calls: int = 0
    #: Calls with a known duration.
    timed: int = 0
    seconds: float = 0.0
    longest: float | None = None

    @property
    def mean(self) -> float | None:
        return self.seconds / self.timed if self.timed else None

    def __add__(self, other: ModuleState) -> ModuleState:
        longest = max((time for time in (self.longest, other.longest) if time is not None), default=None)
        sums = (self.calls + other.calls, self.timed + other.timed, self.seconds + other.seconds)
        return ModuleState(*sums, longest)


#: Task of a block, name of a module in it, and a state.
_Key = tuple[int, str, str]


def module_states(connection: Connection, attempt_id: int) -> dict[_Key, ModuleState]:
    """Return the number of calls of each module in each state."""
    call = pfw_wrapper.c
    again = select(call.wrapnum).where(call.pfw_attempt_id == attempt_id)
    again = again.group_by(call.wrapnum).having(func.count() > 1)
    # Nearly all calls are tried once: they need not be grouped by call before they are counted.
    tries = pfw_wrapper.join(task, task.c.id == call.task_id)
    here = and_(call.pfw_attempt_id == attempt_id, _tasks_of(connection, [attempt_id], pfw_wrapper))
    parts = [_count_tries(tries).where(here)]
    if connection.execute(again.limit(1)).first():
        parts = [
            parts[0].where(call.wrapnum.not_in(again)),
            _count_calls(tries, and_(here, call.wrapnum.in_(again))),
        ]
    found: dict[_Key, ModuleState] = {}
    for part in parts:
        for block, module, state, count, timed, total, longest in connection.execute(part):
            key = (block, module, STATES[state])
            new = ModuleState(count, timed, _seconds(total) or 0.0, _seconds(longest))
            found[key] = found.get(key, ModuleState()) + new
    return found


def peaks(connection: Connection, attempt_id: int) -> dict[tuple[int, str], int | None]:
    """Return the peak memory of the programs of each module, in kB, by the task of the block and the module."""
    module = (pfw_wrapper.c.pfw_block_task_id, pfw_wrapper.c.modname)
    query = (
        select(*module, func.max(pfw_exec.c.maxrss))
        .join(pfw_wrapper, pfw_wrapper.c.task_id == pfw_exec.c.pfw_wrapper_task_id)
        # Of both, though each tells it of the other: else PostgreSQL goes through the calls of all runs.
        .where(pfw_exec.c.pfw_attempt_id == attempt_id, pfw_wrapper.c.pfw_attempt_id == attempt_id)
        .group_by(*module)
    )
    return {(block, name): peak for block, name, peak in connection.execute(query)}


def _count_tries(tries: FromClause) -> Select[Any]:
    """Return a query that counts every try."""
    kinds = (pfw_wrapper.c.pfw_block_task_id, pfw_wrapper.c.modname, _STATE)
    return select(*kinds, *_figures(_GOOD_TIME)).select_from(tries).group_by(*kinds)


def _count_calls(tries: FromClause, here: ColumnElement[bool]) -> Select[Any]:
    """Return a query that counts each call once; all tries at it are of one module in one block."""
    columns = (
        func.max(pfw_wrapper.c.pfw_block_task_id).label("block"),
        func.max(pfw_wrapper.c.modname).label("module"),
        func.max(_STATE).label("state"),
        func.max(_GOOD_TIME).label("seconds"),
    )
    one = select(*columns).select_from(tries).where(here).group_by(pfw_wrapper.c.wrapnum).subquery()
    kinds = (one.c.block, one.c.module, one.c.state)
    return select(*kinds, *_figures(one.c.seconds)).group_by(*kinds)


def _figures(seconds: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    return func.count(), func.count(seconds), func.sum(seconds), func.max(seconds)


def _seconds(told: timedelta | float | None) -> float | None:
    return told.total_seconds() if isinstance(told, timedelta) else told


def _tasks_of(connection: Connection, attempt_ids: Sequence[int], table: Table) -> ColumnElement[bool]:
    """Return a condition on the tasks of these attempts; redundant, but without it PostgreSQL scans all tasks."""
    attempt = pfw_attempt.c
    roots = connection.execute(select(attempt.task_id).where(attempt.id.in_(attempt_ids))).scalars()
    return and_(task.c.root_task_id.in_(list(roots)), task.c.info_table == table.name)
