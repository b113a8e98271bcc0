"""Differences of jobs: which are new, gone, or hold other calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from framework.model.job import Job
from framework.runs.comparison.differences import JobDifference
from framework.runs.comparison.matched_calls import MatchedCalls
from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Side


def compare_jobs(pairs: MatchedCalls, old: Side, new: Side, renaming: RunNames) -> Iterator[JobDifference]:
    """Yield the jobs that differ: those of the new plan in its order, then those that are gone."""
    new_calls = {before.number: call.number for before, call in pairs.both}
    matched = _match_jobs(old, new, renaming, new_calls)
    new_jobs = {was.number: number for number, was in matched.items()}
    for job in new.jobs:
        was = matched.get(job.number)
        if was is None:
            yield _job_difference("added", job, new)
        elif changed := _compare_job(was, job, new, new_calls, new_jobs):
            yield changed
    kept = {job.number for job in matched.values()}
    yield from (_job_difference("removed", job, old) for job in old.jobs if job.number not in kept)


#: Block and keys of a job.
_Kind = tuple[str, str]
_T = TypeVar("_T")


def _compare_job(
    was: Job, job: Job, new: Side, new_calls: Mapping[int, int], new_jobs: Mapping[int, int]
) -> JobDifference | None:
    """Return how a job differs from the old one; the maps lead from old numbers of calls and jobs to new ones."""
    had = {new_calls.get(call.number, -call.number) for call in was.calls}
    has = {call.number for call in job.calls}
    threads = _changed(was.max_threads, job.max_threads)
    waited = sorted(new_jobs[parent] for parent in was.parents if parent in new_jobs)
    parents = _changed(tuple(waited), job.parents)
    if had == has and not threads and not parents:
        return None
    left = [call.number for call in was.calls if new_calls.get(call.number) not in has]
    return _job_difference("changed", job, new, sorted(has - had), left, threads, parents)


def _changed(was: _T, now: _T) -> tuple[_T, _T] | None:
    """Return both values where they differ."""
    return None if was == now else (was, now)


def _match_jobs(old: Side, new: Side, renaming: RunNames, new_calls: Mapping[int, int]) -> dict[int, Job]:
    """Match new jobs with old ones: by their calls, or else the only one of the same block and keys."""
    found = _match_by_calls(old, new, new_calls)
    taken = {job.number for job in found.values()}
    left = [((old.blocks[job.block], renaming(job.keys)), job) for job in old.jobs if job.number not in taken]
    free = [((new.blocks[job.block], job.keys), job) for job in new.jobs if job.number not in found]
    alone = dict(_without_repeated_keys(left))
    return found | {job.number: alone[key] for key, job in _without_repeated_keys(free) if key in alone}


def _without_repeated_keys(jobs: list[tuple[_Kind, Job]]) -> list[tuple[_Kind, Job]]:
    """Return the jobs that are the only ones of their block and keys."""
    counts = Counter(kind for kind, _ in jobs)
    return [(kind, job) for kind, job in jobs if counts[kind] == 1]


def _match_by_calls(old: Side, new: Side, new_calls: Mapping[int, int]) -> dict[int, Job]:
    """Match new jobs with the old ones that have the same calls."""
    by_calls = {frozenset(new_calls.get(call.number, 0) for call in job.calls): job for job in old.jobs}
    same = {job.number: by_calls.get(frozenset(call.number for call in job.calls)) for job in new.jobs}
    return {number: job for number, job in same.items() if job is not None}


def _job_difference(
    kind: str,
    job: Job,
    side: Side,
    joined: list[int] | None = None,
    left: list[int] | None = None,
    threads: tuple[int, int] | None = None,
    parents: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
) -> JobDifference:
    return JobDifference(
        kind=kind,
        number=job.number,
        block=side.blocks[job.block],
        keys=job.keys,
        calls=len(job.calls),
        joined=tuple(joined or ()),
        left=tuple(left or ()),
        threads=threads,
        parents=parents,
    )
