"""History of a run: what its journals say, so that a restart does what is left."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from framework.model.run import PlannedJob, PlannedRun
from framework.worker.journal.journal import read_facts
from framework.worker.journal.restart_state import JobLocalFiles, RestartState, calls_to_repeat

#: Names of the journals that decide how a run goes on, with the number of the start that they belong to. Notes of
#: people, and what jobs of a pool report while they run, have other names.
JOURNAL = re.compile(r"(?:engine|worker)-(\d+)")


class RunHistory(RestartState):
    """Restart state of a whole run, with what its journals say of its blocks and of the run itself."""

    def __init__(self) -> None:
        super().__init__()
        #: Number of the next start: 0 for a run that has never begun.
        self.start = 0
        #: Blocks whose plan is on record, of those that are planned late.
        self.planned_blocks: set[int] = set()
        #: Archive paths of files that belong to the run as a whole.
        self.archived_files: set[str] = set()
        self._block_starts: dict[int, float] = {}
        self._block_ends: dict[int, float] = {}
        self._end_status: dict[int, int] = {}

    @property
    def is_over(self) -> bool:
        """True if the newest start of the run has come to a good end, and that is on record."""
        return self._end_status.get(self.start - 1) == 0

    @property
    def ended_blocks(self) -> set[int]:
        """Blocks whose end is on record, after their newest beginning."""
        return {block for block, t in self._block_ends.items() if t >= self._block_starts.get(block, 0.0)}

    def apply_journal(self, facts: Iterable[dict[str, Any]], start: int, outdated: Collection[int] = ()) -> None:
        """Take the facts of one journal into account, which belongs to a start of the run."""
        for fact in facts:
            event = fact["e"]
            if event in ("block.start", "block.end"):
                times = self._block_starts if event == "block.start" else self._block_ends
                times[fact["block"]] = max(fact["t"], times.get(fact["block"], 0.0))
            elif event == "attempt.end":
                self._end_status[start] = fact["status"]
            elif event == "block.plan":
                self.planned_blocks.add(fact["block"])
            elif event == "attempt.files":
                self.archived_files.update(file["path"] for file in fact["files"])
            else:
                self.apply(fact, outdated)


def read_history(directory: Path, plan: PlannedRun) -> RunHistory:
    """Return what the journals of a run say; journals of another attempt in the same directory are passed over."""
    history = RunHistory()
    for path in sorted(directory.glob("*.jsonl")):
        if (number := JOURNAL.match(path.name)) is None:
            continue
        # A journal counts by its name even if its first line was never written.
        history.start = max(history.start, int(number[1]) + 1)
        facts = list(read_facts(str(path)))
        if facts and facts[0].get("attempt") == plan.attempt:
            outdated = {call for call, since in plan.since.items() if int(number[1]) < since}
            history.apply_journal(facts, facts[0]["start"], outdated)
    return history


def forget_missing_files(history: RunHistory, plan: PlannedRun) -> list[str]:
    """Take back calls whose files the archive has no longer, with all that was made from them; return those files.

    A file that is made again may differ, and what was made from it before would not belong to it any more.
    """
    all_missing: list[str] = []
    remade: set[str] = set()
    calls = sorted((call for job in plan.jobs.values() for call in job.calls), key=lambda call: call.number)
    for call in calls:
        if call.number not in history.finished:
            continue
        kept = dict.fromkeys((*call.kept, *history.made.get(call.number, ())))
        missing = [path for path in kept if not _is_in_archive(plan, path, history)]
        if missing or remade.intersection(call.inputs):
            all_missing += missing
            remade.update(kept, call.unkept)
            history.finished.discard(call.number)
    return all_missing


def job_is_done(job: PlannedJob, state: RestartState) -> bool:
    """Return whether all calls of a job have finished."""
    return all(call.number in state.finished for call in job.calls)


def calls_to_skip(job: PlannedJob, state: RestartState) -> set[int]:
    """Return the calls of a job that need not run again."""
    done = {call.number for call in job.calls if call.number in state.finished}
    if not done:
        return done
    return done - calls_to_repeat((JobLocalFiles(call.number, call.unkept, call.inputs) for call in job.calls), done)


def _is_in_archive(plan: PlannedRun, path: str, history: RunHistory) -> bool:
    try:
        return os.stat(os.path.join(plan.archive_root, path)).st_size == history.stored[path][0]
    except (OSError, KeyError):
        return False
