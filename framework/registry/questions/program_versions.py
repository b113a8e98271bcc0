"""Versions of the programs that a run has used."""

from __future__ import annotations

from sqlalchemy import select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_exec


def versions(db: Registry, attempt_id: int) -> dict[str, tuple[str, ...]]:
    """Return the versions that each program of a run has reported, in order."""
    one = pfw_exec.c
    query = select(one.name, one.version).distinct().where(one.pfw_attempt_id == attempt_id, one.version.is_not(None))
    found: dict[str, tuple[str, ...]] = {}
    with db.read() as connection:
        for program, version in connection.execute(query.order_by(one.name, one.version)):
            found[program] = (*found.get(program, ()), version)
    return found
