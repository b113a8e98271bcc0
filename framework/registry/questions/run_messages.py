"""Messages of a run in order of time: those of its tasks, and events of people and queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_exec, pfw_job, pfw_wrapper, task, task_message

ERROR, WARNING, INFORMATION, EVENT = 1, 2, 3, 4


@dataclass(frozen=True, kw_only=True)
class RunMessage:
    """A message of a run, with its job or call."""

    time: float
    #: 1 error, 2 warning, 3 information, 4 event of people or queues.
    level: int
    text: str
    jobnum: int | None
    queue: str | None
    wrapnum: int | None
    module: str | None


def run_messages(db: Registry, attempt_id: int, levels: Sequence[int]) -> list[RunMessage]:
    """Return the messages of some levels, in order of time."""
    said = task_message.c
    # A program's message is its call's.
    program = pfw_exec.outerjoin(pfw_wrapper, pfw_wrapper.c.task_id == pfw_exec.c.pfw_wrapper_task_id)
    where = (said.pfw_attempt_id == attempt_id, said.message_lvl.in_(levels))
    about = (said.message_time.label("time"), said.message_lvl.label("level"), said.message.label("text"), said.task_id)
    with db.read() as connection:
        rows = connection.execute(select(*about).where(*where)).all()
        tasks = {row.task_id for row in rows}
        jobs = select(pfw_job.c.task_id, pfw_job.c.jobnum, pfw_job.c.queue)
        calls = select(
            pfw_wrapper.c.task_id, pfw_wrapper.c.wrapnum, pfw_wrapper.c.modname, pfw_wrapper.c.pfw_job_task_id
        )
        execs = select(pfw_exec.c.task_id, pfw_wrapper.c.wrapnum, pfw_wrapper.c.modname, pfw_exec.c.pfw_job_task_id)
        of_attempt = [
            jobs.where(pfw_job.c.pfw_attempt_id == attempt_id),
            calls.where(pfw_wrapper.c.pfw_attempt_id == attempt_id),
            execs.select_from(program).where(pfw_exec.c.pfw_attempt_id == attempt_id),
        ]
        job_of = {row.task_id: row for row in connection.execute(of_attempt[0])}
        call_of = {
            row.task_id: row for query in of_attempt[1:] for row in connection.execute(query) if row.task_id in tasks
        }
    found = []
    for row in rows:
        call = call_of.get(row.task_id)
        job = job_of.get(call.pfw_job_task_id if call else row.task_id)
        found.append(
            RunMessage(
                time=row.time,
                level=row.level,
                text=row.text,
                jobnum=job.jobnum if job else None,
                queue=job.queue if job else None,
                wrapnum=call.wrapnum if call else None,
                module=call.modname if call else None,
            )
        )
    return sorted(found, key=lambda one: one.time)


def unresolved_errors(db: Registry, attempt_id: int) -> list[RunMessage]:
    """Return the errors that no later try has resolved: the last one of each call, and of jobs without such a call."""
    errors = run_messages(db, attempt_id, (ERROR,))
    with db.read() as connection:
        # Another try went well, or goes on.
        saved = or_(task.c.status == 0, task.c.end_time.is_(None))
        calls, jobs = (
            set(
                connection.execute(
                    select(number).join(task, task.c.id == number.table.c.task_id)
                    .where(number.table.c.pfw_attempt_id == attempt_id, saved)
                ).scalars()
            )
            for number in (pfw_wrapper.c.wrapnum, pfw_job.c.jobnum)
        )  # fmt: skip
    of_calls = {one.wrapnum: one for one in errors if one.wrapnum is not None and one.wrapnum not in calls}
    told = {one.jobnum for one in of_calls.values()} | jobs
    of_jobs = {one.jobnum: one for one in errors if one.wrapnum is None and one.jobnum not in {*told, None}}
    of_run = [one for one in errors if one.wrapnum is None and one.jobnum is None]
    return sorted([*of_calls.values(), *of_jobs.values(), *of_run], key=lambda one: one.time)
