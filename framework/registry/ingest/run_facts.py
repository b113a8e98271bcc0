"""Facts of a run as a whole and of its blocks: when they began and ended, however often they were restarted."""

from __future__ import annotations

from framework.errors import RegistryError
from framework.model.facts import (
    AttemptEnd,
    AttemptFiles,
    AttemptStart,
    BlockEnd,
    BlockPlan,
    BlockStart,
    JournalOpen,
    SoftwareReady,
)
from framework.registry.database.json_text import json_text
from framework.registry.ingest.changes import PendingRows
from framework.registry.ingest.known_rows import TimeSpan
from framework.registry.ingest.provenance_links import ProvenanceWriter, read_files
from framework.registry.ingest.row_layout import RowLayout
from framework.worker.journal.journal import FORMAT

_BLOCK = RowLayout("pfw_block", "task_id", "blknum", "name", "modulelist", "pfw_attempt_id")
_SOFTWARE = RowLayout("software_stack", "sha256", "kind", "name", "python", "image", "image_digest", "found")


class RunRecorder:
    """Applies the facts of the run, its blocks and its software to the rows of the run."""

    def __init__(self, rows: PendingRows, provenance: ProvenanceWriter) -> None:
        self._rows = rows
        self._provenance = provenance

    def check_format(self, fact: JournalOpen) -> None:
        """Raise RegistryError if the journal has a newer format than this version reads."""
        if fact.format > FORMAT:
            raise RegistryError(
                f"{fact.journal}: a journal of format {fact.format}, where this skyfw reads {FORMAT}: "
                "update skyfw, nothing is lost until then"
            )

    def record_attempt_start(self, fact: AttemptStart) -> None:
        """Record the start of the run, or its restart."""
        attempt = self._rows.known.attempt
        attempt.start_at(fact.time, self._rows.start_number)
        self._rows.changes.set("task", attempt.task_id, ("exec_host",), self._rows.host)
        self._set_attempt()

    def record_attempt_files(self, fact: AttemptFiles) -> None:
        """Record files of the run as a whole."""
        task_id = self._rows.known.attempt.task_id
        made = [(0, file.path) for file in fact.files]
        files = read_files(fact.files, made, self._rows.known.attempt_id, task_id, {0: task_id}, fact.time)
        self._provenance.add(task_id, files)

    def record_attempt_end(self, fact: AttemptEnd) -> None:
        """Record the end of the run."""
        known = self._rows.known
        known.attempt.end_at(fact.time, fact.status, self._rows.start_number)
        state = "FAIL" if fact.status else "PASS"
        self._rows.changes.states.append((known.attempt_id, fact.time, state, "NEW", "ORIG", None))
        self._set_attempt()

    def record_software(self, fact: SoftwareReady) -> None:
        """Record an environment or a container."""
        about = (fact.found.get(key) for key in ("python", "image", "digest"))
        row = _SOFTWARE.row(fact.sha256, fact.kind, fact.name, *about, json_text(fact.found))
        self._rows.changes.software[fact.sha256] = row

    def record_block_plan(self, fact: BlockPlan) -> None:
        """Record the jobs and calls of a late block."""
        task_id = self.find_block(fact.block).task_id
        self._rows.changes.set("pfw_block", task_id, ("numexpjobs",), fact.jobs)
        self._rows.changes.calls += [(count, task_id, module) for module, count in fact.modules.items()]

    def record_block_start(self, fact: BlockStart) -> None:
        """Record the start of a block."""
        span = self.find_block(fact.block)
        span.start_at(fact.time, self._rows.start_number)
        self._set_block(span)

    def record_block_end(self, fact: BlockEnd) -> None:
        """Record the end of a block."""
        span = self.find_block(fact.block)
        span.end_at(fact.time, fact.status, self._rows.start_number)
        self._set_block(span)

    def find_block(self, number: int) -> TimeSpan:
        """Return a block of the run, which is added if neither the submission nor a fact has named it yet."""
        known = self._rows.known
        span = known.blocks.get(number)
        if span is None:
            task_id = self._rows.add_task("block", f"block {number}", "pfw_block", known.attempt.task_id)
            row = _BLOCK.row(task_id, number, f"block {number}", "", known.attempt_id)
            self._rows.changes.new["pfw_block"][task_id] = list(row)
            span = known.blocks[number] = TimeSpan(task_id)
        return span

    def _set_attempt(self) -> None:
        span, attempt_id = self._rows.known.attempt, self._rows.known.attempt_id
        self._set_times(span)
        state = "NEW" if not span.is_over else "FAIL" if span.status else "PASS"
        self._rows.changes.set("pfw_attempt", attempt_id, ("restart_time",), span.latest_start)
        self._rows.changes.set("attempt_state", attempt_id, ("processing_state",), state)

    def _set_block(self, span: TimeSpan) -> None:
        self._set_times(span)
        self._rows.changes.set("pfw_block", span.task_id, ("restart_time",), span.latest_start)

    def _set_times(self, span: TimeSpan) -> None:
        end, status = (span.end, span.status) if span.is_over else (None, None)
        self._rows.changes.set("task", span.task_id, ("start_time", "end_time", "status"), span.start, end, status)
