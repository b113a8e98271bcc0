"""Tags of runs, as for a release."""

from __future__ import annotations

import time

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_attempt, proctag


def add_tag(db: Registry, tag: str, attempt_id: int, by: str) -> None:
    """Add a tag to a run; a tag that it has already changes nothing."""
    dialect = postgresql if db.dialect == "postgresql" else sqlite
    row = {"tag": tag, "pfw_attempt_id": attempt_id, "created_date": time.time(), "created_by": by}
    with db.write() as connection:
        connection.execute(dialect.insert(proctag).values(**row).on_conflict_do_nothing())


def remove_tag(db: Registry, tag: str, attempt_id: int) -> bool:
    """Remove a tag from a run; return whether the run had it."""
    of_run = (proctag.c.tag == tag) & (proctag.c.pfw_attempt_id == attempt_id)
    with db.write() as connection:
        return connection.execute(delete(proctag).where(of_run)).rowcount > 0


def tagged_runs(db: Registry, tag: str | None = None) -> list[tuple[str, str]]:
    """Return pairs of a tag and a run that has it, in order."""
    query = select(proctag.c.tag, pfw_attempt.c.run).join(pfw_attempt, pfw_attempt.c.id == proctag.c.pfw_attempt_id)
    if tag is not None:
        query = query.where(proctag.c.tag == tag)
    with db.read() as connection:
        return [(name, run) for name, run in connection.execute(query.order_by(proctag.c.tag, pfw_attempt.c.run))]
