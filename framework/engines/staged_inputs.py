"""Arrivals: files that a run's archive does not have yet, and the jobs that wait for them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from framework.engines.engine import JobProblem, JobState
from framework.engines.run_directory import RunDirectory
from framework.engines.subcommand import Beside
from framework.model.run import PlannedRun
from framework.output.text import counted


class Arrival(NamedTuple):
    """A file that is there now, or why it will not come."""

    path: str
    trouble: str


def awaited(plan: PlannedRun) -> Mapping[str, str]:
    """What other archives have for the run and its own has not yet: path to the archive that it comes from."""
    root = plan.archive_root
    staging = plan.staging.items()
    return {path: archive for path, (archive, _) in staging if not os.path.exists(os.path.join(root, path))}


def waiting_jobs(plan: PlannedRun, paths: Iterable[str], done: Iterable[int]) -> dict[str, list[int]]:
    """Of each of the paths, the jobs not done that read it."""
    found: dict[str, list[int]] = {path: [] for path in paths}
    over = set(done)
    for job in plan.jobs.values() if found else ():
        if job.number not in over:
            for path in {path for call in job.calls for path in call.inputs} & found.keys():
                found[path].append(job.number)
    return found


def staging_problems(plan: PlannedRun, begun: Iterable[int]) -> tuple[JobProblem, ...]:
    """What the jobs of a running run that have not begun wait for."""
    coming = awaited(plan)
    return tuple(
        JobProblem(
            number, JobState.WAITING, f"for {path} of archive {coming[path]}", "it is being brought; nothing to do"
        )
        for path, jobs in waiting_jobs(plan, coming, begun).items()
        for number in jobs
    )


class Stager(Beside):
    """Brings files that a run's jobs wait for; a process of its own, since a tape may take hours."""

    def __init__(self, directory: RunDirectory, registry: str) -> None:
        super().__init__(directory, "stager", ["stage", directory.run, "--json"], registry)

    def heard(self) -> Iterator[Arrival] | None:
        """What has come since it was asked last; None at its end."""
        lines = self.said()
        return None if lines is None else (Arrival(*json.loads(line)) for line in lines)


def stage_now(directory: RunDirectory, registry: str, *homewards: str) -> str:
    """Bring what is needed, or with ``--home`` take home what was made, and wait for it; why that failed, or empty."""
    return Beside(directory, "stager", ["stage", directory.run, *homewards], registry).to_the_end()


class Arrivals:
    """What is known of files that are on their way."""

    def __init__(self, plan: PlannedRun, done: Iterable[int]) -> None:
        self.coming = dict(awaited(plan))
        self._jobs = {path: jobs for path, jobs in waiting_jobs(plan, self.coming, done).items() if jobs}
        self.coming = {path: archive for path, archive in self.coming.items() if path in self._jobs}

    @property
    def counts(self) -> Counter[int]:
        """How many files each job waits for."""
        return Counter(job for jobs in self._jobs.values() for job in jobs)

    def words(self) -> Iterator[str]:
        """What is waited for, an archive a line."""
        for archive, count in sorted(Counter(self.coming.values()).items()):
            jobs = {job for path, jobs in self._jobs.items() if self.coming[path] == archive for job in jobs}
            yield f"{counted(len(jobs), 'job')} waiting for {counted(count, 'file')} of archive {archive}"

    def take(self, path: str) -> list[int]:
        """A file has come, or never will: the jobs that waited for it."""
        self.coming.pop(path, None)
        return self._jobs.pop(path, [])
