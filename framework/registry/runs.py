"""Runs: how they stand, by run, module and call."""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from framework.errors import FrameworkError
from framework.registry.call_states import calls_by_state, job_states
from framework.registry.database import Registry
from framework.registry.schema import (
    pfw_attempt,
    pfw_attempt_val,
    pfw_block,
    pfw_exec,
    pfw_module,
    pfw_wrapper,
    task,
)


class UnknownRun(FrameworkError):  # noqa: N818
    """No run, or more than one, is called so."""


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run and how far it is."""

    attempt_id: int
    run: str
    reqnum: int
    unitname: str
    attnum: int
    pipeline: str
    campaign: str | None
    operator: str
    #: ``new``, ``running``, ``done`` or ``failed``.
    state: str
    jobs_expected: int
    jobs_running: int
    jobs_done: int
    jobs_failed: int
    calls_expected: int
    calls_done: int
    submitted: float | None
    started: float | None
    ended: float | None
    #: Seconds, until now if it has not ended.
    elapsed: float | None


@dataclass(frozen=True, kw_only=True)
class ModuleRow:
    """A module of a run and how far it is."""

    block: str
    module: str
    number: int
    calls_expected: int
    calls_running: int
    calls_done: int
    calls_failed: int
    #: Seconds, of the calls that are done.
    mean_wall: float | None
    max_wall: float | None
    #: kB, of the largest program.
    peak_memory: int | None


def find_run(db: Registry, name: str) -> RunRow:
    """The run of this name, or the unit's newest one, or the only one whose name begins so."""
    attempt = pfw_attempt.c
    newest_first = select(attempt.id, attempt.run).order_by(attempt.id.desc())
    with db.read() as connection:
        for condition in (attempt.run == name, attempt.unitname == name):
            if row := connection.execute(newest_first.where(condition).limit(1)).first():
                return _run_rows(connection, attempt.id == row.id)[0]
        begins_so = and_(attempt.run >= name, attempt.run < name + "\U0010ffff")
        found = connection.execute(newest_first.where(begins_so).limit(6)).all() if name else []
        if len(found) == 1:
            return _run_rows(connection, attempt.id == found[0].id)[0]
        raise UnknownRun(_unknown(name, [row.run for row in found] or _near(connection, name), len(found)))


def runs(
    db: Registry, *, campaign: str | None = None, operator: str | None = None, newest: int | None = None
) -> list[RunRow]:
    """Runs, the newest last; of a campaign or an operator, or only so many of the newest."""
    attempt = pfw_attempt.c
    chosen = select(attempt.id).order_by(attempt.id.desc())
    if campaign is not None:
        chosen = chosen.where(attempt.campaign == campaign)
    if operator is not None:
        chosen = chosen.where(attempt.operator == operator)
    if newest is not None:
        chosen = chosen.limit(newest)
    with db.read() as connection:
        ids = list(connection.execute(chosen).scalars())
        rows = [_run_rows(connection, attempt.id.in_(ids[at : at + 500])) for at in range(0, len(ids), 500)]
    return sorted((row for part in rows for row in part), key=lambda row: row.attempt_id)


def modules(db: Registry, attempt_id: int) -> list[ModuleRow]:
    """The modules of a run, in their order."""
    with db.read() as connection:
        states = calls_by_state(connection, attempt_id)
        walls = {row.modname: row for row in connection.execute(_walls(db.dialect, attempt_id))}
        peaks = {row.modname: row.peak for row in connection.execute(_peaks(attempt_id))}
        planned = connection.execute(_planned(attempt_id)).all()
    rows = []
    for block, name, number, expected in planned:
        wall = walls.get(name)
        rows.append(
            ModuleRow(
                block=block,
                module=name,
                number=number,
                calls_expected=expected,
                calls_running=states.get((name, "running"), 0),
                calls_done=states.get((name, "done"), 0),
                calls_failed=states.get((name, "failed"), 0),
                mean_wall=None if wall is None else float(wall.mean),
                max_wall=None if wall is None else float(wall.longest),
                peak_memory=peaks.get(name),
            )
        )
    return rows


