"""Messages of jobs and calls, and the reasons of failed calls."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, or_, select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_wrapper, task, task_message
from framework.worker.journal.message_level import MessageLevel

#: How many failures are asked for: more than anybody reads.
MOST_FAILURES = 1000


@dataclass(frozen=True, kw_only=True)
class FailureRow:
    """A failed call that has not succeeded since and is not being tried again."""

    wrapnum: int
    module: str
    #: Of the wrapper's loop, as JSON.
    keys: str | None
    reason: str


def messages(db: Registry, attempt_id: int) -> dict[int, list[str]]:
    """Return errors and warnings of a run by task, in order of time."""
    said = task_message.c
    query = (
        select(said.task_id, said.message)
        .where(said.pfw_attempt_id == attempt_id, said.message_lvl.in_((MessageLevel.ERROR, MessageLevel.WARNING)))
        .order_by(said.message_time, said.message_lvl)
    )
    found: dict[int, list[str]] = {}
    with db.read() as connection:
        for task_id, message in connection.execute(query):
            found.setdefault(task_id, []).append(message)
    return found


def failures(db: Registry, attempt_id: int) -> list[FailureRow]:
    """Return the failed calls by number, each with the reason of its last try, without those that are tried again."""
    said, call, other = task_message.c, pfw_wrapper.c, pfw_wrapper.alias()
    # Another try at it went well, or goes on.
    later = exists().where(
        other.c.pfw_attempt_id == attempt_id,
        other.c.wrapnum == call.wrapnum,
        task.c.id == other.c.task_id,
        or_(task.c.status == 0, task.c.end_time.is_(None)),
    )
    query = (
        select(call.wrapnum, call.modname.label("module"), call.wrapkeys.label("keys"), said.message.label("reason"))
        .join(task_message, said.task_id == call.task_id)
        .where(said.pfw_attempt_id == attempt_id, said.message_lvl == MessageLevel.ERROR, ~later)
        .order_by(call.wrapnum, said.message_time)
        .limit(MOST_FAILURES)
    )
    with db.read() as connection:
        rows = {row.wrapnum: FailureRow(**row._mapping) for row in connection.execute(query)}
    return list(rows.values())
