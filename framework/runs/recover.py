"""Recovery of a registry that was lost, or is older than the runs, from the directories of runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from framework.configuration.home import home
from framework.engines.run_directory import RunDirectory
from framework.errors import RunError
from framework.model.run import PlannedRun
from framework.registry.database.connection import Registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import NewAttempt, create_attempt
from framework.registry.questions.runs import find_attempt_ids
from framework.runs.execution import check_ended
from framework.runs.late_block import as_submitted
from framework.runs.new_attempt import ATTEMPT
from framework.runs.submission import declare_filetypes


@dataclass(frozen=True, kw_only=True)
class RecoveryResult:
    """Result of the recovery of one run."""

    run: str
    #: Whether the registry had no record of it.
    is_new: bool
    #: How many facts of its journals were not on record.
    facts: int


def recover_run(db: Registry, directory: RunDirectory) -> RecoveryResult:
    """Record a run anew, or add what its record lacks.

    Raises RunError for a run that is running, or whose directory does not hold its submission.
    """
    check_ended(directory, db)
    with directory.lock():
        run = directory.read_plan()
        known = find_attempt_ids(db, run.run)
        attempt = run.attempt
        if attempt not in known:
            attempt = known[-1] if known else _recorded_attempt(db, directory, run)
            directory.set_attempt(attempt)
        return RecoveryResult(run=run.run, is_new=not known, facts=ingest(db, attempt, directory.journal))


def _recorded_attempt(db: Registry, directory: RunDirectory, run: PlannedRun) -> int:
    new = read_new_attempt(directory)
    declare_filetypes(db, as_submitted(directory, run))
    return create_attempt(db, new)


def read_new_attempt(directory: RunDirectory) -> NewAttempt:
    """Return the run as the registry recorded it at submission."""
    path = directory.plan / ATTEMPT
    try:
        return msgspec.json.decode(path.read_bytes(), type=NewAttempt)
    except FileNotFoundError as error:
        raise RunError(f"{directory.run} was never planned to its end, or {path} is gone") from error
    except msgspec.DecodeError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def find_runs() -> Iterator[RunDirectory]:
    """Yield the runs that were submitted here, in the order of their submission."""
    folder = home() / "runs"
    found = [RunDirectory(path) for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    planned = [each for each in found if each.is_planned]
    yield from sorted(planned, key=_submit_time)


def _submit_time(directory: RunDirectory) -> float:
    try:
        return read_new_attempt(directory).submit_time or 0.0
    except RunError:  # which is said when its turn comes
        return 0.0
