"""Completeness: wait until the registry has every fact of a run's journals, before it is asked about the run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from framework.errors import RegistryError
from framework.registry.database.connection import Registry
from framework.registry.ingest.ingester import LeaseTaken, ingest
from framework.registry.schema.tables import journal_position

#: Seconds between two looks at the registry, and between two messages to the person who waits.
PAUSE_SECONDS = 0.1
REPORT_EVERY_SECONDS = 15.0
_BLOCK = 1 << 16


def wait_until_complete(
    db: Registry, attempt_id: int, directory: Path, patience_seconds: float, report: Callable[[str], None]
) -> None:
    """Wait until the registry has every fact that the journals hold now; RegistryError when it takes too long.

    The follower of the run ingests them; they are ingested here if it has none.
    """
    ends = {path.name: _end_of_lines(path) for path in directory.glob("*.jsonl")}
    began = reported = time.monotonic()
    while True:
        try:
            if not (behind := _behind(db, attempt_id, ends)):
                return
            reason = f"{behind} bytes of journals are still to be ingested"
            with suppress(LeaseTaken):
                ingest(db, attempt_id, directory)
        except RegistryError as error:
            reason = str(error)
        now = time.monotonic()
        if now - began > patience_seconds:
            raise RegistryError(
                f"after {patience_seconds:.0f} s the registry does not hold what has been made: {reason}"
            )
        if now - reported > REPORT_EVERY_SECONDS:
            reported = now
            report(f"waiting for the registry to hold what has been made: {reason}")
        time.sleep(PAUSE_SECONDS)


def _behind(db: Registry, attempt_id: int, ends: dict[str, int]) -> int:
    """Return how many bytes of the journals are not ingested yet."""
    row = journal_position.c
    with db.read() as connection:
        query = select(row.journal, row.position).where(row.pfw_attempt_id == attempt_id)
        positions = {journal: int(position) for journal, position in connection.execute(query)}
    return sum(max(0, end - positions.get(name, 0)) for name, end in ends.items())


def _end_of_lines(path: Path) -> int:
    """Return the offset of the end of the last complete line; an incomplete line is never ingested."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
