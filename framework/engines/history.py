"""History: what the journals of a run say is done, so that a restart does the rest."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.engines.lost_calls import LOST, OpenCall, closed_calls, open_calls
from framework.model.run import PlannedCall, PlannedJob, PlannedRun
from framework.worker.files.compression import as_archived
from framework.worker.journal.journal import read_facts

#: A journal's name says which start of the run it belongs to.
JOURNAL = re.compile(r"(?:engine|worker)-(\d+)")


@dataclass
class History:
    """The facts of a run that decide what runs next."""

    #: The number of the next start: 0 for a run that has never begun.
    start: int = 0
    #: The run, or its newest restart, has come to a good end, and that is on record.
    is_over: bool = False
    #: Blocks whose end is on record.
    ended_blocks: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    #: Call number to how often it was tried to its end.
    tries: Counter[int] = field(default_factory=Counter)
    #: Call number, and memory or time, to how often it failed for too little of that.
    wanted: Counter[tuple[int, str]] = field(default_factory=Counter)
    #: Size and sha256 of what the finished calls made, by its path as it lies in the archive.
    known: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Executions of jobs that began and have not ended: job number and queue name.
    open_jobs: set[tuple[int, str]] = field(default_factory=set)
    open_calls: set[OpenCall] = field(default_factory=set)
    #: Call number to what it made and the archive keeps.
    made: dict[int, tuple[str, ...]] = field(default_factory=dict)
    #: Late blocks whose plan is on record, and archive paths of what belongs to the run as a whole.
    planned: set[int] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    #: Archive paths of the logs of tries that came to their end.
    logs: set[str] = field(default_factory=set)

    def take(self, facts: Iterable[dict[str, Any]], outdated: Collection[int] = ()) -> None:
        """Learn how the calls went that some facts tell of; outdated ones are not finished by it."""
        for fact in facts:
            if fact["e"] != "call.end" or fact["status"] == LOST:
                continue
            self.tries[fact["call"]] += 1
            self.logs.update(path for number, path in fact["made"] if not number)
            if "want" in fact:
                self.wanted[fact["call"], fact["want"]] += 1
            if fact["status"] == 0 and fact["call"] not in outdated:
                kept = [file for file in fact["files"] if file.get("archive") not in (None, "external")]
                archived = {file["path"]: as_archived(file) for file in kept}
                self.mark_finished(fact["call"], {path: (size, sha256) for path, size, sha256 in archived.values()})
                made = (archived[path][0] for number, path in fact["made"] if number and path in archived)
                self.made[fact["call"]] = tuple(made)

    def mark_finished(self, call: int, stored: dict[str, tuple[int, str]]) -> None:
        self.finished.add(call)
        self.known.update(stored)


def read_history(directory: Path, plan: PlannedRun) -> History:
    """All that the journals of a run tell; what was left there by another attempt is passed over."""
    history = History()
    ended: set[tuple[int, str]] = set()
    closed: set[OpenCall] = set()
    ends: dict[int, int] = {}
    begun_at: dict[int, float] = {}
    ended_at: dict[int, float] = {}
    for path in sorted(directory.glob("*.jsonl")):
        # What people noted, and what jobs said aloud, decides nothing.
        if (number := JOURNAL.match(path.name)) is None:
            continue
        # A journal whose first line was never written has its name all the same.
        history.start = max(history.start, int(number[1]) + 1)
        facts = list(read_facts(str(path)))
        if not facts or facts[0].get("attempt") != plan.attempt:
            continue
        history.open_calls |= open_calls(facts)
        for fact in facts:
            what = fact["e"]
            if what in ("job.queue", "job.start"):
                history.open_jobs.add((fact["job"], fact["queue"]))
            elif what in ("job.end", "job.lost"):
                ended.add((fact["job"], fact["queue"]))
            elif what in ("block.start", "block.end"):
                times = begun_at if what == "block.start" else ended_at
                times[fact["block"]] = max(fact["t"], times.get(fact["block"], 0.0))
            elif what == "attempt.end":
                ends[facts[0]["start"]] = fact["status"]
            elif what == "block.plan":
                history.planned.add(fact["block"])
            elif what == "attempt.files":
                history.kept.update(file["path"] for file in fact["files"])
        history.take(facts, {call for call, since in plan.since.items() if int(number[1]) < since})
        closed |= closed_calls(facts)
    history.open_jobs -= ended
    history.ended_blocks = {block for block, t in ended_at.items() if t >= begun_at.get(block, 0.0)}
    history.is_over = ends.get(history.start - 1) == 0
    history.open_calls = {call for call in history.open_calls if call.key not in {each.key for each in closed}}
    return history


def forget_what_is_gone(history: History, plan: PlannedRun) -> list[str]:
    """Take back calls whose files the archive has no longer, and all that was made from those; the files' paths.

    What is made again may be something else, and what was made from it before would not belong to it any more.
    """
    gone: list[str] = []
    lost: set[str] = set()
    calls = sorted((call for job in plan.jobs.values() for call in job.calls), key=lambda call: call.number)
    for call in calls:
        if call.number not in history.finished:
            continue
        kept = dict.fromkeys((*call.kept, *history.made.get(call.number, ())))
        missing = [path for path in kept if not _is_there(plan, path, history)]
        if missing or lost.intersection(call.inputs):
            gone += missing
            lost.update(kept, call.unkept)
            history.finished.discard(call.number)
    return gone


def job_is_done(job: PlannedJob, history: History) -> bool:
    return all(call.number in history.finished for call in job.calls)


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
    except (OSError, KeyError):
        return False
