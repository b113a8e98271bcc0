"""Messages of a run in order of time: those of its tasks, and events of people and queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Column, Connection, or_, select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_exec, pfw_job, pfw_wrapper, task, task_message
from framework.worker.journal.message_level import MessageLevel


@dataclass(frozen=True, kw_only=True)
class RunMessage:
    """A message of a run, with its job or call."""

    time: float
    level: int
    text: str
    jobnum: int | None
    queue: str | None
    wrapnum: int | None
    module: str | None


class _JobOfTask(NamedTuple):
    task_id: int | None
    jobnum: int | None
    queue: str | None


class _CallOfTask(NamedTuple):
    task_id: int | None
    wrapnum: int | None
    modname: str | None
    pfw_job_task_id: int | None


NO_JOB = _JobOfTask(None, None, None)
NO_CALL = _CallOfTask(None, None, None, None)


def run_messages(db: Registry, attempt_id: int, levels: Sequence[MessageLevel]) -> list[RunMessage]:
    """Return the messages of some levels, in order of time."""
    said = task_message.c
    where = (said.pfw_attempt_id == attempt_id, said.message_lvl.in_(levels))
    about = (said.message_time.label("time"), said.message_lvl.label("level"), said.message.label("text"), said.task_id)
    with db.read() as connection:
        rows = connection.execute(select(*about).where(*where)).all()
        job_of, call_of = _jobs_and_calls(connection, attempt_id, {row.task_id for row in rows})
    found = []
    for row in rows:
        call = call_of.get(row.task_id, NO_CALL)
        job = job_of.get(row.task_id if call is NO_CALL else call.pfw_job_task_id, NO_JOB)
        found.append(
            RunMessage(
                time=row.time, level=row.level, text=row.text,
                jobnum=job.jobnum, queue=job.queue, wrapnum=call.wrapnum, module=call.modname,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: one.time)


def _jobs_and_calls(
    connection: Connection, attempt_id: int, tasks: set[int]
) -> tuple[dict[int | None, _JobOfTask], dict[int, _CallOfTask]]:
    """Return the jobs of an attempt, and the calls that some tasks are or belong to, by task."""
    job, call, program = pfw_job.c, pfw_wrapper.c, pfw_exec.c
    jobs = select(job.task_id, job.jobnum, job.queue).where(job.pfw_attempt_id == attempt_id)
    calls = select(call.task_id, call.wrapnum, call.modname, call.pfw_job_task_id)
    programs = select(program.task_id, call.wrapnum, call.modname, program.pfw_job_task_id).select_from(
        pfw_exec.outerjoin(pfw_wrapper, call.task_id == program.pfw_wrapper_task_id)
    )
    queries = (
        calls.where(call.pfw_attempt_id == attempt_id),
        programs.where(program.pfw_attempt_id == attempt_id),
    )
    job_of = {row.task_id: _JobOfTask(*row) for row in connection.execute(jobs)}
    rows = (row for query in queries for row in connection.execute(query))
    return job_of, {row.task_id: _CallOfTask(*row) for row in rows if row.task_id in tasks}


def unresolved_errors(db: Registry, attempt_id: int) -> list[RunMessage]:
    """Return the errors that no later try has resolved: the last one of each call, and of jobs without such a call."""
    errors = run_messages(db, attempt_id, (MessageLevel.ERROR,))
    with db.read() as connection:
        calls = _resolved_numbers(connection, pfw_wrapper.c.wrapnum, attempt_id)
        jobs = _resolved_numbers(connection, pfw_job.c.jobnum, attempt_id)
    of_calls = {one.wrapnum: one for one in errors if one.wrapnum not in {*calls, None}}
    told = {one.jobnum for one in of_calls.values()} | jobs
    without_call = [one for one in errors if one.wrapnum is None]
    of_jobs = {one.jobnum: one for one in without_call if one.jobnum not in {*told, None}}
    of_run = [one for one in without_call if one.jobnum is None]
    return sorted([*of_calls.values(), *of_jobs.values(), *of_run], key=lambda one: one.time)


def _resolved_numbers(connection: Connection, number: Column[int], attempt_id: int) -> set[int]:
    """Return the numbers of calls or jobs of which a try went well, or goes on."""
    resolved = or_(task.c.status == 0, task.c.end_time.is_(None))
    query = select(number).join(task, task.c.id == number.table.c.task_id)
    return set(connection.execute(query.where(number.table.c.pfw_attempt_id == attempt_id, resolved)).scalars())
