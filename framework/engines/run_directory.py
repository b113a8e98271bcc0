"""Run directory: the plan, the journals, the submission and the working directories of one run."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framework.configuration.home import home
from framework.engines.plan_files import PlanFiles, archive_files
from framework.engines.run_lock import RunLock
from framework.errors import InfrastructureError, RunError
from framework.model.job import Job
from framework.model.plan import Plan
from framework.model.run import PlannedRun
from wcl.spelling import did_you_mean


class RunDirectory:
    """Directory ``$FW_HOME/runs/<run>``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = path / "plan"
        self.journal = path / "journal"
        #: Working directories of jobs, and what failed jobs left in theirs.
        self.work = path / "work"
        self.failed = path / "failed"
        #: Images of containers that workers have prepared.
        self.images = path / "images"
        #: The pipeline as it was typed and as it was understood.
        self.submitted = path / "submit"
        self._plan_files = PlanFiles(self.plan)
        self._lock = RunLock(path / "engine.lock")

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def is_planned(self) -> bool:
        """True if the run has a plan that was written to its end."""
        return self._plan_files.are_complete

    def write_plan(self, plan: Plan, attempt: int) -> None:
        """Write the plan of a run that is submitted; RunError where there is one already."""
        if self.is_planned:
            raise RunError(f"{self.path} holds a run already: remove it, or give the new run another number")
        try:
            for directory in (self.plan, self.journal, self.work, self.submitted):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error
        self._plan_files.write(plan, attempt)

    def write_changed_plan(self, plan: Plan, run: PlannedRun, since: Mapping[int, int]) -> None:
        """Write the plan with a changed configuration, all or nothing; ``since`` as in PlannedRun."""
        self._plan_files.write_changed(plan, run, since)

    def write_late_block(self, plan: Plan, run: PlannedRun) -> None:
        """Write the plan of a late block, all or nothing; it is never written again."""
        self._plan_files.write_late_block(plan, run)

    def set_attempt(self, attempt: int) -> None:
        """Have the plan name another id of its attempt: that in a registry which learns of the run again."""
        self._plan_files.set_attempt(attempt)

    def read_plan(self) -> PlannedRun:
        """Return the plan as engines know it; RunError where none was written to its end."""
        try:
            return self._plan_files.read()
        except FileNotFoundError as error:
            raise RunError(f"run {self.run} was never planned to its end: submit it again") from error

    def read_jobs(self, plan: PlannedRun) -> Iterator[Job]:
        """Yield the jobs of a plan in full."""
        return self._plan_files.read_jobs(plan)

    def submitted_file(self, name: str, version: int) -> Path:
        """Return the path of a file of the submission, or of the changed configuration that made a plan's version."""
        stem, _, suffix = name.partition(".")
        return self.submitted / (name if version == 1 else f"{stem}_{version}.{suffix}")

    def archive_plan(self, plan: PlannedRun, archived_before: Collection[str]) -> list[dict[str, Any]]:
        """Put the shards and the submission into the archive, but for what is there; return records of new files."""
        shards = {self.plan / job.shard for job in plan.jobs.values()}
        return archive_files(sorted([*shards, *self.submitted.iterdir()]), plan, archived_before)

    def set_work_aside(self) -> None:
        """Move what killed workers left to the failed jobs, so that new workers find nothing of it."""
        for left in sorted(self.work.iterdir()) if self.work.is_dir() else ():
            if any(left.iterdir()):
                self.failed.mkdir(exist_ok=True)
                left.rename(self.failed / left.name)
            else:
                left.rmdir()

    @contextmanager
    def lock(self) -> Iterator[int]:
        """Lock the run for this process and give the descriptor that holds it; RunError when another has it."""
        try:
            descriptor = self._lock.acquire()
        except BlockingIOError as error:
            raise RunError(f"run {self.run} is running ({error}): wait for it, or fw cancel it") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def find_owner(self) -> int | None:
        """Return the id of the process that has locked the run; None where nobody has."""
        return self._lock.find_owner()


def run_directory(run: str) -> RunDirectory:
    """Return the directory of a run, which need not exist yet."""
    return RunDirectory(home() / "runs" / run)


def existing_run(run: str) -> RunDirectory:
    """Return the directory of a run that was submitted here; RunError with the nearest name where there is none."""
    directory = run_directory(run)
    if "/" in run or not directory.path.is_dir():
        runs = home() / "runs"
        known = [path.name for path in runs.iterdir()] if runs.is_dir() else []
        hint = did_you_mean(run, known) or f"the runs of this machine are in {runs}"
        raise RunError(f"no run '{run}' was submitted here: {hint}")
    return directory
