"""Names of tasks, the same in every registry, where their ids differ."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from framework.registry.schema.tables import pfw_attempt, pfw_block, pfw_exec, pfw_job, pfw_wrapper, task


def task_names(connection: Connection, attempt_id: int) -> dict[int, str]:
    """Return the names of a run's tasks by id: ``attempt``, ``block/1``, ``job/1/q1``, ``.../call/3/1``, ..."""
    names = dict(_named(connection, attempt_id))
    root = select(pfw_attempt.c.task_id).where(pfw_attempt.c.id == attempt_id).scalar_subquery()
    every = select(task.c.id).where(task.c.root_task_id == root).order_by(task.c.start_time, task.c.id)
    others = (id_ for id_ in connection.execute(every).scalars() if id_ not in names)
    return names | {id_: f"task/{number}" for number, id_ in enumerate(others, start=1)}


def _named(connection: Connection, attempt_id: int) -> Iterator[tuple[int, str]]:
    attempt, block, job, call, one = pfw_attempt.c, pfw_block.c, pfw_job.c, pfw_wrapper.c, pfw_exec.c
    yield connection.execute(select(attempt.task_id).where(attempt.id == attempt_id)).scalar_one(), "attempt"
    blocks = select(block.task_id, block.blknum).where(block.pfw_attempt_id == attempt_id)
    yield from ((id_, f"block/{number}") for id_, number in connection.execute(blocks))
    jobs = connection.execute(select(job.task_id, job.jobnum, job.queue).where(job.pfw_attempt_id == attempt_id))
    names = {id_: f"job/{number}/{queue}" for id_, number, queue in jobs}
    yield from names.items()
    calls = select(call.task_id, call.pfw_job_task_id, call.wrapnum, call.trynum)
    rows = connection.execute(calls.where(call.pfw_attempt_id == attempt_id))
    of_calls = {id_: f"{names.get(job_id)}/call/{number}/{nth}" for id_, job_id, number, nth in rows}
    yield from of_calls.items()
    execs = select(one.task_id, one.pfw_wrapper_task_id, one.execnum).where(one.pfw_attempt_id == attempt_id)
    for id_, call_id, number in connection.execute(execs):
        yield id_, f"{of_calls.get(call_id)}/exec/{number}"
