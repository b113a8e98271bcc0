"""Record of a run: facts in, changes of the registry out, whatever the order in which journals are read.

Four layers in memory make the ingest several times as fast as statements for each fact (``benchmarks/registry.py``
measures it): ``KnownRows`` spares a query for each id, ``PendingRows`` an update of each row that the same batch
adds, ``Changes`` writes a batch in one transaction with one statement a table, and ``RunRecord`` is the only door to
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from framework.model import facts
from framework.model.facts import Fact, JournalOpen, Message
from framework.registry.database.ids import IdSource
from framework.registry.ingest.call_facts import CallRecorder
from framework.registry.ingest.changes import Changes, PendingRows
from framework.registry.ingest.file_rows import SameFiles
from framework.registry.ingest.job_facts import JobRecorder
from framework.registry.ingest.known_rows import KnownRows
from framework.registry.ingest.provenance_links import ProvenanceWriter
from framework.registry.ingest.run_facts import RunRecorder
from framework.registry.schema.column_types import YEAR_10000


class RunRecord:
    """Changes that a run's facts lead to, until they are written; ``known`` is ahead of the registry by them."""

    def __init__(self, known: KnownRows, task_ids: IdSource, file_ids: IdSource) -> None:
        self.known = known
        self._rows = rows = PendingRows(known, task_ids.take)
        self._provenance = ProvenanceWriter(rows, file_ids.take)
        self._run = run = RunRecorder(rows, self._provenance)
        self._jobs = jobs = JobRecorder(rows, self._provenance, run.find_block)
        self._calls = calls = CallRecorder(rows, self._provenance, jobs)
        self._recorders: dict[type[Fact], Callable[[Any], None]] = {
            facts.JournalOpen: run.check_format,
            facts.AttemptStart: run.record_attempt_start,
            facts.AttemptFiles: run.record_attempt_files,
            facts.AttemptEnd: run.record_attempt_end,
            facts.SoftwareReady: run.record_software,
            facts.BlockPlan: run.record_block_plan,
            facts.BlockStart: run.record_block_start,
            facts.BlockEnd: run.record_block_end,
            facts.JobQueue: jobs.record_queue,
            facts.JobStart: jobs.record_start,
            facts.JobLost: jobs.record_loss,
            facts.JobEnd: jobs.record_end,
            facts.CallStart: calls.record_start,
            facts.CallRun: calls.record_run,
            facts.CallStore: calls.record_store,
            facts.CallEnd: calls.record_end,
            facts.ExecStart: calls.record_exec_start,
            facts.ExecEnd: calls.record_exec_end,
            facts.Message: self._record_message,
        }

    def apply(self, new_facts: list[Fact], journal: str, opening: JournalOpen | None) -> None:
        """Apply facts of one journal; one that makes no sense becomes a message of the run."""
        self._rows.host = opening.host if opening else None
        self._rows.start_number = (opening.start or 0) if opening else 0
        recorders = self._recorders
        for fact in new_facts:
            try:
                if not 0.0 <= fact.time < YEAR_10000:
                    raise ValueError("no time")
                recorders[type(fact)](fact)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                self.report_bad_fact(journal, f"{type(error).__name__} {error}", msgspec.json.encode(fact).decode())

    def report_bad_fact(self, journal: str, reason: str, text: str) -> None:
        """Record that a fact was passed over."""
        self.report_error(f"{journal}: passed over a fact ({reason}): {text[:1000]}")

    def report_error(self, text: str) -> None:
        """Record with the run that a part of a journal could not be ingested."""
        self._rows.add_message(self.known.attempt.task_id, time.time(), 1, text)

    def take_changes(self, connection: Connection) -> Changes:
        """Return the changes, ready to be written, with the files that they name by path looked up; begin new ones."""
        self._provenance.resolve_paths(connection)
        changes = self._rows.take_changes()
        changes.prepare(connection.dialect.name)
        return changes

    def confirm(self, same: SameFiles) -> None:
        """Note that changes have been written, and which of their files were in the registry before."""
        self._provenance.confirm(same)

    def _record_message(self, fact: Message) -> None:
        self._rows.add_message(self._task_of(fact), fact.time, fact.level, fact.text)

    def _task_of(self, fact: Message) -> int:
        """Return the task that a message is about."""
        if fact.job is None:
            if fact.call is not None:
                raise ValueError("a call without its job")
            block = fact.block
            return self.known.attempt.task_id if block is None else self._run.find_block(block).task_id
        if fact.execution_id is None:
            raise ValueError("a job without its execution")
        if fact.call is None:
            return self._jobs.find_job(fact.job, fact.execution_id, fact.block).task_id
        if fact.try_number is None:
            raise ValueError("a call without its try")
        return self._calls.find_call(fact.job, fact.execution_id, fact.call, fact.try_number)[1].task_id
