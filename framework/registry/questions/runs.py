"""Runs and their progress, by run and by module."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, case, func, select

from framework.errors import FrameworkError
from framework.registry.database.connection import Registry
from framework.registry.questions.call_states import ModuleState, calls_done, job_states, module_states, peaks
from framework.registry.schema.tables import (
    pfw_attempt,
    pfw_attempt_val,
    pfw_block,
    pfw_module,
    task,
    task_message,
)


class UnknownRun(FrameworkError):  # noqa: N818
    """No run has this name, or several have it."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, and its expected numbers of jobs and calls."""

    attempt_id: int
    run: str
    reqnum: int
    unitname: str
    attnum: int
    pipeline: str
    campaign: str | None
    operator: str
    #: State: ``new``, ``running``, ``done`` or ``failed``.
    state: str
    jobs_expected: int
    calls_expected: int
    #: Blocks that are planned when those before them have ended, and are not yet: more jobs and calls are to come.
    blocks_to_plan: int
    submitted: float | None
    started: float | None
    ended: float | None
    #: Seconds since the start, until the end or now.
    elapsed: float | None


@dataclass(frozen=True, kw_only=True)
class RunRow(Run):
    """A run with its progress."""

    jobs_running: int
    jobs_done: int
    jobs_failed: int
    calls_done: int


@dataclass(frozen=True, kw_only=True)
class ModuleRow:
    """A module of a run with its progress."""

    block: str
    module: str
    number: int
    #: None before its block is planned.
    calls_expected: int | None
    calls_running: int
    calls_done: int
    calls_failed: int
    #: Mean seconds of the calls that are done.
    mean_wall: float | None
    max_wall: float | None
    #: Peak memory of the largest program, in kB.
    peak_memory: int | None


def find_run(db: Registry, name: str) -> Run:
    """Return the run with a name, or the newest of a unit, or the only one whose name begins so."""
    attempt = pfw_attempt.c
    newest_first = select(attempt.id, attempt.run).order_by(attempt.id.desc())
    with db.read() as connection:
        for condition in (attempt.run == name, attempt.unitname == name):
            if row := connection.execute(newest_first.where(condition).limit(1)).first():
                return _runs(connection, [row.id])[0]
        begins_so = and_(attempt.run >= name, attempt.run < name + "\U0010ffff")
        found = connection.execute(newest_first.where(begins_so).limit(6)).all() if name else []
        if len(found) == 1:
            return _runs(connection, [found[0].id])[0]
        raise UnknownRun(_unknown(name, [row.run for row in found] or _similar_names(connection, name), len(found)))


def find_attempt_ids(db: Registry, run: str) -> list[int]:
    """Return the ids of the attempts with exactly this name; names that are not unique give several."""
    with db.read() as connection:
        return list(connection.execute(select(pfw_attempt.c.id).where(pfw_attempt.c.run == run)).scalars())


def runs(
    db: Registry, *, campaign: str | None = None, operator: str | None = None, newest: int | None = None
) -> list[RunRow]:
    """Return runs, the newest last: all, those of a campaign or an operator, or a number of the newest."""
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
        rows = [_run_rows(connection, _runs(connection, ids[at : at + 500])) for at in range(0, len(ids), 500)]
    return sorted((row for part in rows for row in part), key=lambda row: row.attempt_id)


def run_progress(db: Registry, run: Run) -> RunRow:
    """Return the progress of a run."""
    with db.read() as connection:
        return _run_rows(connection, [run])[0]


def progress(db: Registry, run: Run) -> tuple[RunRow, list[ModuleRow]]:
    """Return the progress of a run and of its modules."""
    with db.read() as connection:
        states = module_states(connection, run.attempt_id)
        done = sum(found.calls for (_, _, state), found in states.items() if state == "done")
        rows = _module_rows(connection, run.attempt_id, states)
        return _run_rows(connection, [run], Counter({run.attempt_id: done}))[0], rows


def modules(db: Registry, attempt_id: int) -> list[ModuleRow]:
    """Return the modules of each block of a run, in order, with their progress."""
    with db.read() as connection:
        return _module_rows(connection, attempt_id, module_states(connection, attempt_id))


def _module_rows(
    connection: Connection, attempt_id: int, states: Mapping[tuple[int, str, str], ModuleState]
) -> list[ModuleRow]:
    most = peaks(connection, attempt_id)
    planned = connection.execute(_planned(attempt_id)).all()
    rows = []
    for task_id, block, name, number, expected in planned:
        running, done, failed = (
            states.get((task_id, name, state), ModuleState()) for state in ("running", "done", "failed")
        )
        rows.append(
            ModuleRow(
                block=block,
                module=name,
                number=number,
                calls_expected=expected,
                calls_running=running.calls,
                calls_done=done.calls,
                calls_failed=failed.calls,
                mean_wall=done.mean,
                max_wall=done.longest,
                peak_memory=most.get((task_id, name)),
            )
        )
    return rows


def attempt_values(db: Registry, attempt_id: int) -> dict[str, str]:
    """Return the values of the configuration that are recorded with a run."""
    query = select(pfw_attempt_val.c.key, pfw_attempt_val.c.val).where(pfw_attempt_val.c.pfw_attempt_id == attempt_id)
    with db.read() as connection:
        return {key: value for key, value in connection.execute(query)}


