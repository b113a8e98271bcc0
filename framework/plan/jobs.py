"""Calls to jobs: put calls with the same keys on the same worker, and order jobs by the files they exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from framework.plan.model import Call, Job
from framework.plan.products import Products


@dataclass
class Group:
    """A job while calls are still being put into it."""

    number: int
    keys: str
    #: Longer than that of every job it waits for, which keeps the order of jobs free of circles.
    depth: int
    calls: list[Call] = field(default_factory=list)
    parents: set[int] = field(default_factory=set)


class Grouping:
    """Groups the calls of a run, block by block."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._job_of_call: dict[int, Group] = {}
        self._count = 0

    def block(
        self, number: int, calls: Iterable[Call], divide_by: Sequence[str], most: int | None, threads: int
    ) -> tuple[Job, ...]:
        """The jobs of one block; ``most`` limits the calls of a job, ``threads`` those that run at a time."""
        newest: dict[tuple[str | None, ...], Group] = {}
        groups: list[Group] = []
        for call in calls:
            # A call without a key shares a job with others without it.
            keys = tuple([call.keys.get(key) for key in divide_by])
            makers = self._makers(call)
            group = newest.get(keys)
            if group is None or (most and len(group.calls) >= most) or not _may_join(group, makers):
                self._count += 1
                depth = 1 + max((maker.depth for maker in makers), default=0)
                shown = "_".join(call.keys[key] for key in divide_by if key in call.keys)
                group = newest[keys] = Group(self._count, shown, depth)
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
                threads=threads,
            )
            for group in groups
        )

    def job_of(self, call_number: int) -> int:
        return self._job_of_call[call_number].number

    def _makers(self, call: Call) -> list[Group]:
        """The jobs that make what the call reads."""
        makers: dict[int, Group] = {}
        for file in call.inputs:
            number = self._products.maker(file.path)
            if number is not None and number in self._job_of_call:
                group = self._job_of_call[number]
                makers[group.number] = group
        return list(makers.values())


def _may_join(group: Group, makers: Iterable[Group]) -> bool:
    return all(maker is group or maker.depth < group.depth for maker in makers)
