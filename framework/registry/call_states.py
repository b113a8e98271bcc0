"""How many jobs and calls are in which state; one that was done again counts once, by its best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, Connection, Table, case, func, select

from framework.registry.schema import pfw_job, pfw_wrapper, task


def job_states(connection: Connection, attempt_ids: Sequence[int]) -> Counter[tuple[int, str]]:
    """How many jobs of each attempt are ``done``, ``running``, ``waiting`` (in the queue) or ``failed``."""
    return _counted(connection, attempt_ids, pfw_job, pfw_job.c.jobnum)


def call_states(connection: Connection, attempt_ids: Sequence[int]) -> Counter[tuple[int, str]]:
    """How many calls of each attempt are in each state."""
    return _counted(connection, attempt_ids, pfw_wrapper, pfw_wrapper.c.wrapnum)


def module_states(connection: Connection, attempt_id: int) -> Counter[tuple[str, str]]:
    """How many calls of each module are in each state."""
    one = (
        select(pfw_wrapper.c.modname, _state().label("state"))
        .join(pfw_wrapper, pfw_wrapper.c.task_id == task.c.id)
        .where(pfw_wrapper.c.pfw_attempt_id == attempt_id)
        .group_by(pfw_wrapper.c.wrapnum, pfw_wrapper.c.modname)
        .subquery()
    )
    query = select(one.c.modname, one.c.state, func.count()).group_by(one.c.modname, one.c.state)
    return Counter({(module, state): count for module, state, count in connection.execute(query)})


def _counted(
    connection: Connection, attempt_ids: Sequence[int], table: Table, number: Column[int]
) -> Counter[tuple[int, str]]:
    attempt = table.c.pfw_attempt_id
    one = (
        select(attempt, _state().label("state"))
        .join(table, table.c.task_id == task.c.id)
        .where(attempt.in_(attempt_ids))
        .group_by(attempt, number)
        .subquery()
    )
    query = select(one.c.pfw_attempt_id, one.c.state, func.count()).group_by(one.c.pfw_attempt_id, one.c.state)
    return Counter({(attempt_id, state): count for attempt_id, state, count in connection.execute(query)})


def _state() -> ColumnElement[str]:
    """The state of what was done once or more, over all the tasks that did it."""
    return case(
        (_any(task.c.status == 0), "done"),
        (_any(task.c.end_time.is_(None) & task.c.start_time.is_not(None)), "running"),
        (_any(task.c.end_time.is_(None)), "waiting"),
        else_="failed",
    )


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.max(case((condition, 1), else_=0)) == 1
