"""Retry policy: whether a job that has failed is given to a worker again."""

from __future__ import annotations

from collections import Counter

from framework.engines.resource_steps import has_further_step
from framework.model.run import PlannedJob
from framework.worker.journal.restart_state import RestartState
from framework.worker.journal.statuses import INFRASTRUCTURE

#: How often a job is retried when its machine failed and not its programs.
INFRASTRUCTURE_RETRIES = 2


class RetryPolicy:
    """Counts the failures of each job in this execution of a run, by whose fault they are."""

    def __init__(self) -> None:
        self._infrastructure_failures: Counter[int] = Counter()
        self._program_failures: Counter[int] = Counter()

    def may_retry(self, job: PlannedJob, status: int, exceeded: str | None, state: RestartState) -> bool:
        """Count a failure and return whether the job may run again.

        A job that ``exceeded`` its memory or time runs again as long as there is more to ask for, however often its
        module may be retried.
        """
        if exceeded and has_further_step(job, state, exceeded):
            return True
        is_infrastructure = status == INFRASTRUCTURE
        failures = self._infrastructure_failures if is_infrastructure else self._program_failures
        failures[job.number] += 1
        return failures[job.number] <= (INFRASTRUCTURE_RETRIES if is_infrastructure else job.max_retries)
