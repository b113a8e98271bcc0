"""Calls to jobs: put calls with the same keys on the same worker, and order jobs by the files they exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from framework.model.plan import Call, Job
from framework.pipeline.definition import names_of
from framework.pipeline.numbers import whole_number
from framework.plan.products import Products
from wcl import Scope, Section


@dataclass(frozen=True, kw_only=True)
class JobDivision:
    """How a block's calls become jobs."""

    divide_by: tuple[str, ...]
    #: A job holds no more calls than these; None for any number.
    most_calls: int | None
    #: How many calls of a job run at a time; 0 where the block does not say.
    threads: int


def read_job_division(section: Section, scope: Scope) -> JobDivision:
    """What a block, or what surrounds it, says of its jobs."""
    scope = scope.child(section)
    return JobDivision(
        divide_by=names_of(section, "divide_jobs_by"),
        most_calls=whole_number(scope, "max_wrappers_per_job", section.opened_position),
        threads=whole_number(scope, "fw_nmaxthread", section.opened_position) or 0,
    )


@dataclass
class JobGroup:
    """A job while calls are still being put into it."""

    number: int
    keys: str
    #: Longer than that of every job it waits for, which keeps the order of jobs free of circles.
    depth: int
    calls: list[Call] = field(default_factory=list)
    parents: set[int] = field(default_factory=set)


class JobBuilder:
    """Groups the calls of a run, block by block; ``earlier`` are jobs that there are already."""

    def __init__(self, products: Products, earlier: Iterable[Job] = ()) -> None:
        self._products = products
        self._job_of_call: dict[int, JobGroup] = {}
        self._count = 0
        for job in earlier:
            group = JobGroup(job.number, job.keys, 0)
            self._job_of_call.update((call.number, group) for call in job.calls)
            self._count = max(self._count, job.number)

    def block(self, number: int, calls: Iterable[Call], division: JobDivision) -> tuple[Job, ...]:
        """The jobs of one block."""
        divide_by, most = division.divide_by, division.most_calls
        newest: dict[tuple[str | None, ...], JobGroup] = {}
        groups: list[JobGroup] = []
        for call in calls:
            # A call without a key shares a job with others without it.
            keys = tuple([call.keys.get(key) for key in divide_by])
            makers = self._makers(call)
            group = newest.get(keys)
            if group is None or (most and len(group.calls) >= most) or not _may_join(group, makers):
                self._count += 1
                depth = 1 + max((maker.depth for maker in makers), default=0)
                shown = "_".join(call.keys[key] for key in divide_by if key in call.keys)
                group = newest[keys] = JobGroup(self._count, shown, depth)
                groups.append(group)
            group.calls.append(call)
            if makers:
                group.parents.update([maker.number for maker in makers if maker is not group])
            self._job_of_call[call.number] = group
        return tuple(
            Job(
                number=group.number,
                block=number,
                keys=group.keys,
                calls=tuple(group.calls),
                parents=tuple(sorted(group.parents)),
                max_threads=division.threads,
            )
            for group in groups
        )

    def job_of(self, call_number: int) -> int:
        return self._job_of_call[call_number].number

    def _makers(self, call: Call) -> list[JobGroup]:
        """The jobs that make what the call reads."""
        makers: dict[int, JobGroup] = {}
        for file in call.inputs:
            number = self._products.maker(file.path)
            if number is not None and number in self._job_of_call:
                group = self._job_of_call[number]
                makers[group.number] = group
        return list(makers.values())


def _may_join(group: JobGroup, makers: Iterable[JobGroup]) -> bool:
    return all(maker is group or maker.depth < group.depth for maker in makers)
