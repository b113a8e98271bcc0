"""How many jobs and calls are in which state; one that was done again counts once, by its best."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, case, func, select

from framework.registry.schema import pfw_job, pfw_wrapper, task


def job_states(connection: Connection, attempt_id: int) -> dict[str, int]:
    """How many jobs are ``done``, ``running``, ``waiting`` (in the queue) or ``failed``."""
    one = (
        select(_state().label("state"))
        .join(pfw_job, pfw_job.c.task_id == task.c.id)
        .where(pfw_job.c.pfw_attempt_id == attempt_id)
        .group_by(pfw_job.c.jobnum)
        .subquery()
    )
    counts = connection.execute(select(one.c.state, func.count()).group_by(one.c.state))
    return {state: count for state, count in counts}


def calls_by_state(connection: Connection, attempt_id: int) -> dict[tuple[str, str], int]:
    """How many calls of each module are ``done``, ``running`` or ``failed``."""
    one = (
        select(pfw_wrapper.c.modname, _state().label("state"))
        .join(pfw_wrapper, pfw_wrapper.c.task_id == task.c.id)
        .where(pfw_wrapper.c.pfw_attempt_id == attempt_id)
        .group_by(pfw_wrapper.c.wrapnum, pfw_wrapper.c.modname)
        .subquery()
    )
    query = select(one.c.modname, one.c.state, func.count()).group_by(one.c.modname, one.c.state)
    return {(module, state): count for module, state, count in connection.execute(query)}


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
