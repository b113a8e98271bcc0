"""Run record: the engine's own facts of one execution of a run on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable

from framework.engines.history import RunHistory
from framework.engines.local.workers import Worker
from framework.engines.lost_calls import close_calls
from framework.engines.run_directory import RunDirectory
from framework.model.run import PlannedJob, PlannedRun
from framework.worker.journal import facts
from framework.worker.journal.facts import JobExecution
from framework.worker.journal.journal import Journal, read_facts
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.restart_state import OpenCall, fold


class LocalRunRecord:
    """Writes the engine's journal, and keeps the restart state in step with it."""

    def __init__(self, directory: RunDirectory, plan: PlannedRun, history: RunHistory) -> None:
        self._directory = directory
        self._plan = plan
        self._history = history
        name = f"engine-{history.start}"
        self._journal = Journal(str(directory.journal), name, run=plan.run, attempt=plan.attempt, start=history.start)
        self._begun_blocks: set[int] = set()
        self._queued = 0

    def begin(self, done: Iterable[int]) -> None:
        """Record the beginning, what is planned, and the end of all that an earlier execution left open."""
        self._journal.write(facts.attempt_start())
        self.add_plan(self._plan)
        self._close_calls(self._history.open_calls, "the run was killed")
        for job, execution_id in self._history.open_jobs:
            self._journal.write(facts.job_lost(JobExecution(job, execution_id), "the run was killed"))
        self._end_finished_blocks(frozenset(done))

    def _end_finished_blocks(self, done: frozenset[int]) -> None:
        """Record the end of blocks that had ended when the run was killed, before that could be recorded."""
        open_blocks = {job.block for number, job in self._plan.jobs.items() if number not in done}
        planned = {job.block for job in self._plan.jobs.values()} | self._plan.planned_late.keys()
        for block in sorted(planned - open_blocks - self._history.ended_blocks):
            self.end_block(block, 0)

    def add_plan(self, plan: PlannedRun) -> None:
        """Record late blocks that have been planned, and archive plan files, as far as neither was done before."""
        self._plan = plan
        for block, modules in plan.planned_late.items():
            if block not in self._history.planned_blocks:
                jobs = sum(job.block == block for job in plan.jobs.values())
                self._journal.write(facts.block_plan(block, jobs, modules))
                self._history.planned_blocks.add(block)
        if files := self._directory.archive_plan(plan, self._history.archived_files):
            self._journal.write(facts.attempt_files(files))
            self._history.archived_files.update(file["path"] for file in files)

    def begin_block(self, block: int) -> None:
        """Record the beginning of a block, once."""
        if block not in self._begun_blocks:
            self._begun_blocks.add(block)
            self._journal.write(facts.block_start(block))

    def end_block(self, block: int, status: int) -> None:
        """Record the end of a block."""
        self._journal.write(facts.block_end(block, status))

    def end_failed_blocks(self, failed: Iterable[int]) -> None:
        """Record the end of the blocks that have begun and in which jobs failed."""
        for block in sorted(self._begun_blocks & {self._plan.jobs[number].block for number in failed}):
            self.end_block(block, 1)

    def queue_job(self, job: PlannedJob) -> str:
        """Record that a job is given to a worker; return the id of this execution."""
        self.begin_block(job.block)
        self._queued += 1
        execution_id = f"{self._history.start}.{self._queued}"
        self._journal.write(facts.job_queue(JobExecution(job.number, execution_id), job.block))
        return execution_id

    def lose_job(self, job: PlannedJob, worker: Worker, reason: str) -> None:
        """Record that an execution ended without recording that itself, and close what it left open."""
        # A worker that was killed before it began has written nothing.
        written = read_facts(worker.journal) if os.path.exists(worker.journal) else ()
        found = [fact for fact in written if fact.get("queue") == worker.execution_id]
        for fact in found:
            self._history.apply(fact)
        self._close_calls(fold(found).open_calls, reason)
        self._journal.write(facts.job_lost(JobExecution(job.number, worker.execution_id), reason))

    def write_message(self, text: str) -> None:
        """Record an event that a person may want to know of."""
        self._journal.write(facts.message(MessageLevel.EVENT, text))

    def write_error(self, text: str, block: int | None = None) -> None:
        """Record an error of the run, or of one of its blocks."""
        self._journal.write(facts.message(MessageLevel.ERROR, text, block=block))

    def end(self, status: int) -> None:
        """Record the end and close the journal."""
        self._journal.write(facts.attempt_end(status))
        self._journal.close()

    def _close_calls(self, calls: Iterable[OpenCall], reason: str) -> None:
        close_calls(calls, self._journal, self._plan.archive, self._plan.archive_root, reason)
