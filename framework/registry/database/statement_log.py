"""Record of executed SQL statements, for users who want to execute them by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from framework.registry.database.connection import Registry


@contextmanager
def collect_statements(db: Registry) -> Iterator[list[str]]:
    """Collect the SQL statements that are executed inside the context, with their values in them."""
    found: list[str] = []

    def keep(connection: Connection, statement: Any, *_: Any) -> None:
        compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        # A driver that marks values by % has it twice for one.
        found.append(str(compiled).replace("%%", "%") if db.dialect == "postgresql" else str(compiled))

    event.listen(db.engine, "before_execute", keep)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_execute", keep)
