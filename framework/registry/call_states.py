"""How many jobs and calls are in which state; one that was done again counts once, by its best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from framework.registry.database import Registry
from framework.registry.schema import pfw_job, pfw_wrapper, task

#: How far something came, by the number that a query has for it.
STATES = ("failed", "waiting", "running", "done")


def job_states(connection: Connection, attempt_ids: Sequence[int]) -> Counter[tuple[int, str]]:
    """How many jobs of each attempt are ``done``, ``running``, ``waiting`` (in the queue) or ``failed``."""
    attempt = pfw_job.c.pfw_attempt_id
    one = (
        select(attempt, _furthest().label("state"))
        .join(pfw_job, pfw_job.c.task_id == task.c.id)
        .where(attempt.in_(attempt_ids))
        .group_by(attempt, pfw_job.c.jobnum)
        .subquery()
    )
    query = select(one.c.pfw_attempt_id, one.c.state, func.count()).group_by(one.c.pfw_attempt_id, one.c.state)
    return Counter({(attempt_id, STATES[state]): count for attempt_id, state, count in connection.execute(query)})


def calls_done(connection: Connection, attempt_ids: Sequence[int]) -> Counter[int]:
    """How many calls of each attempt are done."""
    attempt = pfw_wrapper.c.pfw_attempt_id
    query = (
        select(attempt, func.count(pfw_wrapper.c.wrapnum.distinct()))
        .join(task, task.c.id == pfw_wrapper.c.task_id)
        .where(attempt.in_(attempt_ids), task.c.status == 0)
        .group_by(attempt)
    )
    return Counter({attempt_id: count for attempt_id, count in connection.execute(query)})


@dataclass(frozen=True)
class ModuleState:
    """How many calls of a module are in one state, and how many seconds the good try at each took."""

    calls: int = 0
    mean: float | None = None
    longest: float | None = None


def module_states(db: Registry, connection: Connection, attempt_id: int) -> dict[tuple[int, str, str], ModuleState]:
    """The calls of each block's (by its task) modules in each state."""
    elapsed: ColumnElement[Any] = task.c.end_time - task.c.start_time
    if db.dialect == "postgresql":
        elapsed = func.extract("epoch", elapsed)
    # All tries at a call are of one module in one block, so its number alone groups them, in the order of the index.
    one = (
        select(
            func.max(pfw_wrapper.c.pfw_block_task_id).label("block"),
            func.max(pfw_wrapper.c.modname).label("module"),
            _furthest().label("state"),
            func.max(case((task.c.status == 0, elapsed))).label("seconds"),
        )
        .join(pfw_wrapper, pfw_wrapper.c.task_id == task.c.id)
        .where(pfw_wrapper.c.pfw_attempt_id == attempt_id)
        .group_by(pfw_wrapper.c.wrapnum)
        .subquery()
    )
    kinds = (one.c.block, one.c.module, one.c.state)
    figures = (func.count(), func.avg(one.c.seconds), func.max(one.c.seconds))
    return {
        (block, module, STATES[state]): ModuleState(count, *(None if time is None else float(time) for time in times))
        for block, module, state, count, *times in connection.execute(select(*kinds, *figures).group_by(*kinds))
    }


def _furthest() -> ColumnElement[int]:
    """Of what was done once or more, the furthest that any of its tasks came, as a place in ``STATES``."""
    return func.max(
        case(
            (task.c.status == 0, 3),
            (task.c.end_time.is_not(None), 0),
            (task.c.start_time.is_not(None), 2),
            else_=1,
        )
    )
