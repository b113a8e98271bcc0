"""Tries at the calls of a run, and the calls that are finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_exec, pfw_job, pfw_wrapper, task


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One try at a call."""

    task_id: int
    wrapnum: int
    trynum: int
    module: str
    wrapper: str
    job_task_id: int
    jobnum: int
    queue: str
    #: Values of the keys of ``wrapperloop``, as JSON.
    keys: str | None
    host: str | None
    #: Exit code; none while it runs, -9 if it was lost.
    status: int | None
    #: Path of its log in the archive.
    log: str | None
    #: Shard of the plan that defines it.
    planfile: str | None
    start_time: float | None
    exec_start_time: float | None
    exec_end_time: float | None
    end_time: float | None
    #: Peak memory of its largest program, in kB.
    peak_memory: int | None
    #: sha256 of the software stack in which its programs ran.
    software: str | None

    @property
    def state(self) -> str:
        """State: ``staging``, ``running``, ``storing``, ``done``, ``failed`` or ``lost``."""
        if self.end_time is not None:
            return {0: "done", -9: "lost"}.get(self.status or 0, "failed")
        if self.exec_end_time is not None:
            return "storing"
        return "staging" if self.exec_start_time is None else "running"


def calls(db: Registry, attempt_id: int, *, module: str | None = None, wrapnum: int | None = None) -> list[CallRow]:
    """Return every try at the calls of a run, or of one module or call, by number and time."""
    call = pfw_wrapper.c
    query = _calls().where(call.pfw_attempt_id == attempt_id)
    if module is not None:
        query = query.where(call.modname == module)
    if wrapnum is not None:
        query = query.where(call.wrapnum == wrapnum)
    with db.read() as connection:
        rows = [CallRow(**row._mapping) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (row.wrapnum, row.start_time or 0.0, row.task_id))


def finished_calls(db: Registry, attempt_id: int) -> frozenset[int]:
    """Return the numbers of the calls that have succeeded."""
    query = (
        select(pfw_wrapper.c.wrapnum)
        .join(task, task.c.id == pfw_wrapper.c.task_id)
        .where(pfw_wrapper.c.pfw_attempt_id == attempt_id, task.c.status == 0)
    )
    with db.read() as connection:
        return frozenset(connection.execute(query).scalars())


def _calls() -> Select[Any]:
    call, job, about = pfw_wrapper.c, pfw_job.c, task.c
    of_call = pfw_exec.c.pfw_wrapper_task_id == call.task_id
    peak = select(func.max(pfw_exec.c.maxrss)).where(of_call)
    software = select(func.max(pfw_exec.c.software_sha256)).where(of_call)
    return (
        select(
            call.task_id,
            call.wrapnum,
            call.trynum,
            call.modname.label("module"),
            call.name.label("wrapper"),
            call.pfw_job_task_id.label("job_task_id"),
            job.jobnum,
            job.queue,
            call.wrapkeys.label("keys"),
            about.exec_host.label("host"),
            about.status,
            call.log,
            call.planfile,
            about.start_time,
            call.exec_start_time,
            call.exec_end_time,
            about.end_time,
            peak.correlate(pfw_wrapper).scalar_subquery().label("peak_memory"),
            software.correlate(pfw_wrapper).scalar_subquery().label("software"),
        )
        .join(task, about.id == call.task_id)
        .join(pfw_job, job.task_id == call.pfw_job_task_id)
    )
