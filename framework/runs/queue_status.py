"""Queue status of a run, as its engine reports it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from framework.engines.engine import JobProblem, JobState, QueueStatus
from framework.engines.run_directory import existing_run
from framework.errors import DamagedPlanError, FrameworkError
from framework.runs.execution import find_engine

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.runs import Run


def read_queue_status(run: Run, db: Registry) -> QueueStatus | None:
    """How a run's jobs stand with what runs them; None where it was not submitted here."""
    try:
        directory = existing_run(run.run)
        engine = find_engine(directory, db)
        queue_status = engine.read_status(directory)
        if run.ended is not None or not engine.is_over(directory):
            return queue_status
    except DamagedPlanError as error:
        reason, _, remedy = str(error).partition("\n")
        return QueueStatus(job_counts={}, problems=(JobProblem(None, JobState.STOPPED, reason, remedy),))
    except FrameworkError:
        return None
    left = JobProblem(None, JobState.STOPPED, "nothing runs it any more", f"what is done is kept: fw restart {run.run}")
    return replace(queue_status, problems=(left, *queue_status.problems))
