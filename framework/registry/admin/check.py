"""Check of a registry: its integrity, references, ids, views and leases, with remedies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, exists, func, inspect, select, text

from framework.registry.admin.references import unenforced_references
from framework.registry.database.connection import Registry
from framework.registry.schema.filetype_views import declarations, index_name, read_groups
from framework.registry.schema.tables import (
    id_block,
    ingest_lease,
    ingest_pending,
    metadata,
    pfw_attempt,
    task,
)

#: Number of examples in an error.
_EXAMPLES = 3


@dataclass(frozen=True)
class CheckedPart:
    """A part of a registry that was checked, with the problem that was found."""

    what: str
    #: What is wrong, and the remedy; empty where nothing is.
    error: str = ""


def check(db: Registry) -> Iterator[CheckedPart]:
    """Check all parts of a registry whose schema is the newest."""
    with db.read() as connection:
        yield from _integrity(connection)
        for name, find_errors in (
            ("references between tables", _orphans),
            ("ids of new rows", _numbers),
            ("views and indexes of filetypes", _views),
            ("leases of runs", _leases),
            ("used files that have no record", _pending),
        ):
            errors = list(find_errors(connection))
            yield from (CheckedPart(name, error) for error in errors)
            if not errors:
                yield CheckedPart(name)


def _integrity(connection: Connection) -> Iterator[CheckedPart]:
    """Check the pages and foreign keys of an SQLite file; a PostgreSQL server looks after its own."""
    if connection.dialect.name == "sqlite":
        reported = [str(row[0]) for row in connection.exec_driver_sql("pragma integrity_check(5)")]
        remedy = "move it away, put a copy in its place if there is one, and call fw registry recover"
        damaged = "" if reported == ["ok"] else f"{'; '.join(reported)}: {remedy}"
        yield CheckedPart("pages of the file", damaged)
        lost = connection.exec_driver_sql("pragma foreign_key_check").all()
        tables = ", ".join(sorted({f"{row[0]} (of {row[2]})" for row in lost}))
        yield CheckedPart("foreign keys", (lost and f"{len(lost)} rows refer to nothing: {tables}") or "")


def _orphans(connection: Connection) -> Iterator[str]:
    for near, far in unenforced_references():
        target = far.table.alias("target")
        missing = and_(near.is_not(None), ~exists().where(target.c[far.name] == near))
        count = connection.execute(select(func.count()).select_from(near.table).where(missing)).scalar_one()
        if count:
            some = connection.execute(select(near).where(missing).distinct().limit(_EXAMPLES)).scalars()
            examples = ", ".join(map(str, some))
            yield f"{count} rows of {near.table.name} have a {near.name} that {far.table.name} has not: {examples}"


def _numbers(connection: Connection) -> Iterator[str]:
    for name, next_id in connection.execute(select(id_block.c.name, id_block.c.next_id)):
        largest = connection.execute(select(func.max(metadata.tables[name].c.id))).scalar() or 0
        if largest >= next_id:
            yield f"{name} has id {largest}, and the next is to be {next_id}: fw registry upgrade corrects it"


def _views(connection: Connection) -> Iterator[str]:
    known = declarations(connection)
    seen = inspect(connection)
    keys = [key for one in known.values() for key in one.keys]
    expected = {*known, *(read_groups(connection) & {key.name for key in keys})}
    missing = expected - set(seen.get_view_names())
    catalogue = "select name from sqlite_master" if connection.dialect.name == "sqlite" else (
        "select indexname from pg_indexes where schemaname = current_schema()"
    )  # fmt: skip
    existing = set(connection.execute(text(catalogue)).scalars())
    missing |= {index_name(key) for key in keys if key.searchable} - existing
    if missing:
        yield f"{', '.join(sorted(missing))} is missing: fw registry upgrade creates it again"


def _leases(connection: Connection) -> Iterator[str]:
    row = ingest_lease.c
    over = (
        select(pfw_attempt.c.run, row.holder, row.expiry)
        .select_from(ingest_lease)
        .join(pfw_attempt, pfw_attempt.c.id == row.pfw_attempt_id)
        .join(task, task.c.id == pfw_attempt.c.task_id)
        .where(task.c.end_time.is_(None), task.c.start_time.is_not(None), row.expiry > 0, row.expiry < time.time())
    )
    for run, holder, expiry in connection.execute(over):
        since = datetime.fromtimestamp(expiry, UTC).strftime("%Y-%m-%d %H:%M:%S")
        yield f"nobody has written {run} since {since} ({holder.split()[0]}), and it has not ended: fw restart {run}"


def _pending(connection: Connection) -> Iterator[str]:
    ended = (
        select(pfw_attempt.c.run, func.count(ingest_pending.c.path.distinct()))
        .select_from(ingest_pending)
        .join(pfw_attempt, pfw_attempt.c.id == ingest_pending.c.pfw_attempt_id)
        .join(task, task.c.id == pfw_attempt.c.task_id)
        .where(task.c.end_time.is_not(None))
        .group_by(pfw_attempt.c.run)
    )
    for run, count in connection.execute(ended):
        remedy = f"fw ingest, then fw registry recover {run} (they are in table ingest_pending)"
        yield f"{run} has ended, and {count} files that it used have no record: {remedy}"
