"""Comparison of a plan with another one, or with a recorded run: the differences and their causes."""

from __future__ import annotations

from framework.model.gc_pause import no_garbage_collection
from framework.runs.comparison.calls import compare_calls
from framework.runs.comparison.causes import find_causes
from framework.runs.comparison.configuration import compare_values
from framework.runs.comparison.differences import (
    RunComparison,
)
from framework.runs.comparison.jobs import compare_jobs
from framework.runs.comparison.matched_calls import match_calls
from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Side
from framework.runs.comparison.versions import compare_versions


def compare(old: Side, new: Side) -> RunComparison:
    """Return how the new side differs; names made from its own unit, request and attempt are no difference."""
    with no_garbage_collection():
        return _compare_sides(old, new)


def _compare_sides(old: Side, new: Side) -> RunComparison:
    renaming = RunNames(old.names, new.names, (old.pipeline, new.pipeline))
    pairs = match_calls(old, new, renaming)
    values = compare_values(old, new)
    calls = find_causes(compare_calls(pairs, old, new, renaming), values, old, new)
    jobs = tuple(compare_jobs(pairs, old, new, renaming))
    differing_calls = sum(call.kind != "removed" for call in calls)
    differing_jobs = sum(job.kind != "removed" for job in jobs)
    return RunComparison(
        new=new.names.run,
        old=old.names.run,
        evened=renaming.evened,
        configuration=values,
        versions=tuple(compare_versions(old, new)),
        calls=calls,
        jobs=jobs,
        same_calls=sum(1 for _ in new.calls) - differing_calls,
        same_jobs=len(new.jobs) - differing_jobs,
    )
