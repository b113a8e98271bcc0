"""History: what the journals of a run say is done, so that a restart does the rest."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from framework.engines.directory import PlannedCall, PlannedJob, PlannedRun
from framework.engines.loss import LOST, OpenCall, open_calls
from framework.job.journal import read_facts


@dataclass
class History:
    """The facts of a run that decide what runs next."""

    #: The number of the next start: 0 for a run that has never begun.
    start: int = 0
    finished: set[int] = field(default_factory=set)
    #: Call number to how often it was tried to its end.
    tries: Counter[int] = field(default_factory=Counter)
    #: Archive path to size and sha256 of what the finished calls made.
    known: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Executions of jobs that began and have not ended: job number and queue name.
    open_jobs: set[tuple[int, str]] = field(default_factory=set)
    open_calls: set[OpenCall] = field(default_factory=set)

    def mark_finished(self, call: int, stored: dict[str, tuple[int, str]]) -> None:
        self.finished.add(call)
        self.known.update(stored)


def read_history(directory: Path) -> History:
    """All that the journals of a directory tell."""
    history = History()
    ended: set[tuple[int, str]] = set()
    closed: set[tuple[int, str, int, int]] = set()
    for path in sorted(directory.glob("*.jsonl")):
        facts = list(read_facts(str(path)))
        history.open_calls |= open_calls(facts)
        for fact in facts:
            what = fact["e"]
            if what == "open":
                history.start = max(history.start, fact["start"] + 1)
            elif what in ("job.queue", "job.start"):
                history.open_jobs.add((fact["job"], fact["queue"]))
            elif what in ("job.end", "job.lost"):
                ended.add((fact["job"], fact["queue"]))
            elif what == "call.end":
                if fact["status"] != LOST:
                    history.tries[fact["call"]] += 1
                else:  # closed by the engine for a worker that could not
                    closed.add((fact["job"], fact["queue"], fact["call"], fact["try"]))
                if fact["status"] == 0:
                    kept = [file for file in fact["files"] if file.get("archive") not in (None, "external")]
                    history.mark_finished(fact["call"], {file["path"]: (file["size"], file["sha256"]) for file in kept})
    history.open_jobs -= ended
    history.open_calls = {
        call for call in history.open_calls if (call.job, call.queue, call.call, call.number_of_try) not in closed
    }
    return history


def forget_what_is_gone(history: History, plan: PlannedRun) -> list[str]:
    """Take back calls whose files the archive has no longer; the files' paths."""
    gone = []
    for job in plan.jobs.values():
        for call in job.calls:
            if call.number not in history.finished:
                continue
            missing = [path for path in call.kept if path in history.known and not _is_there(plan, path, history)]
            if missing:
                gone += missing
                history.finished.discard(call.number)
    return gone


def finished_calls(job: PlannedJob, history: History) -> set[int]:
    """The calls of a job that need not run again.

    A finished call runs again when a later one of the job needs a file of it that was not kept.
    """
    done = {call.number for call in job.calls if call.number in history.finished}
    makers: dict[str, PlannedCall] = {path: call for call in job.calls for path in call.unkept}
    pending = [call for call in job.calls if call.number not in done]
    while pending:
        call = pending.pop()
        for path in call.inputs:
            maker = makers.get(path)
            if maker is not None and maker.number in done:
                done.discard(maker.number)
                pending.append(maker)
    return done


def _is_there(plan: PlannedRun, path: str, history: History) -> bool:
    try:
        return os.stat(os.path.join(plan.archive_root, path)).st_size == history.known[path][0]
    except OSError:
        return False