def configuration(db: Registry, attempt_id: int) -> dict[str, str | None]:
    """Return the directory of submission, and the checksums of the configuration as typed, rendered and expanded."""
    attempt = pfw_attempt.c
    columns = (attempt.submit_host, attempt.submitwcl_sha256, attempt.renderedwcl_sha256, attempt.fullsubmitwcl_sha256)
    with db.read() as connection:
        return dict(connection.execute(select(*columns).where(attempt.id == attempt_id)).one()._mapping)


def block_errors(db: Registry, attempt_id: int) -> list[str]:
    """Return the last error of each failed block that has no failed job."""
    block = pfw_block.c
    query = (
        select(block.blknum, task_message.c.message)
        .join(task, task.c.id == block.task_id)
        .join(task_message, task_message.c.task_id == block.task_id)
        .where(block.pfw_attempt_id == attempt_id, task.c.status != 0, task_message.c.message_lvl == 1)
        .order_by(block.blknum, task_message.c.message_time)
    )
    with db.read() as connection:
        newest = {number: message for number, message in connection.execute(query)}
    return list(newest.values())


def _similar_names(connection: Connection, name: str) -> list[str]:
    from wcl.spelling import suggest_all  # start-up: only an unknown name needs it

    newest = select(pfw_attempt.c.run).order_by(pfw_attempt.c.id.desc()).limit(2000)
    return suggest_all(name, connection.execute(newest).scalars())[:3]


def _unknown(name: str, near: list[str], found: int) -> str:
    if found:
        listed = ", ".join(near[:5]) + (", ..." if found > 5 else "")
        return f"several runs begin with {name!r}: {listed}"
    return f"no run is called {name!r}" + (f": did you mean {' or '.join(near)}?" if near else "; fw stat lists them")


def _run_rows(connection: Connection, runs: Sequence[Run], calls: Counter[int] | None = None) -> list[RunRow]:
    """Return runs with their progress; ``calls`` are the calls done, if they are counted already."""
    ids = [run.attempt_id for run in runs]
    jobs, calls = job_states(connection, ids), calls_done(connection, ids) if calls is None else calls
    return [
        RunRow(
            **vars(run),
            jobs_running=jobs[run.attempt_id, "running"],
            jobs_done=jobs[run.attempt_id, "done"],
            jobs_failed=jobs[run.attempt_id, "failed"],
            calls_done=calls[run.attempt_id],
        )
        for run in runs
    ]


def _runs(connection: Connection, attempt_ids: Sequence[int]) -> list[Run]:
    attempt = pfw_attempt.c
    times = (task.c.start_time, task.c.end_time, task.c.status)
    query = select(pfw_attempt, *times).join(task, task.c.id == attempt.task_id).where(attempt.id.in_(attempt_ids))
    expected_jobs = _totals(connection, pfw_block.c.numexpjobs, attempt_ids)
    to_plan = _blocks_to_plan(connection, attempt_ids)
    expected_calls = _totals(connection, pfw_module.c.numexpcalls, attempt_ids)
    return [
        Run(
            attempt_id=row.id,
            run=row.run,
            reqnum=row.reqnum,
            unitname=row.unitname,
            attnum=row.attnum,
            pipeline=row.pipeline,
            campaign=row.campaign,
            operator=row.operator,
            state=_state(row),
            jobs_expected=expected_jobs.get(row.id, 0),
            calls_expected=expected_calls.get(row.id, 0),
            blocks_to_plan=to_plan.get(row.id, 0),
            submitted=row.submittime,
            started=row.start_time,
            ended=row.end_time,
            elapsed=_elapsed(row.start_time, row.end_time),
        )
        for row in connection.execute(query.order_by(attempt.id))
    ]


def _elapsed(start: float | None, end: float | None) -> float | None:
    """Return the seconds of a run; None before it begins, and where a clock was set back meanwhile."""
    if start is None:
        return None
    seconds = (time.time() if end is None else end) - start
    return seconds if seconds >= 0 else None


def _state(row: Any) -> str:
    if row.end_time is not None:
        return "failed" if row.status else "done"
    return "new" if row.start_time is None else "running"


def _totals(connection: Connection, column: Column[int], attempt_ids: Sequence[int]) -> dict[int, int]:
    attempt = column.table.c.pfw_attempt_id
    query = select(attempt, func.sum(column)).where(attempt.in_(attempt_ids)).group_by(attempt)
    return {attempt_id: int(total or 0) for attempt_id, total in connection.execute(query)}


def _blocks_to_plan(connection: Connection, attempt_ids: Sequence[int]) -> dict[int, int]:
    attempt = pfw_block.c.pfw_attempt_id
    waiting = select(attempt, func.count()).where(attempt.in_(attempt_ids), pfw_block.c.numexpjobs.is_(None))
    return {attempt_id: count for attempt_id, count in connection.execute(waiting.group_by(attempt))}


def _planned(attempt_id: int) -> Select[Any]:
    return (
        select(
            pfw_block.c.task_id,
            pfw_block.c.name,
            pfw_module.c.modname,
            pfw_module.c.modnum,
            case((pfw_block.c.numexpjobs.is_not(None), pfw_module.c.numexpcalls)),
        )
        .join(pfw_block, pfw_block.c.task_id == pfw_module.c.pfw_block_task_id)
        .where(pfw_module.c.pfw_attempt_id == attempt_id)
        .order_by(pfw_block.c.blknum, pfw_module.c.modnum)
    )
