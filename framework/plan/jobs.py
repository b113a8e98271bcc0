"""Calls to jobs: put calls with the same keys on the same worker, and order jobs by the files they exchange."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from framework.model.job import Call, Job
from framework.pipeline.definition import BlockDefinition
from framework.pipeline.numbers import find_whole_number
from framework.plan.products import Products
from wcl import Scope


@dataclass(frozen=True, kw_only=True)
class JobDivision:
    """Rules by which a block's calls become jobs."""

    divide_by: tuple[str, ...]
    #: Most calls of a job; None for any number.
    max_calls: int | None
    #: Calls of a job that run at a time; 0 if the block does not say.
    max_threads: int


def read_job_division(block: BlockDefinition, scope: Scope) -> JobDivision:
    """Return the rules that a block, or a section around it, has for its jobs."""
    scope = scope.child(block.section)
    return JobDivision(
        divide_by=block.divide_jobs_by,
        max_calls=find_whole_number(scope, "max_wrappers_per_job", block.position),
        max_threads=find_whole_number(scope, "fw_nmaxthread", block.position) or 0,
    )


@dataclass
class JobGroup:
    """A job while calls are still being put into it."""

    number: int
    keys: str
    #: Greater than that of each job it waits for, which keeps the order of jobs free of circles.
    depth: int
    calls: list[Call] = field(default_factory=list)
    parents: set[int] = field(default_factory=set)

    def add_parents(self, makers: Iterable[JobGroup]) -> None:
        """Have the job wait for others; it does not wait for itself."""
        self.parents.update([maker.number for maker in makers if maker is not self])

    def to_job(self, block: int, max_threads: int) -> Job:
        """Return the job of these calls."""
        return Job(
            number=self.number,
            block=block,
            keys=self.keys,
            calls=tuple(self.calls),
            parents=tuple(sorted(self.parents)),
            max_threads=max_threads,
        )


class JobBuilder:
    """Groups the calls of a run into jobs, block by block, after the jobs that there are already."""

    def __init__(self, products: Products, earlier: Iterable[Job] = ()) -> None:
        self._products = products
        self._job_of_call: dict[int, JobGroup] = {}
        self._count = 0
        for job in earlier:
            group = JobGroup(job.number, job.keys, 0)
            self._job_of_call.update((call.number, group) for call in job.calls)
            self._count = max(self._count, job.number)

    def build(self, block: int, calls: Iterable[Call], division: JobDivision) -> tuple[Job, ...]:
        """Return the jobs of one block."""
        divide_by, most = division.divide_by, division.max_calls or sys.maxsize
        newest: dict[tuple[str | None, ...], JobGroup] = {}
        groups: list[JobGroup] = []
        for call in calls:
            # A call without a key shares a job with others without it.
            keys = tuple([call.keys.get(key) for key in divide_by])
            makers = self._makers(call)
            group = newest.get(keys)
            if group is None or len(group.calls) >= most or not _may_join(group, makers):
                group = newest[keys] = self._open_group(call, divide_by, makers)
                groups.append(group)
            group.calls.append(call)
            if makers:
                group.add_parents(makers)
            self._job_of_call[call.number] = group
        return tuple(group.to_job(block, division.max_threads) for group in groups)

    def _open_group(self, call: Call, divide_by: tuple[str, ...], makers: Iterable[JobGroup]) -> JobGroup:
        """Return a new job for a call, behind the jobs that make its inputs."""
        self._count += 1
        depth = 1 + max((maker.depth for maker in makers), default=0)
        keys = "_".join(call.keys[key] for key in divide_by if key in call.keys)
        return JobGroup(self._count, keys, depth)

    def _makers(self, call: Call) -> list[JobGroup]:
        """Return the jobs that make the inputs of a call."""
        makers: dict[int, JobGroup] = {}
        for file in call.inputs:
            number = self._products.maker(file.path)
            if number is not None and number in self._job_of_call:
                group = self._job_of_call[number]
                makers[group.number] = group
        return list(makers.values())


def _may_join(group: JobGroup, makers: Iterable[JobGroup]) -> bool:
    """Return whether a call may join a job: each job that makes its inputs is this one, or comes before it."""
    return all(maker is group or maker.depth < group.depth for maker in makers)
