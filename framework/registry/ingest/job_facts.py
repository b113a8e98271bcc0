"""Facts of jobs: each execution of a job, up to its end or its loss."""

from __future__ import annotations

from collections.abc import Callable

from framework.model.facts import JobEnd, JobLost, JobQueue, JobStart
from framework.registry.database.json_text import keys_text
from framework.registry.ingest.changes import PendingRows
from framework.registry.ingest.known_rows import EndState, KnownCall, KnownExec, KnownJob, TimeSpan
from framework.registry.ingest.provenance_links import ProvenanceWriter, read_files
from framework.registry.ingest.row_layout import RowLayout
from framework.worker.journal.statuses import LOST

_JOB = RowLayout("pfw_job", "task_id", "jobnum", "queue", "pfw_attempt_id")


class JobRecorder:
    """Applies the facts of jobs to the rows of a run."""

    def __init__(self, rows: PendingRows, provenance: ProvenanceWriter, block: Callable[[int], TimeSpan]) -> None:
        self._rows = rows
        self._provenance = provenance
        self._block = block

    def find_job(self, number: int, execution_id: str, block: int | None = None) -> KnownJob:
        """Return an execution of a job, which is added if no fact has named it yet; its block, if it is known."""
        job = self._rows.known.jobs.get((number, execution_id))
        if job is None:
            task_id = self._rows.add_task("job", str(number), "pfw_job", None)
            row = _JOB.row(task_id, number, execution_id, self._rows.known.attempt_id)
            self._rows.changes.new["pfw_job"][task_id] = list(row)
            job = self._rows.known.jobs[number, execution_id] = KnownJob(task_id, None)
        if job.block_task_id is None and block is not None:
            self._set_block(job, self._block(block).task_id)
        return job

    def _set_block(self, job: KnownJob, block_task_id: int) -> None:
        """Set the block of a job, and of all rows that were added before it was known."""
        job.block_task_id = block_task_id
        column = ("pfw_block_task_id",)
        changes = self._rows.changes
        changes.set("task", job.task_id, ("parent_task_id",), block_task_id)
        changes.set("pfw_job", job.task_id, column, block_task_id)
        for call in job.calls.values():
            changes.set("pfw_wrapper", call.task_id, column, block_task_id)
            for program in call.execs.values():
                changes.set("pfw_exec", program.task_id, column, block_task_id)

    def record_queue(self, fact: JobQueue) -> None:
        """Record when an execution was queued."""
        job = self.find_job(fact.job, fact.execution_id, fact.block)
        self._rows.changes.set("pfw_job", job.task_id, ("submit_time",), fact.time)

    def record_start(self, fact: JobStart) -> None:
        """Record the start of a job."""
        keys = fact.keys if isinstance(fact.keys, str) else keys_text(fact.keys)
        job = self.find_job(fact.job, fact.execution_id, fact.block)
        self._rows.start_task(job.task_id, fact.time)
        columns = ("jobkeys", "expect_num_wrap", "jobroot")
        self._rows.changes.set("pfw_job", job.task_id, columns, keys, fact.calls, fact.root)

    def record_end(self, fact: JobEnd) -> None:
        """Record the end of a job, and the tarball of what it left."""
        job = self.find_job(fact.job, fact.execution_id)
        job.end_state = EndState.ENDED
        self._rows.end_task(job.task_id, fact.time, fact.status)
        self._rows.changes.set("pfw_job", job.task_id, ("diskusage",), fact.disk)
        if fact.files:
            made = [(0, file.path) for file in fact.files]
            attempt_id = self._rows.known.attempt_id
            files = read_files(fact.files, made, attempt_id, job.task_id, {0: job.task_id}, fact.time)
            self._provenance.add(job.task_id, files)
            self._rows.changes.set("pfw_job", job.task_id, ("junktar",), fact.files[0].path)

    def record_loss(self, fact: JobLost) -> None:
        """Record that an execution was lost, and end what it left open."""
        job = self.find_job(fact.job, fact.execution_id)
        if job.lost_time is not None:
            return
        job.lost_time = fact.time
        self._rows.changes.set("pfw_job", job.task_id, ("lost_time",), fact.time)
        self._rows.add_message(job.task_id, fact.time, 1, f"lost: {fact.reason}")
        self.end_as_lost(job, fact.time)
        for call in job.calls.values():
            self.end_as_lost(call, fact.time)
            for program in call.execs.values():
                self.end_as_lost(program, fact.time)

    def end_as_lost(self, execution: KnownJob | KnownCall | KnownExec, t: float) -> None:
        """End an execution whose own end is not recorded."""
        if execution.end_state is EndState.OPEN:
            execution.end_state = EndState.LOST
            self._rows.end_task(execution.task_id, t, LOST)