def attempt_values(db: Registry, attempt_id: int) -> dict[str, str]:
    """The values of the configuration that were kept with a run."""
    query = select(pfw_attempt_val.c.key, pfw_attempt_val.c.val).where(pfw_attempt_val.c.pfw_attempt_id == attempt_id)
    with db.read() as connection:
        return {key: value for key, value in connection.execute(query)}


def _near(connection: Connection, name: str) -> list[str]:
    newest = select(pfw_attempt.c.run).order_by(pfw_attempt.c.id.desc()).limit(2000)
    return difflib.get_close_matches(name, list(connection.execute(newest).scalars()), n=3)


def _unknown(name: str, near: list[str], found: int) -> str:
    if found:
        listed = ", ".join(near[:5]) + (", ..." if found > 5 else "")
        return f"several runs begin with {name!r}: {listed}"
    return f"no run is called {name!r}" + (f": did you mean {' or '.join(near)}?" if near else "; fw stat lists them")


def _run_rows(connection: Connection, condition: ColumnElement[bool]) -> list[RunRow]:
    attempt = pfw_attempt.c
    times = (task.c.start_time, task.c.end_time, task.c.status)
    query = select(pfw_attempt, *times).join(task, task.c.id == attempt.task_id).where(condition).order_by(attempt.id)
    return [_run_row(connection, row) for row in connection.execute(query).all()]


def _run_row(connection: Connection, row: Any) -> RunRow:
    jobs = job_states(connection, row.id)
    calls = calls_by_state(connection, row.id)
    return RunRow(
        attempt_id=row.id,
        run=row.run,
        reqnum=row.reqnum,
        unitname=row.unitname,
        attnum=row.attnum,
        pipeline=row.pipeline,
        campaign=row.campaign,
        operator=row.operator,
        state=_state(row),
        jobs_expected=_total(connection, pfw_block.c.numexpjobs, pfw_block.c.pfw_attempt_id == row.id),
        jobs_running=jobs.get("running", 0),
        jobs_done=jobs.get("done", 0),
        jobs_failed=jobs.get("failed", 0),
        calls_expected=_total(connection, pfw_module.c.numexpcalls, pfw_module.c.pfw_attempt_id == row.id),
        calls_done=sum(count for (_, state), count in calls.items() if state == "done"),
        submitted=row.submittime,
        started=row.start_time,
        ended=row.end_time,
        elapsed=None if row.start_time is None else (row.end_time or time.time()) - row.start_time,
    )


def _state(row: Any) -> str:
    if row.end_time is not None:
        return "failed" if row.status else "done"
    return "new" if row.start_time is None else "running"


def _total(connection: Connection, column: ColumnElement[Any], condition: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(column), 0)).where(condition)).scalar_one())


def _planned(attempt_id: int) -> Select[Any]:
    return (
        select(pfw_block.c.name, pfw_module.c.modname, pfw_module.c.modnum, pfw_module.c.numexpcalls)
        .join(pfw_block, pfw_block.c.task_id == pfw_module.c.pfw_block_task_id)
        .where(pfw_module.c.pfw_attempt_id == attempt_id)
        .order_by(pfw_block.c.blknum, pfw_module.c.modnum)
    )


def _walls(dialect: str, attempt_id: int) -> Select[Any]:
    elapsed: ColumnElement[Any] = task.c.end_time - task.c.start_time
    if dialect == "postgresql":
        elapsed = func.extract("epoch", elapsed)
    return (
        select(pfw_wrapper.c.modname, func.avg(elapsed).label("mean"), func.max(elapsed).label("longest"))
        .join(task, task.c.id == pfw_wrapper.c.task_id)
        .where(pfw_wrapper.c.pfw_attempt_id == attempt_id, task.c.status == 0, task.c.start_time.is_not(None))
        .group_by(pfw_wrapper.c.modname)
    )


def _peaks(attempt_id: int) -> Select[Any]:
    return (
        select(pfw_wrapper.c.modname, func.max(pfw_exec.c.maxrss).label("peak"))
        .join(pfw_wrapper, pfw_wrapper.c.task_id == pfw_exec.c.pfw_wrapper_task_id)
        .where(pfw_exec.c.pfw_attempt_id == attempt_id)
        .group_by(pfw_wrapper.c.modname)
    )
