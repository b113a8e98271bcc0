"""Growth: what a job asks for once it has failed for want of memory or of time."""

from __future__ import annotations

from typing import Any

from framework.engines.history import History
from framework.model.run import PlannedJob
from framework.worker.programs.limits import MEMORY, TIME


def wanted(job: PlannedJob, history: History, what: str) -> int:
    """How often calls of the job failed for too little of memory or time."""
    return max(history.wanted[call.number, what] for call in job.calls)


def memory_mb(job: PlannedJob, history: History) -> int:
    """What the job asks for now."""
    return job.memory_steps_mb[min(wanted(job, history, MEMORY), len(job.memory_steps_mb) - 1)]


def may_grow(job: PlannedJob, history: History, what: str) -> bool:
    """Whether there is a step that has not been too little yet; memory and time have steps of their own."""
    steps = len(job.memory_steps_mb) if what == MEMORY else job.time_steps
    return wanted(job, history, what) < steps


def for_worker(job: PlannedJob, history: History) -> dict[str, Any]:
    """By call, how often memory and time were too little; as an order has it."""
    found = {
        str(call.number): {what: count for what in (MEMORY, TIME) if (count := history.wanted[call.number, what])}
        for call in job.calls
    }
    return {number: counts for number, counts in found.items() if counts}
