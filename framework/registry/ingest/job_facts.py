"""Facts of jobs: each execution of one, up to its end or its loss."""

from __future__ import annotations

from collections.abc import Callable

from framework.registry.database.json_text import keys_text
from framework.registry.ingest.journal_reader import Fact
from framework.registry.ingest.new_rows import Draft
from framework.registry.ingest.provenance_links import Lineage, read_files
from framework.registry.ingest.run_state import LOST_STATUS, KnownCall, KnownExec, KnownJob, Span, Told


class JobFacts:
    """Takes in what engines and workers tell of jobs."""

    def __init__(self, draft: Draft, lineage: Lineage, block: Callable[[int], Span]) -> None:
        self._draft = draft
        self._lineage = lineage
        self._block = block

    def job(self, fact: Fact) -> KnownJob:
        """The execution of a job that a fact is about; made if nobody has told of it yet."""
        key = (int(fact["job"]), str(fact["queue"]))
        job = self._draft.known.jobs.get(key)
        if job is None:
            task_id = self._draft.new_task("job", str(key[0]), "pfw_job", None)
            attempt_id = self._draft.known.attempt_id
            row = [task_id, *key, None, None, None, None, None, None, None, attempt_id, None]
            self._draft.changes.new["pfw_job"][task_id] = row
            job = self._draft.known.jobs[key] = KnownJob(task_id, None)
        if job.block_task_id is None and fact.get("block") is not None:
            self._place(job, self._block(int(fact["block"])).task_id)
        return job

    def _place(self, job: KnownJob, block_task_id: int) -> None:
        """Tell a job its block, and whatever came before it was known."""
        job.block_task_id = block_task_id
        column = ("pfw_block_task_id",)
        self._draft.changes.set("task", job.task_id, ("parent_task_id",), block_task_id)
        self._draft.changes.set("pfw_job", job.task_id, column, block_task_id)
        for call in job.calls.values():
            self._draft.changes.set("pfw_wrapper", call.task_id, column, block_task_id)
            for one in call.execs.values():
                self._draft.changes.set("pfw_exec", one.task_id, column, block_task_id)

    def job_queue(self, fact: Fact, t: float) -> None:
        self._draft.changes.set("pfw_job", self.job(fact).task_id, ("submit_time",), t)

    def job_start(self, fact: Fact, t: float) -> None:
        job = self.job(fact)
        self._draft.begin(job.task_id, t)
        columns = ("jobkeys", "expect_num_wrap", "jobroot")
        keys = fact.get("keys")
        values = (keys if isinstance(keys, str) else keys_text(keys), fact.get("calls"), fact.get("root"))
        self._draft.changes.set("pfw_job", job.task_id, columns, *values)

    def job_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        job = self.job(fact)
        job.told = Told.ENDED
        self._draft.end(job.task_id, t, status)
        self._draft.changes.set("pfw_job", job.task_id, ("diskusage",), fact.get("disk"))
        if files := fact.get("files"):
            made = [(0, file["path"]) for file in files]
            told = read_files({**fact, "made": made}, self._draft.known.attempt_id, job.task_id, {0: job.task_id}, t)
            self._lineage.add(job.task_id, told)
            self._draft.changes.set("pfw_job", job.task_id, ("junktar",), str(files[0]["path"]))

    def job_lost(self, fact: Fact, t: float) -> None:
        job = self.job(fact)
        if job.lost_time is not None:
            return
        job.lost_time = t
        self._draft.changes.set("pfw_job", job.task_id, ("lost_time",), t)
        self._draft.say(job.task_id, t, 1, f"lost: {fact.get('reason', 'no reason given')}")
        self.close_as_lost(job, t)
        for call in job.calls.values():
            self.close_as_lost(call, t)
            for one in call.execs.values():
                self.close_as_lost(one, t)

    def close_as_lost(self, execution: KnownJob | KnownCall | KnownExec, t: float) -> None:
        """End what has not told its own end."""
        if execution.told is Told.OPEN:
            execution.told = Told.LOST
            self._draft.end(execution.task_id, t, LOST_STATUS)
