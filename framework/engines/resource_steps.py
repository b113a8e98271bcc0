"""Resource steps: what a job asks for after it exceeded its memory or time; pure rules of a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.worker.programs.limits import MEMORY, TIME

if TYPE_CHECKING:
    from framework.model.run import PlannedJob
    from framework.worker.journal.restart_state import RestartState


def times_exceeded(job: PlannedJob, state: RestartState, resource: str) -> int:
    """Return how often a call of the job exceeded its memory or time, of the call that did so most often."""
    return max(state.exceeded[call.number, resource] for call in job.calls)


def requested_memory_mb(job: PlannedJob, state: RestartState) -> int:
    """Return the memory that the job asks for now: one step more each time that it was exceeded."""
    return job.memory_steps_mb[min(times_exceeded(job, state, MEMORY), len(job.memory_steps_mb) - 1)]


def has_further_step(job: PlannedJob, state: RestartState, resource: str) -> bool:
    """Return whether there is a step that was not exceeded yet; memory and time have steps of their own."""
    steps = len(job.memory_steps_mb) if resource == MEMORY else job.time_steps
    return times_exceeded(job, state, resource) < steps


def exceeded_by_call(job: PlannedJob, state: RestartState) -> dict[str, dict[str, int]]:
    """Return how often each call exceeded its memory and time, as the order to a worker has it."""
    found = {
        str(call.number): {what: count for what in (MEMORY, TIME) if (count := state.exceeded[call.number, what])}
        for call in job.calls
    }
    return {number: counts for number, counts in found.items() if counts}
