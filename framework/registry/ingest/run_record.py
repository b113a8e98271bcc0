"""A run's record: facts in, changes of the registry out, whatever the order in which journals tell them."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from framework.registry.database.ids import IdSource
from framework.registry.database.json_text import json_text
from framework.registry.ingest.call_facts import CallFacts
from framework.registry.ingest.changes import Changes
from framework.registry.ingest.file_rows import SameFiles
from framework.registry.ingest.job_facts import JobFacts
from framework.registry.ingest.journal_reader import Fact
from framework.registry.ingest.new_rows import Draft
from framework.registry.ingest.provenance_links import Lineage
from framework.registry.ingest.run_facts import RunFacts
from framework.registry.ingest.run_state import Known
from framework.registry.schema.column_types import YEAR_10000


class Record:
    """What a run's facts amount to: changes, which grow until they are handed over; ``known`` is ahead by them."""

    def __init__(self, known: Known, task_ids: IdSource, file_ids: IdSource) -> None:
        self.known = known
        self._draft = draft = Draft(known, task_ids.take)
        self._lineage = Lineage(draft, file_ids.take)
        self._run = run = RunFacts(draft, self._lineage)
        self._jobs = jobs = JobFacts(draft, self._lineage, run.block)
        self._calls = calls = CallFacts(draft, self._lineage, jobs)
        self._handlers: dict[str, Callable[[Fact, float], None]] = {
            "open": run.open,
            "attempt.start": run.attempt_start,
            "attempt.files": run.attempt_files,
            "attempt.end": run.attempt_end,
            "software": run.software,
            "block.plan": run.block_plan,
            "block.start": run.block_start,
            "block.end": run.block_end,
            "job.queue": jobs.job_queue,
            "job.start": jobs.job_start,
            "job.lost": jobs.job_lost,
            "job.end": jobs.job_end,
            "call.start": calls.call_start,
            "call.run": calls.call_run,
            "call.store": calls.call_store,
            "call.end": calls.call_end,
            "exec.start": calls.exec_start,
            "exec.end": calls.exec_end,
            "message": self._message,
        }

    def tell(self, facts: list[Fact], journal: str, host: str | None) -> None:
        """Take in facts of one journal; one that makes no sense becomes a message."""
        self._draft.host = host
        handlers = self._handlers
        for fact in facts:
            try:
                t = fact["t"] + 0.0
                if not 0.0 <= t < YEAR_10000:
                    raise ValueError("no time")
                handlers[fact["e"]](fact, t)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                reason = f"{type(error).__name__} {error}"
                self.complain(f"{journal}: passed over a fact ({reason}): {json_text(fact)[:1000]}")

    def complain(self, text: str) -> None:
        """Keep with the run that something of a journal could not be taken in."""
        self._draft.say(self.known.attempt.task_id, time.time(), 1, text)

    def hand_over(self, connection: Connection) -> Changes:
        """What is to be written now, with what it names by path alone looked up; new changes begin."""
        self._lineage.settle(connection)
        changes = self._draft.hand_over()
        changes.prepare(connection.dialect.name)
        return changes

    def written(self, same: SameFiles) -> None:
        """Take in that changes have been written, and which of their files were there before."""
        self._lineage.written(same)

    def _message(self, fact: Fact, t: float) -> None:
        self._draft.say(self._subject(fact), t, int(fact["level"]), str(fact["text"]))

    def _subject(self, fact: Fact) -> int:
        if fact.get("call") is not None:
            return self._calls.call(fact)[1].task_id
        if fact.get("job") is not None:
            return self._jobs.job(fact).task_id
        block = fact.get("block")
        return self.known.attempt.task_id if block is None else self._run.block(int(block)).task_id
