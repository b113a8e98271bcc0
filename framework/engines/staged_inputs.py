"""Staged inputs: files of other archives that a run needs, and the jobs that wait for them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from framework.engines.engine import JobProblem, JobState
from framework.model.run import PlannedRun
from framework.output.text import counted


def files_to_stage(plan: PlannedRun) -> Mapping[str, str]:
    """Return files that the run's own archive does not have yet: path to the archive that has it."""
    root = plan.archive_root
    staging = plan.staging.items()
    return {path: archive for path, (archive, _) in staging if not os.path.exists(os.path.join(root, path))}


def readers_of_files(plan: PlannedRun, paths: Iterable[str], done: Iterable[int]) -> dict[str, list[int]]:
    """Return, for each of the paths, the jobs that read it and are not done."""
    found: dict[str, list[int]] = {path: [] for path in paths}
    over = set(done)
    for job in plan.jobs.values() if found else ():
        if job.number not in over:
            for path in {path for call in job.calls for path in call.inputs} & found.keys():
                found[path].append(job.number)
    return found


def staging_problems(plan: PlannedRun, begun: Iterable[int]) -> tuple[JobProblem, ...]:
    """Return which files the jobs of a running run that have not begun wait for."""
    missing = files_to_stage(plan)
    return tuple(
        JobProblem(number, JobState.WAITING, f"for {path} of archive {missing[path]}", "it is staged by itself")
        for path, jobs in readers_of_files(plan, missing, begun).items()
        for number in jobs
    )


class AwaitedFiles:
    """Files that jobs of a run wait for while they are staged."""

    def __init__(self, plan: PlannedRun, done: Iterable[int]) -> None:
        missing = files_to_stage(plan)
        self._readers = {path: jobs for path, jobs in readers_of_files(plan, missing, done).items() if jobs}
        #: Path to the archive that it comes from.
        self.archives = {path: archive for path, archive in missing.items() if path in self._readers}

    @property
    def count_by_job(self) -> Counter[int]:
        """Job number to how many files it waits for."""
        return Counter(job for jobs in self._readers.values() for job in jobs)

    def report_lines(self) -> Iterator[str]:
        """Yield how many jobs wait for how many files, an archive a line."""
        for archive, count in sorted(Counter(self.archives.values()).items()):
            jobs = {job for path, jobs in self._readers.items() if self.archives[path] == archive for job in jobs}
            yield f"{counted(len(jobs), 'job')} waiting for {counted(count, 'file')} of archive {archive}"

    def remove(self, path: str) -> list[int]:
        """Wait for a file no longer, since it has come or never will; return the jobs that waited for it."""
        self.archives.pop(path, None)
        return self._readers.pop(path, [])
