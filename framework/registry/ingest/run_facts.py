"""Facts of a run as a whole and of its blocks: when they began and ended, however often they were restarted."""

from __future__ import annotations

from framework.errors import RegistryError
from framework.registry.database.json_text import json_text
from framework.registry.ingest.journal_reader import Fact
from framework.registry.ingest.new_rows import Draft
from framework.registry.ingest.provenance_links import Lineage, read_files
from framework.registry.ingest.run_state import Span

#: The journal's format that is understood here.
FORMAT = 1


class RunFacts:
    """Takes in what engines tell of the run."""

    def __init__(self, draft: Draft, lineage: Lineage) -> None:
        self._draft = draft
        self._lineage = lineage

    def open(self, fact: Fact, t: float) -> None:
        if fact["format"] > FORMAT:
            raise RegistryError(
                f"{fact.get('journal')}: a journal of format {fact['format']}, where this skyfw reads {FORMAT}: "
                "update skyfw, nothing is lost until then"
            )

    def attempt_start(self, fact: Fact, t: float) -> None:
        self._draft.known.attempt.begin(t)
        self._draft.changes.set("task", self._draft.known.attempt.task_id, ("exec_host",), self._draft.host)
        self._show_attempt()

    def attempt_files(self, fact: Fact, t: float) -> None:
        task_id = self._draft.known.attempt.task_id
        made = [(0, file["path"]) for file in fact["files"]]
        files = read_files({**fact, "made": made}, self._draft.known.attempt_id, task_id, {0: task_id}, t)
        self._lineage.add(task_id, files)

    def software(self, fact: Fact, t: float) -> None:
        found = fact["found"]
        about = [found.get(key) for key in ("python", "image", "digest")]
        sha256 = str(fact["sha256"])
        row = (sha256, str(fact["kind"]), str(fact["name"]), *about, json_text(found))
        self._draft.changes.software[sha256] = row

    def attempt_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        self._draft.known.attempt.finish(t, status)
        state = "FAIL" if status else "PASS"
        self._draft.changes.states.append((self._draft.known.attempt_id, t, state, "NEW", "ORIG", None))
        self._show_attempt()

    def _show_attempt(self) -> None:
        span = self._draft.known.attempt
        self._show(span)
        state = "NEW" if not span.is_over else "FAIL" if span.status else "PASS"
        self._draft.changes.set("pfw_attempt", self._draft.known.attempt_id, ("restart_time",), span.latest_start)
        self._draft.changes.set("attempt_state", self._draft.known.attempt_id, ("processing_state",), state)

    def _show(self, span: Span) -> None:
        end, status = (span.end, span.status) if span.is_over else (None, None)
        self._draft.changes.set("task", span.task_id, ("start_time", "end_time", "status"), span.start, end, status)

    def block_plan(self, fact: Fact, t: float) -> None:
        """A late block has been planned."""
        task_id = self.block(int(fact["block"])).task_id
        calls = {str(module): int(count) for module, count in fact["modules"].items()}
        self._draft.changes.set("pfw_block", task_id, ("numexpjobs",), int(fact["jobs"]))
        self._draft.changes.calls += [(count, task_id, module) for module, count in calls.items()]

    def block_start(self, fact: Fact, t: float) -> None:
        span = self.block(int(fact["block"]))
        span.begin(t)
        self._show_block(span)

    def block_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        span = self.block(int(fact["block"]))
        span.finish(t, status)
        self._show_block(span)

    def _show_block(self, span: Span) -> None:
        self._show(span)
        self._draft.changes.set("pfw_block", span.task_id, ("restart_time",), span.latest_start)

    def block(self, number: int) -> Span:
        span = self._draft.known.blocks.get(number)
        if span is None:
            root = self._draft.known.attempt.task_id
            task_id = self._draft.new_task("block", f"block {number}", "pfw_block", root)
            row = [task_id, number, f"block {number}", None, "", None, None, None, self._draft.known.attempt_id]
            self._draft.changes.new["pfw_block"][task_id] = row
            span = self._draft.known.blocks[number] = Span(task_id)
        return span
