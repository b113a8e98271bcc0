"""Schedule: which job may start next, by what has ended, what runs, and the limits."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from framework.model.run import PlannedJob, PlannedRun


@dataclass(frozen=True)
class Capacity:
    """Resources of the machine that a run may use."""

    slots: int
    memory_mb: int
    #: Graphics processors; None where nobody counts them.
    gpus: int | None = None


class Schedule:
    """State of each job of a run: those that wait, may start, run, are done or have failed."""

    def __init__(
        self,
        plan: PlannedRun,
        capacity: Capacity,
        done: frozenset[int] = frozenset(),
        coming: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """``coming`` is how many files some jobs wait for that no job makes."""
        self._plan = plan
        self._capacity = capacity
        self._waiting: dict[int, int] = {}
        self._children: dict[int, list[int]] = {}
        self._ready: list[int] = []
        #: Jobs that have all their files, by the block or the module that they wait for.
        self._parked: dict[str | int, list[int]] = {}
        self._slots = capacity.slots
        self._memory = capacity.memory_mb
        #: The numbers of the graphics processors that no job has.
        self._gpus = list(range(capacity.gpus or 0))
        #: Job to the numbers of the graphics processors that it may use.
        self.gpus: dict[int, list[int]] = {}
        #: Labels of software that no job can have.
        self._broken: set[str] = set()
        self._running_of_module: Counter[str] = Counter()
        self.running: set[int] = set()
        #: Memory of the jobs that ask for more than they did at first.
        self._grown: dict[int, int] = {}
        self.done = set(done)
        self.failed: set[int] = set()
        self._open_in_block = Counter(job.block for job in plan.jobs.values() if job.number not in done)
        self._block = min(self._open_in_block, default=0)
        for job in plan.jobs.values():
            if job.number not in done:
                self._enter(job, coming)

    def extend(self, plan: PlannedRun, coming: Mapping[int, int] = MappingProxyType({})) -> None:
        """Add the jobs of a block that has been planned by now."""
        more = [job for job in plan.jobs.values() if job.number not in self._plan.jobs]
        self._plan = plan
        self._open_in_block.update(job.block for job in more)
        self._block = min(self._open_in_block, default=0)
        for job in more:
            self._enter(job, coming)

    def file_arrived(self, number: int) -> None:
        """Note that a file which the job waits for is there."""
        self._waiting[number] -= 1
        if self._waiting[number] == 0:
            heapq.heappush(self._ready, number)

    def _enter(self, job: PlannedJob, coming: Mapping[int, int]) -> None:
        parents = [parent for parent in job.parents if parent not in self.done]
        for parent in parents:
            self._children.setdefault(parent, []).append(job.number)
        self._waiting[job.number] = len(parents) + coming.get(job.number, 0)
        if not self._waiting[job.number]:
            heapq.heappush(self._ready, job.number)

    def start_next(self) -> PlannedJob | None:
        """Start the first job that may run now and return it; None where none may."""
        found = self._pop_job()
        if found is None:
            return None
        self._use(found, 1)
        if self._capacity.gpus is not None and found.gpus:
            self.gpus[found.number] = [self._gpus.pop(0) for _ in range(found.gpus)]
        self.running.add(found.number)
        del self._waiting[found.number]
        return found

    def _pop_job(self) -> PlannedJob | None:
        """Take the first job that may run now from those that are ready; None where none may."""
        passed = []
        found = None
        while self._ready and self._slots > 0 and found is None:
            number = heapq.heappop(self._ready)
            job = self._plan.jobs[number]
            if self._broken.intersection(job.software):
                continue  # it is never started
            if (limit := self._limit_of(job)) is not None:
                heapq.heappush(self._parked.setdefault(limit, []), number)
            elif self._fits(job):
                found = job
            else:
                passed.append(number)
        for number in passed:
            heapq.heappush(self._ready, number)
        return found

    def finish(self, number: int) -> bool:
        """Note that a job is done; return whether that ends its block."""
        job = self._plan.jobs[number]
        self._release(job)
        self.done.add(number)
        for child in self._children.get(number, ()):
            self.file_arrived(child)
        self._open_in_block[job.block] -= 1
        if self._open_in_block[job.block]:
            return False
        del self._open_in_block[job.block]
        self._block = min(self._open_in_block, default=0)
        for number in self._parked.pop(self._block, ()):
            heapq.heappush(self._ready, number)
        return True

    def fail(self, number: int) -> None:
        """Note that a job has failed for good; what needs its files never runs."""
        self._release(self._plan.jobs[number])
        self.failed.add(number)

    def set_memory(self, number: int, memory_mb: int) -> None:
        """Have a job ask for so much memory from its next start on."""
        self._grown[number] = memory_mb

    def requeue(self, number: int, memory_mb: int | None = None) -> None:
        """Put a job back to those that may start; it may ask for more memory now."""
        self._release(self._plan.jobs[number])
        if memory_mb is not None:
            self.set_memory(number, memory_mb)
        self._waiting[number] = 0
        heapq.heappush(self._ready, number)

    def exclude_software(self, label: str) -> bool:
        """Start no more jobs that need this software; return whether that is new."""
        is_new = label not in self._broken
        self._broken.add(label)
        return is_new

    @property
    def has_ready(self) -> bool:
        """True if some job waits for nothing but a slot."""
        return bool(self._ready or self._parked)

    @property
    def skipped(self) -> int:
        """Number of jobs that wait for others, or for files, and have not been started."""
        return len(self._waiting)

    def _limit_of(self, job: PlannedJob) -> str | int | None:
        """Return the block, or the module at its limit, for which a job has to wait; None if it may start."""
        if self._plan.barriers and job.block != self._block:
            return job.block
        limits = self._plan.max_running
        full = (name for name in _modules(job) if name in limits and self._running_of_module[name] >= limits[name])
        return next(full, None) if limits else None

    def _fits(self, job: PlannedJob) -> bool:
        if min(job.cpus, self._capacity.slots) > self._slots:
            return False
        if self._capacity.gpus is not None and job.gpus > len(self._gpus):
            return False
        return self._memory_of(job) <= self._memory

    def _memory_of(self, job: PlannedJob) -> int:
        return min(self._grown.get(job.number, job.memory_mb), self._capacity.memory_mb)

    def _use(self, job: PlannedJob, sign: int) -> None:
        self._slots -= sign * min(job.cpus, self._capacity.slots)
        self._memory -= sign * self._memory_of(job)
        for name in _modules(job):
            self._running_of_module[name] += sign

    def _release(self, job: PlannedJob) -> None:
        self._use(job, -1)
        self._gpus = sorted(self._gpus + self.gpus.pop(job.number, []))
        self.running.discard(job.number)
        for name in _modules(job):
            if parked := self._parked.get(name):
                heapq.heappush(self._ready, heapq.heappop(parked))


def _modules(job: PlannedJob) -> set[str]:
    return {call.module for call in job.calls}
