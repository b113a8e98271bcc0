"""Control of a running run: cancel, hold and release, recorded with the operator and the reason."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from framework.configuration.site_file import operator
from framework.engines.run_directory import RunDirectory, existing_run
from framework.errors import InfrastructureError, RegistryError
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.runs.execution import find_engine
from framework.worker.journal.facts import message
from framework.worker.journal.journal import Journal
from framework.worker.journal.message_level import MessageLevel

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

#: What is done to a run, and what was done to it then.
WORDS = {"cancel": "cancelled", "hold": "held", "release": "released", "restart": "restarted"}


def control_run(run: str, registry: str | None, verb: str, reason: str) -> bool:
    """Cancel, hold or release a run, and record it; False where nothing of the run was running or waiting."""
    directory = existing_run(run)
    db = open_registry(registry)
    engine = find_engine(directory, db)
    acts = {"cancel": engine.cancel, "hold": engine.hold, "release": engine.release}
    if not acts[verb](directory, reason):
        return False
    record_control(directory, db, verb, reason)
    return True


def record_control(directory: RunDirectory, registry: Registry, verb: str, reason: str) -> None:
    """Record that the operator cancelled, held, released or restarted a run, and why."""
    plan = directory.read_plan()
    name = f"note-{time.time():.6f}-{os.getpid()}"
    said = f": {reason}" if reason else ""
    try:
        journal = Journal(str(directory.journal), name, run=plan.run, attempt=plan.attempt)
        journal.write(message(MessageLevel.EVENT, f"{WORDS[verb]} by {operator()}{said}"))
        journal.close()
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
    ingest_now(directory, registry)


def ingest_now(directory: RunDirectory, registry: Registry) -> None:
    """Ingest a run's journals now, unless another process holds the lease."""
    with suppress(RegistryError):
        ingest(registry, directory.read_plan().attempt, directory.journal)
